/* IP protocols by the names the API takes. */
#ifndef NEUTRON_MODEL_PROTOCOLS_H
#define NEUTRON_MODEL_PROTOCOLS_H

#include <stdbool.h>
#include <stdint.h>

bool protocol_known(const char *name);               /* a name (lower case) */
int protocol_number(const char *name_or_number);     /* -1: none */
bool protocol_same(const char *a, const char *b);    /* NULL is "any" */
extern const char protocol_names[];                  /* "[None, 'ah', ...]" for messages */

#endif
