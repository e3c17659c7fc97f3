/* Many L2 agents of other hosts, on the wire alone: each has a connection to RabbitMQ of its own and a reply queue, reports its state, asks
 * for all of its devices and their security groups and says that they are up; all of them at once, and then a report now and then.
 *
 *     AGENTS_URL=rabbit://user:password@host:port/ bench_agents N STEADY_SECONDS < devices
 *
 * devices: a line a port, "host port-id", or "host -" for a host with none. The agents are those hosts, N of them. Prints one JSON object.
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "neutron/rpc/l2.h"
#include "neutron/rpc/reports.h"
#include "oslo/base/ctx.h"
#include "oslo/base/text.h"

enum { PATIENCE_S = 120, STACK = 256 * 1024 };

struct agent {
    char host[64], queue[64];
    json_t *devices;
    amqp_connection_state_t connection;
    pthread_t thread;
    int64_t settled_us;              /* how long after the start; 0: it has not */
    int64_t slowest_us;
    int calls, failures;
    char why[200];
};

static struct { char user[64], password[64], host[64]; int port; } broker;
static pthread_barrier_t all_connected;
static int64_t started;              /* written before the barrier's second turn */
static int steady_s;

static bool well(amqp_rpc_reply_t reply)
{
    return reply.reply_type == AMQP_RESPONSE_NORMAL;
}

static bool connect_agent(struct agent *a)
{
    amqp_socket_t *socket;
    char id[UUID_TEXT_SIZE];
    struct timeval patience = { .tv_sec = PATIENCE_S };

    g_snprintf(a->queue, sizeof(a->queue), "reply_%.32s", uuid_write(id));
    a->connection = amqp_new_connection();
    socket = amqp_tcp_socket_new(a->connection);
    if (!socket || amqp_socket_open_noblock(socket, broker.host, broker.port, &patience) ||
        !well(amqp_login(a->connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, broker.user, broker.password)))
        return false;
    amqp_channel_open(a->connection, 1);
    amqp_queue_declare(a->connection, 1, amqp_cstring_bytes(a->queue), 0, 0, 0, 1, amqp_empty_table);
    if (!well(amqp_get_rpc_reply(a->connection)))
        return false;
    amqp_basic_consume(a->connection, 1, amqp_cstring_bytes(a->queue), amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
    return well(amqp_get_rpc_reply(a->connection));
}

/* oslo.messaging's envelope of a call. */
static char *envelope(const struct agent *a, const char *method, const char *version, json_t *args, const char *msg_id)
{
    char unique[UUID_TEXT_SIZE], request[UUID_TEXT_SIZE];
    json_t *message = json_pack("{s:s, s:o, s:s, s:s, s:s, s:i, s:s, s:o, s:s, s:b, s:n, s:n, s:[]}", "method", method, "args", args, "version", version,
        "_msg_id", msg_id, "_reply_q", a->queue, "_timeout", PATIENCE_S, "_unique_id", uuid_write(unique),
        "_context_request_id", json_sprintf("req-%s", uuid_write(request)), "_context_user_id", "agent", "_context_is_admin", 1,
        "_context_user", "_context_tenant", "_context_roles");
    char *inner = json_dumps(message, JSON_COMPACT), *text;
    json_t *outer = json_pack("{s:s, s:s}", "oslo.version", "2.0", "oslo.message", inner);

    text = json_dumps(outer, JSON_COMPACT);
    json_decref(outer);
    json_decref(message);
    free(inner);
    return text;
}

/* Is it the end of that call's answer? ret_failed: what the server said went wrong, or NULL. */
static bool answers(const amqp_bytes_t body, const char *msg_id, char **ret_failed)
{
    json_t *outer = json_loadb(body.bytes, body.len, 0, NULL), *inner;
    const char *text = json_string_value(json_object_get(outer, "oslo.message")), *failure;
    bool ends;

    inner = text ? json_loads(text, 0, NULL) : NULL;
    ends = !g_strcmp0(json_string_value(json_object_get(inner, "_msg_id")), msg_id) && json_is_true(json_object_get(inner, "ending"));
    failure = json_string_value(json_object_get(inner, "failure"));
    if (failure)
        *ret_failed = g_strdup(failure);
    json_decref(inner);
    json_decref(outer);
    return ends;
}

static void call(struct agent *a, const char *topic, const char *method, const char *version, json_t *args)
{
    char id[UUID_TEXT_SIZE], *failed = NULL, *text = envelope(a, method, version, args, uuid_write(id));
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_PRIORITY_FLAG,
        .content_type = amqp_cstring_bytes("application/json"), .content_encoding = amqp_cstring_bytes("utf-8"), .delivery_mode = 2,
    };
    int64_t began = clock_mono_us();
    bool answered = false;

    a->calls++;
    amqp_basic_publish(a->connection, 1, amqp_cstring_bytes(NEUTRON_EXCHANGE), amqp_cstring_bytes(topic), 0, 0, &properties, amqp_cstring_bytes(text));
    while (!answered) {
        struct timeval patience = { .tv_sec = PATIENCE_S };
        amqp_envelope_t got;

        amqp_maybe_release_buffers(a->connection);
        if (!well(amqp_consume_message(a->connection, &got, &patience, 0)))
            break;
        answered = answers(got.message.body, id, &failed);
        amqp_destroy_envelope(&got);
    }
    a->slowest_us = MAX(a->slowest_us, clock_mono_us() - began);
    if (!answered || failed) {
        a->failures++;
        g_snprintf(a->why, sizeof(a->why), "%s: %s", method, failed ? failed : "no answer");
    }
    g_free(failed);
    free(text);
}

