/* What the files of this folder share: choosing among the files of a hash directory, of replicas (files.c) and of erasure codes (fragments.c); digests. */
#ifndef SWIFT_DISK_PARTS_H
#define SWIFT_DISK_PARTS_H

#include "swift/disk/diskfile.h"

#include <sys/stat.h>

enum file_kind { FILE_DATA, FILE_META, FILE_TS, FILE_DURABLE, FILE_OTHER };

struct file {
    char *name;
    enum file_kind kind;
    struct timestamp time, content_type;     /* content_type: of a .meta that says one, else 0 */
    int fragment; bool durable;              /* of a .data with a fragment */
    bool gone;
};

/* All names of a directory; those with a meaning are in files. */
struct listing { struct file *files; size_t n; };

struct file *files_newest(struct listing *, enum file_kind);
void files_drop(struct ctx *, struct disk_files *, struct file *);   /* is obsolete */
/* All that is not newer than that time (or_equal: older or of that time), but for keep. */
void files_drop_older(struct ctx *, struct disk_files *, struct listing *, struct timestamp, bool or_equal, const struct file *keep);
/* The data file that was chosen, and the .meta files that count beside it. */
void files_take(struct disk_files *, const struct file *data, const struct file *meta, const struct file *ctype);

/* memo.c: what memo_put() has kept of that inode, followed by a NUL; NULL: nothing, or it has changed since. */
const char *memo_get(struct ctx *, const struct stat *, size_t *ret_n);
void memo_put(const struct stat *, const void *bytes, size_t n);     /* st: taken before what it tells of was read */

/* digest.c: bytes from at on; those that another writer has counted are not counted again. */
void digest_add(struct disk_digest *, int64_t at, const void *bytes, size_t n);
const char *digest_end(struct disk_digest *);                /* hex; nothing is added afterwards */

/* fragments.c: after the newest tombstone and the .meta files have been chosen. reclaim_before: what may go when it is older. */
bool fragment_parse(char *stem, const struct storage_policy *, struct file *);
void fragments_choose(struct ctx *, struct disk_files *, struct listing *, const struct disk_wish *, struct file *meta, struct file *ctype,
                      struct timestamp reclaim_before);

#endif
