/* What the files of the container server share. */
#ifndef SWIFT_CONTAINER_CONTAINER_H
#define SWIFT_CONTAINER_CONTAINER_H

#include "swift/broker/shards.h"
#include "swift/storage.h"

/* One request's database. False: the response says why not. */
bool container_place(struct ctx *, const struct swift_request *, struct broker_place *, struct swift_response *);
/* Opens it; NULL with 404 in the response where there is none. */
struct broker *container_open(struct ctx *, const struct broker_place *, struct swift_response *);
/* System containers (of accounts that begin with ".") are made by the first row. False: the response says why not. */
bool container_autocreate(struct ctx *, const struct swift_request *, const struct broker_place *, struct timestamp, int policy_index,
                          bool *ret_made /* may be NULL */, struct swift_response *);

void container_get(struct ctx *, struct swift_request *, struct swift_response *);           /* and HEAD */
void container_row_put(struct ctx *, struct swift_request *, struct swift_response *);
void container_row_delete(struct ctx *, struct swift_request *, struct swift_response *);
void container_update_rows(struct ctx *, struct swift_request *, struct swift_response *);   /* UPDATE */
/* --- shards.c --- */
/* PUT of shard ranges. */
void container_shards_put(struct ctx *, struct swift_request *, const struct broker_place *, struct timestamp, const struct storage_policy *,
                          struct swift_response *);
/* GET of them: the body. False: the response says what is wrong. */
bool container_shards_get(struct ctx *, const struct swift_request *, struct broker *, const struct broker_info *, struct swift_response *);
/* True: the row belongs to a shard, and who has sent it follows a 301, which is in the response. */
bool container_redirects(struct ctx *, const struct swift_request *, struct broker *, struct swift_response *);

bool container_update_metadata(struct ctx *, const struct swift_request *, struct broker *, struct timestamp, struct swift_response *);
bool container_say_policy(struct ctx *, struct broker *, struct swift_response *);

/* Headers that are kept as metadata. */
bool container_keeps(const struct pair *);

#endif
