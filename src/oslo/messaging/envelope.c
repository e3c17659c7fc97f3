/* Writing bodies. The text is what Python's json.dumps makes: ASCII, ", " and ": ". */
#include "oslo/messaging/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/buf.h"
#include "oslo/messaging/internal.h"
#include "oslo/record/out.h"

enum { USUAL_SIZE = 1000 };

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
    for (size_t i = text_plain(text, n); i < n; i++)
        if ((unsigned char)(text[i] - 1) >= 0x7F)            /* NUL too, which ends what out_string() writes */
            return false;
    return true;
}

/* What is rare, as jansson writes it. */
static void write_odd(struct out *o, const char *key, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

    out_raw(o, key, text);
    free(text);
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
    char name[256] = ENVELOPE_CONTEXT;
    const char *key;
    json_t *value;

    json_object_foreach(context, key, value) {
        size_t n = strlen(key);

        if (n >= sizeof(name) - strlen(ENVELOPE_CONTEXT))
            continue;
        memcpy(name + strlen(ENVELOPE_CONTEXT), key, n + 1);
        write_tree(o, name, value);
    }
}

static struct out begin(struct buf *to, bool wrapped)
{
    struct out o = { .to = to, .within = wrapped };

    buf_reserve(to, USUAL_SIZE);
    if (wrapped)
        buf_puts(to, ENVELOPE_BEFORE);
    out_object(&o, NULL);
    return o;
}

static char *finish(struct out *o, size_t *ret_n)
{
    out_end_object(o);
    if (o->within)
        buf_puts(o->to, ENVELOPE_AFTER);
    *ret_n = o->to->len;
    return buf_steal(o->to);
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
    struct out o = begin(&text, true);

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
    return finish(&o, ret_n);
}

char *envelope_reply(const char *message_id, const struct rpc_reply *reply, bool ending, size_t *ret_n)
{
    char *failure = reply->failure ? json_dumps(reply->failure, JSON_ENSURE_ASCII) : NULL;
    struct buf text = {};
    struct out o = begin(&text, true);

    write_tree(&o, "result", reply->result);
    out_string(&o, "failure", failure);
    out_bool(&o, "ending", ending);
    write_text(&o, "_msg_id", message_id);
    write_unique_id(&o);
    free(failure);
    return finish(&o, ret_n);
}

char *envelope_notification(const struct message *m, bool wrapped, size_t *ret_n)
{
    g_autofree char *priority = g_ascii_strup(m->priority, -1);
    char time[TIME_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct buf text = {};
    struct out o = begin(&text, wrapped);

    out_string(&o, "message_id", uuid_write(id));
    write_text(&o, "publisher_id", m->publisher);
    write_text(&o, "event_type", m->method);
    write_text(&o, "priority", priority);
    write_tree(&o, "payload", m->args);
    out_string(&o, "timestamp", time_write(time, utc_now(), TIME_SPACE_MICRO));
    write_unique_id(&o);
    write_context(&o, m->context);
    return finish(&o, ret_n);
}
