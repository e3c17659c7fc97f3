/* What requests that do many things at once answer with: counts and errors, in the form the client accepts. For bulk and slo. */
#ifndef SWIFT_MIDDLEWARE_BULK_H
#define SWIFT_MIDDLEWARE_BULK_H

#include "swift/proxy/pipeline.h"

struct bulk_result {
    const char *root;                /* "delete", "extract", "upload" */
    const char *status, *body;       /* "Response Status", "Response Body"; NULL: not said */
    const char *etag, *last_modified;
    struct { const char *name; int64_t count; bool said; } counts[2];
    GPtrArray *errors;               /* name, status, name, status ... */
};
void bulk_result_init(struct ctx *, struct bulk_result *, const char *root);
void bulk_error(struct ctx *, struct bulk_result *, const char *name, const char *status);
size_t bulk_errors(const struct bulk_result *);
/* The document. type as accept_best() gave it. */
void bulk_write(struct buf *, const char *type, const struct bulk_result *);
/* The type to answer in; NULL: none that the client accepts (a malformed header: *ret_malformed). */
const char *bulk_type(struct ctx *, const struct swift_request *, bool *ret_malformed);

/* What is to be deleted: names "/container[/object]"; gives false at the end. error: why it cannot be (its status code), instead. */
struct doomed { const char *name, *version, *error; int error_status; };
struct bulk_delete_options { int64_t max_failed, blank_every_us; const char *source; };
/* Deletes all of them (an array of the ctx), objects before containers, and answers 200 with what came of it, with blanks where it takes its
 * time. A result that has a status already stands against the whole. */
void bulk_delete(struct ctx *, const struct step *, const struct swift_request *, GArray *doomed, const struct bulk_delete_options *,
                 const char *type, const struct bulk_result *, struct swift_response *);

#endif
