/* How much of the processors and of the drives a daemon may take from others: nice and ionice of its thread. */
#include "swift/daemon/daemon.h"

#include "oslo/base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT 13

/* In the order of their numbers, from 1. */
static const char *const classes[] = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" };

static bool set_nice(const char *text, pid_t thread)
{
    int64_t nice;

    errno = EINVAL;
    return !*text || (text_to_int(text, &nice) && nice >= -20 && nice <= 20 && !setpriority(PRIO_PROCESS, (id_t)thread, (int)nice));
}

static bool set_io(const char *class, const char *text, pid_t thread)
{
    int64_t priority = 0;
    size_t number = 0;

    errno = EINVAL;
    if (!*class)
        return true;
    while (number < G_N_ELEMENTS(classes) && strcmp(class, classes[number]))
        number++;
    if (number == G_N_ELEMENTS(classes) || (*text && !text_to_int(text, &priority)) || priority < 0 || priority > 7)
        return false;
    return !syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread, (int)((number + 1) << IOPRIO_CLASS_SHIFT | (size_t)priority));
}

const char *priority_set(struct ctx *c, const struct daemon_settings *s)
{
    pid_t thread = (pid_t)syscall(SYS_gettid);

    if (!set_nice(s->nice_priority, thread))
        return ctx_printf(c, "nice_priority %s cannot be set: %s", s->nice_priority, g_strerror(errno));
    if (!set_io(s->ionice_class, s->ionice_priority, thread))
        return ctx_printf(c, "ionice_class %s %s cannot be set: %s", s->ionice_class, s->ionice_priority, g_strerror(errno));
    return NULL;
}
