/* Objects on a device: which of the files in a hash directory count, their metadata, and how one is written so that it is there
 * whole or not at all. The original's layout.
 *
 * <devices>/<device>/objects[-N]/<partition>/<suffix>/<hash>/<timestamp>.{data,meta,ts}
 *
 * Under an erasure code the data of a node is one fragment of each segment: <timestamp>#<fragment>.data, which counts once it is called
 * <timestamp>#<fragment>#d.data (durable): enough other nodes have theirs. (Old versions: <timestamp>.durable beside it.)
 */
#ifndef SWIFT_DISK_DISKFILE_H
#define SWIFT_DISK_DISKFILE_H

#include "swift/message.h"
#include "swift/policy.h"
#include "swift/timestamp.h"

/* Which fragment of an erasure-coded object is asked for. */
struct disk_preference { struct timestamp time; uint32_t excluded; };        /* at that time any whose bit is not set */
struct disk_wish {
    int fragment;                    /* that one alone; -1: any, the highest first */
    bool undurable;                  /* also such that are not durable, those preferred first */
    const struct disk_preference *preferences; size_t n_preferences;
};

/* A device of this node, and one object's place on it. */
struct disk_place {
    const char *device_path;         /* "/srv/node/sdb1" */
    const struct storage_policy *policy;
    uint32_t partition;
    int next_part_power;             /* while the part power is being increased: what it will be, or has just become; else 0 */
    uint8_t digest[16];
    const char *name;                /* "/a/c/o" as a name; NULL when only the hash is known */
    const struct disk_wish *wish;    /* of an erasure code; NULL: any that is durable */
};
void disk_place_init(struct ctx *, struct disk_place *, const char *device_path, const struct storage_policy *, uint32_t partition,
                     const char *account, const char *container, const char *object);
char *disk_place_dir(struct ctx *, const struct disk_place *);       /* the hash directory */
/* Of a place whose hash alone is known: what its files say they are. NULL: there are none, or they are another's. */
const char *disk_place_name(struct ctx *, const struct disk_place *);

enum disk_found { DISK_THERE, DISK_ABSENT, DISK_DELETED, DISK_EXPIRED, DISK_QUARANTINED, DISK_COLLISION, DISK_ERROR };

struct fragment { char *name; struct timestamp time; int index; bool durable; };

/* The files of a hash directory that count, newest first. */
struct disk_files {
    char *data, *meta, *ctype_meta, *tombstone;      /* names in the directory; NULL: none. ctype_meta: a second .meta, newer in content type */
    struct timestamps times;                         /* data; content_type, meta where a .meta says them */
    struct timestamp deleted;                        /* of the tombstone */
    char **obsolete; size_t n_obsolete;              /* what can be unlinked */
    size_t n;                                        /* all names */
    bool exists;                                     /* the directory does */
    /* of an erasure code: */
    struct fragment *fragments; size_t n_fragments;  /* sets of one time, newest first; none older than the durable one */
    int fragment;                                    /* that of data; -1: none */
    bool durable;                                    /* data is */
    struct timestamp durable_time;                   /* of the durable set, where there is one */
};
/* From a list of names, sorted or not. policy NULL: a replicated one. wish: as in a place. */
void disk_files_choose(struct ctx *, struct disk_files *, char **names, size_t n, const struct storage_policy *, const struct disk_wish *,
                       struct timestamp reclaim_before);
bool disk_files_list(struct ctx *, struct disk_files *, const char *dir, const struct storage_policy *, const struct disk_wish *,
                     struct timestamp reclaim_before);
/* The same, and what is obsolete is unlinked, a directory without files removed. */
bool disk_files_tidy(struct ctx *, struct disk_files *, const char *dir, const struct storage_policy *, const struct disk_wish *,
                     struct timestamp reclaim_before);

/* An object that is open to be read. */
struct disk_object {
    int fd;                          /* of the .data; -1 when none */
    enum disk_found found;
    struct headers metadata;         /* as clients are to see it: keys as stored, merged from .data and .meta. Without name, X-Timestamp */
    struct headers data_metadata;    /* of the .data alone, all of it */
    int64_t length;
    const char *etag, *content_type;
    struct timestamp timestamp;      /* the newest of data and meta; of a tombstone when deleted */
    struct timestamps times;         /* data, content_type, meta */
    int64_t delete_at;               /* seconds; 0: never */
    struct disk_files files;
};
/* Opens it. now: seconds, for X-Delete-At (0: expired objects open as well). What is damaged is quarantined. */
enum disk_found disk_object_open(struct ctx *, const struct disk_place *, int64_t now, struct disk_object *ret);
void disk_object_close(struct disk_object *);
/* What its .meta files say, without the name. False: it has none. */
bool disk_object_meta(struct ctx *, const struct disk_place *, const struct disk_object *, struct headers *ret);
/* Moves the hash directory to quarantined/. */
bool disk_quarantine(struct ctx *, const struct disk_place *, const char *why);

/* Writing. NULL: errno says why (ENOSPC and EDQUOT: the device is full). */
struct disk_writer;
struct disk_writer *disk_writer_open(struct ctx *, const struct disk_place *, int64_t size);
/* The md5 of what is written. Writers that are given the same bytes may share one: it is made once. Of the ctx. */
struct disk_digest;
struct disk_digest *disk_digest_new(struct ctx *);
void disk_writer_share(struct disk_writer *, struct disk_digest *);  /* before the first byte */
bool disk_writer_write(struct disk_writer *, const void *bytes, size_t n);
int64_t disk_writer_size(const struct disk_writer *);
const char *disk_writer_etag(struct disk_writer *);                  /* md5 in hex; after it nothing more is written */
/* Metadata (all keys but name), fsync, suffix marked, name given, directory synced, obsolete files removed. extension: "data". */
bool disk_writer_commit(struct ctx *, struct disk_writer *, const struct headers *metadata, const char *file_name);
/* Several at once: each step of all of them, their syncs side by side. */
struct disk_commit {
    struct disk_writer *writer;
    const struct headers *metadata;
    const char *file_name;
    int error;                       /* afterwards: 0, or errno */
};
void disk_writers_commit(struct ctx *, struct disk_commit *, size_t n);
void disk_writer_free(struct disk_writer *);                         /* what was not committed is gone */

