/* tempurl: whoever has a URL that is signed with a key of the account or the container may use it until it expires. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/middleware/acl.h"
#include "swift/middleware/temporary.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct tempurl_options {
    char *methods, *incoming_remove_headers, *incoming_allow_headers, *outgoing_remove_headers, *outgoing_allow_headers, *allowed_digests, *path_prefix;
};

#define OPTION(member, otherwise, text) ATTR(struct tempurl_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(methods, "GET HEAD PUT POST DELETE", "Methods that may be signed."),
    OPTION(incoming_remove_headers, "x-timestamp", "Headers that are taken off requests; '*' at the end: a prefix."),
    OPTION(incoming_allow_headers, "", "Exceptions from it."),
    OPTION(outgoing_remove_headers, "x-object-meta-*", "Headers that are taken off answers."),
    OPTION(outgoing_allow_headers, "x-object-meta-public-*", "Exceptions from it."),
    OPTION(allowed_digests, "sha1 sha256 sha512", "Algorithms of signatures."),
    OPTION(path_prefix, "", "What stands before the path when it is signed."),
    {}
};

struct tempurl {                     /* what the query says */
    const char *signature, *expires_text, *prefix, *filename, *range;
    bool inline_;
    int64_t expires;                 /* 0: over, or none */
};

struct scope { const char *account, *container; };       /* container NULL: all of the account */

static json_t *words_json(const char *text)
{
    json_t *list = json_array();
    char **words = g_strsplit(text, " ", -1);

    for (size_t i = 0; words[i]; i++)
        if (*words[i])
            json_array_append_new(list, json_string(words[i]));
    g_strfreev(words);
    return list;
}

static bool open_tempurl(struct ctx *c, struct step *step)
{
    const struct tempurl_options *o = step->options;
    json_t *info = json_pack("{s:o, s:o, s:o, s:o, s:o}", "methods", words_json(o->methods), "incoming_remove_headers", words_json(o->incoming_remove_headers),
                             "incoming_allow_headers", words_json(o->incoming_allow_headers), "outgoing_remove_headers",
                             words_json(o->outgoing_remove_headers), "outgoing_allow_headers", words_json(o->outgoing_allow_headers));

    temporary_info(info, o->allowed_digests);
    info_register("tempurl", info, false);
    return true;
}

static bool listed(struct ctx *c, const char *list, const char *header)
{
    char **words = text_split(c, list, ' ');

    for (size_t i = 0; words[i]; i++) {
        size_t n = strlen(words[i]);

        if (n && words[i][n - 1] == '*' ? !strncasecmp(words[i], header, n - 1) : n && !strcasecmp(words[i], header))
            return true;
    }
    return false;
}

static void clean(struct ctx *c, struct headers *headers, const char *remove, const char *allow)
{
    size_t kept = 0;

    for (size_t i = 0; i < headers->n; i++)
        if (!listed(c, remove, headers->pairs[i].name) || listed(c, allow, headers->pairs[i].name))
            headers->pairs[kept++] = headers->pairs[i];
    if (headers->pairs)
        headers->pairs[kept] = (struct pair){ NULL, NULL };
    headers->n = kept;
}

/* --- is it good? ------------------------------------------------------------------------------------------------- */

static const char *first_param(const struct swift_request *r, const char *name)
{
    for (const struct pair *p = r->query; p->name; p++)
        if (!strcmp(p->name, name))
            return p->value ? p->value : "";
    return NULL;
}

static void read_query(const struct swift_request *r, struct tempurl *t)
{
    struct tm tm = { 0 };

    *t = (struct tempurl){ first_param(r, "temp_url_sig"), first_param(r, "temp_url_expires"), first_param(r, "temp_url_prefix"), first_param(r, "filename"),
                           first_param(r, "temp_url_ip_range"), first_param(r, "inline") != NULL, 0 };
    if (t->expires_text && !text_to_int(t->expires_text, &t->expires)) {
        const char *end = strptime(t->expires_text, "%Y-%m-%dT%H:%M:%SZ", &tm);

        t->expires = end && !*end ? timegm(&tm) : 0;
    }
    if (t->expires < clock_us() / 1000000)
        t->expires = 0;
}

/* Is an address within "10.0.0.0/8", "::1"? Host bits in the range make it none, as in the original. */
static bool in_range(const char *range, const char *address)
{
    unsigned char net[16], own[16];
    const char *slash = strchr(range, '/');
    g_autofree char *base = g_strndup(range, slash ? (size_t)(slash - range) : strlen(range));
    int family = strchr(base, ':') ? AF_INET6 : AF_INET, most = family == AF_INET ? 32 : 128;
    int64_t bits = most;

    if (inet_pton(family, base, net) != 1 || !address || inet_pton(family, address, own) != 1 || (slash && (!text_to_int(slash + 1, &bits) || bits < 0 || bits > most)))
        return false;
    for (int i = 0; i < most; i++) {
        int a = net[i / 8] >> (7 - i % 8) & 1, b = own[i / 8] >> (7 - i % 8) & 1;

        if (i < bits ? a != b : a)
            return false;
    }
    return true;
}

