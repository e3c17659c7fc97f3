/* keystoneauth: who may, by the roles of a Keystone token and by ACLs.
 *
 * An account belongs to the project whose id follows its reseller prefix; those with an operator role there own it. ACLs name
 * <project>:<user> (ids, names within the default domain, or *), roles, and referrers.
 */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/middleware/acl.h"

#include <string.h>
#include <strings.h>

#define DOMAIN_META "X-Account-Sysmeta-Project-Domain-Id"
#define UNKNOWN_DOMAIN "_unknown"

struct keystoneauth_options {
    char *reseller_prefix, *operator_roles, *service_roles, *project_reader_roles, *system_reader_roles, *reseller_admin_role, *default_domain_id;
    bool allow_overrides, allow_names_in_acls;
};

#define OPTION(member, otherwise, text) ATTR(struct keystoneauth_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(reseller_prefix, "AUTH", "What the names of its accounts begin with; several with commas between."),
    OPTION(operator_roles, "admin, swiftoperator", "Roles that own the account of their project."),
    OPTION(service_roles, "", "Roles a service token must have beside."),
    OPTION(project_reader_roles, "", "Roles that may read all of their project's account."),
    OPTION(system_reader_roles, "", "Roles that may read everything."),
    OPTION(reseller_admin_role, "ResellerAdmin", "The role that may do everything."),
    OPTION(default_domain_id, "default", "The domain whose names count in ACLs."),
    OPTION(allow_overrides, "true", "Middlewares before this one may authorize."),
    OPTION(allow_names_in_acls, "true", "Names, not only ids, count in ACLs."),
    {}
};

static bool keystoneauth_open(struct ctx *c, struct step *step)
{
    const struct keystoneauth_options *options = step->options;

    step->state = resellers_new(options->reseller_prefix);
    return true;
}

static void keystoneauth_close(struct step *step)
{
    resellers_free(step->state);
}

/* --- what is known ----------------------------------------------------------------------------------------------- */

/* Has it one of a list of roles? In any case. */
static bool has_role(struct ctx *c, const char *const *roles, const char *list)
{
    char **wanted = text_split(c, list ? list : "", ',');

    for (size_t i = 0; wanted[i]; i++)
        for (size_t k = 0; *wanted[i] && roles && roles[k]; k++)
            if (!strcasecmp(wanted[i], roles[k]))
                return true;
    return false;
}

static bool own_account(const struct step *step, const char *account, const char *project)
{
    const struct resellers *resellers = step->state;

    for (size_t i = 0; project && resellers->prefixes[i]; i++)
        if (g_str_has_prefix(account, resellers->prefixes[i]) && !strcmp(account + strlen(resellers->prefixes[i]), project))
            return true;
    return false;
}

/* The domain of an account's project, as it was written down; *ret_exists: is there such an account? */
static const char *domain_of_account(struct ctx *c, struct swift_request *r, bool *ret_exists)
{
    const struct account_info *info = account_info(c, r, r->account);

    *ret_exists = info->status / 100 == 2 && info->really_exists;
    return headers_get(&info->sysmeta, "project-domain-id");
}

/* Writes the project's domain down with the account, as soon as a request that may make it tells. */
static void note_domain(struct ctx *c, const struct step *step, struct swift_request *r)
{
    const struct keystoneauth_options *options = step->options;
    const struct identity *who = r->env->who;
    bool put = !strcmp(r->method, "PUT"), post = !strcmp(r->method, "POST"), exists, tells;
    const char *known, *told, *note = NULL;

    if (request_get(r, DOMAIN_META) || r->object || (r->container && !put) || !(put || post))
        return;
    known = domain_of_account(c, r, &exists);
    tells = own_account(step, r->account, who->project_id);
    told = tells ? who->project_domain_id : NULL;
    if (!exists)
        note = tells ? told : UNKNOWN_DOMAIN;
    else if (!known && told && !strcmp(told, options->default_domain_id))
        note = told;
    else if (known && !strcmp(known, UNKNOWN_DOMAIN) && tells)
        note = told ? told : "";
    if (note)
        headers_set(c, &r->headers, DOMAIN_META, note);
}

/* --- ACLs ----------------------------------------------------------------------------------------------------------- */

static bool foreign_domain(const char *domain, const struct keystoneauth_options *options)
{
    return domain && *domain && strcmp(domain, options->default_domain_id);
}

