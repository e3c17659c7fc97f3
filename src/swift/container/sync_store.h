/* Which containers of a drive sync to others: links to their databases below sync_containers/, as the original keeps them. */
#ifndef SWIFT_CONTAINER_SYNC_STORE_H
#define SWIFT_CONTAINER_SYNC_STORE_H

#include "swift/broker/broker.h"

#define SYNC_STORE "sync_containers"

/* Links it, or takes its link away, as its metadata says. Sets no fault: what could not be linked is linked by the replicator's next round. */
void sync_store_update(struct ctx *, struct broker *);
/* The database of a link's path. */
char *sync_store_database(struct ctx *, const char *link);

#endif
