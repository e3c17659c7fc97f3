/* manage-shard-ranges: its command (manage_shards.c) and the words that mend (manage_shards_mend.c). */
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

void say_range(struct ctx *, const struct shard_range *, int level);         /* level: of indentation */
void say_ranges(struct ctx *, const struct shard_list *, int level);
bool manage_proceed(const struct manage *);                  /* are the changes to be made? Asked, where no option says so */
/* The list in a file ("-": standard input), each with the members that are needed; NULL: it is said why not. */
json_t *manage_load(struct ctx *, const char *path, bool with_index);

/* Words; the exit status. */
int manage_compact(struct ctx *, struct manage *);
int manage_repair(struct ctx *, struct manage *);
int manage_analyze(struct ctx *, struct manage *);           /* of a file: m->broker is NULL */

#endif
