/* LDAP: searches and binds over kept connections. Only connection.c knows the library. */
#ifndef KEYSTONE_DIRECTORY_CONNECTION_H
#define KEYSTONE_DIRECTORY_CONNECTION_H

#include "keystone/directory/options.h"

struct entry {
    const char *dn;
    const struct pair *values;       /* attribute and value; several values are several pairs. Ends with {} */
};
const char *entry_get(const struct entry *, const char *attribute);          /* the first value, any case of the name; NULL */

enum scope { SCOPE_ITSELF, SCOPE_BELOW };       /* the entry of that name; what is below it, as far as query_scope says */

/* What is found, of the ctx; entries end with dn NULL. A base that is not there holds nothing. NULL with a fault where the directory
 * does not answer, or refuses. */
const struct entry *directory_search(struct ctx *, const struct directory *, const char *base, enum scope, const char *filter,
                                     const char *const *attributes);
/* Is that the entry's password? False with a fault only where the directory does not answer. */
bool directory_bind(struct ctx *, const struct directory *, const char *dn, const char *password);
/* A value as a filter has it. */
const char *filter_quote(struct ctx *, const char *value);
void directory_connections_end(void);

#endif
