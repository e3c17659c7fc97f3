/* Requests of this process's own daemons. */
#include "swift/daemon/internal.h"

#include "swift/daemon/daemon.h"
#include "swift/name.h"
#include "swift/proxy/pipeline.h"

#include <string.h>
#include <unistd.h>

#define TRIES 3
#define MOST_PAGE ((size_t)256 * 1024 * 1024)

static const char without_a_file[] =
    "[pipeline:main]\npipeline = catch_errors cache proxy-server\n"
    "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
    "[filter:cache]\nuse = egg:swift#memcache\n";

bool internal_open(struct ctx *c, const char *path)
{
    const char *usual = ctx_printf(c, "%s/internal-client.conf", swift_dir());
    const struct conf *conf = !path && access(usual, F_OK) ? conf_parse(c, usual, without_a_file) : conf_load(c, path ? path : usual);

    return conf && pipeline_open_internal(c, conf);
}

void internal_close(void)
{
    pipeline_close();
}

static struct swift_request *make(struct ctx *c, const struct internal_call *call)
{
    struct swift_request *r = ctx_new(c, struct swift_request);

    r->method = call->method;
    r->env = ctx_new(c, struct swift_env);
    r->env->agent = r->env->source = call->agent;
    r->env->authorize_override = r->env->swift_owner = r->env->allow_reserved = true;
    request_set_path(c, r, call->account, call->container, call->object);
    request_set_query(c, r, call->query);
    if (call->headers)
        headers_copy(c, &r->headers, call->headers);
    headers_set(c, &r->headers, "User-Agent", call->agent);
    if (!request_get(r, "X-Backend-Allow-Reserved-Names"))
        headers_set(c, &r->headers, "X-Backend-Allow-Reserved-Names", "true");
    if (!request_get(r, "X-Backend-Use-Replication-Network"))
        headers_set(c, &r->headers, "X-Backend-Use-Replication-Network", "true");
    r->read = call->read;
    r->read_data = call->read_data;
    r->length = call->read ? call->length : 0;
    if (call->body)
        request_set_body(r, call->body, call->body_size);
    return r;
}

static bool is_well(const struct internal_call *call, int status)
{
    static const int success[] = { 2, 0 };

    for (const int *s = call->statuses ? call->statuses : success; *s; s++)
        if (status == *s || status / 100 == *s)
            return true;
    return false;
}

static void once(struct ctx *c, const struct internal_call *call, struct swift_response *response)
{
    const char *request_id = c->request_id;
    struct swift_request *r = make(c, call);

    *response = (struct swift_response)RESPONSE_EMPTY;
    pipeline_run_internal(c, r, response);
    c->request_id = request_id;
    if (failed(c)) {
        fault_clear(c);
        if (!response->status)
            response->status = 500;
    }
}

bool internal_request(struct ctx *c, const struct internal_call *call, struct swift_response *response)
{
    int tries = call->read ? 1 : call->tries ? call->tries : TRIES;

    for (int i = 1;; i++) {
        once(c, call, response);
        if (is_well(call, response->status))
            return true;
        response_close(response);
        if ((response->status && response->status < 500) || i >= tries || !daemon_pause(((int64_t)1 << i) * G_USEC_PER_SEC))
            return false;
    }
}

bool internal_do(struct ctx *c, const struct internal_call *call, int *ret_status)
{
    struct swift_response response;
    bool well = internal_request(c, call, &response);

    if (ret_status)
        *ret_status = response.status;
    response_close(&response);
    return well;
}

/* --- listings -------------------------------------------------------------------------------------------------------------------- */

struct listing {
    const struct internal_listing *of;
    char *marker;                    /* of malloc: it outlives its page */
    bool (*visit)(struct ctx *, void *, json_t *);
    void *data;
    bool ended;
};

static void remember(struct ctx *c, struct listing *l, json_t *entry)
{
    json_t *name = json_object_get(entry, "name");

    g_free(l->marker);
    l->marker = json_is_string(name) ? g_strdup(name_from_bytes(c, json_string_value(name), json_string_length(name))) : NULL;
}

static const char *quoted(struct ctx *c, const char *name)
{
    return name ? name_quote(c, name, "") : "";
}

static bool list_page(struct ctx *c, struct listing *l)
{
    static const int statuses[] = { 2, 404, 0 };
    const struct internal_listing *of = l->of;
    struct internal_call call = { .agent = of->agent, .method = "GET", .account = of->account, .container = of->container, .statuses = statuses,
                                  .tries = of->tries };
    struct swift_response response;
    json_t *page, *entry;
    char *text;
    size_t n, i;

    call.query = ctx_printf(c, "format=json&marker=%s&end_marker=%s&prefix=%s", quoted(c, l->marker), quoted(c, of->end_marker), quoted(c, of->prefix));
    if (!internal_request(c, &call, &response))
        return false;
    l->ended = response.status != 200;
    text = response_take_all(c, &response, MOST_PAGE, &n);
    if (l->ended)
        return true;
    page = text ? ctx_json(c, json_loadb(text, n, JSON_ALLOW_NUL, NULL)) : NULL;
    if (!json_is_array(page))
        return false;
    l->ended = !json_array_size(page);
    json_array_foreach(page, i, entry)
        if (!l->visit(c, l->data, entry) || daemon_stops()) {
            l->ended = true;
            return true;
        }
    remember(c, l, json_array_get(page, json_array_size(page) - 1));
    return l->ended || l->marker;
}

bool internal_list(struct ctx *c, const struct internal_listing *of, bool (*visit)(struct ctx *, void *data, json_t *entry), void *data)
{
    struct listing l = { .of = of, .marker = g_strdup(of->marker), .visit = visit, .data = data };
    bool well = true;

    while (well && !l.ended) {
        struct ctx page;

        ctx_init_child(&page, c, c->service);
        well = list_page(&page, &l);
        ctx_clear(&page);
    }
    g_free(l.marker);
    return well;
}
