/* slo: static large objects. Which requests are about them; the list that a manifest is. */
#include "swift/middleware/slo.h"

#include "oslo/base/text.h"
#include "swift/middleware/hash_params.h"
#include "swift/middleware/middlewares.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

#define OPTION(member, otherwise, text) ATTR(struct slo_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(max_manifest_segments, "1000", "Segments of a manifest that are objects."),
    OPTION(max_manifest_size, "8388608", "Bytes of a manifest."),
    OPTION(yield_frequency, "10", "Seconds between blanks of an answer that takes its time."),
    OPTION(max_get_time, "86400", "Seconds a GET may take."),
    OPTION(rate_limit_under_size, "1048576", "Kept for the original's files: segments are not slowed down here."),
    OPTION(rate_limit_after_segment, "10", "Kept for the original's files."),
    OPTION(rate_limit_segments_per_sec, "1", "Kept for the original's files."),
    OPTION(concurrency, "2", "Kept for the original's files."),
    OPTION(delete_concurrency, "2", "Kept for the original's files."),
    OPTION(allow_async_delete, "false", "DELETE with async=on leaves the segments to the expirer."),
    {}
};

json_t *slo_manifest(struct ctx *c, struct swift_response *response)
{
    size_t n;
    const char *text = response_take_all(c, response, 64 << 20, &n);
    json_t *list = text ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : NULL;

    if (!json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    return ctx_json(c, list);
}

void slo_segment_range(json_t *segment, int64_t *ret_first, int64_t *ret_last)
{
    const char *range = json_string_value(json_object_get(segment, "range")), *dash = range ? strchr(range, '-') : NULL;

    *ret_first = dash ? atoll(range) : 0;
    *ret_last = dash ? atoll(dash + 1) : slo_segment_length(segment) - 1;
}

/* Of a segment that is a manifest itself: older ones say the size of the whole in the content type only. */
static int64_t bytes_of(json_t *segment)
{
    const char *type = json_string_value(json_object_get(segment, "content_type")), *said = type ? strstr(type, ";swift_bytes=") : NULL;

    if (said && json_is_true(json_object_get(segment, "sub_slo")))
        return atoll(said + strlen(";swift_bytes="));
    return json_integer_value(json_object_get(segment, "bytes"));
}

int64_t slo_segment_length(json_t *segment)
{
    const char *data = json_string_value(json_object_get(segment, "data")), *range = json_string_value(json_object_get(segment, "range"));

    if (data) {
        size_t n = strlen(data);

        return (int64_t)(n / 4 * 3 - (n && data[n - 1] == '=') - (n > 1 && data[n - 2] == '='));
    }
    if (range && strchr(range, '-'))
        return atoll(strchr(range, '-') + 1) - atoll(range) + 1;
    return bytes_of(segment);
}

const char *slo_etag_of(struct ctx *c, json_t *segments)
{
    struct md5 *hash = md5_new();
    json_t *segment;
    char hex[33];
    size_t i;

    json_array_foreach(segments, i, segment) {
        const char *data = json_string_value(json_object_get(segment, "data")), *range = json_string_value(json_object_get(segment, "range"));
        const char *tag = json_string_value(json_object_get(segment, "hash"));
        uint8_t digest[16];
        void *bytes;
        size_t n;

        if (data && base64_read(c, data, &bytes, &n)) {
            md5_of(bytes, n, digest);
            digest_hex(digest, hex);
            tag = hex;
        }
        if (tag)
            md5_add(hash, tag, strlen(tag));
        if (!data && range)
            md5_add(hash, ctx_printf(c, ":%s;", range), strlen(range) + 2);
    }
    md5_end_hex(hash, hex);
    return ctx_strdup(c, hex);
}

/* In listings of containers, the ETag of the whole becomes a member. */
static void name_etag(struct ctx *c, void *data, json_t *row)
{
    const char *etag = hash_param_take(c, row, "slo_etag");

    if (etag)
        json_object_set_new(row, "slo_etag", json_sprintf("\"%s\"", etag));
}

static bool open_slo(struct ctx *c, struct step *step)
{
    const struct slo_options *o = step->options;

    info_register("slo", json_pack("{s:I, s:I, s:I, s:I, s:b}", "max_manifest_segments", o->max_manifest_segments, "max_manifest_size", o->max_manifest_size,
                                   "yield_frequency", o->yield_frequency, "min_segment_size", (json_int_t)1, "allow_async_delete", o->allow_async_delete),
                  false);
    return true;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *manifest = r->object ? request_param(r, "multipart-manifest") : NULL;

    if (r->env->synced) {                                    /* the manifest as it is stored */
        step_next(c, step, r, response);
    } else if (r->object && !strcmp(r->method, "PUT") && text_equal(manifest, "put")) {
        slo_put(c, step, r, response);
    } else if (r->object && !strcmp(r->method, "DELETE") && text_equal(manifest, "delete")) {
        slo_delete(c, step, r, response);
    } else if (r->object && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))) {
        slo_read(c, step, r, response);
    } else if (r->object && request_get(r, "X-Static-Large-Object")) {
        response_error(c, response, 400, "X-Static-Large-Object is a reserved header. To create a static large object add query param multipart-manifest=put.");
    } else {
        step_next(c, step, r, response);
        if (r->container && !r->object && !strcmp(r->method, "GET"))
            listing_change(c, response, "slo_etag=", name_etag, NULL);
    }
}

const struct middleware middleware_slo = {
    .name = "slo", .options = option_rows, .options_size = sizeof(struct slo_options), .open = open_slo, .run = run,
};
