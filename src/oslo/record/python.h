/* JSON values as Python writes them, for messages that must read as the original's. */
#ifndef OSLO_RECORD_PYTHON_H
#define OSLO_RECORD_PYTHON_H

#include "oslo/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A value as Python writes it: repr(), or str(), which leaves a string as it is. */
void python_repr(struct buf *, const json_t *);
void python_str(struct buf *, const json_t *);
/* As pprint.pformat(value, width=72): members by name, broken where a line is full. */
void python_pprint(struct buf *, const json_t *);

/* What json.loads says of a text that is no JSON: "Expecting value: line 1 column 1 (char 0)". */
void python_json_error(struct buf *, const char *text, size_t n);

/* No control, format, private or unassigned characters, no line separators. */
bool char_is_printable(gunichar);

#endif
