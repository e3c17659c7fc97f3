/* Derived members of a page of records, by one query a few hundred records. */
#ifndef NEUTRON_MODEL_FILL_H
#define NEUTRON_MODEL_FILL_H

#include "oslo/db/db.h"

struct fill {
    const char *select;              /* "SELECT network_id, id FROM subnets WHERE network_id": " IN (...)" follows */
    const char *order;               /* " ORDER BY id" or NULL */
    size_t key;                      /* offset of the char * in a record that the first column names */
    const struct value *values;      /* what '?' in select stands for, or NULL */
};
/* Calls row() for each row and each record with that key. */
bool fill_rows(struct ctx *, void *const *page, size_t n, const struct fill *, void (*row)(void *record, struct rows *, void *data), void *data);
/* Makes the raw_json at offset list of each record the JSON array of its rows' elements (empty: "[]"). */
bool fill_lists(struct ctx *, void *const *page, size_t n, const struct fill *, size_t list, void (*element)(struct out *, struct rows *));
/* For elements that are one string: column 1. */
void fill_string(struct out *, struct rows *);

#endif
