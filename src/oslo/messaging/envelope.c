/* Writing and reading bodies. The text is what Python's json.dumps makes: ASCII, ", " and ": ". Who reads is liberal: version,
 * namespace and args may be missing, and a body without the envelope is the message itself.
 */
#include "oslo/messaging/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/buf.h"
#include "oslo/messaging/internal.h"

#define CONTEXT "_context_"
enum { MAJOR = 2, MINOR = 0 };

/* ---- writing -------------------------------------------------------------------------------------------------- */

static void write_id(char id[MESSAGE_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];

    random_bytes(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);          /* as uuid4().hex */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[MESSAGE_ID_SIZE - 1] = 0;
}

static void add_unique_id(json_t *object)
{
    char id[MESSAGE_ID_SIZE];

    write_id(id);
    json_object_set_new_nocheck(object, "_unique_id", json_string_nocheck(id));
}

static void add_context(json_t *object, json_t *context)
{
    char name[256] = CONTEXT;
    const char *key;
    json_t *value;

    json_object_foreach(context, key, value) {
        if (strlen(key) >= sizeof(name) - strlen(CONTEXT))
            continue;
        strcpy(name + strlen(CONTEXT), key);
        json_object_set_nocheck(object, name, value);
    }
}

static int add_text(const char *text, size_t n, void *to)
{
    buf_add(to, text, n);
    return 0;
}

static int add_escaped(const char *text, size_t n, void *to)
{
    struct buf *b = to;

    for (size_t from = 0, at; from < n; from = at) {
        for (at = from; at < n && text[at] != '"' && text[at] != '\\'; at++)
            ;
        buf_add(b, text + from, at - from);
        if (at < n) {
            buf_putc(b, '\\');
            buf_putc(b, text[at++]);
        }
    }
    return 0;
}

/* Takes the object. */
static char *finish(json_t *object, bool wrapped, size_t *ret_n)
{
    struct buf b = {};

    buf_reserve(&b, 2048);
    if (wrapped)
        buf_puts(&b, "{\"oslo.version\": \"2.0\", \"oslo.message\": \"");
    json_dump_callback(object, wrapped ? add_escaped : add_text, &b, JSON_ENSURE_ASCII);
    if (wrapped)
        buf_puts(&b, "\"}");
    json_decref(object);
    *ret_n = b.len;
    return buf_steal(&b);
}

char *envelope_request(const struct message *m, struct delivery_facts *facts, size_t *ret_n)
{
    json_t *object = json_object();

    json_object_set_new_nocheck(object, "method", json_string_nocheck(m->method));
    json_object_set_nocheck(object, "args", m->args);
    if (m->rpc_namespace)
        json_object_set_new_nocheck(object, "namespace", json_string_nocheck(m->rpc_namespace));
    if (m->version)
        json_object_set_new_nocheck(object, "version", json_string_nocheck(m->version));
    if (facts && facts->reply_queue) {
        write_id(facts->message_id);
        json_object_set_new_nocheck(object, "_msg_id", json_string_nocheck(facts->message_id));
        json_object_set_new_nocheck(object, "_reply_q", json_string_nocheck(facts->reply_queue));
        json_object_set_new_nocheck(object, "_timeout", facts->monitor ? json_integer(facts->monitor) : json_null());
    }
    add_unique_id(object);
    add_context(object, m->context);
    return finish(object, true, ret_n);
}

char *envelope_reply(const char *message_id, const struct rpc_reply *reply, bool ending, size_t *ret_n)
{
    json_t *object = json_object();
    char *failure = reply->failure ? json_dumps(reply->failure, JSON_ENSURE_ASCII) : NULL;

    json_object_set_new_nocheck(object, "result", reply->result ? json_incref(reply->result) : json_null());
    json_object_set_new_nocheck(object, "failure", failure ? json_string_nocheck(failure) : json_null());
    json_object_set_new_nocheck(object, "ending", json_boolean(ending));
    json_object_set_new_nocheck(object, "_msg_id", json_string_nocheck(message_id));
    add_unique_id(object);
    free(failure);
    return finish(object, true, ret_n);
}

char *envelope_notification(const struct message *m, bool wrapped, size_t *ret_n)
{
    g_autofree char *priority = g_ascii_strup(m->priority, -1);
    char time[TIME_TEXT_SIZE], id[UUID_TEXT_SIZE];
    json_t *object = json_object();

    json_object_set_new_nocheck(object, "message_id", json_string_nocheck(uuid_write(id)));
    json_object_set_new_nocheck(object, "publisher_id", m->publisher ? json_string_nocheck(m->publisher) : json_null());
    json_object_set_new_nocheck(object, "event_type", json_string_nocheck(m->method));
    json_object_set_new_nocheck(object, "priority", json_string_nocheck(priority));
    json_object_set_nocheck(object, "payload", m->args);
    json_object_set_new_nocheck(object, "timestamp", json_string_nocheck(time_write(time, utc_now(), TIME_SPACE_MICRO)));
    add_unique_id(object);
    add_context(object, m->context);
    return finish(object, wrapped, ret_n);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static bool wrong(char why[ENVELOPE_WHY], const char *what)
{
    g_strlcpy(why, what, ENVELOPE_WHY);
    return false;
}

/* Python's integers have no end and its texts may hold a NUL. */
static json_t *parse(const char *text, size_t n, char why[ENVELOPE_WHY])
{
    json_error_t error;
    json_t *tree = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!tree && json_error_code(&error) == json_error_numeric_overflow)
        tree = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!tree)
        snprintf(why, ENVELOPE_WHY, "no JSON: %.100s at byte %d", error.text, error.position);
    return tree;
}

