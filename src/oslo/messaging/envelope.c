/* Writing and reading bodies. The text is what Python's json.dumps makes: ASCII, ", " and ": ". Who reads is liberal: version,
 * namespace and args may be missing, and a body without the envelope is the message itself.
 */
#include "oslo/messaging/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/buf.h"
#include "oslo/messaging/internal.h"
#include "oslo/record/out.h"

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

static void write_unique_id(struct out *o)
{
    char id[MESSAGE_ID_SIZE];

    write_id(id);
    out_string(o, "_unique_id", id);
}

static bool is_ascii(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)(text[i] - 1) >= 0x7F)            /* NUL too, which ends what out_string() writes */
            return false;
    return true;
}

static int add_text(const char *text, size_t n, void *to)
{
    buf_add(to, text, n);
    return 0;
}

/* What is rare, as jansson writes it. */
static void write_odd(struct out *o, const char *key, const json_t *tree)
{
    out_raw(o, key, "");
    json_dump_callback(tree, add_text, o->to, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
}

static bool has_plain_keys(json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
        if (!is_ascii(key, strlen(key)))
            return false;
    return true;
}

/* Plain texts are nearly all there is. */
static void write_tree(struct out *o, const char *key, json_t *tree)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_string(tree) && is_ascii(json_string_value(tree), json_string_length(tree))) {
        out_string(o, key, json_string_value(tree));
    } else if (json_is_object(tree) && has_plain_keys(tree)) {
        out_object(o, key);
        json_object_foreach(tree, name, value)
            write_tree(o, name, value);
        out_end_object(o);
    } else if (json_is_array(tree)) {
        out_array(o, key);
        json_array_foreach(tree, i, value)
            write_tree(o, NULL, value);
        out_end_array(o);
    } else if (json_is_integer(tree)) {
        out_int(o, key, json_integer_value(tree));
    } else if (json_is_boolean(tree)) {
        out_bool(o, key, json_is_true(tree));
    } else if (!tree || json_is_null(tree)) {
        out_null(o, key);
    } else {
        write_odd(o, key, tree);
    }
}

static void write_context(struct out *o, json_t *context)
{
    char name[256] = CONTEXT;
    const char *key;
    json_t *value;

    json_object_foreach(context, key, value) {
        size_t n = strlen(key);

        if (n >= sizeof(name) - strlen(CONTEXT))
            continue;
        memcpy(name + strlen(CONTEXT), key, n + 1);
        write_tree(o, name, value);
    }
}

static void add_escaped(struct buf *to, const char *text, size_t n)
{
    char *at;

    buf_reserve(to, 2 * n);
    at = to->data + to->len;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\')
            *at++ = '\\';
        *at++ = text[i];
    }
    to->len = (size_t)(at - to->data);
    *at = 0;
}

#define BEFORE "{\"oslo.version\": \"2.0\", \"oslo.message\": \""
#define AFTER "\"}"

static struct out begin(struct buf *to)
{
    struct out o = { .to = to };

    buf_reserve(to, 1500);
    out_object(&o, NULL);
    return o;
}

static char *finish(struct out *o, bool wrapped, size_t *ret_n)
{
    struct buf b = {};

    out_end_object(o);
    if (!wrapped) {
        *ret_n = o->to->len;
        return buf_steal(o->to);
    }
    buf_reserve(&b, o->to->len + o->to->len / 4);
    buf_puts(&b, BEFORE);
    add_escaped(&b, o->to->data, o->to->len);
    buf_puts(&b, AFTER);
    buf_clear(o->to);
    *ret_n = b.len;
    return buf_steal(&b);
}

/* What we make ourselves is plain; what others name may be anything. */
static void write_text(struct out *o, const char *key, const char *text)
{
    json_t *tree = text && !is_ascii(text, strlen(text)) ? json_string(text) : NULL;

    if (tree)
        write_odd(o, key, tree);
    else
        out_string(o, key, text);
    json_decref(tree);
}

