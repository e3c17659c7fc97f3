/* The C side of the messaging tests and benchmarks.
 *
 *     peer server URL [TOPIC [NAME [EXCHANGE [THREADS]]]]     serves until SIGTERM; says "ready" once it listens
 *     peer listen URL TOPIC [POOL [EXCHANGE]]       prints each notification as a line of JSON; "refuse" in a payload: requeued once
 *     peer ask URL                                  a line of JSON in (what to do), a line out (what came of it)
 *     peer bench URL THREADS SIZE SECONDS [TOPIC [NAME [EXCHANGE]]]      calls as fast as it can; a line of JSON
 *
 * The methods: echo(payload), add(a, b), sink(payload), stats(), reset(), fail(text): as ValueError, conflict(id): as a fault of ours,
 * context(), slow(seconds), hold(), release(), note(payload, seconds), noted(): what was noted, and how many at once; in the namespace
 * "space" version 2.1: where().
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "oslo/base/log.h"
#include "oslo/messaging/internal.h"
#include "oslo/record/record.h"

/* ---- the server ----------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t sunk, first_us, last_us;

static bool echo(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_incref(json_object_get(args, "payload"));
    return true;
}

static bool add(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_integer(json_get_int(args, "a", 0) + json_get_int(args, "b", 0));
    return true;
}

static bool sink(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    last_us = clock_us();
    first_us = sunk++ ? first_us : last_us;
    pthread_mutex_unlock(&lock);
    return true;
}

static bool stats(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    *ret = json_pack("{s:I, s:f, s:f}", "count", (json_int_t)sunk, "first", (double)first_us / 1e6, "last", (double)last_us / 1e6);
    pthread_mutex_unlock(&lock);
    return true;
}

static bool reset(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    sunk = 0;
    pthread_mutex_unlock(&lock);
    return true;
}

static bool fail_with(struct ctx *c, json_t *args, json_t **ret)
{
    return fail(c, 500, "ValueError", "%s", json_get_string(args, "text") ?: "");
}

static bool conflict(struct ctx *c, json_t *args, json_t **ret)
{
    return fail(c, 409, "NetworkInUse", "Unable to complete operation on network %s.", json_get_string(args, "id") ?: "");
}

static bool context(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_deep_copy(c->rpc_context);
    return true;
}

static bool slow(struct ctx *c, json_t *args, json_t **ret)
{
    g_usleep((gulong)(json_number_value(json_object_get(args, "seconds")) * 1e6));
    *ret = json_string("done");
    return true;
}

static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static int releases;

/* Until the next release(). */
static bool hold(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    for (int before = releases; releases == before;)
        pthread_cond_wait(&released, &lock);
    pthread_mutex_unlock(&lock);
    return true;
}

static bool release(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    releases++;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
    return true;
}

static json_t *notes;
static int noting, noting_most;

/* Takes that long. */
static bool note(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    noting++;
    noting_most = MAX(noting_most, noting);
    notes = notes ?: json_array();
    json_array_append(notes, json_object_get(args, "payload"));
    pthread_mutex_unlock(&lock);
    slow(c, args, ret);
    pthread_mutex_lock(&lock);
    noting--;
    pthread_mutex_unlock(&lock);
    return true;
}

static bool noted(struct ctx *c, json_t *args, json_t **ret)
{
    pthread_mutex_lock(&lock);
    *ret = json_pack("{s:o?, s:i}", "payloads", notes, "at_once", noting_most);
    notes = NULL;
    noting_most = 0;
    pthread_mutex_unlock(&lock);
    return true;
}

static bool where(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = json_string("space 2.1");
    return true;
}

static const struct rpc_method methods[] = {
    { "echo", echo }, { "add", add }, { "sink", sink }, { "stats", stats }, { "reset", reset }, { "fail", fail_with },
    { "conflict", conflict }, { "context", context }, { "slow", slow }, { "hold", hold }, { "release", release }, { "note", note }, { "noted", noted }, {}
};
static const struct rpc_method space_methods[] = { { "where", where }, {} };
static const struct rpc_endpoint endpoints[] = {
    { .version = "1.3", .methods = methods }, { .rpc_namespace = "space", .version = "2.1", .methods = space_methods }, {}
};

