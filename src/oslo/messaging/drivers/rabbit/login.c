/* start -> start-ok, tune -> tune-ok, open -> open-ok; and close. Straight on, within a deadline: nobody shares the link yet. */
#include "oslo/messaging/drivers/rabbit/login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHANNEL_LIMIT = 2047 };

/* A link and what has been read from it. */
struct talk {
    struct link *link;
    struct buf in;
    amqp_pool_t pool;
    int64_t deadline;
    char *why;
};

static bool say(struct talk *t, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t wrote = link_write(t->link, bytes + at, n - at);

        if (wrote < 0 || (wrote == 0 && !link_wait(t->link, true, t->deadline))) {
            snprintf(t->why, WHY_SIZE, "%s", g_strerror(errno));
            return false;
        }
        at += (size_t)wrote;
    }
    return true;
}

static bool say_method(struct talk *t, amqp_method_number_t id, void *method)
{
    struct buf bytes = {};

    frame_method(&bytes, 0, id, method);
    bool said = say(t, bytes.data, bytes.len);
    buf_clear(&bytes);
    return said;
}

/* The next method, which must be that one; a close is why it is not. */
static const void *hear(struct talk *t, amqp_method_number_t id)
{
    struct frame f;
    amqp_method_t method;
    ssize_t n;

    while ((n = frame_read((uint8_t *)t->in.data, t->in.len, FRAME_MAX, &f)) == 0) {
        buf_reserve(&t->in, 4096);
        ssize_t got = link_read(t->link, t->in.data + t->in.len, 4096);

        if (got < 0 || (got == 0 && !link_wait(t->link, false, t->deadline))) {
            snprintf(t->why, WHY_SIZE, "%s", errno ? g_strerror(errno) : "closed by the broker while logging in");
            return NULL;
        }
        t->in.len += (size_t)got;
    }
    if (n < 0 || f.type != AMQP_FRAME_METHOD || !frame_read_method(&f, &t->pool, &method)) {
        snprintf(t->why, WHY_SIZE, "it does not speak AMQP 0-9-1");
        return NULL;
    }
    if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *closed = method.decoded;

        snprintf(t->why, WHY_SIZE, "%d %.*s", closed->reply_code, (int)MIN(closed->reply_text.len, 200), (char *)closed->reply_text.bytes);
        return NULL;
    }
    if (method.id != id) {
        snprintf(t->why, WHY_SIZE, "method %x where %x was due", method.id, id);
        return NULL;
    }
    memmove(t->in.data, t->in.data + n, t->in.len - (size_t)n);
    t->in.len -= (size_t)n;
    return method.decoded;
}

static void put_short(struct buf *to, const char *text)
{
    buf_putc(to, (char)strlen(text));
    buf_puts(to, text);
}

static void put_long(struct buf *to, const char *text)
{
    size_t n = strlen(text);

    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(to, (char)(n >> shift));
    buf_puts(to, text);
}

/* What the mechanism wants to know. */
static void put_response(struct buf *to, const char *mechanism, const struct transport_host *host)
{
    const char *user = host->user && *host->user ? host->user : "guest", *password = host->password ?: host->user ? host->password : "guest";

    if (strcmp(mechanism, "AMQPLAIN") == 0) {        /* a table without its length */
        put_short(to, "LOGIN");
        buf_putc(to, 'S');
        put_long(to, user);
        put_short(to, "PASSWORD");
        buf_putc(to, 'S');
        put_long(to, password ?: "");
    } else if (strcmp(mechanism, "PLAIN") == 0) {
        buf_putc(to, 0);
        buf_puts(to, user);
        buf_putc(to, 0);
        buf_puts(to, password ?: "");
    } else if (strcmp(mechanism, "RABBIT-CR-DEMO") == 0) {
        buf_puts(to, user);
    }
}

