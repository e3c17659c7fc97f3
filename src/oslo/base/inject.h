/* Faults on purpose, for tests: NACRE_FAULT="query:37" makes the 37th query after the start fail, "commit:12:kill" ends the process
 * with SIGKILL right before the 12th commit, "committed:12:kill" right after; "disk:9" lets the 9th call that changes an object's
 * drive fail, "disk-full:9" each from the 9th on, "disk-cut:9" ends the process in the middle of the 9th write, "disk-sync:9"
 * fails the 9th sync; a word where kill stands ("disk-full:1:/d2/") lets only calls count for paths in which it stands. Off, it costs one
 * load.
 */
#ifndef OSLO_BASE_INJECT_H
#define OSLO_BASE_INJECT_H

#include "oslo/base/ctx.h"

enum inject_point { INJECT_QUERY, INJECT_COMMIT, INJECT_COMMITTED, INJECT_MESSAGE, INJECT_COMMAND, INJECT_CALL,
                    INJECT_DISK, INJECT_DISK_FULL, INJECT_DISK_CUT, INJECT_DISK_SYNC };

extern bool inject_armed, inject_done;
extern const char *inject_where;     /* NULL: anywhere */
bool inject_hit(struct ctx *, enum inject_point);

/* True, with a fault set, where this one is to fail. */
static inline bool inject(struct ctx *c, enum inject_point point)
{
    return inject_armed && inject_hit(c, point);
}

/* Starts counting, if the environment asks for it: called once everything is up. */
void inject_arm(void);

#endif
