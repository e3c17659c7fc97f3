/* What a guest may know of itself: bodies of the metadata service and of the config drive, by their paths. */
#ifndef NOVA_METADATA_METADATA_H
#define NOVA_METADATA_METADATA_H

#include "nova/model/instance.h"
#include "oslo/service/service.h"

struct metadata {
    const struct instance *inst;
    const char *hostname, *address;          /* address: the asker's own, where there is no fixed one */
    char *user_data; size_t user_data_size;  /* decoded; NULL: none */
    json_t *vifs, *network_data, *vendor_data, *files;       /* files: [{"path", "content_path"}] */
};

/* Reads what the bodies need (subnets, vendor data): no transaction is open. NULL with a fault. */
struct metadata *metadata_of(struct ctx *, const struct instance *, const char *address);

struct metadata_body {
    const char *content_type;
    const char *bytes; size_t size;
    bool password;                           /* the path is that of the password, which has verbs of its own */
};
/* The body at a path ("/latest/meta-data/hostname", "/openstack"). False without a fault where there is none. */
bool metadata_lookup(struct ctx *, const struct metadata *, const char *path, struct metadata_body *ret_body);
/* The versions at the top, which need no instance. */
const char *metadata_versions(struct ctx *);
/* Calls visit for every file a config drive has. */
void metadata_each_file(struct ctx *, const struct metadata *, void (*visit)(void *data, const char *path, const char *bytes, size_t size), void *data);

/* network_data.json, as a tree of the ctx: {} without interfaces. */
json_t *metadata_network(struct ctx *, json_t *vifs);
json_t *network_data(struct ctx *, json_t *vifs, json_t *subnets);       /* the same from subnets at hand */
const char *metadata_password(struct ctx *, const struct instance *);

/* The metadata API: port 8775. */
extern const struct service metadata_service;

#endif
