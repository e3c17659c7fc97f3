/* account-audit: accounts, containers and objects, and whether all nodes that are to have them say the same. */
#ifndef SWIFT_TOOLS_ACCOUNT_AUDIT_H
#define SWIFT_TOOLS_ACCOUNT_AUDIT_H

#include "swift/storage.h"
#include "swift/tools/tools.h"
#include "swift/wire.h"

#include <pthread.h>

/* What is counted, in the order it is said. */
enum audit_count {
    ACCOUNTS, ACCOUNT_MISSING, ACCOUNT_EXCEPTIONS, ACCOUNT_CONTAINERS, ACCOUNT_OBJECTS,
    CONTAINERS, CONTAINER_MISSING, CONTAINER_EXCEPTIONS, CONTAINER_COUNTS, CONTAINER_OBJECTS,
    OBJECTS, OBJECT_MISSING, OBJECT_EXCEPTIONS, OBJECT_MD5,
    AUDIT_COUNTS, NOT_COUNTED = AUDIT_COUNTS
};

/* What the nodes list between them; each is gathered once. */
struct audit_entry { char *name, *hash, *last_modified; };           /* of a container: its name alone */
struct audit_listing {
    bool done;
    GHashTable *by_name;             /* -> struct audit_entry, which it owns */
    GPtrArray *entries;              /* in the order they came */
};

struct audit {
    struct ring *rings[STORAGE_KINDS];
    bool deep;                       /* objects are read to their end */
    const char *error_file;          /* NULL: none */
    pthread_mutex_t lock;            /* guards all below, and what is printed */
    pthread_cond_t changed;
    GHashTable *listings;            /* "/account", "/account/container" -> struct audit_listing */
    GQueue waiting;                  /* paths of what is still to be looked at, g_malloc'd */
    int64_t unfinished;              /* of those and those under way */
    int64_t counts[AUDIT_COUNTS];
};

/* Says a line, and counts it. False, as what is said is that something is wrong. */
bool audit_say(struct ctx *, struct audit *, enum audit_count, const char *format, ...) G_GNUC_PRINTF(4, 5);
void audit_finish(struct audit *, enum audit_count, const char *path, bool consistent);      /* one more; what is not consistent goes into the file */
void audit_add(struct audit *, const char *path);                                            /* to those that wait */

/* audit_listing.c, audit_object.c. recurse: what is in them is looked at as well, unless they have been looked at before. */
const struct audit_listing *audit_account(struct ctx *, struct audit *, const char *account, bool recurse);
const struct audit_listing *audit_container(struct ctx *, struct audit *, const char *account, const char *container, bool recurse);
void audit_object(struct ctx *, struct audit *, const char *account, const char *container, const char *object);
void audit_listing_free(void *);

/* A request to one node. NULL: it does not answer. The wire holds the body. */
struct wire *audit_ask(struct ctx *, const struct ring_device *, const char *method, const char *target, struct headers *ret, int *ret_status);

#endif
