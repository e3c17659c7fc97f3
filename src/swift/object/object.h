/* What the files of the object server share. */
#ifndef SWIFT_OBJECT_OBJECT_H
#define SWIFT_OBJECT_OBJECT_H

#include "swift/disk/diskfile.h"
#include "swift/storage.h"

/* One request's object: its place on the device. False: the response says why not. */
struct object_target {
    struct disk_place place;
    const struct storage_policy *policy;
    struct timestamp when;           /* X-Timestamp; now where it may be left out */
};
bool object_find_target(struct ctx *, struct swift_request *, bool timestamp_needed, struct object_target *, struct swift_response *);

void object_get(struct ctx *, struct swift_request *, struct swift_response *);      /* and HEAD */
void object_put(struct ctx *, struct swift_request *, struct swift_response *);      /* of a body that is read */
struct upload *object_upload(struct ctx *, struct swift_request *, struct swift_response *);
/* Its body, whole. False: it broke off: object_broken() answers. */
bool object_fill(struct ctx *, struct upload *, body_reader *, void *data);
void object_broken(struct ctx *, struct upload *, struct swift_response *);
/* documents.c: the body and what follows it as MIME parts, in one phase or two. */
void object_put_documents(struct ctx *, struct swift_request *, struct upload *, struct swift_response *);
/* Of a footer document: headers. False: the response says what is wrong with it. */
bool object_read_footers(struct ctx *, const char *md5, const char *text, size_t n, struct headers *ret, struct swift_response *);
void object_post(struct ctx *, struct swift_request *, struct swift_response *);
void object_delete(struct ctx *, struct swift_request *, struct swift_response *);
void object_replicate(struct ctx *, struct swift_request *, struct swift_response *);
void object_ssync(struct ctx *, struct swift_request *, struct swift_response *);    /* ssync/receiver.c */

/* Is it a header that is kept with an object as it was sent (content-disposition, x-delete-at, ...)? */
bool object_header_is_kept(const char *name);
/* Headers of a request that become metadata: user's, system's (of a PUT), kept ones. */
void object_take_metadata(struct ctx *, const struct swift_request *, bool system, struct headers *to);

/* update.c: tells the container, or leaves an update for later; a fault where neither can be. op: "PUT", "DELETE". */
void object_update_container(struct ctx *, const struct swift_request *, const struct object_target *, const char *op, struct headers *update);
void object_update_expirer(struct ctx *, const struct swift_request *, const struct object_target *, const char *op, int64_t delete_at);
/* Overrides of what the row says, as a middleware asked for them. */
void object_override_update(struct ctx *, struct headers *update, const struct headers *metadata, const struct headers *footers);

#endif
