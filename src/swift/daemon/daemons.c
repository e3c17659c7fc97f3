/* Which daemons there are, their options, their threads. */
#include "swift/daemon/daemon.h"

#include "oslo/base/log.h"
#include "oslo/service/service.h"
#include "swift/disk/io.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

const struct daemon *const daemons[] = {
    &account_auditor, &account_reaper, &account_replicator, &container_auditor, &container_reconciler, &container_replicator, &container_sharder, &container_sync,
    &container_updater, &object_auditor, &object_expirer, &object_reconstructor, &object_replicator, &object_updater, NULL,
};

#define MOST 32
#define LEAST_PAUSE_US (G_USEC_PER_SEC / 10)

static const struct attr settings_attrs[] = {
    ATTR(struct daemon_settings, interval, 0, .min = 0, .unset = "0", .help = "Seconds from a round to the next; the daemon's own when 0."),
    ATTR(struct daemon_settings, run_pause, 0, .min = 0, .unset = "0", .help = "The old name of interval."),
    ATTR(struct daemon_settings, concurrency, 0, .min = 0, .unset = "0", .help = "How many things it does at once; the daemon's own when 0."),
    ATTR(struct daemon_settings, conn_timeout, 0, .unset = "0", .help = "Seconds to connect to another node; the daemon's own when 0."),
    ATTR(struct daemon_settings, node_timeout, 0, .unset = "0", .help = "Seconds to wait for its answer; the daemon's own when 0."),
    ATTR(struct daemon_settings, reclaim_age, 0, .min = 0, .unset = "604800", .help = "Seconds after which tombstones go."),
    ATTR(struct daemon_settings, recon_cache_path, 0, .unset = "", .help = "Where it leaves what swift-recon reads; [swift] recon_cache_path when empty."),
    ATTR(struct daemon_settings, nice_priority, 0, .unset = "", .help = "Its scheduling priority, -20 to 19."),
    ATTR(struct daemon_settings, ionice_class, 0, .unset = "", .help = "IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE."),
    ATTR(struct daemon_settings, ionice_priority, 0, .unset = "", .help = "Its priority within that class, 0 to 7."),
    {}
};

struct running {
    const struct daemon *daemon;
    const struct daemon_settings *settings;
    const void *options;
    pthread_t thread;
    char *last_fault;                /* of its own thread: a fault that repeats is logged once */
};

static struct running running[MOST];
static int n_running;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* guards stopping */
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool stopping;

/* --- options ---------------------------------------------------------------------------------------------------------------------- */

static void set_default(double *seconds, double unset)
{
    if (!(*seconds > 0))
        *seconds = unset;
}

const struct conf *daemon_conf(struct ctx *c, const struct daemon *daemon)
{
    static const char *const files[STORAGE_KINDS] = { "object-server", "container-server", "account-server" };
    const char *path = ctx_printf(c, "%s/%s.conf", swift_dir(), daemon->name);

    if (access(path, F_OK))
        path = ctx_printf(c, "%s/%s.conf", swift_dir(), files[daemon->kind]);
    return conf_load(c, path);
}

static bool read_options(struct ctx *c, const struct daemon *daemon, struct running *to)
{
    const struct conf *conf = daemon_conf(c, daemon);
    struct daemon_settings *settings;

    if (!conf || !(settings = conf_options(c, conf, daemon->name, settings_attrs, sizeof(*settings))))
        return false;
    set_default(&settings->interval, settings->run_pause ? settings->run_pause : (double)daemon->interval);
    set_default(&settings->conn_timeout, daemon->conn_timeout ? daemon->conn_timeout : 0.5);
    set_default(&settings->node_timeout, daemon->node_timeout ? daemon->node_timeout : 10);
    if (!settings->concurrency)
        settings->concurrency = MAX(daemon->concurrency, 1);
    if (!*settings->recon_cache_path)
        settings->recon_cache_path = swift_options()->recon_cache_path;
    *to = (struct running){ .daemon = daemon, .settings = settings };
    if (daemon->options)
        to->options = conf_options(c, conf, daemon->name, daemon->options, daemon->options_size);
    return !failed(c);
}

const struct daemon *daemon_find(const char *name)
{
    for (size_t i = 0; daemons[i]; i++)
        if (!strcmp(daemons[i]->name, name))
            return daemons[i];
    return NULL;
}

/* --- one round -------------------------------------------------------------------------------------------------------------------- */

/* Processes that share drives, and what is said of them for recon, take turns: -1: another is in a round of that daemon, and wait_us have
 * passed. Closed to let go. */
