/* One thread owns the connection and reads it; who changes something writes to it and waits for the answer to his number. */
#include "neutron/agent/ovs/ovsdb.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "neutron/agent/ovs/stream.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"

enum { PATIENCE_S = 10 };

/* What is monitored: a table, its columns. */
static const struct { const char *table; const char *const *columns; } monitored[] = {
    { "Open_vSwitch", (const char *const[]){ "cur_cfg", "next_cfg", "datapath_types", "iface_types", NULL } },
    { "Bridge", (const char *const[]){ "name", "ports", "datapath_type", "fail_mode", NULL } },
    { "Port", (const char *const[]){ "name", "interfaces", "tag", "other_config", NULL } },
    { "Interface", (const char *const[]){ "name", "type", "ofport", "external_ids", "options", "error", NULL } },
};

static struct {
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t changed;
    int fd;                          /* -1: no connection */
    json_t *tables;                  /* NULL until the monitor's first answer */
    GHashTable *answers;             /* number -> answer, NULL while it is waited for */
    json_int_t last;
    uint64_t changes;                /* of what is monitored, counted */
    char error[160];                 /* why there is no connection */
} db = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static struct { pthread_t thread; int stop; bool running; char *connection; void (*changed)(void); } client = { .stop = -1 };

static void *client_main(void *);

/* ---- for the agent ------------------------------------------------------------------------------------------- */

static int64_t patience(void)
{
    return clock_mono_us() + PATIENCE_S * (int64_t)1000000;
}

/* Waits on db.changed until the deadline; the lock is held. */
static bool wait_until(int64_t deadline)
{
    struct timespec at = { deadline / 1000000, deadline % 1000000 * 1000 };

    return pthread_cond_timedwait(&db.changed, &db.lock, &at) != ETIMEDOUT;
}

bool ovsdb_start(struct ctx *c, const char *connection, void (*changed)(void))
{
    pthread_condattr_t attr;
    int64_t deadline = patience();
    bool ready;

    if (client.running)
        return true;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db.changed, &attr);
    db.answers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)(void *)json_decref);
    client.connection = g_strdup(connection);
    client.changed = changed;
    client.stop = eventfd(0, EFD_CLOEXEC);
    client.running = pthread_create(&client.thread, NULL, client_main, NULL) == 0;
    if (!client.running)
        return fail(c, UNAVAILABLE, "cannot start a thread");
    pthread_mutex_lock(&db.lock);
    while (!(ready = db.tables != NULL) && wait_until(deadline))
        ;
    pthread_mutex_unlock(&db.lock);
    if (ready)
        return true;
    fail(c, OVSDB_UNAVAILABLE, connection, db.error);
    ovsdb_stop();
    return false;
}

void ovsdb_stop(void)
{
    if (!client.running)
        return;
    if (eventfd_write(client.stop, 1) == 0)
        pthread_join(client.thread, NULL);
    close(client.stop);
    client.running = false;
    g_clear_pointer(&client.connection, g_free);
    g_clear_pointer(&db.answers, g_hash_table_unref);
    g_clear_pointer(&db.tables, json_decref);
    pthread_cond_destroy(&db.changed);
}

void ovsdb_look(void (*look)(json_t *, void *), void *data)
{
    pthread_mutex_lock(&db.lock);
    if (db.tables)
        look(db.tables, data);
    pthread_mutex_unlock(&db.lock);
}

bool ovsdb_wait(int64_t deadline)
{
    uint64_t seen;
    bool ok = true;

    pthread_mutex_lock(&db.lock);
    seen = db.changes;
    while (ok && db.changes == seen)
        ok = wait_until(deadline);
    pthread_mutex_unlock(&db.lock);
    return ok;
}

/* The whole text, or the connection is given up (its reader finds it closed). The lock is held. */
static bool send_text(json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    size_t n = strlen(text);
    bool ok = db.fd >= 0;

    for (size_t done = 0; ok && done < n;) {
        ssize_t wrote = send(db.fd, text + done, n - done, MSG_NOSIGNAL);

        if (wrote < 0 && errno == EINTR)
            continue;
        ok = wrote > 0;
        done += (size_t)MAX(wrote, 0);
    }
    if (!ok && db.fd >= 0)
        shutdown(db.fd, SHUT_RDWR);
    free(text);
    return ok;
}

