/* Asks the rules of the service a unit of work belongs to. */
#include "oslo/auth/policy.h"
#include "oslo/registry/registry.h"

/* A reference; NULL: the service has no rules. */
static struct policies *policies_of(const struct ctx *c)
{
    const struct service_state *state = c->service ? service_state(c->service) : NULL;

    return state && state->rules ? rulebook_get(state->rules) : NULL;
}

bool policy_allows(struct ctx *c, const char *rule, const struct policy_target *target)
{
    struct policies *policies = policies_of(c);
    bool allowed = policies && policies_allow(policies, rule, &c->who, target);

    policies_unref(policies);
    return allowed;
}

bool policy_exists(struct ctx *c, const char *rule)
{
    struct policies *policies = policies_of(c);
    bool exists = policies && policies_know(policies, rule);

    policies_unref(policies);
    return exists;
}

bool policy_check(struct ctx *c, const char *rule, const struct policy_target *target)
{
    const struct service_state *state = c->service ? service_state(c->service) : NULL;

    if (policy_allows(c, rule, target))
        return true;
    if (state && state->forbidden)
        return state->forbidden(c, rule);
    return fail(c, 403, "PolicyNotAuthorized", "Policy doesn't allow %s to be performed.", rule);
}

bool policy_evaluate(struct ctx *c, const char *rule_text, const struct policy_target *target, bool *ret_allowed)
{
    struct policies *policies = policies_of(c);
    bool well = policies_evaluate(c, policies, rule_text, target, ret_allowed);

    policies_unref(policies);
    return well;
}
