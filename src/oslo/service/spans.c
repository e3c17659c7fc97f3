/* The spans of all processes in one place. One process with the role api is the collector of its state directory: it says so to all every
 * few seconds, and takes batches of spans as notifications into its ring, where `nacre trace` finds them beside its own. A process
 * that writes into another ring, and has heard of a collector lately, sends what ended since; otherwise it sends nothing, so that no queue
 * grows without a reader. Who opens and ends spans never waits for any of this: it is one thread, two seconds behind, that sleeps where nothing is
 * to be collected or sent.
 */
#include "oslo/base/log.h"
#include "oslo/messaging/wait.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define EXCHANGE "nacre"
#define SPANS_TOPIC "nacre_spans"            /* notifications: batches (trace/collect.c) */
#define TRACE_TOPIC "trace"                  /* to all: a collector is there */
#define COLLECTING "collecting"              /* {"ring": which it writes into} */

enum { ROUND_US = 2000000, SAY_EVERY_US = 5000000, BELIEVED_US = 20000000, BATCH = 2000, BATCHES = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards stopping and wanted_until */
static pthread_cond_t changed;
static bool stopping;
static int64_t wanted_until;                                 /* monotonic: a collector with another ring is believed to be there */

static pthread_t thread;
static bool running;
static struct rpc_listener *announcements;
static struct notification_listener *collector;              /* of the thread; NULL: this process is not the collector */
static int lock_file = -1;

static void *rounds(void *);
static void be_humble(void);
static int64_t collect_round(struct ctx *, int64_t now);
static int64_t send_round(struct ctx *, int64_t now);
static bool be_collector(struct ctx *);
static bool take_batch(struct ctx *, const char *publisher, const char *event_type, const char *priority, json_t *payload);
static bool collecting(struct ctx *, json_t *args, json_t **ret_result);

static const struct rpc_server server = {
    .exchange = EXCHANGE, .topic = TRACE_TOPIC, .threads = 1,
    .endpoints = (const struct rpc_endpoint[]){ { NULL, "1.0", (const struct rpc_method[]){ { COLLECTING, collecting }, {} } }, {} },
};

bool spans_start(struct ctx *c)
{
    if (messaging_local() || !trace_ring())
        return true;
    cond_init_mono(&changed);
    if (!(announcements = rpc_listen(c, &server, services[0], common_options->host)))
        return false;
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
    pthread_cond_signal(&changed);
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
    int64_t collect_at = service_runs("api") ? 1 : 0, send_at = 0;       /* 0: not at all */

    pthread_setname_np(pthread_self(), "spans");
    be_humble();
    pthread_mutex_lock(&lock);
    while (!stopping) {
        int64_t now = clock_mono_us();
        struct ctx c;

        if (!send_at && now < wanted_until)
            send_at = now + ROUND_US;
        if (!(collect_at && collect_at <= now) && !(send_at && send_at <= now)) {
            cond_wait_until(&changed, &lock, collect_at && send_at ? MIN(collect_at, send_at) : MAX(collect_at, send_at));
            continue;
        }
        pthread_mutex_unlock(&lock);
        ctx_init(&c, services[0], NULL);
        if (collect_at && collect_at <= now)
            collect_at = collect_round(&c, now);
        if (send_at && send_at <= now)
            send_at = send_round(&c, now);
        ctx_clear(&c);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* A thread that does not take the place of one that serves somebody when it wakes. It is no slower once it runs: others may wait for a lock
 * that it holds.
 */
static void be_humble(void)
{
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){});
}

/* --- the collector ------------------------------------------------------------------------------------------------- */

/* When to come again. */
static int64_t collect_round(struct ctx *c, int64_t now)
{
    const struct target all = { .exchange = EXCHANGE, .topic = TRACE_TOPIC, .fanout = true };

    if (collector || be_collector(c))
        rpc_cast(c, &all, COLLECTING, ctx_json(c, json_pack("{s:o}", "ring", json_sprintf("%016" PRIx64, trace_ring()))));
    fault_clear(c);
    return now + SAY_EVERY_US;
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

/* What is no batch, or one of another format, is not worth another try; and is said once, as more of it will come. */
static bool take_batch(struct ctx *c, const char *publisher, const char *event_type, const char *priority, json_t *payload)
{
    static char said[128];           /* of the one thread that takes them */

    be_humble();
    if (!json_is_string(payload))
        fail(c, BAD_REQUEST, "That is no batch of spans of a format that is known here.");
    else
        trace_put(c, json_string_value(payload), json_string_length(payload));
    if (failed(c) && strcmp(said, c->fault.message) != 0) {
        log_warning(c, "spans from %s are skipped: %s", publisher ? publisher : "?", c->fault.message);
        g_strlcpy(said, c->fault.message, sizeof(said));
    }
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
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return true;
}

/* When to come again; 0: when there is a collector again. A batch that the broker has not taken goes out again: what has come twice is
 * seen once.
 */
static int64_t send_round(struct ctx *c, int64_t now)
{
    static struct buf batch;
    bool sent = true;

    for (int i = 0; i < BATCHES && sent && (batch.len || trace_take(&batch, BATCH)); i++) {
        sent = notify_topic(c, EXCHANGE, SPANS_TOPIC, ctx_printf(c, "trace.%s", common_options->host), "trace.spans", "info",
                            ctx_json(c, json_stringn_nocheck(batch.data, batch.len)));
        if (sent)
            batch.len = 0;
    }
    pthread_mutex_lock(&lock);
    bool wanted = now < wanted_until;
    pthread_mutex_unlock(&lock);
    if (!wanted)
        buf_clear(&batch);
    return wanted ? now + ROUND_US : 0;
}