char *envelope_request(const struct message *m, struct delivery_facts *facts, size_t *ret_n)
{
    struct buf text = {};
    struct out o = begin(&text);

    write_text(&o, "method", m->method);
    write_tree(&o, "args", m->args);
    if (m->rpc_namespace)
        write_text(&o, "namespace", m->rpc_namespace);
    if (m->version)
        write_text(&o, "version", m->version);
    if (facts && facts->reply_queue) {
        write_id(facts->message_id);
        out_string(&o, "_msg_id", facts->message_id);
        out_string(&o, "_reply_q", facts->reply_queue);
        if (facts->monitor)
            out_int(&o, "_timeout", facts->monitor);
        else
            out_null(&o, "_timeout");
    }
    write_unique_id(&o);
    write_context(&o, m->context);
    return finish(&o, true, ret_n);
}

char *envelope_reply(const char *message_id, const struct rpc_reply *reply, bool ending, size_t *ret_n)
{
    char *failure = reply->failure ? json_dumps(reply->failure, JSON_ENSURE_ASCII) : NULL;
    struct buf text = {};
    struct out o = begin(&text);

    write_tree(&o, "result", reply->result);
    out_string(&o, "failure", failure);
    out_bool(&o, "ending", ending);
    write_text(&o, "_msg_id", message_id);
    write_unique_id(&o);
    free(failure);
    return finish(&o, true, ret_n);
}

char *envelope_notification(const struct message *m, bool wrapped, size_t *ret_n)
{
    g_autofree char *priority = g_ascii_strup(m->priority, -1);
    char time[TIME_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct buf text = {};
    struct out o = begin(&text);

    out_string(&o, "message_id", uuid_write(id));
    write_text(&o, "publisher_id", m->publisher);
    write_text(&o, "event_type", m->method);
    write_text(&o, "priority", priority);
    write_tree(&o, "payload", m->args);
    out_string(&o, "timestamp", time_write(time, utc_now(), TIME_SPACE_MICRO));
    write_unique_id(&o);
    write_context(&o, m->context);
    return finish(&o, wrapped, ret_n);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static bool wrong(char why[ENVELOPE_WHY], const char *what)
{
    g_strlcpy(why, what, ENVELOPE_WHY);
    return false;
}

/* The message in an envelope that is written just as we (and Python) write it; NULL of any other. */
static char *unwrap(const char *body, size_t n, size_t *ret_n)
{
    const size_t before = strlen(BEFORE), after = strlen(AFTER);
    const char *from, *end;
    char *text, *to;

    if (n < before + after || memcmp(body, BEFORE, before) != 0 || memcmp(body + n - after, AFTER, after) != 0)
        return NULL;
    from = body + before;
    end = body + n - after;
    text = to = g_malloc((size_t)(end - from) + 1);
    while (from < end) {
        if (*from == '\\' && from + 1 < end && (from[1] == '"' || from[1] == '\\'))
            from++;
        else if (*from == '\\' || *from == '"' || (unsigned char)*from < 0x20) {
            g_free(text);
            return NULL;
        }
        *to++ = *from++;
    }
    *ret_n = (size_t)(to - text);
    return text;
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

static json_t *object_or_nothing(json_t *inner, char why[ENVELOPE_WHY])
{
    if (!inner || json_is_object(inner))
        return inner;
    wrong(why, "the message is no object");
    json_decref(inner);
    return NULL;
}

/* Of any shape that JSON allows. */
static json_t *open_outer(const char *body, size_t n, char why[ENVELOPE_WHY])
{
    json_t *outer = parse(body, n, why), *version, *text, *inner = NULL;

    if (!outer)
        return NULL;
    version = json_object_get(outer, "oslo.version");
    text = json_object_get(outer, "oslo.message");
    if (!version || !text)
        inner = json_incref(outer);
    else if (!json_is_string(version) || !json_is_string(text))
        wrong(why, "the envelope's members are no texts");
    else if (!version_compatible("2.0", json_string_value(version)))
        snprintf(why, ENVELOPE_WHY, "Specified RPC envelope version, %.40s, not supported by this endpoint.", json_string_value(version));
    else
        inner = parse(json_string_value(text), json_string_length(text), why);
    json_decref(outer);
    return inner;
}

json_t *envelope_open(const char *body, size_t n, char why[ENVELOPE_WHY])
{
    size_t length;
    char *text = unwrap(body, n, &length);
    json_t *inner = text ? parse(text, length, why) : open_outer(body, n, why);

    g_free(text);
    return object_or_nothing(inner, why);
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
