/* Erasure codes: a segment of an object becomes data and parity fragments, any `data` of which give it back. liberasurecode's, called as the
 * original's pyeclib calls it, so that fragments are the same bytes.
 *
 * Each fragment begins with a header of the library's: its index, its size, the segment's size. What comes from a disk or a node goes
 * through erasure_check() before anything else looks at it.
 */
#ifndef SWIFT_ERASURE_H
#define SWIFT_ERASURE_H

#include "oslo/base/buf.h"
#include "oslo/base/ctx.h"

#define ERASURE_MOST 32              /* fragments of a segment */
#define ERASURE_HEADER 80            /* bytes before a fragment's own */

/* "liberasurecode_rs_vand, flat_xor_hd_3": those this host has, as the original lists them. */
const char *erasure_types(struct ctx *);
bool erasure_has_type(const char *type);

/* A code, used by any thread, there until the process ends; the same one for the same arguments. NULL with a fault that says as the original
 * why not. */
struct erasure;
const struct erasure *erasure_code(struct ctx *, const char *type, int data, int parity);

/* Fragments get the checksums that liberasurecode wrote up to 1.5: a word for yes or no; NULL: as the environment has it. While the process starts. */
void erasure_write_legacy_crc(const char *word);

size_t erasure_fragment_size(const struct erasure *, size_t segment);        /* with its header; of all fragments of a segment of that size */

struct erasure_fragments { char *fragments[ERASURE_MOST]; size_t size; char **data, **parity; };
bool erasure_encode(const struct erasure *, const void *segment, size_t n, struct erasure_fragments *ret);
void erasure_encode_done(const struct erasure *, struct erasure_fragments *);

/* Is it a whole fragment of this code? *ret_index: which; *ret_segment: how long the segment is. */
bool erasure_check(const struct erasure *, const void *fragment, size_t n, int *ret_index, size_t *ret_segment);
/* The segment of these fragments, all of one size, at least `data` different ones; appended. False: they are not that. */
bool erasure_decode(const struct erasure *, char *const *fragments, size_t n, size_t size, struct buf *to);
/* The fragment of that index, size bytes. */
bool erasure_rebuild(const struct erasure *, char *const *fragments, size_t n, size_t size, int index, void *ret);

#endif
