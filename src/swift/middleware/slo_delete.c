/* DELETE ?multipart-manifest=delete: a manifest goes with its segments. */
#include "swift/middleware/slo.h"

#include "oslo/base/text.h"
#include "swift/middleware/bulk.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"

#include <string.h>

/* The segments of a manifest; NULL with a status and words. */
static json_t *segments_of(struct ctx *c, const struct step *step, const struct swift_request *r, const char *path, int *ret_status, const char **ret_words)
{
    struct swift_response response = RESPONSE_EMPTY;
    const char *bare = path + strspn(path, "/"), *slash = strchr(bare, '/'), *version = request_param(r, "version-id");
    struct swift_request *get = request_sub(c, r, "GET", r->account, ctx_strndup(c, bare, slash ? (size_t)(slash - bare) : strlen(bare)),
                                            slash ? slash + 1 : NULL, "SLO");
    json_t *segments = NULL;

    headers_set(c, &get->headers, "X-Auth-Token", request_get(r, "X-Auth-Token"));
    headers_set(c, &get->headers, "Range", "bytes=-1");  /* of what is no manifest, one byte is enough */
    headers_set(c, &get->headers, "X-Backend-Ignore-Range-If-Metadata-Present", "X-Static-Large-Object");
    request_set_query(c, get, ctx_printf(c, "multipart-manifest=get%s%s", version ? "&version-id=" : "", version ? name_quote(c, version, "") : ""));
    step_next(c, step, get, &response);
    *ret_status = 500;
    *ret_words = "Unable to load SLO manifest or segment.";
    if (response.status / 100 == 2) {
        *ret_status = 400;
        *ret_words = "Not an SLO manifest";
        if (header_true(&response.headers, "X-Static-Large-Object"))
            segments = slo_manifest(c, &response);
    } else if (response.status == 404) {
        *ret_status = 404;
        *ret_words = "SLO manifest not found";
    } else if (response.status == 401) {
        *ret_status = 401;
        *ret_words = "401 Unauthorized";
    }
    response_clear(&response);
    return segments;
}

struct pending { const char *path, *version; bool manifest; };

/* All segments, those of manifests within it too, each manifest behind its segments. */
static bool collect(struct ctx *c, const struct step *step, const struct swift_request *r, GArray *doomed)
{
    const struct slo_options *o = step->options;
    struct pending first = { ctx_printf(c, "/%s/%s", r->container, r->object), request_param(r, "version-id"), true };
    GArray *queue = g_array_new(FALSE, TRUE, sizeof(struct pending));
    bool well = true;

    g_array_append_val(queue, first);
    for (guint at = 0; at < queue->len && well; at++) {
        struct pending one = g_array_index(queue, struct pending, at);
        struct doomed gone = { one.path, one.version, NULL, 0 };
        json_t *segments = NULL, *segment;
        size_t i;

        if (queue->len - at > (size_t)o->max_manifest_segments * 10) {
            well = false;
            break;
        }
        if (!one.manifest) {
            g_array_append_val(doomed, gone);
            continue;
        }
        segments = segments_of(c, step, r, one.path, &gone.error_status, &gone.error);
        if (!segments) {
            g_array_append_val(doomed, gone);
            continue;
        }
        json_array_foreach(segments, i, segment) {
            struct pending inner = { json_string_value(json_object_get(segment, "name")), NULL, json_is_true(json_object_get(segment, "sub_slo")) };

            if (inner.path)
                g_array_append_val(queue, inner);
        }
        one.manifest = false;
        g_array_append_val(queue, one);
    }
    g_array_free(queue, TRUE);
    return well;
}

static void array_free(void *array)
{
    g_array_free(array, TRUE);
}

void slo_delete(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct slo_options *o = step->options;
    GArray *doomed = ctx_own(c, g_array_new(FALSE, TRUE, sizeof(struct doomed)), array_free);
    struct bulk_result result;
    const char *type;
    bool malformed;

    headers_remove(&r->headers, "Content-Type");
    bulk_result_init(c, &result, "delete");
    type = bulk_type(c, r, &malformed);
    if (!type) {
        result.status = status_line(c, 406);
    } else if (!collect(c, step, r, doomed)) {
        result.status = status_line(c, 400);
        result.body = "Too many buffered slo segments to delete.";
    }
    bulk_delete(c, step, r, doomed, &(struct bulk_delete_options){ 1000, o->yield_frequency * G_USEC_PER_SEC, "SLO" }, type, &result, response);
}
