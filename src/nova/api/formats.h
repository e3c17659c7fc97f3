/* The named shapes of strings that the schemas speak of ("uuid", "name", ...). */
#ifndef NOVA_API_FORMATS_H
#define NOVA_API_FORMATS_H

#include "oslo/record/schema.h"

/* Ends with an empty row. */
extern const struct schema_format nova_formats[];

#endif