static int take_turn(struct ctx *c, const struct running *r, int64_t wait_us)
{
    const char *dir = r->settings->recon_cache_path;

    return disk_make_dirs(dir) ? disk_lock(ctx_printf(c, "%s/%s.lock", dir, r->daemon->name), wait_us) : -1;
}

static bool run_round(struct ctx *c, const struct running *r, const struct selection *only, bool by_hand)
{
    struct round round = { .daemon = r->daemon, .settings = r->settings, .options = r->options, .only = only, .by_hand = by_hand,
                           .whole = !only->devices && !only->partitions && !only->policies,
                           .devices = only->devices ? only->devices : storage_devices(c) };

    return r->daemon->run(c, &round);
}

bool daemon_round(struct ctx *c, const struct daemon *daemon, const struct selection *only)
{
    struct running r;
    int turn = -1;
    bool well;

    if (!read_options(c, daemon, &r))
        return false;
    if (daemon->alone && (turn = take_turn(c, &r, DISK_LOCK_ALWAYS)) < 0)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s: %s", daemon->name, r.settings->recon_cache_path, g_strerror(errno)));
    well = run_round(c, &r, only, true);
    if (turn >= 0)
        close(turn);
    return well;
}

static void round_of_thread(struct running *self)
{
    struct ctx c;
    int turn;

    service_ctx_init(&c, &swift, NULL);
    turn = take_turn(&c, self, 0);
    if (turn < 0) {
        ctx_clear(&c);
        return;
    }
    if (run_round(&c, self, &(struct selection){}, false)) {
        g_clear_pointer(&self->last_fault, g_free);
    } else if (!self->last_fault || g_strcmp0(self->last_fault, c.fault.message)) {
        log_error(&c, "%s: %s", self->daemon->name, c.fault.message ? c.fault.message : "?");
        g_free(self->last_fault);
        self->last_fault = g_strdup(c.fault.message);
    }
    close(turn);
    ctx_clear(&c);
}

/* --- threads ---------------------------------------------------------------------------------------------------------------------- */

bool daemon_stops(void)
{
    pthread_mutex_lock(&lock);
    bool stops = stopping;
    pthread_mutex_unlock(&lock);
    return stops;
}

static void make_changed(void)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static bool sleep_until(int64_t until_us)
{
    struct timespec at = { .tv_sec = until_us / G_USEC_PER_SEC, .tv_nsec = until_us % G_USEC_PER_SEC * 1000 };

    pthread_once(&once, make_changed);
    pthread_mutex_lock(&lock);
    while (!stopping && clock_mono_us() < until_us)
        pthread_cond_timedwait(&changed, &lock, &at);
    bool more = !stopping;
    pthread_mutex_unlock(&lock);
    return more;
}

bool daemon_pause(int64_t us)
{
    return sleep_until(clock_mono_us() + us);
}

/* What cannot be set stays as it is. Threads that a round makes (crew.h) have the same. */
static void set_priority(const struct running *self)
{
    struct ctx c;
    const char *wrong;

    service_ctx_init(&c, &swift, NULL);
    if ((wrong = priority_set(&c, self->settings)))
        log_warning(&c, "%s: %s", self->daemon->name, wrong);
    ctx_clear(&c);
}

/* Rounds begin spread over the interval: the first soon, so that what a node missed while it was down is made up for. */
static void *daemon_thread(void *data)
{
    struct running *self = data;
    int64_t interval = (int64_t)(self->settings->interval * 1e6), next = clock_mono_us() + MIN(interval, G_USEC_PER_SEC * 5);

    set_priority(self);
    while (sleep_until(next)) {
        next = clock_mono_us() + interval;
        round_of_thread(self);
        next = MAX(next, clock_mono_us() + (self->daemon->pauses ? interval : LEAST_PAUSE_US));
    }
    return NULL;
}

static bool start_one(struct ctx *c, const struct daemon *daemon)
{
    struct running *self = &running[n_running];
    pthread_attr_t attributes;
    char name[16];

    g_assert(n_running < MOST);
    if (!read_options(c, daemon, self))
        return false;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1024 * 1024);
    bool started = !pthread_create(&self->thread, &attributes, daemon_thread, self);
    pthread_attr_destroy(&attributes);
    if (!started)
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "no thread for %s", daemon->name));
    g_strlcpy(name, daemon->name, sizeof(name));
    pthread_setname_np(self->thread, name);
    n_running++;
    return true;
}

bool daemons_start(struct ctx *c)
{
    pthread_once(&once, make_changed);
    for (size_t i = 0; daemons[i]; i++)
        if (!start_one(c, daemons[i]))
            return false;
    return true;
}

void daemons_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < n_running; i++) {
        pthread_join(running[i].thread, NULL);
        g_free(running[i].last_fault);
    }
    n_running = 0;
}
