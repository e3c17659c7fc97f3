/* The rows of a service: its own tables and its resources' generic verbs, with the service's base before their paths. */
#include "oslo/service/parts.h"

#include <string.h>

static struct route *rows_with_base(const struct service *, const struct route *rows);

/* Copies of the tables, kept for the process: routers hold pointers to their rows. */
static GPtrArray *kept_tables;

struct router *routes_build(const struct service *service)
{
    struct router *router = router_new();

    if (!kept_tables)
        kept_tables = g_ptr_array_new();
    for (size_t i = 0; service->routes && service->routes[i]; i++) {
        struct route *rows = rows_with_base(service, service->routes[i]);

        g_ptr_array_add(kept_tables, rows);
        router_add(router, rows);
    }
    for (size_t i = 0; service->resources && service->resources[i]; i++)
        rest_routes(router, service, service->resources[i]);
    return router;
}

bool routes_action(struct ctx *c, const struct service_state *state, struct request *request)
{
    const struct rest_style *style = state->service->style;

    if (!request_json(c, request)) {
        fault_clear(c);
        return fail(c, MALFORMED_ACTION, "cannot understand JSON");
    }
    if (json_object_size(request->json) != 1)
        return fail(c, MALFORMED_ACTION, "too many body keys");
    const char *key = json_object_iter_key(json_object_iter(request->json));
    if (router_find_action(c, state->router, request, c->version, key))
        return true;
    /* Known to another version: the path does not exist in this one. */
    if (style && (router_find_action(c, state->router, request, style->min_version, key) ||
                  router_find_action(c, state->router, request, style->max_version, key)))
        return fail(c, NO_ROUTE);
    return fail(c, NO_ACTION, key);
}

bool routes_in_base(const struct service *service, const char *path)
{
    size_t n = service->base ? strlen(service->base) : 0;

    return n == 0 || (!strncmp(path, service->base, n) && (path[n] == '/' || path[n] == '\0'));
}

static struct route *rows_with_base(const struct service *service, const struct route *rows)
{
    size_t n = 0;

    while (rows[n].method)
        n++;
    struct route *copy = g_new0(struct route, n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i] = rows[i];
        if (rows[i].path[0] != '/')
            copy[i].path = g_strconcat(service->base ? service->base : "", "/", rows[i].path, NULL);
    }
    return copy;
}