static void wait_for_end(void)
{
    sigset_t signals;
    int got;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigwait(&signals, &got);
}

static int serve(struct ctx *c, char **words)
{
    struct rpc_server server = { .topic = words[0] ?: "bench", .endpoints = endpoints, .threads = 8,
                                 .fault_module = "neutron_lib.exceptions" };
    const char *name = words[0] && words[1] ? words[1] : "s1";

    server.exchange = words[0] && words[1] ? words[2] : NULL;
    if (server.exchange && words[3])
        server.threads = atoi(words[3]);
    struct rpc_listener *l = rpc_listen(c, &server, NULL, name);
    if (!l) {
        fprintf(stderr, "%s: %s\n", c->fault.type, c->fault.message);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    wait_for_end();
    rpc_stop(l);
    return 0;
}

/* ---- notifications -------------------------------------------------------------------------------------------- */

static void print_line(json_t *owned)
{
    char *text = json_dumps(owned, JSON_COMPACT | JSON_ENCODE_ANY);

    pthread_mutex_lock(&lock);
    puts(text);
    fflush(stdout);
    pthread_mutex_unlock(&lock);
    free(text);
    json_decref(owned);
}

static bool on_notification(struct ctx *c, const char *publisher, const char *event_type, const char *priority, json_t *payload)
{
    static bool refused;

    if (json_get_bool(payload, "refuse", false) && !refused)
        return !(refused = true);
    print_line(json_pack("{s:s?, s:s, s:s, s:O, s:O}", "publisher", publisher, "event", event_type, "priority", priority, "payload", payload,
                         "context", c->rpc_context));
    return true;
}

static int listen_to(struct ctx *c, char **words)
{
    const char *pool = words[1] && *words[1] ? words[1] : NULL;
    struct notification_listener *l;

    pthread_mutex_lock(&lock);           /* nothing is printed before "ready" */
    l = notification_listen(c, words[1] ? words[2] : NULL, words[0], pool, on_notification);
    printf("%s\n", l ? "ready" : c->fault.message);
    fflush(stdout);
    pthread_mutex_unlock(&lock);
    if (!l)
        return 1;
    wait_for_end();
    notification_stop(l);
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

static json_t *fault_of(const struct ctx *c)
{
    return json_pack("{s:{s:i, s:s, s:s, s:s?}}", "fault", "status", c->fault.status, "type", c->fault.type, "message", c->fault.message,
                     "detail", c->fault.detail);
}

/* {"do": "call" | "cast" | "notify", "exchange", "topic", "server", "namespace", "version", "fanout", "method", "args", "context",
 *  "timeout", "monitor", "cap", "retry", "at_least_once"; of a notification: "publisher", "event", "priority", "payload"} */
static json_t *answer(json_t *ask)
{
    struct target target = {
        .exchange = json_get_string(ask, "exchange"), .topic = json_get_string(ask, "topic"), .server = json_get_string(ask, "server"),
        .rpc_namespace = json_get_string(ask, "namespace"), .version = json_get_string(ask, "version"),
        .fanout = json_get_bool(ask, "fanout", false),
    };
    struct rpc_options options = {
        .timeout_us = json_get_int(ask, "timeout", 30) * 1000000, .retry = (int)json_get_int(ask, "retry", -1),
        .monitor_us = json_get_int(ask, "monitor", 0) * 1000000, .version_cap = json_get_string(ask, "cap"),
        .at_least_once = json_get_bool(ask, "at_least_once", false),
    };
    const char *what = json_get_string(ask, "do") ?: "", *method = json_get_string(ask, "method");
    json_t *args = json_object_get(ask, "args"), *empty = json_object(), *result = NULL, *got = NULL;
    struct ctx c;
    bool ok;

    context_to_ctx(&c, NULL, NULL, json_object_get(ask, "context") ?: empty);
    c.deadline = clock_mono_us() + options.timeout_us;
    if (strcmp(what, "call") == 0)
        ok = (got = rpc_call(&c, &target, method, args, &options));
    else if (strcmp(what, "cast") == 0)
        ok = rpc_cast(&c, &target, method, args);
    else
        ok = notify(&c, target.exchange, json_get_string(ask, "publisher"), json_get_string(ask, "event"),
                    json_get_string(ask, "priority"), json_object_get(ask, "payload"));
    result = ok ? json_pack("{s:O?}", "result", got) : fault_of(&c);
    ctx_clear(&c);
    json_decref(empty);
    return result;
}

static int ask(void)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        json_t *what = json_loads(line, JSON_ALLOW_NUL, NULL);

        print_line(answer(what));
        json_decref(what);
    }
    free(line);
    return 0;
}

