/* Metadata definitions: namespaces with their objects, properties and tags ("items", a kind each) and resource types. */
#ifndef GLANCE_MODEL_METADEF_H
#define GLANCE_MODEL_METADEF_H

#include "glance/faults.h"
#include "glance/glance.h"

struct namespace {
    char *namespace, *display_name, *description, *visibility, *owner;
    bool protected;
    utc_time created_at, updated_at;
};
extern const struct attr namespace_attrs[];

/* What an item is called in rules, words and addresses. */
struct item_kind {
    const char *name, *plural, *words;   /* "object", "objects", "metadata object" */
    const char *duplicate, *hint;        /* in the conflict's sentence */
    const char *removal;                 /* the rule's verb: "delete", "remove" */
    bool folds_case;
};
extern const struct item_kind object_kind, property_kind, tag_kind;

struct item {
    char *name;
    json_t *body;
    utc_time created_at, updated_at;
};

struct association {
    char *name, *prefix, *properties_target;
    utc_time created_at, updated_at;
};
extern const struct attr association_attrs[];

/* The namespace if c->who may see it and rule allows; NULL with a fault. Its absence is said with unknown's words: the format of
 * a 404, with the name in it. */
struct namespace *namespace_lookup(struct ctx *, const char *name, const char *rule, const char *unknown);
extern const char unknown_long[], unknown_short[];           /* NAMESPACE_UNKNOWN's and NAMESPACE_NOT_FOUND's */
bool namespace_visible(struct ctx *, const struct namespace *);
bool metadef_allowed(struct ctx *, const struct namespace *, const char *rule);
void namespace_write(struct ctx *, struct out *, const struct namespace *);

/* In a transaction. */
bool item_insert(struct ctx *, const char *namespace, const struct item_kind *, const char *name, const json_t *body);
bool item_change(struct ctx *, const char *namespace, const struct item_kind *, const char *name, const char *new_name, const json_t *body);
bool association_insert(struct ctx *, const char *namespace, const json_t *asked);

struct item *item_find(struct ctx *, const char *namespace, const struct item_kind *, const char *name);     /* NULL with ITEM_NOT_FOUND */
struct rows *items_query(struct ctx *, const char *namespace, const struct item_kind *, const char *order);
void item_from_row(struct ctx *, struct rows *, struct item *);
struct association *association_find(struct ctx *, const char *namespace, const char *name);                 /* NULL without a fault */
void association_write(struct out *, const struct association *);
void associations_write(struct ctx *, struct out *, const char *namespace);  /* the array; nothing where there are none */

/* Runs in a transaction of its own. */
bool metadef_transaction(struct ctx *, bool (*run)(struct ctx *, void *data), void *data);
/* A property as all answers show it, its members in the original's order. */
json_t *property_view(struct ctx *, const json_t *body);

#endif
