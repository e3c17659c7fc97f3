/* What the files of this folder share: the routes of each, and how a request is read and answered. */
#ifndef PLACEMENT_API_API_H
#define PLACEMENT_API_API_H

#include "oslo/http/http.h"
#include "oslo/record/record.h"
#include "oslo/registry/registry.h"
#include "oslo/rest/resource.h"
#include "placement/faults.h"
#include "placement/model/model.h"

extern const struct route root_routes[], provider_routes[], inventory_routes[], usage_routes[], aggregate_routes[], trait_routes[],
    class_routes[], allocation_routes[], candidate_routes[], reshaper_routes[];
extern const struct rest_style placement_style;

/* Does the client take JSON? Else 406. */
bool accepts_json(struct ctx *, const struct request *);
/* The body, checked against the named schema. NULL with fault 400 or 415. */
json_t *body_read(struct ctx *, const struct request *, const char *schema);
/* The same for a provider's sub-resource: of one that is not there 404 is told before the body is judged. */
json_t *body_of_provider(struct ctx *, const struct request *, const char *schema, struct provider *ret_provider);
/* The query's members (the last of repeated ones), checked. NULL with fault 400. */
json_t *query_read(struct ctx *, const struct request *, const char *schema);

/* Opens the body's object; its end and the headers of a read (Last-Modified; us 0: now, -1: none). */
struct out answer_begin(struct reply *);
void answer_end(struct ctx *, struct reply *, struct out *, utc_time last_modified);
/* Last-Modified and Cache-Control alone, from 1.15 on. */
void answer_stamp(struct ctx *, struct reply *, utc_time last_modified);
/* No body; location (a path) NULL: none. */
void answer_empty(struct ctx *, struct reply *, int status, const char *location);
static inline void later(utc_time *last, utc_time created, utc_time updated)
{
    last->us = MAX(last->us, MAX(created.us, updated.us));
}

/* Ends the transaction: commits what went well, else rolls back. */
bool settle(struct ctx *, bool good);

/* Inventories, as the reshaper reads them too. */
bool inventories_parse(struct ctx *, const struct provider *, json_t *inventories, struct inventory **ret_list, size_t *ret_n);

#endif
