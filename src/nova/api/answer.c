/* What every answer of Nova has in common: links, pages, headers, and how its errors look. */
#include "nova/api/api.h"
#include "nova/api/errors.h"

#include "oslo/client/client.h"

#include <string.h>

struct out answer(struct reply *rp)
{
    rp->has_body = true;
    return (struct out){ .to = &rp->body, .times = TIME_ISO_Z };
}

bool answer_member(struct reply *rp, const char *key, const json_t *value)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_json(&o, key, value);
    out_end_object(&o);
    return true;
}

void write_links(struct ctx *c, struct out *o, const char *collection, const char *id)
{
    out_array(o, "links");
    out_object(o, NULL);
    out_string(o, "rel", "self");
    out_printf(o, "href", "%s%s/%s/%s", c->base_url, nova.endpoint, collection, id);
    out_end_object(o);
    out_object(o, NULL);
    out_string(o, "rel", "bookmark");
    out_printf(o, "href", "%s/%s/%s", c->base_url, collection, id);
    out_end_object(o);
    out_end_array(o);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* The query again, in the order of the names, with another marker. */
static char *query_with_marker(struct ctx *c, const struct request *rq, const json_t *query, const char *marker)
{
    struct buf text = {};
    size_t n = 0;
    struct pair *sorted;
    bool marked = false;
    char *result;

    for (const struct pair *p = rq->query; p && p->name; p++)
        n++;
    sorted = ctx_new_n(c, struct pair, n + 1);
    memcpy(sorted, rq->query, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) {
        bool is_marker = strcmp(sorted[i].name, "marker") == 0;

        if ((is_marker && marked) || !json_object_get(query, sorted[i].name))
            continue;
        buf_printf(&text, "%s%s=%s", text.len ? "&" : "", client_quote(c, sorted[i].name),
                   client_quote(c, is_marker ? marker : sorted[i].value));
        marked |= is_marker;
    }
    if (!marked)
        buf_printf(&text, "%smarker=%s", text.len ? "&" : "", client_quote(c, marker));
    result = ctx_strdup(c, text.data);
    buf_clear(&text);
    return result;
}

int64_t page_limit(const json_t *query)
{
    const char *text = query_last(query, "limit");
    int64_t limit;

    return text && text_to_int(text, &limit) && limit < MAX_LIMIT ? limit : MAX_LIMIT;
}

void write_next(struct ctx *c, struct request *rq, struct out *o, const char *key, const char *collection, const json_t *query, size_t n,
                const char *last_id)
{
    if (!n || (int64_t)n != page_limit(query))
        return;
    out_array(o, key);
    out_object(o, NULL);
    out_string(o, "rel", "next");
    out_printf(o, "href", "%s%s/%s?%s", c->base_url, nova.endpoint, collection, query_with_marker(c, rq, query, last_id));
    out_end_object(o);
    out_end_array(o);
}

bool tx_done(struct ctx *c, bool ok)
{
    if (ok)
        return db_commit(c);
    db_rollback(c);
    return false;
}

bool project_verify(struct ctx *c, const char *project_id)
{
    struct call call = { .type = "identity", .method = "GET", .accept_404 = "yes",
                         .path = ctx_printf(c, "/projects/%s", client_quote(c, project_id)) };

    if (client_call(c, &call))
        return call.status != 404 || fail(c, BAD_PROJECT, project_id);
    if (call.status != 403)
        return false;
    fault_clear(c);
    return true;
}

static void finish(struct ctx *c, struct request *rq, struct reply *rp)
{
    reply_header(c, rp, "x-compute-request-id", c->request_id);
}

static bool not_found(struct ctx *c, const struct resource *r, const char *id)
{
    return fail(c, NOT_FOUND, r->name, id);
}

static bool invalid(struct ctx *c, const struct resource *r, const struct invalid *wrong)
{
    return fail(c, VALIDATION_ERROR, ctx_printf(c, "Invalid input for field/attribute %s.", wrong->name));
}

const struct rest_style nova_style = {
    .envelope = true, .times = TIME_ISO_Z, .max_limit = MAX_LIMIT, .owner_scoped = true,
    .min_version = VERSION_MIN, .max_version = VERSION_MAX, .version_name = "compute",
    .legacy_version_header = "X-OpenStack-Nova-API-Version",
    .error = nova_error_write, .invalid = invalid, .not_found = not_found, .finish = finish,
};
