/* The named shapes of strings that the schemas speak of ("uuid", "name", ...). */
#ifndef NOVA_API_FORMATS_H
#define NOVA_API_FORMATS_H

#include "oslo/base/ctx.h"

struct named_format {
    const char *name;
    bool (*check)(const char *value);
    const char *reason;              /* what a name must be; NULL: "... is not a 'name'" is told */
};
const struct named_format *named_format_find(const char *name);      /* NULL: any value is fine */

#endif
