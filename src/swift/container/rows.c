/* Rows of objects: put and deleted by object servers, merged in bulk by the proxy's bulk importers (UPDATE). */
#include "swift/container/container.h"

#include "oslo/base/text.h"
#include "swift/broker/rpc.h"
#include "swift/name.h"

#include <string.h>

static void keep_row(struct ctx *c, struct swift_request *r, bool deleted, struct broker_row *row, struct swift_response *response)
{
    const struct storage_policy *policy;
    struct broker_place p;
    struct timestamp when;
    struct broker *b;

    if (!storage_timestamp(c, r, response, &when) || !container_place(c, r, &p, response) || !storage_policy(c, r, response, &policy))
        return;
    row->policy_index = policy ? policy->index : 0;
    row->created_at = timestamp_text(c, when);
    if (!container_autocreate(c, r, &p, when, row->policy_index, NULL, response) || !(b = container_open(c, &p, response)))
        return;
    if (!container_redirects(c, r, b, response) && !failed(c) && broker_put_row(c, b, row))
        response_error(c, response, deleted ? 204 : 201, NULL);
    broker_done(b);
}

void container_row_put(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const char *size = request_get(r, "X-Size");
    struct broker_row row = { .name = r->object, .content_type = request_get(r, "X-Content-Type"), .etag = request_get(r, "X-Etag"),
                              .ctype_timestamp = request_get(r, "X-Content-Type-Timestamp"), .meta_timestamp = request_get(r, "X-Meta-Timestamp") };

    if (!size || !text_to_int(size, &row.size) || !row.content_type || !row.etag) {
        response_error(c, response, 400, NULL);
        return;
    }
    keep_row(c, r, false, &row, response);
}

void container_row_delete(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    struct broker_row row = { .name = r->object, .deleted = true, .content_type = "application/deleted", .etag = "noetag" };

    keep_row(c, r, true, &row, response);
}

void container_update_rows(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct storage_policy *policy;
    struct broker_row *rows;
    struct broker_place p;
    struct timestamp when;
    struct broker *b;
    size_t n;

    if (!storage_timestamp(c, r, response, &when) || !container_place(c, r, &p, response) || !storage_policy(c, r, response, &policy) ||
        !container_autocreate(c, r, &p, when, policy ? policy->index : 0, NULL, response) || !(b = container_open(c, &p, response)))
        return;
    if (broker_rows_read(c, BROKER_CONTAINER, r, response, &rows, &n) && broker_merge_rows(c, b, rows, n, NULL))
        response_error(c, response, 202, NULL);
    broker_done(b);
}
