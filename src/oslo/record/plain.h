/* JSON text that is as plain as nearly all of it: ASCII, no escapes, whole numbers that fit, not deep. It is read in one pass, in place, and
 * members that are only looked at need no tree. What is not plain is not wrong: whoever reads leaves it to jansson, which then
 * sees the same text; what is plain means here just what it means there.
 */
#ifndef OSLO_RECORD_PLAIN_H
#define OSLO_RECORD_PLAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct plain {
    const char *at, *end;
};

/* Is that the next character that is no space? plain_is takes it, too. */
bool plain_at(struct plain *, char ch);
bool plain_is(struct plain *, char ch);
/* A text, and where it stands; false where there is none that is plain. */
bool plain_text(struct plain *, const char **ret, size_t *ret_n);
/* A value of any kind: a new reference, or NULL where it is not plain. */
json_t *plain_tree(struct plain *);
/* Is there nothing more but spaces? */
bool plain_over(struct plain *);

#endif
