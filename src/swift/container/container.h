/* What the files of the container server share. */
#ifndef SWIFT_CONTAINER_CONTAINER_H
#define SWIFT_CONTAINER_CONTAINER_H

#include "swift/broker/broker.h"
#include "swift/storage.h"

/* One request's database. False: the response says why not. */
bool container_place(struct ctx *, const struct swift_request *, struct broker_place *, struct swift_response *);
/* Opens it; NULL with 404 in the response where there is none. */
struct broker *container_open(struct ctx *, const struct broker_place *, struct swift_response *);
/* System containers (of accounts that begin with ".") are made by the first row. False: the response says why not. */
bool container_autocreate(struct ctx *, const struct swift_request *, const struct broker_place *, struct timestamp, int policy_index,
                          struct swift_response *);

void container_get(struct ctx *, struct swift_request *, struct swift_response *);           /* and HEAD */
void container_row_put(struct ctx *, struct swift_request *, struct swift_response *);
void container_row_delete(struct ctx *, struct swift_request *, struct swift_response *);
void container_update_rows(struct ctx *, struct swift_request *, struct swift_response *);   /* UPDATE */
/* Headers that are kept as metadata. */
bool container_keeps(const struct pair *);

#endif