static bool start(struct talk *t, const struct rabbit_options *options, const struct transport_host *host, const char *name)
{
#define TRUTH(text) { .key = bytes_of(text), .value = { .kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1 } }
#define TEXT(text, what) { .key = bytes_of(text), .value = { .kind = AMQP_FIELD_KIND_UTF8, .value.bytes = bytes_of(what) } }
    const char *mechanism = options->rabbit_login_method ?: "AMQPLAIN";
    g_autofree char *connection = g_strdup_printf("nacre:%d:%s", (int)getpid(), name);
    amqp_table_entry_t capabilities[] = { TRUTH("consumer_cancel_notify"), TRUTH("connection.blocked"), TRUTH("authentication_failure_close"),
                                          TRUTH("publisher_confirms"), TRUTH("basic.nack") };
    amqp_table_entry_t properties[] = {
        TEXT("product", "nacre"), TEXT("version", NACRE_VERSION), TEXT("connection_name", connection),
        { .key = bytes_of("capabilities"),
          .value = { .kind = AMQP_FIELD_KIND_TABLE, .value.table = { G_N_ELEMENTS(capabilities), capabilities } } },
    };
    struct buf response = {};

    put_response(&response, mechanism, host);
    amqp_connection_start_ok_t ok = {
        .client_properties = { G_N_ELEMENTS(properties), properties }, .mechanism = bytes_of(mechanism),
        .response = { response.len, response.data }, .locale = bytes_of("en_US"),
    };
    bool said = say_method(t, AMQP_CONNECTION_START_OK_METHOD, &ok);
    if (response.data)
        explicit_bzero(response.data, response.len);
    buf_clear(&response);
    return said;
#undef TRUTH
#undef TEXT
}

/* The lesser of two limits, where 0 is none. */
static int64_t lesser(int64_t a, int64_t b)
{
    return !a ? b : !b ? a : MIN(a, b);
}

bool login(struct link *link, const struct rabbit_options *options, const struct transport_host *host, const char *virtual_host,
           const char *name, int64_t deadline, struct login *ret, char why[WHY_SIZE])
{
    struct talk t = { .link = link, .deadline = deadline, .why = why };
    const amqp_connection_tune_t *tune;
    bool well = false;

    init_amqp_pool(&t.pool, 4096);
    if (say(&t, "AMQP\0\0\x09\x01", 8) && hear(&t, AMQP_CONNECTION_START_METHOD) && start(&t, options, host, name) &&
        (tune = hear(&t, AMQP_CONNECTION_TUNE_METHOD))) {
        amqp_connection_open_t open = { .virtual_host = bytes_of(*virtual_host ? virtual_host : "/") };
        amqp_connection_tune_ok_t ok = {
            .channel_max = (uint16_t)lesser(tune->channel_max, CHANNEL_LIMIT), .frame_max = (uint32_t)lesser(tune->frame_max, FRAME_MAX),
            .heartbeat = options->heartbeat_timeout_threshold ? (uint16_t)lesser(tune->heartbeat, options->heartbeat_timeout_threshold) : 0,
        };

        *ret = (struct login){ .frame_max = ok.frame_max, .heartbeat = ok.heartbeat };
        well = say_method(&t, AMQP_CONNECTION_TUNE_OK_METHOD, &ok) && say_method(&t, AMQP_CONNECTION_OPEN_METHOD, &open) &&
               hear(&t, AMQP_CONNECTION_OPEN_OK_METHOD);
    }
    empty_amqp_pool(&t.pool);
    buf_clear(&t.in);
    return well;
}

void login_end(struct link *link, const char *bytes, size_t n, int64_t deadline)
{
    char why[WHY_SIZE], rest[4096];
    struct talk t = { .link = link, .deadline = deadline, .why = why };
    amqp_connection_close_t close = { .reply_code = AMQP_REPLY_SUCCESS, .reply_text = bytes_of("bye") };

    if (!say(&t, bytes, n) || !say_method(&t, AMQP_CONNECTION_CLOSE_METHOD, &close))
        return;
    while (link_wait(link, false, deadline) && link_read(link, rest, sizeof(rest)) >= 0)      /* until the broker closes */
        ;
}
