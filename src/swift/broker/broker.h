/* Account and container databases: SQLite files in the original's schema, one a replica, opened as they are needed.
 *
 * A broker is a handle from a bounded pool of open files: taken for one piece of work, given back at its end. Rows that come in
 * are kept in <hash>.db.pending first and merged before the next read, or when that file has grown.
 */
#ifndef SWIFT_BROKER_BROKER_H
#define SWIFT_BROKER_BROKER_H

#include "swift/message.h"
#include "swift/timestamp.h"

enum broker_kind { BROKER_ACCOUNT, BROKER_CONTAINER };

struct broker_place {
    enum broker_kind kind;
    const char *device, *device_path;
    uint32_t partition;
    const char *account, *container; /* container NULL for an account */
    struct timestamp epoch;          /* what a shard's database is named by when it is made; none: nothing */
};

struct broker;
/* NULL without a fault: there is no such database. With one: it cannot be read (the file is quarantined when it is damaged). */
struct broker *broker_open(struct ctx *, const struct broker_place *);
struct broker *broker_open_file(struct ctx *, enum broker_kind, const char *path);
void broker_done(struct broker *);                                   /* back to the pool */
void brokers_close(void);                                            /* all that are open; at the end of the process */
/* Makes the database if it is not there. False with a fault. ret_made may be NULL. */
bool broker_create(struct ctx *, const struct broker_place *, struct timestamp put, int policy_index, bool *ret_made);
const char *broker_path(const struct broker *);
const char *broker_file_path(struct ctx *, const struct broker_place *);     /* the file as it is or is to be named */
char *broker_newest_file(struct ctx *, const char *dir, const char *hash);   /* the same, of its directory */

/* What container_stat or account_stat says, after pending rows were merged. */
struct broker_info {
    const char *account, *container;
    struct timestamp created_at, put_timestamp, delete_timestamp, status_changed_at;
    struct timestamp reported_put, reported_delete;
    int64_t object_count, bytes_used, container_count;               /* container_count: of accounts */
    int64_t reported_object_count, reported_bytes_used;
    const char *hash, *id, *status, *metadata;                       /* metadata: the JSON text */
    const char *delete_text, *reported_put_text, *reported_delete_text;      /* as they stand there: "0" where there was none */
    int64_t sync_point1, sync_point2, reconciler_sync_point;
    int policy_index;
    int64_t max_row;
    const char *db_state;                                            /* "unsharded", "sharding", "sharded", "collapsed" */
};
bool broker_info(struct ctx *, struct broker *, struct broker_info *ret);
bool broker_is_deleted(struct ctx *, struct broker *, struct broker_info *ret_info /* may be NULL */);
bool broker_is_empty(struct ctx *, struct broker *);
struct policy_count { int policy_index; int64_t container_count, object_count, bytes_used; };
bool broker_policy_counts(struct ctx *, struct broker *, struct policy_count **ret, size_t *ret_n);

/* Metadata: name -> value and when it was set. An empty value is one that was removed. */
struct broker_meta { const char *name, *value; struct timestamp when; };
bool broker_metadata(struct ctx *, struct broker *, struct broker_meta **ret, size_t *ret_n);
/* Those that are newer than what is there are taken. */
bool broker_update_metadata(struct ctx *, struct broker *, const struct broker_meta *, size_t n);

bool broker_update_put_timestamp(struct ctx *, struct broker *, struct timestamp);
bool broker_set_policy(struct ctx *, struct broker *, int policy_index, struct timestamp);
bool broker_update_status_changed_at(struct ctx *, struct broker *, struct timestamp);
bool broker_delete(struct ctx *, struct broker *, struct timestamp);         /* marks it deleted */
bool broker_reported(struct ctx *, struct broker *, const struct broker_info *);     /* the account has been told */
bool broker_set_sync_points(struct ctx *, struct broker *, int64_t point1, int64_t point2);