/* Sends a request and waits for its answer (of the ctx). */
static json_t *call(struct ctx *c, const char *method, json_t *params)
{
    json_t *answer = NULL, *request;
    int64_t deadline = patience(), number;
    bool waiting;

    pthread_mutex_lock(&db.lock);
    number = ++db.last;
    request = json_pack("{s:s, s:o, s:I}", "method", method, "params", params, "id", (json_int_t)number);
    if ((waiting = db.answers && send_text(request)))
        g_hash_table_insert(db.answers, g_memdup2(&number, sizeof(number)), NULL);
    while (waiting && g_hash_table_contains(db.answers, &number) && !(answer = g_hash_table_lookup(db.answers, &number)) && wait_until(deadline))
        ;
    answer = json_incref(answer);
    if (db.answers)
        g_hash_table_remove(db.answers, &number);
    pthread_mutex_unlock(&db.lock);
    json_decref(request);
    return answer ? ctx_json(c, answer) : fail_null(c, OVSDB_UNAVAILABLE, client.connection ?: "", *db.error ? db.error : "no answer");
}

/* An operation that failed is an {error, details} in its place, or at the end. */
static const json_t *first_error(const json_t *results)
{
    const json_t *one;
    size_t i;

    json_array_foreach(results, i, one)
        if (json_is_string(json_object_get(one, "error")))
            return one;
    return NULL;
}

json_t *ovsdb_transact(struct ctx *c, json_t *operations)
{
    json_t *params = json_pack("[s]", "Open_vSwitch"), *answer, *result;
    const json_t *error;

    json_array_extend(params, operations);
    json_decref(operations);
    if (!(answer = call(c, "transact", params)))
        return NULL;
    result = json_object_get(answer, "result");
    error = json_is_array(result) ? first_error(result) : json_object_get(answer, "error");
    if (json_is_array(result) && !error)
        return result;
    return fail_null(c, OVSDB_REFUSED, ctx_printf(c, "%s: %s", json_string_value(json_object_get(error, "error")) ?: "no result",
                                                  json_string_value(json_object_get(error, "details")) ?: ""));
}

/* ---- the connection ------------------------------------------------------------------------------------------ */

