/* Listings of a bucket: objects (both versions of the question), object versions; and what other listings share with them. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/middleware/hash_params.h"

#include <stdlib.h>
#include <string.h>

enum listing_kind { LIST_1, LIST_2, LIST_VERSIONS };

struct listing {
    enum listing_kind kind;
    bool url, fetch_owner, truncated;
    int64_t max_keys, shown_max_keys;
    const char *query;
};

const char *s3_iso_time(struct ctx *c, const char *iso)
{
    utc_time t;
    char text[TIME_TEXT_SIZE];

    if (!iso || !time_parse(iso, &t))
        return NULL;
    t.us = (t.us + 999999) / 1000000 * 1000000;
    return ctx_printf(c, "%s.000Z", time_write(text, t, TIME_ISO));
}

bool s3_encoding(struct s3_request *s, bool *ret_url)
{
    const char *type = s3_param(s, "encoding-type");

    if (type && strcmp(type, "url"))
        return s3_fail(s, S3_INVALID_ARGUMENT, "Invalid Encoding Method specified in Request", "ArgumentName", "encoding-type", "ArgumentValue", type, NULL);
    *ret_url = type != NULL;
    return true;
}

void s3_owner_write(struct s3_request *s, struct xml *x, const char *element)
{
    xml_open(x, element);
    s3_xml_text(x, "ID", s->user_id);
    s3_xml_text(x, "DisplayName", s->user_id);
    xml_close(x);
}

bool s3_list_all(struct s3_request *s, const char *container, const char *prefix, const char *delimiter, json_t **ret)
{
    json_t *all = ctx_json(s->c, json_array());
    const char *marker = "";

    for (;;) {
        struct swift_response response = RESPONSE_EMPTY;
        json_t *page;

        if (!s3_call(s, &(struct s3_call){ "GET", container, "", s3_query(s->c, "delimiter", delimiter, "format", "json", "marker", marker, "prefix",
                                                                          prefix, NULL) }, &response) ||
            !(page = s3_json(s, &response)))
            return false;
        if (!json_array_size(page))
            break;
        json_t *last = json_array_get(page, json_array_size(page) - 1);
        marker = s3_member(last, "name") ? s3_member(last, "name") : s3_member(last, "subdir");
        json_array_extend(all, page);
        if (!marker)
            break;
    }
    *ret = all;
    return true;
}

/* --- the question -------------------------------------------------------------------------------------------------- */

static bool ask_versions(struct s3_request *s, struct listing *l, const char *limit)
{
    const char *key = s3_param(s, "key-marker"), *version = s3_param(s, "version-id-marker");
    struct timestamp t;

    l->kind = LIST_VERSIONS;
    if (version && !key)
        return s3_fail(s, S3_INVALID_ARGUMENT, "A version-id marker cannot be specified without a key marker.", "ArgumentName", "version-id-marker",
                       "ArgumentValue", version, NULL);
    if (version && strcmp(version, "null") && !timestamp_parse(version, &t))
        return s3_fail(s, S3_INVALID_ARGUMENT, "Invalid version id specified", "ArgumentName", "version-id-marker", "ArgumentValue", version, NULL);
    l->query = s3_query(s->c, "delimiter", s3_param(s, "delimiter"), "limit", limit, "marker", key, "prefix", s3_param(s, "prefix"), "version_marker",
                        version, "versions", s3_param(s, "versions"), NULL);
    return true;
}

static bool ask(struct s3_request *s, struct listing *l)
{
    const char *marker = s3_param(s, "marker"), *type = s3_param(s, "list-type"), *token = s3_param(s, "continuation-token"), *limit;

    if (!s3_int_param(s, "max-keys", s->options->max_bucket_listing, INT32_MAX, &l->shown_max_keys) || !s3_encoding(s, &l->url))
        return false;
    l->max_keys = MIN(l->shown_max_keys, s->options->max_bucket_listing);
    limit = ctx_printf(s->c, "%lld", (long long)l->max_keys + 1);    /* one more tells whether there are more */
    if (s3_param(s, "versions"))
        return ask_versions(s, l, limit);
    if (type && !strcmp(type, "2")) {
        void *bytes;
        size_t n;

        l->kind = LIST_2;
        marker = s3_param(s, "start-after");
        if (token) {
            if (!base64_read(s->c, token, &bytes, &n))
                return s3_fail(s, S3_INVALID_ARGUMENT, "The continuation token provided is incorrect", "ArgumentName", "continuation-token", "ArgumentValue",
                               token, NULL);
            marker = ctx_strndup(s->c, bytes, n);
        }
        l->fetch_owner = word_true(s3_param(s, "fetch-owner"));
    }
    l->query = s3_query(s->c, "delimiter", s3_param(s, "delimiter"), "limit", limit, "marker", marker, "prefix", s3_param(s, "prefix"), NULL);
    return true;
}

/* --- the answer ------------------------------------------------------------------------------------------------------ */

static void write_tail(struct s3_request *s, struct xml *x, const struct listing *l, bool empty_delimiter)
{
    const char *delimiter = s3_param(s, "delimiter");

    xml_int(x, "MaxKeys", l->shown_max_keys);
    if (delimiter && (*delimiter || empty_delimiter))
        s3_xml_text(x, "Delimiter", s3_key_text(s->c, delimiter, l->url));
    if (l->url)
        s3_xml_text(x, "EncodingType", "url");
    s3_xml_text(x, "IsTruncated", l->truncated ? "true" : "false");
}