void memo_forget(void);              /* what memo.c keeps; nobody reads any more */

/* --- fragments (fragments.c) ---------------------------------------------------------------------------------------- */

char *fragment_file_name(struct ctx *, struct timestamp, int fragment, bool durable);
/* A fragment that lies there counts from now on. True also when somebody has put something newer in its place. */
bool disk_make_durable(struct ctx *, const struct disk_place *, struct timestamp, int fragment);
/* What another node has now goes: the tombstone of that time, the .meta of meta (where set), the fragment (-1: none) of that time; one that is
 * not durable only after delay_s seconds. */
void disk_purge(struct ctx *, const struct disk_place *, struct timestamp, int fragment, struct timestamp meta, int64_t delay_s);

/* --- the other place while the part power is being increased (twin.c) ----------------------------------------------------- */

uint32_t disk_partition(const uint8_t digest[16], int part_power);
enum disk_twin { TWIN_NONE, TWIN_NEXT, TWIN_PREVIOUS };              /* where it will be, where it was */
enum disk_twin disk_twin(const struct disk_place *, struct disk_place *ret);
enum disk_linked { LINK_MADE, LINK_KEPT, LINK_FAILED };              /* KEPT: it was there already, or what is linked has gone; FAILED: errno */
enum disk_linked disk_link(const char *from, const char *to);        /* makes the directories, syncs them */
/* After a write, a rename: what fails is logged, the relinker mends it. */
void disk_link_twin(struct ctx *, const struct disk_place *, const char *file_name);
void disk_rename_twin(struct ctx *, const struct disk_place *, const char *from, const char *to);
void disk_tidy_twin(struct ctx *, const struct disk_place *);

/* A tombstone, and new metadata beside the data. */
bool disk_write_tombstone(struct ctx *, const struct disk_place *, struct timestamp);
/* content_type_time: raw 0 when metadata has no Content-Type of its own. */
bool disk_write_meta(struct ctx *, const struct disk_place *, struct timestamp, struct timestamp content_type_time, const struct headers *metadata);

/* Metadata of an open file as a dict of texts. False: errno ENODATA, or EBADMSG when the checksum does not fit. */
bool disk_metadata_read(struct ctx *, int fd, struct headers *ret);
bool disk_metadata_write(struct ctx *, int fd, const struct headers *);
void disk_metadata_pickle(struct ctx *, const struct headers *, struct buf *to);
bool disk_metadata_unpickle(struct ctx *, const void *bytes, size_t n, struct headers *ret);

/* --- suffix hashes (hashes.c) --------------------------------------------------------------------------------- */

struct suffix_hash {
    char suffix[4];
    int fragment;                    /* of an erasure code: whose times; -1: what all of them share. Else -1 */
    char hash[33];                   /* "": known to exist, not hashed */
};
/* Marks the suffix of a place invalid: before the object's new name is given. */
bool hashes_invalidate(struct ctx *, const struct disk_place *);
bool hashes_invalidate_suffix(struct ctx *, const char *partition_dir, const char *suffix);
/* All suffixes of a partition: invalid ones hashed anew, and those named (NULL-terminated; NULL none). List of the ctx, sorted by suffix and
 * fragment. False: errno. reclaim_age in seconds: older tombstones are removed. policy NULL: a replicated one. *hashed (NULL: not of interest) grows by
 * how many suffixes were hashed. */
bool hashes_get(struct ctx *, const char *partition_dir, const struct storage_policy *, const char *const *recalculate, int64_t reclaim_age,
                struct suffix_hash **ret, size_t *ret_n, int64_t *hashed);
/* The hash of one suffix directory: in hex, or "None=<hex> 0=<hex> ..." of an erasure code; "" when there is nothing in it. NULL: errno. */
const char *hashes_of_suffix(struct ctx *, const char *suffix_dir, const struct storage_policy *, int64_t reclaim_age);
/* As REPLICATE answers: {suffix: hash}, {suffix: {None: hash, 0: hash, ...}}. */
void hashes_pickle(struct ctx *, const struct suffix_hash *, size_t n, const struct storage_policy *, struct buf *to);
bool hashes_unpickle(struct ctx *, const void *bytes, size_t n, struct suffix_hash **ret, size_t *ret_n);
bool hashes_table_read(struct ctx *, const void *bytes, size_t n);   /* is it a hashes.pkl that may be believed? */

/* --- container updates that failed (async.c) ------------------------------------------------------------------ */

struct async_update {
    const char *op, *account, *container, *object;
    struct headers headers;
    const char *container_path;      /* "acct/cont" of a shard, or NULL */
    GArray *told;                    /* int64_t: ids of the container's nodes that have it; of the ctx */
    GPtrArray *redirected;           /* "acct/cont": where it was sent on to already; of the ctx */
    struct timestamp timestamp;
    const char *path;                /* of the file, when it was read */
};
bool async_write(struct ctx *, const char *device_path, const struct storage_policy *, const struct async_update *);
/* In the place of the file that it was read from. */
bool async_rewrite(struct ctx *, const char *device_path, const struct storage_policy *, const struct async_update *);
bool async_read(struct ctx *, const char *path, struct async_update *ret);   /* false: errno says why it cannot be read; 0: it is no update */

#endif
