/* `nacre dump`: everything the tables say, as JSON, for people, documentation and the table checks. */
#include "oslo/service/commands.h"

#include "oslo/service/parts.h"

#include <stdio.h>
#include <string.h>

static void dump_service(struct out *, const struct service *);
static void dump_route(void *data, const struct route *);
static void dump_policies(struct out *, const struct policy *);
static void dump_resource(struct out *, const struct resource *);
static void dump_attrs(struct out *, const char *key, const struct attr *);
static void dump_rpc(struct out *, const struct rpc_server *);
static void dump_jobs(struct out *, const struct service *);

int command_dump(struct ctx *c, const struct arguments *arguments)
{
    struct buf text = {};
    struct out out = { .to = &text };

    out_object(&out, NULL);
    dump_attrs(&out, "options", common_option_attrs);
    dump_attrs(&out, "shared_options", shared_option_attrs);
    dump_attrs(&out, "policy_options", policy_option_attrs);
    out_array(&out, "services");
    for (size_t i = 0; services[i]; i++)
        if (!arguments->n_words || !strcmp(arguments->words[0], services[i]->name))
            dump_service(&out, services[i]);
    out_end_array(&out);
    out_end_object(&out);
    puts(text.data);
    buf_clear(&text);
    return 0;
}

static void dump_service(struct out *out, const struct service *service)
{
    struct router *router = routes_build(service);

    out_object(out, NULL);
    out_string(out, "name", service->name);
    out_string(out, "type", service->type);
    out_int(out, "port", service->port);
    out_string(out, "endpoint", service->endpoint);
    out_array(out, "routes");
    router_each(router, dump_route, out);
    out_end_array(out);
    dump_policies(out, service->policies);
    out_array(out, "resources");
    for (size_t i = 0; service->resources && service->resources[i]; i++)
        dump_resource(out, service->resources[i]);
    out_end_array(out);
    dump_attrs(out, "options", service->options);
    out_array(out, "rpc");
    for (size_t i = 0; service->rpc && service->rpc[i]; i++)
        dump_rpc(out, service->rpc[i]);
    out_end_array(out);
    dump_jobs(out, service);
    out_array(out, "workers");
    for (const struct worker *worker = service->workers; worker && worker->name; worker++)
        out_string(out, NULL, worker->name);
    out_end_array(out);
    out_end_object(out);
    router_free(router);
}

static void dump_route(void *data, const struct route *route)
{
    struct out *out = data;

    out_object(out, NULL);
    out_string(out, "method", route->method);
    out_string(out, "path", route->path);
    if (route->action)
        out_string(out, "action", route->action);
    if (route->policy)
        out_string(out, "policy", route->policy);
    if (route->flags & ROUTE_OPEN)
        out_bool(out, "open", true);
    if (route->flags & ROUTE_NO_POLICY)
        out_bool(out, "no_policy", true);
    if (route->flags & ROUTE_STREAM)
        out_bool(out, "stream", true);
    if (route->since)
        out_printf(out, "since", "%d.%d", route->since / 1000, route->since % 1000);
    if (route->until)
        out_printf(out, "until", "%d.%d", route->until / 1000, route->until % 1000);
    out_end_object(out);
}

static void dump_policies(struct out *out, const struct policy *policies)
{
    out_array(out, "policies");
    for (const struct policy *policy = policies; policy && policy->name; policy++) {
        out_object(out, NULL);
        out_string(out, "name", policy->name);
        out_string(out, "rule", policy->rule);
        if (policy->was)
            out_string(out, "was", policy->was);
        if (policy->scopes)
            out_string(out, "scopes", policy->scopes);
        out_end_object(out);
    }
    out_end_array(out);
}

static void dump_resource(struct out *out, const struct resource *resource)
{
    out_object(out, NULL);
    out_string(out, "name", resource->name);
    out_string(out, "plural", resource->plural);
    out_string(out, "table", resource->table ? resource->table : resource->plural);
    dump_attrs(out, "attrs", resource->attrs);
    out_end_object(out);
}

static void dump_attrs(struct out *out, const char *key, const struct attr *attrs)
{
    static const char *const kinds[] = { "string", "bool", "int", "real", "time", "int?", "bool?", "json" };
    static const char *const flags[] = { "create", "update", "required", "nullable", "filter", "sort", "policy", "owner", "hidden",
                                         "derived", "lazy", "secret" };

    out_array(out, key);
    for (const struct attr *a = attrs; a && a->name; a++) {
        out_object(out, NULL);
        out_string(out, "name", attr_json(a));
        out_string(out, "kind", kinds[a->kind]);
        if (!(a->flags & DERIVED))
            out_string(out, "column", attr_column(a));
        out_array(out, "flags");
        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
            if (a->flags & (1u << i))
                out_string(out, NULL, flags[i]);
        out_end_array(out);
        if (a->unset)
            out_string(out, "unset", a->unset);
        if (a->help)
            out_string(out, "help", a->help);
        out_end_object(out);
    }
    out_end_array(out);
}

static void dump_rpc(struct out *out, const struct rpc_server *server)
{
    out_object(out, NULL);
    out_string(out, "topic", server->topic);
    out_string(out, "role", server->role);
    out_array(out, "methods");
    for (const struct rpc_endpoint *endpoint = server->endpoints; endpoint && endpoint->methods; endpoint++)
        for (const struct rpc_method *method = endpoint->methods; method->name; method++)
            out_printf(out, NULL, "%s%s%s %s", endpoint->rpc_namespace ? endpoint->rpc_namespace : "",
                       endpoint->rpc_namespace ? "." : "", method->name, endpoint->version ? endpoint->version : "1.0");
    out_end_array(out);
    out_end_object(out);
}

static void dump_jobs(struct out *out, const struct service *service)
{
    out_array(out, "jobs");
    for (size_t i = 0; service->jobs && service->jobs[i]; i++) {
        out_object(out, NULL);
        out_string(out, "name", service->jobs[i]->name);
        out_array(out, "steps");
        for (const struct step *step = service->jobs[i]->steps; step->name; step++)
            out_string(out, NULL, step->name);
        out_end_array(out);
        out_end_object(out);
    }
    out_end_array(out);
}