json_t *envelope_open(const char *body, size_t n, char why[ENVELOPE_WHY])
{
    json_t *outer = parse(body, n, why), *version, *text, *inner = NULL;

    if (!outer)
        return NULL;
    version = json_object_get(outer, "oslo.version");
    text = json_object_get(outer, "oslo.message");
    if (!version || !text) {
        inner = json_incref(outer);
    } else if (!json_is_string(version) || !json_is_string(text)) {
        wrong(why, "the envelope's members are no texts");
    } else if (!version_compatible("2.0", json_string_value(version))) {
        snprintf(why, ENVELOPE_WHY, "Specified RPC envelope version, %.40s, not supported by this endpoint.", json_string_value(version));
    } else {
        inner = parse(json_string_value(text), json_string_length(text), why);
    }
    json_decref(outer);
    if (inner && !json_is_object(inner)) {
        wrong(why, "the message is no object");
        json_decref(inner);
        inner = NULL;
    }
    return inner;
}

static char *text_at(json_t *object, const char *key)
{
    return g_strdup(json_string_value(json_object_get(object, key)));
}

/* Moves the members with our prefix into an object of their own, without it. */
static json_t *read_context(json_t *object)
{
    json_t *context = json_object(), *value;
    const char *key;

    json_object_foreach(object, key, value)
        if (g_str_has_prefix(key, CONTEXT))
            json_object_set_nocheck(context, key + strlen(CONTEXT), value);
    return context;
}

static void read_common(json_t *object, struct envelope_request *ret)
{
    *ret = (struct envelope_request){ .unique_id = json_string_value(json_object_get(object, "_unique_id")) };
}

bool envelope_read_request(json_t *object, struct envelope_request *ret, char why[ENVELOPE_WHY])
{
    const char *method = json_string_value(json_object_get(object, "method"));
    json_t *args = json_object_get(object, "args"), *monitor = json_object_get(object, "_timeout");

    if (!method)
        return wrong(why, "the message names no method");
    if (args && !json_is_object(args) && !json_is_null(args))
        return wrong(why, "the arguments are no object");
    read_common(object, ret);
    ret->message = message_new(method, json_is_object(args) ? json_incref(args) : NULL, read_context(object));
    ret->message->rpc_namespace = text_at(object, "namespace");
    ret->message->version = text_at(object, "version");
    ret->message_id = json_string_value(json_object_get(object, "_msg_id"));
    ret->reply_queue = ret->message_id ? json_string_value(json_object_get(object, "_reply_q")) : NULL;
    if (!ret->reply_queue || strlen(ret->reply_queue) > 255)
        ret->message_id = ret->reply_queue = NULL;
    ret->monitor = json_is_number(monitor) ? (int64_t)CLAMP(json_number_value(monitor), 0, 1e6) : 0;
    return true;
}

bool envelope_read_notification(json_t *object, struct envelope_request *ret, char why[ENVELOPE_WHY])
{
    const char *event = json_string_value(json_object_get(object, "event_type"));
    json_t *payload = json_object_get(object, "payload");

    if (!event)
        return wrong(why, "the notification names no event");
    read_common(object, ret);
    ret->message = message_new(event, payload ? json_incref(payload) : json_null(), read_context(object));
    ret->message->publisher = text_at(object, "publisher_id");
    ret->message->priority = g_ascii_strdown(json_string_value(json_object_get(object, "priority")) ?: "info", -1);
    return true;
}

bool envelope_read_reply(json_t *object, struct envelope_reply *ret, char why[ENVELOPE_WHY])
{
    const char *id = json_string_value(json_object_get(object, "_msg_id"));
    json_t *failure = json_object_get(object, "failure"), *result = json_object_get(object, "result");

    if (!id)
        return wrong(why, "the reply names no message");
    *ret = (struct envelope_reply){ .message_id = id, .ending = json_is_true(json_object_get(object, "ending")) };
    if (json_is_string(failure) && !(ret->failure = parse(json_string_value(failure), json_string_length(failure), why)))
        return false;
    if (json_is_object(failure))
        ret->failure = json_incref(failure);
    ret->result = json_incref(result);
    return true;
}

void envelope_reply_clear(struct envelope_reply *r)
{
    json_decref(r->result);
    json_decref(r->failure);
    *r = (struct envelope_reply){};
}
