/* Python's pickles as Swift keeps them (metadata, hashes, pending rows, ring builders): values, read from any protocol up to 2
 * (and what later ones need of plain values), written in protocol 2. Nothing is ever called: of classes only those named in
 * pickle_read.c are known, as plain values.
 */
#ifndef SWIFT_PICKLE_H
#define SWIFT_PICKLE_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

enum pickle_kind { PICKLE_NONE, PICKLE_BOOL, PICKLE_INT, PICKLE_REAL, PICKLE_TEXT, PICKLE_BYTES, PICKLE_LIST, PICKLE_TUPLE, PICKLE_DICT };

struct pickle {
    enum pickle_kind kind;
    int64_t integer;                 /* of INT and BOOL */
    double real;
    const char *bytes; size_t n;     /* of TEXT (UTF-8) and BYTES: NUL after them. Of an array: its raw items */
    char typecode;                   /* of an array.array, which is BYTES here: 'H', 'B'; else NUL */
    struct pickle **items; size_t n_items, room;     /* of LIST and TUPLE; of a DICT key, value, key, value ... */
};

/* NULL with a fault when it is no pickle of plain values, or one that is too deep or too large. */
struct pickle *pickle_read(struct ctx *, const void *bytes, size_t n);
/* The same, saying how many bytes it took: pickles may follow each other. */
struct pickle *pickle_read_some(struct ctx *, const void *bytes, size_t n, size_t *ret_taken);

const struct pickle *pickle_get(const struct pickle *dict, const char *key); /* by a TEXT or BYTES key; NULL */
const char *pickle_text(const struct pickle *);                              /* of TEXT or BYTES; NULL for others and NULL */
bool pickle_int(const struct pickle *, int64_t *ret);                        /* of INT and BOOL */

/* Making values to write. */
struct pickle *pickle_new(struct ctx *, enum pickle_kind);
struct pickle *pickle_new_text(struct ctx *, const char *text);              /* NULL text: None */
struct pickle *pickle_new_bytes(struct ctx *, const void *bytes, size_t n);
struct pickle *pickle_new_int(struct ctx *, int64_t);
struct pickle *pickle_new_real(struct ctx *, double);
struct pickle *pickle_new_bool(struct ctx *, bool);
void pickle_append(struct ctx *, struct pickle *to, struct pickle *item);    /* to a list, tuple; a dict takes key, then value */
void pickle_set(struct ctx *, struct pickle *dict, const char *key, struct pickle *value);
/* Appends it in protocol 2. */
void pickle_write(struct buf *, const struct pickle *);

#endif
