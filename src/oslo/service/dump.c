/* `nacre dump`: everything the tables say, as JSON, for people, documentation and the table checks; `nacre policy`. */
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
static bool policy_ask(struct ctx *, const struct service *, char *const *words, bool *ret_allowed);

int command_dump(struct ctx *c, const struct arguments *arguments)
{
    struct buf text = {};
    struct out out = { .to = &text };

    out_object(&out, NULL);
    dump_attrs(&out, "options", common_option_attrs);
    dump_attrs(&out, "shared_options", shared_option_attrs);
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

/* --- nacre policy -------------------------------------------------------------------------------------------- */

int command_policy(struct ctx *c, const struct arguments *arguments)
{
    const struct service *service = arguments->n_words > 1 ? service_find(arguments->words[1]) : NULL;
    bool allowed = false;

    if (!service || !service->policies)
        return !fail(c, BAD_REQUEST, "usage: nacre policy list SERVICE | check SERVICE RULE [role=R ...] [user_id=U] [project_id=P] "
                                     "[target.NAME=VALUE ...]");
    if (!strcmp(arguments->words[0], "list")) {
        for (const struct policy *policy = service->policies; policy->name; policy++)
            printf("\"%s\": \"%s\"\n", policy->name, policy->rule);
        return 0;
    }
    if (arguments->n_words < 3 || !service_configure(c, arguments->config_file) ||
        !policy_ask(c, service, arguments->words + 2, &allowed))
        return 1;
    puts(allowed ? "allowed" : "refused");
    return allowed ? 0 : 4;
}

/* words: the rule, then name=value of the identity, and target.name=value of what it is asked about. */
static bool policy_ask(struct ctx *c, const struct service *service, char *const *words, bool *ret_allowed)
{
    const char *rule = *words++;
    size_t roles = 0, pairs = 0, n = 0;

    while (words[n])
        n++;
    const char **role = ctx_new_n(c, const char *, n + 1), **pair = ctx_new_n(c, const char *, 2 * n + 1);
    struct policies *policies = policies_load(c, service->policies, service_state(service)->shared->policy_file);
    if (!policies)
        return false;
    c->who.roles = role;
    for (char *const *word = words; *word; word++) {
        char **part = text_split(c, *word, '=');

        if (!part[0] || !part[1])
            continue;
        if (!strcmp(part[0], "role"))
            role[roles++] = part[1];
        else if (!strcmp(part[0], "user_id"))
            c->who.user_id = part[1];
        else if (!strcmp(part[0], "project_id"))
            c->who.project_id = part[1];
        else if (g_str_has_prefix(part[0], "target.")) {
            pair[pairs++] = part[0] + strlen("target.");
            pair[pairs++] = part[1];
        }
    }
    c->who.is_admin = identity_has_role(&c->who, "admin");
    *ret_allowed = policies_allow(policies, rule, &c->who, pairs ? &(struct policy_target){ .pairs = pair } : NULL);
    policies_free(policies);
    return true;
}
