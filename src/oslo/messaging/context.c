/* A unit of work as the context of a message, under oslo.context's names; what a received context says beyond them is kept
 * and handed on with the calls made for it.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "oslo/messaging/internal.h"
#include "oslo/trace/trace.h"

#define TRACE_PARENT "nacre_span"

/* Members that are strings of the identity. */
static const struct { const char *name; size_t offset; } strings[] = {
#define ROW(name, field) { name, offsetof(struct identity, field) }
    ROW("user", user_id), ROW("user_id", user_id), ROW("user_name", user_name), ROW("user_domain", user_domain_id),
    ROW("project", project_id), ROW("project_id", project_id), ROW("tenant_id", project_id),
    ROW("project_name", project_name), ROW("tenant_name", project_name), ROW("project_domain", project_domain_id),
    ROW("domain", domain_id), ROW("auth_token", token),
#undef ROW
};

static const char **string_at(struct identity *who, size_t offset)
{
    return (const char **)(void *)((char *)who + offset);
}

static void set_string(json_t *to, const char *name, const char *value)
{
    if (value)
        json_object_set_new_nocheck(to, name, json_string_nocheck(value));
}

json_t *context_to_json(struct ctx *c)
{
    json_t *to = c->rpc_context ? json_copy(c->rpc_context) : json_object(), *roles = json_array();

    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        set_string(to, strings[i].name, *string_at(&c->who, strings[i].offset));
    for (const char *const *role = c->who.roles; role && *role; role++)
        json_array_append_new(roles, json_string_nocheck(*role));
    json_object_set_new_nocheck(to, "roles", roles);
    json_object_set_new_nocheck(to, "is_admin", json_boolean(c->who.is_admin));
    if (c->who.system)
        set_string(to, "system_scope", "all");
    set_string(to, "request_id", c->request_id);
    set_string(to, "global_request_id", c->global_request_id);
    if (span_id(c)) {
        char text[17];

        snprintf(text, sizeof(text), "%016" PRIx64, span_id(c));
        set_string(to, TRACE_PARENT, text);
    }
    return to;
}

/* What may stand in a notification, which many read: never a token, nor what we do not know. */
static const char *const told[] = {
    "user_id", "project_id", "domain_id", "user_domain_id", "project_domain_id", "is_admin", "request_id", "roles", "user_name",
    "project_name", "domain_name", "user_domain_name", "project_domain_name", "service_user_id", "service_user_domain_id",
    "service_user_domain_name", "service_project_id", "service_project_name", "service_project_domain_id", "service_project_domain_name",
    "service_roles", "global_request_id", "system_scope", "user", "domain", "user_domain", "project_domain", TRACE_PARENT, NULL
};

json_t *context_to_notification(struct ctx *c)
{
    json_t *all = context_to_json(c), *to = json_object();

    for (const char *const *name = told; *name; name++)
        if (json_object_get(all, *name))
            json_object_set(to, *name, json_object_get(all, *name));
    json_decref(all);
    return to;
}

void context_to_ctx(struct ctx *c, const struct service *service, struct db *db, json_t *context)
{
    const json_t *roles = json_object_get(context, "roles");
    const char *parent = json_string_value(json_object_get(context, TRACE_PARENT));
    size_t n = json_array_size(roles);
    const char **list;

    ctx_init(c, service, json_string_value(json_object_get(context, "request_id")));
    c->db = db;
    c->rpc_context = ctx_json(c, json_incref(context));
    c->global_request_id = json_string_value(json_object_get(context, "global_request_id"));
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
        const char *value = json_string_value(json_object_get(context, strings[i].name));

        if (value)
            *string_at(&c->who, strings[i].offset) = value;
    }
    list = ctx_new_n(c, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = json_string_value(json_array_get(roles, i)) ?: "";
    c->who.roles = list;
    c->who.is_admin = json_is_true(json_object_get(context, "is_admin"));
    c->who.system = json_object_get(context, "system_scope") && json_is_string(json_object_get(context, "system_scope"));
    if (parent)
        span_continue(c, strtoull(parent, NULL, 16));
}
