/* Services elsewhere: [<service>] endpoint_override says where, else Keystone's catalog, which is kept for a while. */
#include "oslo/client/remote.h"

#include "oslo/http/fetch.h"
#include "oslo/trace/trace.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CATALOG_TIME_US (300 * G_USEC_PER_SEC)
#define NO_ENDPOINT 503, "EndpointNotFound", "No endpoint of type %s is known"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *catalog;              /* guarded by lock */
static int64_t catalog_until;        /* guarded by lock */

static char *endpoint_find(struct ctx *, const char *type);
static char *catalog_find(struct ctx *, const char *type);
static bool catalog_read(struct ctx *);

/* And the span that this call is, so that the callee's hang below it. */
static const struct pair *with_span(struct ctx *c, const struct pair *headers)
{
    const char *span = span_header(c);
    size_t n = 0;

    while (headers[n].name)
        n++;
    struct pair *more = ctx_new_n(c, struct pair, n + 2);
    memcpy(more, headers, n * sizeof(*headers));
    if (span)
        more[n] = (struct pair){ TRACE_HEADER, span };
    return more;
}

bool client_remote(struct ctx *c, struct call *call, const struct pair *headers)
{
    char *endpoint = endpoint_find(c, call->type);
    char *body = call->body ? json_dumps(call->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (!endpoint)
        return false;
    struct fetch request = {
        .method = call->method, .url = ctx_printf(c, "%s%s", endpoint, call->path), .headers = with_span(c, headers),
        .body = call->bytes ? call->bytes : body, .body_size = call->bytes ? call->size : body ? strlen(body) : 0,
    };
    bool answered = fetch(c, &request);
    free(body);
    if (!answered)
        return false;
    call->status = request.status;
    call->reply_headers = request.reply_headers;
    call->reply = request.reply_size ? ctx_json(c, json_loadb(request.reply, request.reply_size, JSON_DECODE_ANY, NULL)) : NULL;
    return client_fail(c, call);
}

bool client_remote_download(struct ctx *c, struct call *call, const struct pair *headers, bool (*write)(void *, const void *, size_t), void *data)
{
    char *endpoint = endpoint_find(c, call->type);

    if (!endpoint)
        return false;
    struct fetch request = {
        .method = call->method, .url = ctx_printf(c, "%s%s", endpoint, call->path), .headers = with_span(c, headers), .write = write, .data = data,
    };
    if (!fetch(c, &request))
        return false;
    call->status = request.status;
    return client_fail(c, call);
}

static char *endpoint_find(struct ctx *c, const char *type)
{
    const struct service *service = service_find(type);
    const struct service_state *state = service ? service_state(service) : NULL;

    if (state && state->shared->endpoint_override)
        return ctx_strdup(c, state->shared->endpoint_override);
    /* Keystone is not asked where Keystone is. */
    char *url = strcmp(type, "identity") ? catalog_find(c, type) : state ? service_url(c, service) : NULL;
    return url || failed(c) ? url : fail_null(c, NO_ENDPOINT, type);
}

static char *catalog_find(struct ctx *c, const char *type)
{
    char *url = NULL;
    size_t i, k;
    json_t *entry, *endpoint;

    if (!catalog_read(c))
        return NULL;
    pthread_mutex_lock(&lock);
    json_array_foreach(catalog, i, entry) {
        if (!text_equal(json_get_string(entry, "type"), type))
            continue;
        json_array_foreach(json_object_get(entry, "endpoints"), k, endpoint) {
            const char *region = json_get_string(endpoint, "region_id");

            if (!url && text_equal(json_get_string(endpoint, "interface"), "internal") &&
                (!region || !strcmp(region, common_options->region)))
                url = ctx_strdup(c, json_get_string(endpoint, "url"));
        }
    }
    pthread_mutex_unlock(&lock);
    return url;
}

/* Asked of Keystone as the service, with no lock held. */
static bool catalog_read(struct ctx *c)
{
    struct call call = { .type = "identity", .method = "GET", .path = "/auth/catalog", .as_service = true };

    pthread_mutex_lock(&lock);
    bool fresh = catalog && clock_mono_us() < catalog_until;
    pthread_mutex_unlock(&lock);
    if (fresh)
        return true;
    if (!client_call(c, &call))
        return false;
    json_t *read = json_deep_copy(json_object_get(call.reply, "catalog"));
    pthread_mutex_lock(&lock);
    json_decref(catalog);
    catalog = read;
    catalog_until = clock_mono_us() + CATALOG_TIME_US;
    pthread_mutex_unlock(&lock);
    return true;
}