static int connect_unix(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
    if (fd >= 0 && connect(fd, (void *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_tcp(const char *address)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(address, ':');
    g_autofree char *host = g_strndup(address, colon ? (size_t)(colon - address) : 0);
    struct addrinfo *list = NULL;
    int fd = -1;

    if (!colon || getaddrinfo(host, colon + 1, &hints, &list) != 0)
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static int connect_to(const char *connection)
{
    if (g_str_has_prefix(connection, "unix:"))
        return connect_unix(connection + strlen("unix:"));
    if (g_str_has_prefix(connection, "tcp:"))
        return connect_tcp(connection + strlen("tcp:"));
    errno = EPROTONOSUPPORT;
    return -1;
}

static json_t *monitor_request(void)
{
    json_t *tables = json_object();

    for (size_t i = 0; i < G_N_ELEMENTS(monitored); i++) {
        json_t *columns = json_array();

        for (const char *const *name = monitored[i].columns; *name; name++)
            json_array_append_new(columns, json_string(*name));
        json_object_set_new(tables, monitored[i].table, json_pack("{s:o}", "columns", columns));
    }
    return json_pack("{s:s, s:[s, s, o], s:s}", "method", "monitor", "params", "Open_vSwitch", "nacre", tables, "id", "monitor");
}

/* Takes {table: {uuid: {new}}} in; true if a port or an interface changed. The lock is held. */
static bool take_update(const json_t *update)
{
    const char *table, *uuid;
    json_t *rows, *row;
    bool ports = false;

    json_object_foreach((json_t *)(uintptr_t)update, table, rows) {
        json_t *mine = json_object_get(db.tables, table);

        if (!mine)
            json_object_set_new(db.tables, table, mine = json_object());
        json_object_foreach(rows, uuid, row) {
            json_t *fresh = json_object_get(row, "new");

            if (json_is_object(fresh))
                json_object_set(mine, uuid, fresh);
            else
                json_object_del(mine, uuid);
        }
        ports = ports || strcmp(table, "Port") == 0 || strcmp(table, "Interface") == 0;
    }
    db.changes++;
    pthread_cond_broadcast(&db.changed);
    return ports;
}

static void take_answer(json_t *message)
{
    json_t *id = json_object_get(message, "id");
    int64_t number = json_integer_value(id);

    if (json_is_integer(id) && g_hash_table_contains(db.answers, &number)) {
        g_hash_table_insert(db.answers, g_memdup2(&number, sizeof(number)), json_incref(message));
        pthread_cond_broadcast(&db.changed);
    }
}

static void take(json_t *message, void *data)
{
    const char *method = json_string_value(json_object_get(message, "method")), *id = json_string_value(json_object_get(message, "id"));
    const json_t *params = json_object_get(message, "params");
    bool tell = false;

    pthread_mutex_lock(&db.lock);
    if (text_equal(method, "echo")) {
        json_t *answer = json_pack("{s:O, s:O, s:n}", "id", json_object_get(message, "id") ?: json_null(), "result", params ?: json_null(), "error");

        send_text(answer);
        json_decref(answer);
    } else if (text_equal(method, "update")) {
        tell = db.tables && take_update(json_array_get(params, 1));
    } else if (!method && text_equal(id, "monitor")) {
        json_decref(db.tables);
        db.tables = json_object();
        tell = take_update(json_object_get(message, "result"));
    } else if (!method) {
        take_answer(message);
    }
    pthread_mutex_unlock(&db.lock);
    if (tell)
        client.changed();
}

static bool open_connection(void)
{
    const struct timeval limit = { PATIENCE_S, 0 };
    int fd = connect_to(client.connection), code = errno;
    json_t *request;
    bool ok = fd >= 0;

    if (ok)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    pthread_mutex_lock(&db.lock);
    db.fd = fd;
    g_strlcpy(db.error, ok ? "" : g_strerror(code), sizeof(db.error));
    request = monitor_request();
    ok = ok && send_text(request);
    json_decref(request);
    pthread_mutex_unlock(&db.lock);
    return ok;
}

/* Whoever waits for an answer shall not. What was known stays known until it is read anew: a port is not gone with the connection. */
static void close_connection(void)
{
    pthread_mutex_lock(&db.lock);
    if (db.fd >= 0)
        close(db.fd);
    db.fd = -1;
    g_hash_table_remove_all(db.answers);
    pthread_cond_broadcast(&db.changed);
    pthread_mutex_unlock(&db.lock);
}

/* Reads until the end of the connection or of the client. */
static void read_connection(void)
{
    struct json_stream stream = {};
    struct pollfd polled[] = { { db.fd, POLLIN, 0 }, { client.stop, POLLIN, 0 } };
    char bytes[16384];
    ssize_t n;

    while (poll(polled, 2, -1) >= 0 || errno == EINTR) {
        if (polled[1].revents)
            break;
        n = recv(polled[0].fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            break;
        if (!json_stream_feed(&stream, bytes, (size_t)n, take, NULL)) {
            log_error(NULL, "the Open vSwitch database said what is no JSON-RPC: the connection is made anew");
            break;
        }
    }
    json_stream_clear(&stream);
}

static void *client_main(void *data)
{
    struct pollfd stop = { client.stop, POLLIN, 0 };
    bool said = false;

    pthread_setname_np(pthread_self(), "ovsdb");
    do {
        if (open_connection()) {
            said = false;
            read_connection();
        } else if (!said) {
            said = true;
            log_warning(NULL, "the Open vSwitch database does not answer at %s: %s", client.connection, db.error);
        }
        close_connection();
    } while (poll(&stop, 1, 500) == 0);
    return NULL;
}

/* ---- values -------------------------------------------------------------------------------------------------- */

static bool is_tagged(const json_t *value, const char *tag)
{
    return json_array_size(value) == 2 && text_equal(json_string_value(json_array_get(value, 0)), tag);
}

size_t ovsdb_set_size(const json_t *value)
{
    return is_tagged(value, "set") ? json_array_size(json_array_get(value, 1)) : value ? 1 : 0;
}

const json_t *ovsdb_set_at(const json_t *value, size_t i)
{
    return is_tagged(value, "set") ? json_array_get(json_array_get(value, 1), i) : i == 0 ? value : NULL;
}

const char *ovsdb_uuid(const json_t *value)
{
    return is_tagged(value, "uuid") || is_tagged(value, "named-uuid") ? json_string_value(json_array_get(value, 1)) : NULL;
}

const char *ovsdb_map_get(const json_t *map, const char *key)
{
    const json_t *pair;
    size_t i;

    if (is_tagged(map, "map"))
        json_array_foreach(json_array_get(map, 1), i, pair)
            if (text_equal(json_string_value(json_array_get(pair, 0)), key))
                return json_string_value(json_array_get(pair, 1));
    return NULL;
}

json_t *ovsdb_map(const char *const *pairs)
{
    json_t *list = json_array();

    for (size_t i = 0; pairs && pairs[i]; i += 2)
        if (pairs[i + 1])
            json_array_append_new(list, json_pack("[s, s]", pairs[i], pairs[i + 1]));
    return json_pack("[s, o]", "map", list);
}

json_t *ovsdb_where(const char *column, const char *value)
{
    return json_pack("[[s, s, s]]", column, "==", value);
}
