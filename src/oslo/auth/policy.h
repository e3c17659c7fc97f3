/* oslo.policy: rules by name, their language, defaults in a table, overrides in files.
 *
 * A service lists its rules as rows of struct policy; [<service>] policy_file and policy_dirs (YAML or JSON) override them by name,
 * and are read again when they change. The language is the original's: role:, rule:, user_id:%(user_id)s, is_admin:True,
 * 'literal':%(x)s, field:, http:, https:, not/and/or, @, !.
 */
#ifndef OSLO_AUTH_POLICY_H
#define OSLO_AUTH_POLICY_H

#include "oslo/record/attr.h"

struct policy {                      /* an array of them ends with {} */
    const char *name;                /* "create_network", "os_compute_api:servers:show" */
    const char *rule;                /* the default, in oslo.policy's language */
    const char *scopes;              /* "project", "system,domain,project"; NULL: any */
    const char *help;
    const char *was;                 /* the rule it replaces, which counts beside it until enforce_new_defaults; NULL: none */
};

/* What an operator says of one service's rules: part of its section of nacre.conf. */
struct policy_settings {
    char *policy_file, *policy_dirs; /* directories with commas between; NULL: none */
    char *policy_default_rule;       /* asked where a rule is not there; NULL: "default" */
    bool enforce_scope, enforce_new_defaults;
    bool remote_ssl_verify_server_crt;
    char *remote_content_type, *remote_ssl_ca_crt_file, *remote_ssl_client_crt_file, *remote_ssl_client_key_file;
};

/* What the rule is asked about: name/value pairs ("project_id", net->project_id, ...), NULL-terminated, and/or a record. */
struct policy_target {
    const char *const *pairs;
    const struct attr *attrs;        /* with record, or NULL */
    const void *record;
};
#define TARGET(...) (&(struct policy_target){ .pairs = (const char *const[]){ __VA_ARGS__, NULL } })
#define TARGET_RECORD(a, r) (&(struct policy_target){ .attrs = (a), .record = (r) })

struct policies;                     /* compiled; immutable */
/* Compiles defaults and the files' overrides. settings (NULL: none) must outlive it. NULL with a fault that names the rule that does not
 * parse. */
struct policies *policies_load(struct ctx *, const struct policy *defaults, const struct policy_settings *settings);
struct policies *policies_ref(struct policies *);
void policies_unref(struct policies *);      /* NULL is fine */
/* Calls visit for each rule as it stands. */
void policies_each(const struct policies *, void (*visit)(void *data, const char *name, const char *text, bool from_file), void *data);
/* Are both texts the same rule, written alike or not? */
bool rules_same(struct ctx *, const char *, const char *);

struct rulebook;                     /* a service's rules, read again when a file of theirs changes; thread-safe */
struct rulebook *rulebook_open(struct ctx *, const struct policy *defaults, const struct policy_settings *);
void rulebook_close(struct rulebook *);      /* NULL is fine */
/* The rules of now: a reference. */
struct policies *rulebook_get(struct rulebook *);

/* Does a rule of that set allow who on target? The functions below ask the set of c->service. */
bool policies_allow(const struct policies *, const char *rule, const struct identity *who, const struct policy_target *);
bool policies_know(const struct policies *, const char *rule);
bool policies_evaluate(struct ctx *, const struct policies *, const char *rule_text, const struct policy_target *,
                       bool *ret_allowed);

/* Does the rule of c->service allow c->who on target (NULL: the requester's own user_id and project_id)? Never a fault. An unknown rule: "default" if there is one, else no. */
bool policy_allows(struct ctx *, const char *rule, const struct policy_target *);
/* Has c->service a rule of that name? */
bool policy_exists(struct ctx *, const char *rule);
/* As policy_allows, and fails with 403 in the service's own words (style->forbidden). */
bool policy_check(struct ctx *, const char *rule, const struct policy_target *);
/* One rule given as text, for tests, federation and `nacre policy check`. */
bool policy_evaluate(struct ctx *, const char *rule_text, const struct policy_target *, bool *ret_allowed);

#endif