/* ---- the benchmark -------------------------------------------------------------------------------------------- */

struct caller {
    pthread_t thread;
    struct target target;
    const json_t *args;
    int64_t until;
    GArray *took;
    int errors;
};

static void *call_on(void *data)
{
    struct caller *self = data;

    while (clock_mono_us() < self->until) {
        struct ctx c;
        int64_t began = clock_mono_us(), took;

        ctx_init(&c, NULL, NULL);
        self->errors += rpc_call(&c, &self->target, "echo", self->args, NULL) == NULL;
        took = clock_mono_us() - began;
        g_array_append_val(self->took, took);
        ctx_clear(&c);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    return *(const int64_t *)a < *(const int64_t *)b ? -1 : 1;
}

static double cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int bench(struct ctx *c, char **words)
{
    int n = atoi(words[0]), errors = 0;
    g_autofree char *payload = g_strnfill((gsize)atol(words[1]), 'x');
    double seconds = atof(words[2]);
    struct target target = { .topic = words[3] ?: "bench", .server = words[3] ? words[4] : NULL, .version = "1.0",
                             .exchange = words[3] && words[4] ? words[5] : NULL };
    json_t *args = ctx_json(c, json_pack("{s:s}", "payload", payload));
    struct caller *callers = g_new0(struct caller, n);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(int64_t));

    if (!rpc_call(c, &target, "echo", args, NULL)) {
        fprintf(stderr, "%s: %s\n", c->fault.type, c->fault.message);
        return 1;
    }
    int64_t began = clock_mono_us();
    double cpu = cpu_seconds();
    for (int i = 0; i < n; i++) {
        callers[i] = (struct caller){ .target = target, .args = args, .until = began + (int64_t)(seconds * 1e6),
                                      .took = g_array_new(FALSE, FALSE, sizeof(int64_t)) };
        pthread_create(&callers[i].thread, NULL, call_on, &callers[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(callers[i].thread, NULL);
        g_array_append_vals(all, callers[i].took->data, callers[i].took->len);
        errors += callers[i].errors;
        g_array_unref(callers[i].took);
    }
    double elapsed = (double)(clock_mono_us() - began) / 1e6;
    cpu = cpu_seconds() - cpu;
    qsort(all->data, all->len, sizeof(int64_t), by_value);
    print_line(json_pack("{s:f, s:f, s:f, s:f, s:i}", "ops_s", all->len / elapsed, "p50_ms", (double)g_array_index(all, int64_t, all->len / 2) / 1e3,
                         "p99_ms", (double)g_array_index(all, int64_t, all->len * 99 / 100) / 1e3, "client_cpu_ms", cpu * 1e3 / all->len,
                         "errors", errors));
    g_array_unref(all);
    g_free(callers);
    return 0;
}

int main(int argc, char **argv)
{
    struct messaging_options options = { .notification_drivers = getenv("PEER_DRIVERS") ?: "messagingv2" };
    sigset_t signals;
    struct ctx c;
    int status = 2;

    if (argc < 3) {
        fprintf(stderr, "usage: peer server|listen|ask|bench URL ...\n");
        return 2;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    options.transport_url = argv[2];
    options.notification_topics = getenv("PEER_TOPICS");
    options.rpc_ping_enabled = true;
    messaging_configure(&options);
    log_open(NULL, getenv("PEER_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
    ctx_init(&c, NULL, NULL);
    if (strcmp(argv[1], "server") == 0)
        status = serve(&c, argv + 3);
    else if (strcmp(argv[1], "listen") == 0 && argc > 3)
        status = listen_to(&c, argv + 3);
    else if (strcmp(argv[1], "ask") == 0)
        status = ask();
    else if (strcmp(argv[1], "bench") == 0 && argc > 5)
        status = bench(&c, argv + 3);
    ctx_clear(&c);
    transports_close();
    return status;
}
