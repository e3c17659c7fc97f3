/* A request: its path and query, its body, and those made for another's sake. */
#include "swift/message.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>

static char *next_segment(struct ctx *c, const char **at)
{
    size_t n = strcspn(*at, "/");
    char *segment = ctx_strndup(c, *at, n);

    *at += n;
    return segment;
}

static void query_add(struct buf *to, const struct pair *p)
{
    buf_puts(to, to->len ? "&" : "");
    name_quote_to(to, p->name, "");
    buf_putc(to, '=');
    name_quote_to(to, p->value, "");
}

const char *request_query_with(struct ctx *c, const struct swift_request *r, const char *const *without, const struct pair *with)
{
    struct buf q = {};
    const char *text;

    for (const struct pair *p = with; p->name; p++)
        query_add(&q, p);
    for (const struct pair *p = r->query; p && p->name; p++) {
        const struct pair *w = with;

        while (w->name && strcmp(w->name, p->name))
            w++;
        if (!w->name && !text_in(p->name, without))
            query_add(&q, p);
    }
    text = ctx_strdup(c, q.data);
    buf_clear(&q);
    return text;
}

/* "/v1/a", "/v1/a/c", "/v1/a/c/o/with/slashes"; one slash at the end of an account or container does not count. */
bool request_split(struct ctx *c, struct swift_request *r)
{
    const char *at = r->path;

    r->version = r->account = r->container = r->object = NULL;
    if (*at != '/')
        return false;
    at++;
    const char *version = next_segment(c, &at);
    if (*at != '/' || !*version)
        return false;
    at++;
    const char *account = next_segment(c, &at);
    if (!*account)
        return false;
    r->version = version;
    r->account = account;
    if (!*at || !at[1])
        return true;
    at++;
    r->container = next_segment(c, &at);
    if (!*r->container) {
        r->version = r->account = r->container = NULL;
        return false;
    }
    if (*at && at[1])
        r->object = at + 1;
    return true;
}

void request_set_path(struct ctx *c, struct swift_request *r, const char *account, const char *container, const char *object)
{
    if (!r->version)
        r->version = "v1";
    r->account = account;
    r->container = container;
    r->object = object;
    r->path = ctx_printf(c, "/%s/%s%s%s%s%s", r->version, account, container ? "/" : "", container ? container : "", object ? "/" : "",
                         object ? object : "");
}

static const struct pair *parse_query(struct ctx *c, const char *text)
{
    struct pair *pairs;
    size_t n = 1, used = 0;

    for (const char *at = text; *at; at++)
        n += *at == '&' || *at == ';';
    pairs = ctx_new_n(c, struct pair, n + 1);
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "&"), name = 0;

        while (name < length && at[name] != '=')
            name++;
        if (length)
            pairs[used++] = (struct pair){ name_decode(c, at, name, true) ?: "",
                                           name < length ? name_decode(c, at + name + 1, length - name - 1, true) ?: "\xff" : "" };
        at += length + (at[length] == '&');
    }
    return pairs;
}

void request_set_query(struct ctx *c, struct swift_request *r, const char *query_text)
{
    r->query_text = query_text ? query_text : "";
    r->query = parse_query(c, r->query_text);
}

const char *request_get(const struct swift_request *r, const char *header)
{
    return headers_get(&r->headers, header);
}

const char *request_param(const struct swift_request *r, const char *name)
{
    const char *value = NULL;

    for (const struct pair *p = r->query; p && p->name; p++)
        if (!strcmp(p->name, name))
            value = p->value;
    return value;
}

/* --- for another's sake ------------------------------------------------------------------------------------------- */

struct swift_request *request_sub(struct ctx *c, const struct swift_request *sake, const char *method, const char *account,
                                  const char *container, const char *object, const char *source)
{
    struct swift_request *r = ctx_new(c, struct swift_request);

    r->method = method;
    r->version = sake->version;
    r->env = ctx_new(c, struct swift_env);
    *r->env = *sake->env;
    r->env->depth++;
    r->env->pause = NULL;
    r->env->acl = NULL;                      /* of another container, maybe: the controllers say which */
    r->env->swift_owner = false;
    if (source)
        r->env->source = source;
    request_set_path(c, r, account, container, object);
    request_set_query(c, r, "");
    if (request_get(sake, "Referer"))        /* ACLs may ask where it comes from */
        headers_set(c, &r->headers, "Referer", request_get(sake, "Referer"));
    return r;
}

static bool anybody(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    return true;
}

struct swift_request *request_kept(struct ctx *c, const struct swift_request *r)
{
    struct swift_request *kept = ctx_new(c, struct swift_request);

    *kept = *r;
    kept->env = ctx_new(c, struct swift_env);
    *kept->env = *r->env;
    kept->env->pause = NULL;
    return kept;
}

struct swift_request *request_sub_authorized(struct ctx *c, const struct swift_request *sake, const char *method, const char *account,
                                             const char *container, const char *object, const char *source)
{
    struct swift_request *r = request_sub(c, sake, method, account, container, object, source);

    r->env->authorize = anybody;
    r->env->authorize_override = true;
    r->env->swift_owner = true;
    return r;
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

bool request_has_waited(struct swift_request *r)
{
    struct request_pause *p = r->env->pause;

    return p && p->at++ < p->passed;
}

bool request_wait(struct ctx *c, struct swift_request *r, double seconds, struct swift_response *response)
{
    struct request_pause *p = r->env->pause;

    if (!p || r->body_read) {
        g_usleep((gulong)(seconds * 1e6));
        return true;
    }
    p->passed = p->at;
    p->until = clock_mono_us() + (int64_t)(seconds * 1e6);
    response_error(c, response, 503, NULL);
    return false;
}

/* --- the body ------------------------------------------------------------------------------------------------------ */

static ssize_t read_bytes(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct swift_request *r = data;
    size_t left = (size_t)(r->length - r->body_read);

    n = MIN(n, left);
    memcpy(bytes, (const char *)r->read_data + r->body_read, n);
    return (ssize_t)n;
}

void request_set_body(struct swift_request *r, const void *bytes, size_t n)
{
    r->read = read_bytes;
    r->read_data = (void *)(uintptr_t)bytes;
    r->length = (int64_t)n;
    r->body_read = 0;
}

ssize_t request_take(struct ctx *c, struct swift_request *r, void *bytes, size_t n)
{
    ssize_t got;

    if (!r->read || r->length == 0)
        return 0;
    got = r->read(c, r->read == read_bytes ? (void *)r : r->read_data, bytes, n);
    if (got > 0)
        r->body_read += got;
    return got;
}

char *request_take_all(struct ctx *c, struct swift_request *r, size_t max, size_t *ret_n, struct swift_response *response)
{
    struct buf all = {};
    char *text = NULL;
    ssize_t got = 1;

    if (r->length > (int64_t)max) {
        response_error(c, response, 413, NULL);
        return NULL;
    }
    while (got > 0 && all.len <= max) {
        buf_reserve(&all, 16384);
        got = request_take(c, r, all.data + all.len, all.cap - all.len - 1);
        all.len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 || (r->length > 0 && (int64_t)all.len < r->length))
        response_error(c, response, c->fault.status == 408 ? 408 : 499, NULL);
    else if (all.len > max)
        response_error(c, response, 413, NULL);
    else
        text = ctx_strndup(c, all.data, all.len);
    *ret_n = all.len;
    buf_clear(&all);
    return text;
}
