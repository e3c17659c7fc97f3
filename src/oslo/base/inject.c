/* Counting down to the fault that a test asked for. */
#include "oslo/base/inject.h"

#include "oslo/base/log.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define INJECTED 500, "InjectedFault", "a %s failed on purpose"

bool inject_armed, inject_done;
const char *inject_where;

static const char *const names[] = { "query", "commit", "committed", "message", "command", "call", "disk", "disk-full", "disk-cut", "disk-sync" };
static enum inject_point wanted;
static bool kills;
static atomic_llong left;

void inject_arm(void)
{
    const char *text = g_getenv("NACRE_FAULT");
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ":", 3);

    for (size_t i = 0; parts[0] && parts[1] && i < G_N_ELEMENTS(names); i++)
        if (!strcmp(parts[0], names[i])) {
            wanted = (enum inject_point)i;
            kills = parts[2] && !strcmp(parts[2], "kill");
            inject_where = parts[2] && !kills ? g_intern_string(parts[2]) : NULL;
            atomic_store(&left, atoll(parts[1]));
            inject_armed = true;
        }
}

bool inject_hit(struct ctx *c, enum inject_point point)
{
    if (point != wanted || (point == INJECT_COMMITTED && !kills))
        return false;
    long long at = atomic_fetch_sub(&left, 1);
    if (point == INJECT_DISK_FULL ? at > 1 : at != 1)
        return false;
    if (kills)
        raise(SIGKILL);
    if (!inject_done)
        log_warning(NULL, "a %s fails on purpose", names[point]);
    inject_done = true;
    return !fail(c, INJECTED, names[point]);
}
