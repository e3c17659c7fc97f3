/* What the files of this folder share. Users include resource.h. */
#ifndef OSLO_REST_REST_H
#define OSLO_REST_REST_H

#include "oslo/rest/resource.h"
#include "oslo/registry/registry.h"

static inline const struct rest_style *style_of(const struct ctx *c) { return c->service->style; }
static inline const char *resource_table(const struct resource *r) { return r->table ? r->table : r->plural; }
static inline const char *resource_key(const struct resource *r) { return r->key ? r->key : "id"; }
const struct attr *resource_owner(const struct resource *);          /* the OWNER attr, or NULL */
const char *resource_id(const struct resource *, const void *record);
/* The rule of a verb; of one attr of it: "<rule>:<wire name>". */
const char *resource_rule(struct ctx *, const struct resource *, const char *verb);
/* Appends who may see which rows. */
bool visible_add(struct ctx *, const struct resource *, struct sql *);
bool invalid_query(struct ctx *, const struct resource *, enum invalid_why, const char *name, const char *value);

#endif