static void report(struct agent *a, bool first)
{
    char time[TIME_TEXT_SIZE];
    json_t *state = json_pack("{s:s, s:s, s:s, s:s, s:{s:{}, s:{}, s:i, s:[s], s:s}}", "binary", "neutron-linuxbridge-agent", "host", a->host, "topic", "N/A",
        "agent_type", "Linux bridge agent", "configurations", "bridge_mappings", "interface_mappings", "devices", (int)json_array_size(a->devices),
        "tunnel_types", "vxlan", "tunneling_ip", "");

    if (first)
        json_object_set_new(state, "start_flag", json_true());
    call(a, TOPIC_REPORTS, REPORTS_REPORT_STATE, "1.0", json_pack("{s:{s:o}, s:s}", "agent_state", "agent_state", state, "time",
                                                                  time_write(time, utc_now(), TIME_ISO_MICRO)));
}

static void resync(struct agent *a)
{
    char id[80];

    g_snprintf(id, sizeof(id), "lb-%s", a->host);
    call(a, TOPIC_PLUGIN, L2_GET_DEVICES_DETAILS_LIST_AND_FAILED_DEVICES, "1.5", json_pack("{s:O, s:s, s:s}", "devices", a->devices, "agent_id", id, "host", a->host));
    call(a, TOPIC_PLUGIN, SG_INFO_FOR_DEVICES, "1.3", json_pack("{s:O}", "devices", a->devices));
    call(a, TOPIC_PLUGIN, L2_UPDATE_DEVICE_LIST, "1.5", json_pack("{s:O, s:[], s:s, s:s, s:b}", "devices_up", a->devices, "devices_down", "agent_id", id,
                                                                  "host", a->host, "refresh_tunnels", 0));
}

static void *live(void *data)
{
    struct agent *a = data;
    bool connected = connect_agent(a);

    pthread_barrier_wait(&all_connected);        /* all are there */
    pthread_barrier_wait(&all_connected);        /* now */
    if (connected) {
        report(a, true);
        resync(a);
        a->settled_us = clock_mono_us() - started;
    } else {
        a->failures++;
        g_strlcpy(a->why, "it is not connected", sizeof(a->why));
    }
    pthread_barrier_wait(&all_connected);        /* all have settled */
    if (connected && steady_s) {
        usleep((useconds_t)random_below((uint32_t)steady_s * 1000000));
        report(a, false);
    }
    return NULL;
}

static struct agent *read_agents(int n)
{
    struct agent *agents = g_new0(struct agent, n);
    char host[64], port[64], device[64];
    int known = 0, i;

    while (scanf("%63s %63s", host, port) == 2) {
        for (i = 0; i < known && strcmp(agents[i].host, host); i++)
            ;
        if (i == known && known == n)
            continue;
        if (i == known) {
            g_strlcpy(agents[known].host, host, sizeof(host));
            agents[known++].devices = json_array();
        }
        g_snprintf(device, sizeof(device), "tap%.11s", port);
        if (strcmp(port, "-"))
            json_array_append_new(agents[i].devices, json_string(device));
    }
    return known == n ? agents : NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1000, calls = 0, failures = 0;
    int64_t last = 0, slowest = 0, connected;
    struct agent *agents;
    pthread_attr_t small;
    const char *why = "", *url = getenv("AGENTS_URL");

    steady_s = argc > 2 ? atoi(argv[2]) : 0;
    if (!url || sscanf(url, "rabbit://%63[^:]:%63[^@]@%63[^:]:%d", broker.user, broker.password, broker.host, &broker.port) != 4 || !(agents = read_agents(n)))
        return 2;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    pthread_barrier_init(&all_connected, NULL, (unsigned)n + 1);
    connected = clock_mono_us();
    for (int i = 0; i < n; i++)
        if (pthread_create(&agents[i].thread, &small, live, &agents[i]))
            return 2;
    pthread_barrier_wait(&all_connected);
    connected = clock_mono_us() - connected;
    printf("{\"connected_s\": %.2f, ", (double)connected / 1e6);
    fflush(stdout);
    started = clock_mono_us();
    pthread_barrier_wait(&all_connected);
    pthread_barrier_wait(&all_connected);
    fprintf(stderr, "settled\n");
    for (int i = 0; i < n; i++)
        pthread_join(agents[i].thread, NULL);
    for (int i = 0; i < n; i++) {
        last = MAX(last, agents[i].settled_us);
        slowest = MAX(slowest, agents[i].slowest_us);
        calls += agents[i].calls;
        failures += agents[i].failures;
        if (agents[i].failures)
            why = agents[i].why;
    }
    char *quoted = json_dumps(json_string(why), JSON_ENCODE_ANY);
    printf("\"agents\": %d, \"calls\": %d, \"failures\": %d, \"settled_s\": %.2f, \"slowest_call_s\": %.2f, \"why\": %s}\n", n, calls, failures,
           (double)last / 1e6, (double)slowest / 1e6, quoted);
    return failures != 0;
}
