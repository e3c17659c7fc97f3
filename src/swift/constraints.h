/* Limits ([swift-constraints] of swift.conf) and the checks that proxy and storage servers share. */
#ifndef SWIFT_CONSTRAINTS_H
#define SWIFT_CONSTRAINTS_H

#include "swift/conf.h"
#include "swift/message.h"

struct constraints {
    int64_t max_file_size, max_meta_name_length, max_meta_value_length, max_meta_count, max_meta_overall_size, max_header_size,
            max_object_name_length, container_listing_limit, account_listing_limit, max_account_name_length, max_container_name_length,
            extra_header_count;
    char *valid_api_versions, *auto_create_account_prefix;
};
extern const struct constraints *constraints;
bool constraints_configure(struct ctx *, const struct conf *swift_conf);

/* Each: false, and the response says what is wrong. kind: "object", "container", "account". */
bool check_metadata(struct ctx *, const struct swift_request *, const char *kind, struct swift_response *);
bool check_object_creation(struct ctx *, struct swift_request *, const char *object, struct swift_response *);
/* X-Delete-After becomes X-Delete-At. */
bool check_delete_headers(struct ctx *, struct swift_request *, struct swift_response *);
bool check_name_format(struct ctx *, const char *name, const char *what, struct swift_response *);
/* ?limit= of a listing, at most most (412). */
bool check_limit(struct ctx *, const struct swift_request *, int64_t most, int64_t *ret, struct swift_response *);
bool version_is_valid(const char *version);
/* "X-Object-Meta-", "X-Object-Sysmeta-" of that kind. */
bool is_user_meta(const struct pair *, const char *kind);
bool is_sys_meta(const struct pair *, const char *kind);
bool is_transient_sysmeta(const struct pair *);              /* "X-Object-Transient-Sysmeta-" */
/* The container of the expiring objects that has the row of an object to be deleted at that time; ten digits. */
const char *expirer_container(struct ctx *, int64_t delete_at, const char *account, const char *container, const char *object);
const char *expirer_task(struct ctx *, int64_t delete_at, const char *account, const char *container, const char *object);
#define EXPIRING_ACCOUNT ".expiring_objects"

#endif
