/* manage-shard-ranges: its command (manage_shards.c), the words that put ranges in (manage_shards_replace.c) and those that mend
 * (manage_shards_mend.c). */
#ifndef SWIFT_TOOLS_MANAGE_SHARDS_H
#define SWIFT_TOOLS_MANAGE_SHARDS_H

#include "swift/daemon/sharder.h"
#include "swift/tools/tools.h"

enum { EXIT_WELL, EXIT_WRONG, EXIT_BAD_ARGUMENTS, EXIT_QUIT };

struct manage {
    struct broker *broker;
    const char *path;                /* of the first word */
    struct sharder_limits limits;
    int64_t max_shrinking, max_expanding;
    bool verbose, force_commits, force, enable, include_deleted, brief, yes, dry_run, gaps;
    const char *includes, *prefix;
    char **words;                    /* behind the sub-command */
};

/* --- manage_shards.c --- */
void say_range(struct ctx *, const struct shard_range *, int level);         /* level: of indentation */
void say_ranges(struct ctx *, const struct shard_list *, int level);
const char *manage_ask(struct ctx *, const char *question);  /* what is answered; NULL: nothing, which is said */
int manage_proceed(struct ctx *, const struct manage *);     /* are the changes to be made? Asked, where no option says so; EXIT_WELL: they are */
/* Ranges that the objects can be put into: a list of objects with index, lower, upper, object_count. */
struct found { json_t *list; int64_t objects; double seconds; };
bool manage_find_all(struct ctx *, struct manage *, struct found *ret);

/* --- manage_shards_replace.c --- */
/* The list in a file ("-": standard input), each with the members that are needed; NULL: it is said why not. */
json_t *manage_load(struct ctx *, const char *path, bool with_index);

/* Words; the exit status. */
int manage_show(struct ctx *, struct manage *);
int manage_delete(struct ctx *, struct manage *);
int manage_replace(struct ctx *, struct manage *);
int manage_find_and_replace(struct ctx *, struct manage *);
int manage_enable(struct ctx *, struct manage *);
int manage_compact(struct ctx *, struct manage *);
int manage_repair(struct ctx *, struct manage *);
int manage_analyze(struct ctx *, struct manage *);           /* of a file: m->broker is NULL */

#endif