static bool signed_for(struct ctx *c, const struct tempurl_options *o, const struct swift_request *r, const struct tempurl *t, const char *method,
                       const char *algorithm, const char *digest, const struct temporary_key *key)
{
    const char *path = t->prefix ? ctx_printf(c, "prefix:/v1/%s/%s/%s", r->account, r->container, t->prefix)
                                 : ctx_printf(c, "/v1/%s/%s/%s", r->account, r->container, r->object);

    if (*o->path_prefix)
        path = ctx_printf(c, "/%s%s", g_strstrip(g_strdelimit(ctx_strdup(c, o->path_prefix), "/", ' ')), path);
    return temporary_matches(c, algorithm, digest, key->key, ctx_printf(c, "%s%s%s%s\n%lld\n%s", t->range && *t->range ? "ip=" : "",
                                                                        t->range && *t->range ? t->range : "", t->range && *t->range ? "\n" : "", method,
                                                                        (long long)t->expires, path));
}

/* The scope its key gives; NULL: it is not good. HEAD may be done by what is signed for reading or writing. */
static const struct scope *judge(struct ctx *c, const struct tempurl_options *o, const struct swift_request *r, const struct tempurl *t)
{
    static const char *const for_head[] = { "HEAD", "GET", "POST", "PUT" };
    const char *algorithm, *digest;
    bool head = !strcmp(r->method, "HEAD");

    if (!t->signature || !*t->signature || !t->expires || !temporary_signature(c, t->signature, o->allowed_digests, &algorithm, &digest))
        return NULL;
    if (!text_in(r->method, (const char *const *)text_split(c, o->methods, ' ')) || !r->object || !r->object[strspn(r->object, "/")] || strcmp(r->version, "v1"))
        return NULL;
    if ((t->range && *t->range && !in_range(t->range, r->env->remote)) || (t->prefix && !g_str_has_prefix(r->object, t->prefix)))
        return NULL;
    for (const struct temporary_key *key = temporary_keys(c, r); key->key; key++)
        for (size_t i = 0; i < (head ? G_N_ELEMENTS(for_head) : 1); i++)
            if (signed_for(c, o, r, t, head ? for_head[i] : r->method, algorithm, digest, key)) {
                struct scope *scope = ctx_new(c, struct scope);

                *scope = (struct scope){ r->account, key->of_container ? r->container : NULL };
                return scope;
            }
    return NULL;
}

static bool authorize(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct scope *scope = r->env->authorize_data;

    if (text_equal(r->account, scope->account) && (!scope->container || text_equal(r->container, scope->container)))
        return true;
    response_error(c, response, 401, NULL);
    auth_challenge_swift(c, r, response);
    return false;
}

/* --- its answer ------------------------------------------------------------------------------------------------------ */

static const char *disposition(struct ctx *c, const char *kind, const char *filename)
{
    return ctx_printf(c, "%s; filename=\"%s\"; filename*=UTF-8''%s", kind, name_quote(c, filename, " /"), name_quote(c, filename, "/"));
}

static void name_file(struct ctx *c, const struct swift_request *r, const struct tempurl *t, struct swift_response *response)
{
    const char *before = response_get(response, "Content-Disposition"), *value, *base;
    char *path = ctx_strdup(c, r->path);

    while (*path && path[strlen(path) - 1] == '/')
        path[strlen(path) - 1] = 0;
    base = strrchr(path, '/');
    if (t->inline_)
        value = t->filename && *t->filename ? disposition(c, "inline", t->filename) : "inline";
    else if (t->filename && *t->filename)
        value = disposition(c, "attachment", t->filename);
    else
        value = before ? before : disposition(c, "attachment", base ? base + 1 : path);
    headers_set(c, &response->headers, "Content-Disposition", value);
    headers_set(c, &response->headers, "Expires", http_date(c, t->expires));
}

static bool pointer_refused(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    static const char *const pointers[] = { "X-Object-Manifest", "X-Symlink-Target", "X-Copy-From" };

    if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(pointers); i++)
        if (request_get(r, pointers[i])) {
            response_error(c, response, 400, ctx_printf(c, "The header '%s' is not allowed in this tempurl", pointers[i]));
            return true;
        }
    return false;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct tempurl_options *o = step->options;
    const struct scope *scope;
    struct tempurl t;

    read_query(r, &t);
    if (!strcmp(r->method, "OPTIONS") || (!t.signature && !t.expires_text)) {
        step_next(c, step, r, response);
        return;
    }
    scope = r->version ? judge(c, o, r, &t) : NULL;
    if (!scope) {
        response_error(c, response, 401, strcmp(r->method, "HEAD") ? "401 Unauthorized: Temp URL invalid\n" : "");
        auth_challenge_swift(c, r, response);
        return;
    }
    if (pointer_refused(c, r, response))
        return;
    clean(c, &r->headers, o->incoming_remove_headers, o->incoming_allow_headers);
    r->env->authorize = authorize;
    r->env->authorize_data = scope;
    r->env->authorize_override = true;
    r->env->user = ".wsgi.tempurl";
    request_set_query(c, r, ctx_printf(c, "temp_url_sig=%s&temp_url_expires=%lld%s%s%s%s", name_quote(c, t.signature, ""), (long long)t.expires,
                                       t.prefix ? "&temp_url_prefix=" : "", t.prefix ? name_quote(c, t.prefix, "") : "",
                                       t.filename && *t.filename ? "&filename=" : "", t.filename ? name_quote(c, t.filename, "") : ""));
    step_next(c, step, r, response);
    clean(c, &response->headers, o->outgoing_remove_headers, o->outgoing_allow_headers);
    if ((!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD")) && response->status / 100 == 2)
        name_file(c, r, &t, response);
}

const struct middleware middleware_tempurl = {
    .name = "tempurl", .options = option_rows, .options_size = sizeof(struct tempurl_options), .open = open_tempurl, .run = run,
};
