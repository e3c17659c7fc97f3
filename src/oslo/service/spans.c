/* The spans of all processes in one place. One process with the role api is the collector of its state directory: it says so to all every
 * few seconds, and takes batches of spans as notifications into its ring, where `nacre trace` finds them beside its own. A process
 * that writes into another ring, and has heard of a collector lately, sends what ended since; otherwise it sends nothing, so that no queue
 * grows without a reader. Who opens and ends spans never waits for any of this: it is one thread, a second behind.
 */
#include "oslo/base/log.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define EXCHANGE "nacre"
#define SPANS_TOPIC "nacre_spans"            /* notifications: batches (trace/collect.c) */
#define TRACE_TOPIC "trace"                  /* to all: a collector is there */
#define COLLECTING "collecting"              /* {"ring": which it writes into} */

enum { ROUND_US = 1000000, SAY_EVERY_US = 5000000, BELIEVED_US = 20000000, BATCH = 500, BATCHES = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards stopping and wanted_until */
static pthread_cond_t stopped;
static bool stopping;
static int64_t wanted_until;                                 /* monotonic: a collector with another ring is believed to be there */

static pthread_t thread;
static bool running;
static struct rpc_listener *announcements;
static struct notification_listener *collector;              /* of the thread; NULL: this process is not the collector */
static int lock_file = -1;
static int64_t say_at;

static void *rounds(void *);
static void collect_round(struct ctx *);
static void send_round(struct ctx *);
static bool be_collector(struct ctx *);
static bool take_batch(struct ctx *, const char *publisher, const char *event_type, const char *priority, json_t *payload);
static bool collecting(struct ctx *, json_t *args, json_t **ret_result);

static const struct rpc_server server = {
    .exchange = EXCHANGE, .topic = TRACE_TOPIC, .threads = 1,
    .endpoints = (const struct rpc_endpoint[]){ { NULL, "1.0", (const struct rpc_method[]){ { COLLECTING, collecting }, {} } }, {} },
};

bool spans_start(struct ctx *c)
{
    pthread_condattr_t monotonic;

    if (messaging_local() || !trace_ring())
        return true;
    if (!(announcements = rpc_listen(c, &server, services[0], common_options->host)))
        return false;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    running = !pthread_create(&thread, NULL, rounds, NULL);
    return running || fail(c, INTERNAL_ERROR, "The thread of spans cannot be started.");
}

void spans_stop(void)
{
    rpc_stop(announcements);
    announcements = NULL;
    if (!running)
        return;
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_signal(&stopped);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    running = false;
    notification_stop(collector);
    collector = NULL;
    if (lock_file >= 0)
        close(lock_file);
    lock_file = -1;
}

static void *rounds(void *none)
{
    bool more = true;

    pthread_setname_np(pthread_self(), "spans");
    while (more) {
        int64_t until = clock_mono_us() + ROUND_US;
        struct timespec at = { until / 1000000, until % 1000000 * 1000 };
        struct ctx c;

        ctx_init(&c, services[0], NULL);
        if (service_runs("api"))
            collect_round(&c);
        fault_clear(&c);
        send_round(&c);
        ctx_clear(&c);
        pthread_mutex_lock(&lock);
        while (!stopping && !pthread_cond_timedwait(&stopped, &lock, &at))
            ;
        more = !stopping;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* --- the collector ------------------------------------------------------------------------------------------------- */

static void collect_round(struct ctx *c)
{
    const struct target all = { .exchange = EXCHANGE, .topic = TRACE_TOPIC, .fanout = true };

    if (clock_mono_us() < say_at || (!collector && !be_collector(c)))
        return;
    say_at = clock_mono_us() + SAY_EVERY_US;
    rpc_cast(c, &all, COLLECTING, ctx_json(c, json_pack("{s:o}", "ring", json_sprintf("%016" PRIx64, trace_ring()))));
}

/* One of those who share a ring; another takes its place when it goes. */
static bool be_collector(struct ctx *c)
{
    if (lock_file < 0)
        lock_file = open(ctx_printf(c, "%s/trace.lock", common_options->state_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_file < 0 || flock(lock_file, LOCK_EX | LOCK_NB))
        return false;
    collector = notification_listen(c, EXCHANGE, SPANS_TOPIC, NULL, take_batch);
    if (!collector)
        log_warning(c, "spans of other processes are not collected: %s", c->fault.message);
    return collector != NULL;
}

/* What is no batch is not worth another try. */
static bool take_batch(struct ctx *c, const char *publisher, const char *event_type, const char *priority, json_t *payload)
{
    if (!trace_put(c, payload))
        log_warning(c, "spans from %s: %s", publisher ? publisher : "?", c->fault.message);
    return true;
}

/* --- the others ---------------------------------------------------------------------------------------------------- */

static bool collecting(struct ctx *c, json_t *args, json_t **ret_result)
{
    const char *its_ring = json_get_string(args, "ring");

    if (!its_ring || g_ascii_strtoull(its_ring, NULL, 16) == trace_ring())
        return true;
    pthread_mutex_lock(&lock);
    wanted_until = clock_mono_us() + BELIEVED_US;
    pthread_mutex_unlock(&lock);
    return true;
}

static void send_round(struct ctx *c)
{
    pthread_mutex_lock(&lock);
    bool wanted = clock_mono_us() < wanted_until;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < BATCHES && wanted; i++) {
        json_t *batch = trace_take(c, BATCH);

        if (!batch || !notify_topic(c, EXCHANGE, SPANS_TOPIC, ctx_printf(c, "trace.%s", common_options->host), "trace.spans", "info", batch))
            return;
    }
}