/* Names are unique within a domain only: they count where all concerned are of the default one. */
static bool names_count(struct ctx *c, const struct step *step, struct swift_request *r)
{
    const struct keystoneauth_options *options = step->options;
    const struct identity *who = r->env->who;
    const char *domain;
    bool exists;

    if (!options->allow_names_in_acls || foreign_domain(who->user_domain_id, options) || foreign_domain(who->project_domain_id, options))
        return false;
    if (own_account(step, r->account, who->project_id))
        return true;
    domain = domain_of_account(c, r, &exists);
    return exists && (!domain || !strcmp(domain, options->default_domain_id));
}

static bool named_in(struct ctx *c, const struct step *step, struct swift_request *r, const char *const *items)
{
    const struct identity *who = r->env->who;
    bool names = *items && names_count(c, step, r);
    const char *const projects[] = { who->project_id, "*", names ? who->project_name : NULL };
    const char *const users[] = { who->user_id, "*", names ? who->user_name : NULL };

    for (size_t i = 0; *items && i < G_N_ELEMENTS(projects); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(users); k++)
            if (projects[i] && users[k] && text_in(ctx_printf(c, "%s:%s", projects[i], users[k]), items))
                return true;
    return false;
}

/* What is allowed to anybody. 1: yes, 0: a referrer without the right to list, -1: nothing said. */
static int open_to_all(struct ctx *c, struct swift_request *r, const char *const *items)
{
    if (acl_sync_allowed(c, r))
        return 1;
    if (acl_referrer_allowed(c, r->env->acl, request_get(r, "Referer")))
        return r->object || text_in(".rlistings", items);
    return -1;
}

static bool not_found(struct ctx *c, struct swift_response *response)
{
    response_error(c, response, 404, NULL);
    return false;
}

static bool authorize_nobody(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct step *step = r->env->authorize_data;

    if (!r->account)
        return not_found(c, response);
    if (!strcmp(r->method, "OPTIONS"))
        return true;
    if (!resellers_prefix(step->state, r->account))
        return auth_denied(c, r, response);
    return open_to_all(c, r, acl_groups(c, r->env->acl)) == 1 || auth_denied(c, r, response);
}

/* An operator of the account's project, with a service beside where the prefix wants one. */
static bool operates(struct ctx *c, const struct step *step, const struct identity *who, const char *prefix)
{
    const struct keystoneauth_options *options = step->options;
    const char *operators = resellers_option(step, prefix, "operator_roles"), *services = resellers_option(step, prefix, "service_roles");

    if (!has_role(c, who->roles, operators && *operators ? operators : options->operator_roles))
        return false;
    return !services || !*services || has_role(c, who->service_roles, services);
}

static bool authorize(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct step *step = r->env->authorize_data;
    const struct keystoneauth_options *options = step->options;
    const struct identity *who = r->env->who;
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
    const char *const *items = acl_groups(c, r->env->acl);
    const char *prefix;
    int open;

    r->env->swift_owner = false;
    if (!strcmp(r->method, "OPTIONS"))
        return true;
    if (!r->account)
        return not_found(c, response);
    note_domain(c, step, r);
    if (has_role(c, who->roles, options->reseller_admin_role)) {
        r->env->swift_owner = true;
        return true;
    }
    if (reads && has_role(c, who->roles, options->system_reader_roles))
        return true;
    if (!r->container && !strcmp(r->method, "DELETE"))
        return auth_denied(c, r, response);
    if (named_in(c, step, r, items))
        return true;
    open = open_to_all(c, r, items);
    if (open == 1)
        return true;
    if (!own_account(step, r->account, who->project_id))
        return auth_denied(c, r, response);
    prefix = resellers_prefix(step->state, r->account);
    if (operates(c, step, who, prefix)) {
        r->env->swift_owner = true;
        return true;
    }
    if (reads && has_role(c, who->roles, resellers_option(step, prefix, "project_reader_roles")))
        return true;
    for (size_t i = 0; open != 0 && items[i]; i++)
        if (has_role(c, who->roles, items[i]))
            return true;
    return auth_denied(c, r, response);
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct keystoneauth_options *options = step->options;
    const char *domain;

    if (options->allow_overrides && r->env->authorize_override) {
        step_next(c, step, r, response);
        return;
    }
    r->env->authorize = r->env->who ? authorize : authorize_nobody;
    r->env->authorize_data = step;
    r->env->clean_acl = acl_clean;
    if (r->env->who && has_role(c, r->env->who->roles, options->reseller_admin_role))
        r->env->reseller_request = true;
    step_next(c, step, r, response);
    domain = response_get(response, DOMAIN_META);
    if (domain)
        headers_set(c, &response->headers, "X-Account-Project-Domain-Id", domain);
}

const struct middleware middleware_keystoneauth = {
    .name = "keystoneauth", .options = option_rows, .options_size = sizeof(struct keystoneauth_options), .open = keystoneauth_open, .run = run,
    .close = keystoneauth_close,
};
