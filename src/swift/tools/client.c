/* A proxy's client: requests that are tried again. */
#include "swift/tools/client.h"

#include "oslo/http/fetch.h"
#include "swift/name.h"

#include <string.h>

#define TIMEOUT_US (60 * G_USEC_PER_SEC)
#define LONGEST_WAIT_US (5 * G_USEC_PER_SEC)

#define CLIENT_ERROR(status) status, "ClientException", "Client error: %s %s: %d"
#define TOO_MANY_RETRIES     503, "ClientException", "Raise too many retries: %s %s: %s"

/* Its reply is the last try's. */
static bool request(struct ctx *c, const struct client *client, struct fetch *f, int64_t *retries)
{
    int64_t wait = G_USEC_PER_SEC;

    f->timeout_us = TIMEOUT_US;
    f->insecure = client->insecure;
    for (int64_t tries = 1;; tries++) {
        bool answered = fetch(c, f);
        const char *why = answered ? ctx_printf(c, "%d", f->status) : ctx_strdup(c, c->fault.message);

        if (answered && f->status / 100 == 2) {
            *retries += tries - 1;
            return true;
        }
        fault_clear(c);
        if (answered && f->status / 100 == 4)
            return fail(c, CLIENT_ERROR(f->status), f->method, f->url, f->status);
        if (tries > client->retries)
            return fail(c, TOO_MANY_RETRIES, f->method, f->url, why);
        g_usleep((gulong)wait);
        wait = MIN(wait * 2, LONGEST_WAIT_US);
    }
}

static const char *url_of(struct ctx *c, const struct client *client, const char *container, const char *object)
{
    const char *url = client->url;

    if (container)
        url = ctx_printf(c, "%s%s%s", url, g_str_has_suffix(url, "/") ? "" : "/", name_quote(c, container, "/"));
    return object ? ctx_printf(c, "%s/%s", url, name_quote(c, object, "/")) : url;
}

bool client_put(struct ctx *c, const struct client *client, const char *container, const char *object, const char *text,
                const struct pair *header, int64_t *retries)
{
    struct pair headers[] = { { "X-Auth-Token", client->token }, *header, { object ? "Content-Type" : NULL, "application/x-www-form-urlencoded" }, {} };
    struct fetch f = { .method = "PUT", .url = url_of(c, client, container, object), .headers = headers, .body = object ? text : "",
                       .body_size = object ? strlen(text) : 0 };

    return request(c, client, &f, retries);
}

const char **client_names(struct ctx *c, const struct client *client, const char *container, const char *prefix, size_t *ret_n)
{
    GPtrArray *names = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    const struct pair headers[] = { { "X-Auth-Token", client->token }, {} };
    const char *base = ctx_printf(c, "%s?format=json&prefix=%s", url_of(c, client, container, NULL), prefix), *marker = NULL;
    int64_t retries = 0;

    for (;;) {
        struct fetch f = { .method = "GET", .url = marker ? ctx_printf(c, "%s&marker=%s", base, name_quote(c, marker, "/")) : base, .headers = headers };
        json_t *page, *entry;
        size_t i;

        if (!request(c, client, &f, &retries))
            return NULL;
        page = ctx_json(c, json_loadb(f.reply ? f.reply : "", f.reply_size, 0, NULL));
        if (!json_array_size(page))
            break;
        json_array_foreach(page, i, entry) {
            marker = json_string_value(json_object_get(entry, "name"));
            if (!marker)
                return fail_null(c, UNAVAILABLE, ctx_printf(c, "no listing: %s", base));
            g_ptr_array_add(names, (void *)marker);
        }
    }
    *ret_n = names->len;
    g_ptr_array_add(names, NULL);
    return (const char **)names->pdata;
}
