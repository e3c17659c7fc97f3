/* Reading bodies. Who reads is liberal: version, namespace and args may be missing, and a body without the envelope is the message itself.
 * Nearly every message is plain JSON: its members are found where they stand; only those that are handed on become trees.
 */
#include "oslo/messaging/envelope.h"

#include <stdio.h>
#include <string.h>

#include "oslo/messaging/internal.h"

static bool wrong(char why[ENVELOPE_WHY], const char *what)
{
    g_strlcpy(why, what, ENVELOPE_WHY);
    return false;
}

/* ---- the envelope --------------------------------------------------------------------------------------------- */

/* The message in an envelope that is written just as we (and Python) write it; NULL of any other. */
static char *unwrap(const char *body, size_t n, size_t *ret_n)
{
    const size_t before = strlen(ENVELOPE_BEFORE), after = strlen(ENVELOPE_AFTER);
    const char *from, *end;
    char *text, *to;

    if (n < before + after || memcmp(body, ENVELOPE_BEFORE, before) != 0 || memcmp(body + n - after, ENVELOPE_AFTER, after) != 0)
        return NULL;
    from = body + before;
    end = body + n - after;
    text = to = g_malloc((size_t)(end - from) + 8);
    while (from < end) {
        if (end - from >= 8) {
            size_t plain = text_plain_8(from);

            memcpy(to, from, 8);
            from += plain;
            to += plain;
            if (plain == 8)
                continue;
        }
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

static bool scan_member(struct plain *p, struct envelope_member *m)
{
    *m = (struct envelope_member){};
    if (!plain_text(p, &m->key, &m->key_n) || !plain_is(p, ':'))
        return false;
    return plain_at(p, '"') ? plain_text(p, &m->text, &m->n) : (m->tree = plain_tree(p)) != NULL;
}

static bool scan_members(struct envelope *e, struct plain *p)
{
    if (!plain_is(p, '{'))
        return false;
    if (plain_is(p, '}'))
        return plain_over(p);
    do
        if (e->n == ENVELOPE_MEMBERS || !scan_member(p, &e->members[e->n++]))
            return false;
    while (plain_is(p, ','));
    return plain_is(p, '}') && plain_over(p);
}

static void forget_members(struct envelope *e)
{
    while (e->n)
        json_decref(e->members[--e->n].tree);
}

/* Finds the members of a message's text, which is changed only where all of it is plain: then its texts end with a NUL. */
static bool scan(struct envelope *e, char *text, size_t n)
{
    struct plain p = { text, text + n };

    if (!scan_members(e, &p)) {
        forget_members(e);
        return false;
    }
    for (int i = 0; i < e->n; i++) {
        text[e->members[i].key - text + (ptrdiff_t)e->members[i].key_n] = 0;
        if (e->members[i].text)
            text[e->members[i].text - text + (ptrdiff_t)e->members[i].n] = 0;
    }
    return true;
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

bool envelope_open(struct envelope *e, const char *body, size_t n, char why[ENVELOPE_WHY])
{
    size_t length;

    e->n = 0;
    e->object = NULL;
    e->text = unwrap(body, n, &length);
    if (e->text && scan(e, e->text, length))
        return true;
    e->object = e->text ? parse(e->text, length, why) : open_outer(body, n, why);
    if (e->object && !json_is_object(e->object)) {
        wrong(why, "the message is no object");
        g_clear_pointer(&e->object, json_decref);
    }
    if (!e->object)
        g_clear_pointer(&e->text, g_free);
    return e->object != NULL;
}

void envelope_close(struct envelope *e)
{
    forget_members(e);
    json_decref(e->object);
    g_free(e->text);
}

/* ---- its members ---------------------------------------------------------------------------------------------- */

/* Of two with one name, the last. */
static const struct envelope_member *member_at(const struct envelope *e, const char *key)
{
    size_t n = strlen(key);

    for (int i = e->n; i > 0; i--)
        if (e->members[i - 1].key_n == n && memcmp(e->members[i - 1].key, key, n) == 0)
            return &e->members[i - 1];
    return NULL;
}

/* NULL where it is no text. */
static const char *text_at(const struct envelope *e, const char *key)
{
    const struct envelope_member *m = member_at(e, key);

    return e->object ? json_string_value(json_object_get(e->object, key)) : m ? m->text : NULL;
}

static json_t *member_tree(const struct envelope_member *m)
{
    return m->text ? json_stringn_nocheck(m->text, m->n) : json_incref(m->tree);
}

/* A new reference, or NULL. */
static json_t *tree_at(const struct envelope *e, const char *key)
{
    const struct envelope_member *m = member_at(e, key);

    return e->object ? json_incref(json_object_get(e->object, key)) : m ? member_tree(m) : NULL;
}

static bool is_true_at(const struct envelope *e, const char *key)
{
    const struct envelope_member *m = member_at(e, key);

    return json_is_true(e->object ? json_object_get(e->object, key) : m ? m->tree : NULL);
}

/* The members with our prefix as an object of their own, without it. */
static json_t *read_context(const struct envelope *e)
{
    json_t *context = json_object(), *value;
    const char *key;

    json_object_foreach(e->object, key, value)
        if (g_str_has_prefix(key, ENVELOPE_CONTEXT))
            json_object_set_nocheck(context, key + strlen(ENVELOPE_CONTEXT), value);
    for (int i = 0; i < e->n; i++)
        if (g_str_has_prefix(e->members[i].key, ENVELOPE_CONTEXT))
            json_object_set_new_nocheck(context, e->members[i].key + strlen(ENVELOPE_CONTEXT), member_tree(&e->members[i]));
    return context;
}

static int64_t read_monitor(const struct envelope *e)
{
    json_t *monitor = tree_at(e, "_timeout");
    int64_t seconds = json_is_number(monitor) ? (int64_t)CLAMP(json_number_value(monitor), 0, 1e6) : 0;

    json_decref(monitor);
    return seconds;
}

/* ---- what it says --------------------------------------------------------------------------------------------- */

bool envelope_read_request(const struct envelope *e, struct envelope_request *ret, char why[ENVELOPE_WHY])
{
    const char *method = text_at(e, "method");
    json_t *args;

    if (!method)
        return wrong(why, "the message names no method");
    args = tree_at(e, "args");
    if (args && !json_is_object(args) && !json_is_null(args)) {
        json_decref(args);
        return wrong(why, "the arguments are no object");
    }
    if (json_is_null(args))
        g_clear_pointer(&args, json_decref);
    *ret = (struct envelope_request){ .message = message_new(method, args, read_context(e)), .unique_id = text_at(e, "_unique_id"),
                                      .message_id = text_at(e, "_msg_id"), .reply_queue = text_at(e, "_reply_q"), .monitor = read_monitor(e) };
    ret->message->rpc_namespace = g_strdup(text_at(e, "namespace"));
    ret->message->version = g_strdup(text_at(e, "version"));
    if (!ret->message_id || !ret->reply_queue || strlen(ret->reply_queue) > 255)
        ret->message_id = ret->reply_queue = NULL;
    return true;
}

bool envelope_read_notification(const struct envelope *e, struct envelope_request *ret, char why[ENVELOPE_WHY])
{
    const char *event = text_at(e, "event_type");

    if (!event)
        return wrong(why, "the notification names no event");
    *ret = (struct envelope_request){ .message = message_new(event, tree_at(e, "payload") ?: json_null(), read_context(e)),
                                      .unique_id = text_at(e, "_unique_id") };
    ret->message->publisher = g_strdup(text_at(e, "publisher_id"));
    ret->message->priority = g_ascii_strdown(text_at(e, "priority") ?: "info", -1);
    return true;
}

bool envelope_read_reply(const struct envelope *e, struct envelope_reply *ret, char why[ENVELOPE_WHY])
{
    const char *id = text_at(e, "_msg_id");
    json_t *failure;

    if (!id)
        return wrong(why, "the reply names no message");
    *ret = (struct envelope_reply){ .message_id = id, .ending = is_true_at(e, "ending") };
    failure = tree_at(e, "failure");
    if (json_is_object(failure))
        ret->failure = json_incref(failure);
    else if (json_is_string(failure))
        ret->failure = parse(json_string_value(failure), json_string_length(failure), why);
    bool well = ret->failure || !json_is_string(failure);
    json_decref(failure);
    if (well)
        ret->result = tree_at(e, "result");
    return well;
}

void envelope_reply_clear(struct envelope_reply *r)
{
    json_decref(r->result);
    json_decref(r->failure);
    *r = (struct envelope_reply){};
}