static void write_head(struct s3_request *s, struct xml *x, const struct listing *l, json_t *last)
{
    const char *name = s3_member(last, "name"), *subdir = s3_member(last, "subdir"), *end = name ? name : subdir;

    xml_begin(x, l->kind == LIST_VERSIONS ? "ListVersionsResult" : "ListBucketResult");
    s3_xml_text(x, "Name", s->bucket);
    s3_xml_text(x, "Prefix", s3_key_text(s->c, s3_param(s, "prefix"), l->url));
    switch (l->kind) {
    case LIST_VERSIONS:
        s3_xml_text(x, "KeyMarker", s3_key_text(s->c, s3_param(s, "key-marker"), l->url));
        s3_xml_text(x, "VersionIdMarker", s3_param(s, "version-id-marker"));
        if (l->truncated) {
            const char *version = s3_member(last, "version_id");

            s3_xml_text(x, "NextKeyMarker", end);
            s3_xml_text(x, "NextVersionIdMarker", name && version ? version : "null");
        }
        break;
    case LIST_1:
        s3_xml_text(x, "Marker", s3_key_text(s->c, s3_param(s, "marker"), l->url));
        if (l->truncated && s3_param(s, "delimiter"))
            s3_xml_text(x, "NextMarker", s3_key_text(s->c, end, l->url));
        break;
    case LIST_2:
        if (l->truncated)
            s3_xml_text(x, "NextContinuationToken", base64_write(s->c, end, strlen(end)));
        if (s3_param(s, "continuation-token"))
            s3_xml_text(x, "ContinuationToken", s3_param(s, "continuation-token"));
        if (s3_param(s, "start-after"))
            s3_xml_text(x, "StartAfter", s3_key_text(s->c, s3_param(s, "start-after"), l->url));
        break;
    }
}

static const char *etag_of(struct ctx *c, json_t *row)
{
    const char *own = hash_param_take(c, row, "s3_etag"), *s3 = own ? ctx_printf(c, "\"%s\"", own) : NULL, *slo = s3_member(row, "slo_etag"), *hash = s3_member(row, "hash");
    size_t n = hash ? strlen(hash) : 0;

    if (s3)
        return s3;
    if (slo)
        return ctx_printf(c, "\"%s-N\"", g_strstrip(g_strdelimit(ctx_strdup(c, slo), "\"", ' ')));
    return n > 1 && *hash == '"' && hash[n - 1] == '"' ? hash : ctx_printf(c, "\"%s\"", hash ? hash : "");
}

static void write_row(struct s3_request *s, struct xml *x, const struct listing *l, json_t *row)
{
    const char *type = s3_member(row, "content_type");
    bool marker = l->kind == LIST_VERSIONS && type && !strcmp(type, DELETE_MARKER);

    xml_open(x, l->kind != LIST_VERSIONS ? "Contents" : marker ? "DeleteMarker" : "Version");
    s3_xml_text(x, "Key", s3_key_text(s->c, s3_member(row, "name"), l->url));
    if (l->kind == LIST_VERSIONS) {
        const char *version = s3_member(row, "version_id");
        json_t *latest = json_object_get(row, "is_latest");

        s3_xml_text(x, "VersionId", version && *version ? version : "null");
        s3_xml_text(x, "IsLatest", !latest || json_is_true(latest) ? "true" : "false");
    }
    s3_xml_text(x, "LastModified", s3_iso_time(s->c, s3_member(row, "last_modified")));
    if (!marker) {
        s3_xml_text(x, "ETag", etag_of(s->c, row));
        xml_int(x, "Size", json_integer_value(json_object_get(row, "bytes")));
    }
    if (l->fetch_owner || l->kind != LIST_2)
        s3_owner_write(s, x, "Owner");
    if (!marker)
        s3_xml_text(x, "StorageClass", "STANDARD");
    xml_close(x);
}

bool bucket_list(struct s3_request *s, struct swift_response *response)
{
    struct listing l = { 0 };
    struct xml x = { 0 };
    json_t *rows, *row;
    size_t i, n;

    if (!ask(s, &l) || !s3_call(s, &(struct s3_call){ .query = l.query }, response) || !(rows = s3_json(s, response)))
        return false;
    n = json_array_size(rows);
    l.truncated = l.max_keys > 0 && n > (size_t)l.max_keys;
    n = MIN(n, (size_t)l.max_keys);
    write_head(s, &x, &l, json_array_get(rows, n ? n - 1 : 0));
    if (l.kind == LIST_2)
        xml_int(&x, "KeyCount", (int64_t)n);
    write_tail(s, &x, &l, l.kind == LIST_VERSIONS);
    json_array_foreach(rows, i, row) {
        if (i >= n)
            break;
        if (s3_member(row, "subdir")) {
            xml_open(&x, "CommonPrefixes");
            s3_xml_text(&x, "Prefix", s3_key_text(s->c, s3_member(row, "subdir"), l.url));
            xml_close(&x);
        } else {
            write_row(s, &x, &l, row);
        }
    }
    xml_end(s->c, &x, response, "application/xml");
    return true;
}
