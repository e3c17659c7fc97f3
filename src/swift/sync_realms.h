/* container-sync-realms.conf: clusters whose containers sync with each other, and the secrets they share; read again when it changes. And what an
 * X-Container-Sync-To means: //realm/cluster/account/container, or the URL of a container on one of allowed_sync_hosts.
 *
 *     [realm]
 *     key = ...
 *     key2 = ...
 *     cluster_name = https://host/v1/
 */
#ifndef SWIFT_SYNC_REALMS_H
#define SWIFT_SYNC_REALMS_H

#include "oslo/base/ctx.h"

const char *realm_key(struct ctx *, const char *realm, const char *which /* "key", "key2" */);       /* NULL */
json_t *realms_json(struct ctx *);                                   /* {"REALM": {"clusters": {"NAME": {}}}}, the caller's */
/* Hex HMAC-SHA1 of a request; path as it is sent, quoted. */
const char *realm_signature(struct ctx *, const char *method, const char *path, const char *timestamp, const char *nonce, const char *realm_key,
                            const char *user_key);

struct sync_target { const char *url, *realm, *realm_key; };         /* realm NULL: signed by the container's key alone */
/* NULL: well (url NULL: nowhere); else what is wrong. hosts: allowed_sync_hosts; NULL: those of the container server. */
const char *sync_target_read(struct ctx *, const char *value, const char *hosts, struct sync_target *);

#endif
