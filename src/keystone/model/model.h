/* What Keystone stores, and the questions asked of it. */
#ifndef KEYSTONE_MODEL_MODEL_H
#define KEYSTONE_MODEL_MODEL_H

#include "keystone/keystone.h"

/* A project, or a domain: a project with is_domain. */
struct project {
    char *id, *name, *domain_id, *description, *parent_id;
    bool enabled, is_domain;
    bool changed;                    /* by this request: "extra" is shown then */
    raw_json options, extra, tags;
};
struct user {
    char *id, *name, *domain_id, *default_project_id, *password, *password_hash;
    bool enabled;
    bool changed;                    /* by this request: "extra" is shown then */
    bool password_self_service;      /* the user chose it, not an administrator */
    utc_time password_created_at, password_expires_at, created_at, last_active_at;
    raw_json options, extra, federated;
};
struct group {
    char *id, *name, *domain_id, *description;
    raw_json extra;
};
struct role {
    char *id, *name, *domain_id, *description;
    raw_json options, extra;
};
struct region {
    char *id, *description, *parent_region_id;
    raw_json extra;
};
struct catalog_service {
    char *id, *name, *type;
    bool enabled;
    raw_json extra;
};
struct endpoint {
    char *id, *interface, *region_id, *service_id, *url;
    bool enabled;
    raw_json extra;
};

extern const struct resource project_resource, domain_resource, user_resource, group_resource, membership_resource, role_resource, region_resource,
    service_resource, endpoint_resource, bare_endpoint_resource;

/* -- roles.c: who has which role where, groups, inheritance and implied roles counted ------------------------------- */
struct role_ref { const char *id, *name; };
enum target_kind { ON_PROJECT, ON_DOMAIN, ON_SYSTEM };
extern const char *const target_kind_names[];        /* "project", "domain", "system" */
/* Ends with { NULL }; empty if there are none. Roles of a single domain are not among them. NULL with a fault. */
const struct role_ref *roles_of_user(struct ctx *, const char *user_id, enum target_kind, const char *target_id);
/* The roles of these ids and what they imply; NULL-terminated ids. NULL with a fault. */
const struct role_ref *roles_with_implied(struct ctx *, const char *const *ids);
bool role_in(const struct role_ref *, const char *id);
/* Appends " AND t.id IN (...)": projects or domains the user has any role on, or one of these groups (NULL: no more). */
void projects_of_user_add(struct sql *, const char *user_id, const char *const *group_ids);
void domains_of_user_add(struct sql *, const char *user_id, const char *const *group_ids);

/* -- catalog.c ------------------------------------------------------------------------------------------------------ */
/* The array of services with their endpoints, as a token shows it. */
bool catalog_write(struct ctx *, struct out *, const char *key, const char *user_id, const char *project_id);

#endif
