/* Asks the rules of the service a unit of work belongs to. */
#include "oslo/auth/policy.h"
#include "oslo/registry/registry.h"

static const struct policies *policies_of(const struct ctx *c)
{
    const struct service_state *state = c->service ? service_state(c->service) : NULL;

    return state ? state->policies : NULL;
}

bool policy_allows(struct ctx *c, const char *rule, const struct policy_target *target)
{
    const struct policies *policies = policies_of(c);

    return policies && policies_allow(policies, rule, &c->who, target);
}

bool policy_exists(struct ctx *c, const char *rule)
{
    const struct policies *policies = policies_of(c);

    return policies && policies_know(policies, rule);
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
    return policies_evaluate(c, policies_of(c), rule_text, target, ret_allowed);
}
