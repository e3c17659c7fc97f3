/* What a server to be created is checked against: images, networks, groups. No transaction is open; each asks other services. */
#ifndef NOVA_API_CREATE_H
#define NOVA_API_CREATE_H

#include "nova/api/servers.h"
#include "nova/model/flavor.h"

/* The image's document as Glance tells it. NULL with not_found (as in CREATE_IMAGE_NOT_FOUND: status, type, text without arguments). */
json_t *image_get(struct ctx *, const char *id);
/* Is it active, and does the flavor suit it? */
bool image_fits(struct ctx *, const json_t *image, const struct flavor *);
/* What the instance keeps of it: system_metadata, kernel and ramdisk, root device name, auto_disk_config. */
bool image_taken(struct ctx *, struct instance *, const json_t *image);

/* Judges the networks of a body (an array, "auto", "none", or NULL) for count servers. False with a fault. */
bool networks_check(struct ctx *, json_t *networks, int64_t count);
/* The ids of the security groups asked for by name or id ("default" stays); of the ctx, NULL with a fault. */
json_t *groups_check(struct ctx *, json_t *asked);

/* Are there at most so many of them, and none too long? */
bool metadata_check(struct ctx *, const json_t *metadata);
bool files_check(struct ctx *, json_t *files);

/* A name as a host name: at most 63 letters, digits and dashes; "" where nothing is left. */
char *hostname_of(struct ctx *, const char *name);
char *password_new(struct ctx *);
char *ipv6_shortest(struct ctx *, char *address);            /* as it is kept; NULL gives NULL */

#endif
