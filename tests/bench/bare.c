/* What the broker itself can do: request and reply by librabbitmq alone, with no body to write or read, with oslo.messaging's persistent
 * messages, confirms and acknowledgements, each waited for before the next step.
 *
 *     bare HOST PORT VHOST USER PASSWORD THREADS SIZE SECONDS [TOPIC] [TOGETHER]       a line of JSON, as `peer bench`
 *
 * THREADS clients and as many servers, each with a connection that publishes and one that consumes. With TOPIC requests go through a topic
 * exchange, as those of oslo.messaging do, instead of the default one, which spares the broker the looking up. With TOGETHER one client and one server do
 * as many at once as there would be threads: requests in one write, replies in one write, acknowledged together, confirms read afterwards;
 * which is what batches can bring.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

enum { CHANNEL = 1, REQUESTS_MAX = 1 << 20, SHORT_US = 100, PATIENCE_US = 200000 };

struct worker {
    pthread_t thread;
    char queue[64];
    double *took;
    size_t n;
};

static const char *host, *vhost, *user, *password;
static int port;
static char requests[64], *payload;
static const char *exchange = "";            /* of the requests */
static size_t size, together;
static atomic_bool stopping;
static pthread_barrier_t ready;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

static bool well(amqp_connection_state_t c)
{
    return amqp_get_rpc_reply(c).reply_type == AMQP_RESPONSE_NORMAL;
}

static amqp_connection_state_t connection(void)
{
    amqp_connection_state_t c = amqp_new_connection();

    must(amqp_socket_open(amqp_tcp_socket_new(c), host, port) == 0, "connecting");
    must(amqp_login(c, vhost, 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, user, password).reply_type == AMQP_RESPONSE_NORMAL, "login");
    amqp_channel_open(c, CHANNEL);
    must(well(c), "opening a channel");
    return c;
}

static amqp_connection_state_t publisher(void)
{
    amqp_connection_state_t c = connection();

    amqp_confirm_select(c, CHANNEL);
    must(well(c), "selecting confirms");
    return c;
}

static amqp_connection_state_t consumer(const char *queue)
{
    amqp_connection_state_t c = connection();

    amqp_queue_declare(c, CHANNEL, amqp_cstring_bytes(queue), false, false, false, true, amqp_empty_table);
    must(well(c), "declaring a queue");
    if (*exchange && queue == requests) {
        amqp_exchange_declare(c, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), false, false, true, false, amqp_empty_table);
        must(well(c), "declaring an exchange");
        amqp_queue_bind(c, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes(queue), amqp_empty_table);
        must(well(c), "binding a queue");
    }
    amqp_basic_consume(c, CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes, false, false, false, amqp_empty_table);
    must(well(c), "consuming");
    return c;
}

static void publish_only(amqp_connection_state_t c, const char *queue, const char *reply_to, amqp_bytes_t body)
{
    amqp_basic_properties_t properties = { ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = AMQP_DELIVERY_PERSISTENT };

    if (reply_to) {
        properties._flags |= AMQP_BASIC_REPLY_TO_FLAG;
        properties.reply_to = amqp_cstring_bytes(reply_to);
    }
    must(amqp_basic_publish(c, CHANNEL, amqp_cstring_bytes(reply_to ? exchange : ""), amqp_cstring_bytes(queue), false, false, &properties, body) == 0, "publishing");
}

