/* Storage servers: what answers the backend protocol for the devices of this node, over a socket or called by the proxy of the
 * same process.
 */
#ifndef SWIFT_STORAGE_H
#define SWIFT_STORAGE_H

#include "swift/message.h"
#include "swift/policy.h"
#include "swift/timestamp.h"

enum storage_kind { STORAGE_OBJECT, STORAGE_CONTAINER, STORAGE_ACCOUNT, STORAGE_KINDS };

/* A body that is pushed: the object server's PUT. Begun by put(), then written piece by piece; finished or given up. */
struct upload;

struct storage_server {
    const char *name;                /* "object-server" */
    int64_t port;                    /* by default: 6200, 6201, 6202 */
    /* Every verb that takes its whole body from request->read (or none). request->device and partition are set. */
    void (*serve)(struct ctx *, struct swift_request *, struct swift_response *);
    /* A PUT whose body is pushed. NULL: answered (refused) in the response at once. Only the object server has it. */
    struct upload *(*put)(struct ctx *, struct swift_request *, struct swift_response *);
};
extern const struct storage_server object_server, container_server, account_server;
const struct storage_server *storage_server(enum storage_kind);

/* [app:object-server] of object-server.conf, and so on; in seconds. */
struct storage_settings { double client_timeout, conn_timeout, node_timeout; };
const struct storage_settings *storage_settings(enum storage_kind);
bool storage_configure(struct ctx *);                                 /* reads them; without it they are the original's defaults */

bool upload_write(struct upload *, const void *bytes, size_t n);     /* false: the disk is full or broken; finish says so */
/* The body has ended. footers: headers that come after it (NULL: none). Commits, tells the container, answers. */
void upload_finish(struct ctx *, struct upload *, const struct headers *footers, struct swift_response *);
/* The same of several: they are committed together. */
struct upload_end { struct upload *upload; const struct headers *footers; struct swift_response *response; };
void uploads_finish(struct ctx *, const struct upload_end *, size_t n);
/* The first half of it, for uploads that count only when enough others are on their disks as well: status 100, and finish or abort is to follow;
 * or what is wrong, and the upload has ended. */
void uploads_stage(struct ctx *, const struct upload_end *, size_t n);
void upload_abort(struct upload *);                                  /* nothing is stored */

/* "/device/partition/account/container/object" of a backend request. False: 400 in the response. */
bool storage_split(struct ctx *, struct swift_request *, struct swift_response *);
/* The device's directory, and the same once somebody has looked: NULL with 507 in the response when it is not there. */
const char *storage_device_path(struct ctx *, const struct swift_request *);
const char *storage_device(struct ctx *, const struct swift_request *, struct swift_response *);
/* X-Timestamp. False: 400 in the response. */
bool storage_timestamp(struct ctx *, const struct swift_request *, struct swift_response *, struct timestamp *ret);
/* X-Backend-Storage-Policy-Index; *ret_policy NULL when it is not said. False: 400 or 503 in the response. */
bool storage_policy(struct ctx *, const struct swift_request *, struct swift_response *, const struct storage_policy **ret_policy);
/* A verb, and what does it. */
struct storage_verb { const char *method; void (*run)(struct ctx *, struct swift_request *, struct swift_response *); };
void storage_dispatch(struct ctx *, const struct storage_verb *, struct swift_request *, struct swift_response *);
/* One update of the next level: to host ("ip:port") and device as a header names them. The status; 0: no answer. Redirections
 * (301) leave their Location in *ret_location. */
int storage_update(struct ctx *, enum storage_kind, const char *host, const char *device, const char *partition, const char *method,
                   const char *account, const char *container, const char *object, const struct headers *, const char **ret_location);
/* The pieces of two headers that name hosts and devices, side by side; how many. -1: they differ in number. */
int storage_hosts(struct ctx *, const struct swift_request *, const char *kind, char ***ret_hosts, char ***ret_devices);
const char *storage_referer(struct ctx *, const struct swift_request *);

/* The rings of accounts and containers (those of objects are their policies'). Opened while the process starts. */
bool storage_rings_open(struct ctx *);
struct ring_file *storage_ring(enum storage_kind);

/* The doors of those servers that listen, and what this process is in the rings. */
bool storage_start(struct ctx *);
void storage_stop(void);
/* A connection to a device's server, at its replication address; to one of this process's own within it. For what neither side sends whole
 * before the other has answered. NULL: errno. */
struct wire;
struct wire *storage_dial(enum storage_kind, const struct ring_device *, int64_t connect_us);
/* Is this device of a ring one of this process's own? Then its server is called without a socket. */
int storage_port(enum storage_kind);                                  /* the port its devices have in the rings */
bool storage_is_local(enum storage_kind, const struct ring_device *);
/* The devices this process serves, by name; ends with NULL. */
const char *const *storage_devices(struct ctx *);
const char *storage_devices_dir(void);
bool storage_is_mounted(const char *path);


#endif
