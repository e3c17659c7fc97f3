/* What a rule is once it is parsed. For the files of this folder that parse, load and evaluate rules. */
#ifndef OSLO_AUTH_POLICY_TREE_H
#define OSLO_AUTH_POLICY_TREE_H

#include <stdatomic.h>

#include "oslo/auth/policy.h"

#define RULE_SYNTAX 500, "InvalidPolicyRule", "Policy rule \"%s\" cannot be understood: %s"

enum check { ALWAYS, NEVER, NOT, AND, OR, RULE, ROLE, LITERAL, CREDENTIAL, FIELD_IS, FIELD_LIKE, REMOTE };

/* "literal%(name)sliteral": pieces in order; a name piece is a lookup in the target. */
struct piece {
    const char *text;
    bool is_name;
};

struct node {
    enum check check;
    struct node *left, *right;       /* NOT: left alone */
    const char *word;                /* RULE: its name; LITERAL: the value; FIELD_*: the target's member; REMOTE: http or https */
    const struct rule *rule;         /* RULE, resolved; NULL: there is none, which is no */
    const struct credential *credential;     /* CREDENTIAL */
    const struct piece *match;       /* ends with { NULL } */
    GRegex *like;
};

struct rule {
    const char *name, *text, *scopes;
    struct node *tree;
    bool from_file;
    bool visiting, visited;          /* while looking for circles */
};

struct policies {
    struct ctx memory;               /* owns everything below */
    GHashTable *rules;               /* name -> struct rule */
    const struct policy_settings *settings;
    atomic_int references;
};

/* A question: may who do what the rule of that name is about to target? */
struct question {
    const struct policies *policies; /* NULL: a rule on its own */
    const char *rule;
    const struct identity *who;
    const struct policy_target *target;
};

/* -- policy_who.c: what a requester is, by the names rules use ------------------------------------------------------ */
const struct credential *credential_find(const char *name);          /* NULL: there is none */
/* Calls visit with each of its values (None for none) until it says yes. */
bool credential_any(const struct credential *, const struct identity *, bool (*visit)(void *data, const char *value), void *data);
json_t *credentials_json(const struct identity *);                   /* the caller's */

/* -- policy_parse.c ------------------------------------------------------------------------------------------------- */
/* Nodes of the ctx, which takes no fault; NULL with *ret_error. */
struct node *rule_parse(struct ctx *memory, const char *text, const char **ret_error);

/* -- policy_load.c -------------------------------------------------------------------------------------------------- */
const struct rule *rule_find(const struct policies *, const char *name);     /* or the default rule; NULL: neither */
void rule_resolve(const struct policies *, struct node *);

/* -- policy.c ------------------------------------------------------------------------------------------------------- */
struct scratch {                     /* room for the text of a member that is no string in its struct */
    char text[TIME_TEXT_SIZE];
};
const char *field_text(const struct attr *, const void *record, struct scratch *);
/* The pattern with the target's members put in, of the ctx; NULL: a member is not there. */
char *match_text(struct ctx *, const struct piece *, const struct policy_target *);

/* -- policy_remote.c: http: and https: ------------------------------------------------------------------------------ */
bool remote_allows(const struct node *, const struct question *);

#endif