static void publish(amqp_connection_state_t c, const char *queue, const char *reply_to, amqp_bytes_t body)
{
    amqp_frame_t frame = {};

    publish_only(c, queue, reply_to, body);
    while (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        must(amqp_simple_wait_frame(c, &frame) == AMQP_STATUS_OK, "waiting for a confirm");
    amqp_maybe_release_buffers(c);
}

static bool take_only(amqp_connection_state_t c, amqp_envelope_t *ret, int patience_us)
{
    struct timeval patience = { .tv_usec = patience_us };

    amqp_maybe_release_buffers(c);
    return amqp_consume_message(c, ret, &patience, 0).reply_type == AMQP_RESPONSE_NORMAL;
}

static bool take(amqp_connection_state_t c, amqp_envelope_t *ret)
{
    return take_only(c, ret, PATIENCE_US) && amqp_basic_ack(c, CHANNEL, ret->delivery_tag, false) == 0;
}

static void answer(amqp_connection_state_t out, const amqp_envelope_t *request, void (*how)(amqp_connection_state_t, const char *, const char *, amqp_bytes_t))
{
    amqp_bytes_t to = request->message.properties.reply_to;
    char queue[64];

    snprintf(queue, sizeof(queue), "%.*s", (int)to.len, (char *)to.bytes);
    how(out, queue, NULL, request->message.body);
}

static void *serve(void *unused)
{
    amqp_connection_state_t in = consumer(requests), out = publisher();
    amqp_envelope_t request;

    pthread_barrier_wait(&ready);
    while (!stopping)
        if (take(in, &request)) {
            answer(out, &request, publish);
            amqp_destroy_envelope(&request);
        }
    return NULL;                     /* the process takes its connections along */
}

static void *ask(void *data)
{
    struct worker *w = data;
    amqp_connection_state_t in = consumer(w->queue), out = publisher();
    amqp_envelope_t reply;

    pthread_barrier_wait(&ready);
    while (!stopping && w->n < REQUESTS_MAX) {
        double began = now();

        publish(out, requests, w->queue, (amqp_bytes_t){ size, payload });
        while (!take(in, &reply))
            if (stopping)
                return NULL;
        amqp_destroy_envelope(&reply);
        w->took[w->n++] = now() - began;
    }
    return NULL;
}

/* ---- together ------------------------------------------------------------------------------------------------- */

/* What is written meanwhile goes out when it is taken off. */
static void cork(amqp_connection_state_t c, int on)
{
    setsockopt(amqp_get_sockfd(c), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* Until the broker has confirmed so many since the connection began. */
static void await_confirms(amqp_connection_state_t c, uint64_t *seen, uint64_t published)
{
    amqp_frame_t frame;

    while (*seen < published) {
        must(amqp_simple_wait_frame(c, &frame) == AMQP_STATUS_OK, "waiting for confirms");
        if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
            amqp_basic_ack_t *ack = frame.payload.method.decoded;

            *seen = ack->multiple ? ack->delivery_tag : *seen + 1;
        }
    }
    amqp_maybe_release_buffers(c);
}

static void *serve_together(void *unused)
{
    amqp_connection_state_t in = consumer(requests), out = publisher();
    amqp_envelope_t request;
    uint64_t confirmed = 0, published = 0, tag = 0;

    pthread_barrier_wait(&ready);
    while (!stopping) {
        size_t n = 0;

        while (n < together && take_only(in, &request, n ? SHORT_US : PATIENCE_US)) {
            if (!n++)
                cork(out, 1);
            answer(out, &request, publish_only);
            tag = request.delivery_tag;
            amqp_destroy_envelope(&request);
        }
        if (!n)
            continue;
        must(amqp_basic_ack(in, CHANNEL, tag, true) == 0, "acknowledging");
        cork(out, 0);
        await_confirms(out, &confirmed, published += n);
    }
    return NULL;
}

static void *ask_together(void *data)
{
    struct worker *w = data;
    amqp_connection_state_t in = consumer(w->queue), out = publisher();
    amqp_envelope_t reply;
    uint64_t confirmed = 0, tag = 0;

    pthread_barrier_wait(&ready);
    while (!stopping && w->n + together <= REQUESTS_MAX) {
        double began = now();

        cork(out, 1);
        for (size_t i = 0; i < together; i++)
            publish_only(out, requests, w->queue, (amqp_bytes_t){ size, payload });
        cork(out, 0);
        for (size_t i = 0; i < together; i++) {
            while (!take_only(in, &reply, PATIENCE_US))
                if (stopping)
                    return NULL;
            tag = reply.delivery_tag;
            amqp_destroy_envelope(&reply);
        }
        must(amqp_basic_ack(in, CHANNEL, tag, true) == 0, "acknowledging");
        for (size_t i = 0; i < together; i++)
            w->took[w->n++] = now() - began;
        await_confirms(out, &confirmed, w->n);
    }
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : 1;
}

int main(int argc, char **argv)
{
    bool at_once = argc > 9 && strcmp(argv[argc - 1], "TOGETHER") == 0, topic = argc > 9 && strcmp(argv[9], "TOPIC") == 0;

    must(argc == 9 + at_once + topic, "usage: bare HOST PORT VHOST USER PASSWORD THREADS SIZE SECONDS [TOPIC] [TOGETHER]:");
    exchange = topic ? "bare" : "";
    host = argv[1];
    port = atoi(argv[2]);
    vhost = argv[3];
    user = argv[4];
    password = argv[5];
    size = (size_t)atol(argv[7]);
    together = (size_t)atol(argv[6]);
    size_t threads = at_once ? 1 : together, n = 0;
    struct worker *clients = calloc(threads, sizeof(*clients));
    pthread_t server;

    payload = calloc(1, size + 1);
    snprintf(requests, sizeof(requests), "bare.%d", (int)getpid());
    pthread_barrier_init(&ready, NULL, (unsigned)(2 * threads + 1));
    for (size_t i = 0; i < threads; i++) {
        snprintf(clients[i].queue, sizeof(clients[i].queue), "bare.%d.%zu", (int)getpid(), i);
        clients[i].took = malloc(REQUESTS_MAX * sizeof(double));
        pthread_create(&server, NULL, at_once ? serve_together : serve, NULL);
        pthread_create(&clients[i].thread, NULL, at_once ? ask_together : ask, &clients[i]);
    }
    pthread_barrier_wait(&ready);

    double began = now(), cpu = cpu_seconds();

    usleep((useconds_t)(atof(argv[8]) * 1e6));
    stopping = true;
    for (size_t i = 0; i < threads; i++)
        pthread_join(clients[i].thread, NULL);
    cpu = cpu_seconds() - cpu;

    double elapsed = now() - began, *all = malloc(threads * REQUESTS_MAX * sizeof(double));

    for (size_t i = 0; i < threads; n += clients[i++].n)
        memcpy(all + n, clients[i].took, clients[i].n * sizeof(double));
    must(n > 0, "every request");
    qsort(all, n, sizeof(all[0]), by_value);
    printf("{\"ops_s\": %f, \"p50_ms\": %f, \"p99_ms\": %f, \"cpu_ms\": %f, \"errors\": 0}\n", (double)n / elapsed, all[n / 2] * 1e3, all[n * 99 / 100] * 1e3,
           cpu * 1e3 / (double)n);
    fflush(stdout);
    _exit(0);
}
