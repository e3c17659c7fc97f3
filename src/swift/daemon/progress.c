/* How far a round has come. */
#include "swift/daemon/progress.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"

void progress_begin(struct progress *p, const char *what, int64_t all, double interval_s)
{
    *p = (struct progress){ .what = what, .all = all, .began_us = clock_mono_us(), .told_us = clock_mono_us(), .interval_us = (int64_t)(interval_s * 1e6) };
    pthread_mutex_init(&p->lock, NULL);
}

/* "90s", "2m", "3h" */
static const char *time_left(struct ctx *c, double seconds)
{
    static const struct { double seconds; const char *unit; } units[] = { { 3600, "h" }, { 60, "m" }, { 1, "s" } };
    size_t i = 0;

    while (units[i].seconds > 1 && seconds <= units[i].seconds)
        i++;
    return ctx_printf(c, "%d%s", (int)(seconds / units[i].seconds), units[i].unit);
}

static void say(struct ctx *c, const struct progress *p, int64_t done)
{
    double seconds = MAX((double)(clock_mono_us() - p->began_us) / 1e6, 1e-6), part = p->all ? (double)done / (double)p->all : 1;

    log_info(c, "swift: %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT " (%.2f%%) partitions %s in %.2fs (%.2f/sec, %s remaining)", done, p->all, part * 100, p->what,
             seconds, (double)done / seconds, time_left(c, seconds / MAX(part, 1e-5) - seconds));
}

bool progress_step(struct ctx *c, struct progress *p)
{
    int64_t done;
    bool due;

    pthread_mutex_lock(&p->lock);
    done = ++p->done;
    due = clock_mono_us() - p->told_us >= p->interval_us;
    if (due) {
        p->told_us = clock_mono_us();
        p->told = done;
    }
    pthread_mutex_unlock(&p->lock);
    if (due)
        say(c, p, done);
    return due;
}

void progress_end(struct ctx *c, struct progress *p)
{
    if (p->done > p->told)
        say(c, p, p->done);
    pthread_mutex_destroy(&p->lock);
}