/* A row: of an object in a container's database, of a container in an account's. */
struct broker_row {
    const char *name;
    int64_t rowid;
    bool deleted;
    int policy_index;
    /* of an object */
    const char *created_at;          /* the encoded triple, or the data's own time when the others are given apart */
    const char *ctype_timestamp, *meta_timestamp;    /* internal; NULL: none of its own */
    int64_t size;
    const char *content_type, *etag;
    /* of a container */
    struct timestamp put_timestamp, delete_timestamp;
    int64_t object_count, bytes_used;
};
/* Kept for later (acknowledged: it survives a kill of the process). False with a fault. */
bool broker_put_row(struct ctx *, struct broker *, const struct broker_row *);
/* Merged at once. source: the replica they come from, whose sync point moves to the last rowid; NULL: none. */
bool broker_merge_rows(struct ctx *, struct broker *, const struct broker_row *, size_t n, const char *source);
bool broker_rows_since(struct ctx *, struct broker *, int64_t rowid, int64_t limit, struct broker_row **ret, size_t *ret_n);
bool broker_commit_pending(struct ctx *, struct broker *);
void broker_leave_pending(struct broker *);                  /* until this handle is given back none of it is committed */
/* Moves its directory to quarantined/. */
bool broker_quarantine(struct ctx *, struct broker *, const char *why);
/* While it is held nobody writes to its file. False with a fault. */
bool broker_hold(struct ctx *, struct broker *);
void broker_let_go(struct broker *);
/* Removes the database from the disk, unless rows have come behind max_row. *ret_removed says which. False with a fault. */
bool broker_erase(struct ctx *, struct broker *, int64_t max_row, bool *ret_removed);

/* --- policies (policy.c) -------------------------------------------------------------------------------------------- */

/* A container's policy as one of its replicas has it, and since when. */
struct policy_view {
    int policy_index;
    struct timestamp put, deleted, status_changed;
    int64_t object_count;
};
struct policy_view policy_view_of(const struct broker_info *);
/* Whose policy is the container's: the first's (negative, 0) or the second's (positive). */
int policy_view_compare(const struct policy_view *, const struct policy_view *);
bool broker_has_many_policies(struct ctx *, struct broker *);
/* Rows under another policy than the container's. */
bool broker_misplaced_since(struct ctx *, struct broker *, int64_t rowid, int64_t limit, struct broker_row **ret, size_t *ret_n);
bool broker_set_reconciler_point(struct ctx *, struct broker *, int64_t rowid);      /* up to there they are in the reconciler's queue */

/* Listings, in the bytewise order of names. */
struct listing_query {
    const char *marker, *end_marker, *prefix, *delimiter, *path;     /* NULL: not asked */
    int64_t limit;
    bool reverse;
    bool allow_reserved;             /* names that begin with NUL are shown */
    int policy_index;                /* of objects; -1: any */
    bool all_policies;
};
struct listing_entry {
    const char *name;
    bool subdir;
    const char *created_at;          /* of an object: the encoded triple */
    int64_t size;                    /* bytes of an object; bytes used of a container */
    const char *content_type, *etag;
    int64_t object_count;            /* of a container */
    struct timestamp put_timestamp;
};
/* Calls visit for each in turn until it says false. Entries live until the next is visited. */
bool broker_list(struct ctx *, struct broker *, const struct listing_query *, bool (*visit)(void *data, const struct listing_entry *), void *data);

/* Sync points of other replicas. */
struct sync_point { const char *remote_id; int64_t point; };
bool broker_sync_points(struct ctx *, struct broker *, bool incoming, struct sync_point **ret, size_t *ret_n);
bool broker_merge_sync_points(struct ctx *, struct broker *, const struct sync_point *, size_t n, bool incoming);
int64_t broker_sync_point(struct ctx *, struct broker *, const char *remote_id, bool incoming);      /* -1: none */
bool broker_merge_timestamps(struct ctx *, struct broker *, struct timestamp created_at, struct timestamp put, struct timestamp deleted);
bool broker_reclaim(struct ctx *, struct broker *, struct timestamp rows_before, struct timestamp syncs_before);
bool broker_new_id(struct ctx *, struct broker *, const char *remote_id);

/* XOR of the hash with md5("name-timestamp"): what the triggers call. */
void broker_chexor(char hash[33], const char *name_bytes, size_t n, const char *timestamp);

#endif
