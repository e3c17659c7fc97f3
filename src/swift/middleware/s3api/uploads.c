/* ?uploads: beginning a multipart upload, and listing those that go on. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>

/* --- POST: begin ------------------------------------------------------------------------------------------------- */

/* Makes <bucket>+segments where it is not there, with the policy and the ACLs of the bucket. */
static bool segments_container(struct s3_request *s, const char *container)
{
    const struct container_info *info;
    struct swift_response response = RESPONSE_EMPTY;
    struct headers headers = { 0 };

    if (s3_container_info(s, container))
        return true;
    if (s->error.code != S3_NO_SUCH_BUCKET)
        return false;
    s3_error_clear(s);
    if (!(info = s3_container_info(s, s->bucket)))
        return false;
    const struct storage_policy *policy = policy_by_index(info->policy_index);
    headers_set(s->c, &headers, "X-Storage-Policy", policy ? policy->name : NULL);
    if (info->read_acl && *info->read_acl)
        headers_set(s->c, &headers, "X-Container-Read", info->read_acl);
    if (info->write_acl && *info->write_acl)
        headers_set(s->c, &headers, "X-Container-Write", info->write_acl);
    bool made = s3_call(s, &(struct s3_call){ "PUT", container, "", .headers = &headers, .body = "" }, &response);
    response_clear(&response);
    if (!made && (s->error.code == S3_BUCKET_ALREADY_EXISTS || s->error.code == S3_BUCKET_ALREADY_OWNED)) {
        s3_error_clear(s);
        made = true;
    }
    return made;
}

static bool uploads_post(struct s3_request *s, struct swift_response *response)
{
    struct headers *headers = &s->client->headers;
    const char *type = headers_get(headers, "Content-Type"), *container, *uuid;
    struct xml x = { 0 };

    if (!s3_of_object(s) || !s3_container_info(s, s->bucket))
        return false;
    if (name_length(s->key) > (size_t)constraints->max_object_name_length)
        return s3_fail(s, S3_KEY_TOO_LONG, NULL, NULL);
    uuid = uuid_new(s->c);
    const char *upload = base64url_write(s->c, uuid, strlen(uuid));
    headers_set(s->c, headers, S3_OBJECT_META "has-content-type", type && *type ? "yes" : "no");
    if (type && *type)
        headers_set(s->c, headers, S3_OBJECT_META "content-type", type);
    headers_set(s->c, headers, "Content-Type", "application/directory");
    container = ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket);
    if (!segments_container(s, container))
        return false;
    headers_remove(headers, "ETag");
    headers_remove(headers, "Content-MD5");
    if (!s3_call(s, &(struct s3_call){ "PUT", container, ctx_printf(s->c, "%s/%s", s->key, upload), .body = "" }, response))
        return false;
    xml_begin(&x, "InitiateMultipartUploadResult");
    s3_xml_text(&x, "Bucket", s->bucket);
    s3_xml_text(&x, "Key", s->key);
    s3_xml_text(&x, "UploadId", upload);
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

/* --- GET: which go on ------------------------------------------------------------------------------------------------ */

struct upload_row { const char *key, *id, *began; };

struct upload_list {
    GArray *rows;                    /* of struct upload_row */
    GPtrArray *prefixes;             /* sorted within a page, as the original lists them */
    int64_t max;
};

static bool is_part(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash && slash[1] && slash[1 + strspn(slash + 1, "0123456789")] == 0;
}

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One page of the container's listing. */
static void take_page(struct s3_request *s, json_t *page, struct upload_list *list)
{
    const char *prefix = s3_param(s, "prefix"), *delimiter = s3_param(s, "delimiter");
    GPtrArray *found = g_ptr_array_new();
    json_t *row;
    size_t i;

    json_array_foreach(page, i, row) {
        const char *name = s3_member(row, "name"), *slash = name ? strrchr(name, '/') : NULL;

        if (!slash || is_part(name))
            continue;
        struct upload_row one = { ctx_strndup(s->c, name, (size_t)(slash - name)), ctx_strdup(s->c, slash + 1),
                                  s3_iso_time(s->c, s3_member(row, "last_modified")) };
        size_t from = prefix ? MIN(strlen(prefix), strlen(one.key)) : 0;
        const char *end = delimiter ? strstr(one.key + from, delimiter) : NULL;
        if (!end) {
            g_array_append_val(list->rows, one);
            continue;
        }
        const char *common = ctx_strndup(s->c, one.key, (size_t)(end - one.key) + strlen(delimiter));
        if (!g_ptr_array_find_with_equal_func(found, common, g_str_equal, NULL))
            g_ptr_array_add(found, (char *)common);
    }
    g_ptr_array_sort(found, by_text);
    for (guint k = 0; k < found->len; k++)
        g_ptr_array_add(list->prefixes, found->pdata[k]);
    g_ptr_array_free(found, TRUE);
}

static bool collect(struct s3_request *s, struct upload_list *list)
{
    const char *container = ctx_printf(s->c, "%s" SEGMENTS_SUFFIX, s->bucket), *key = s3_param(s, "key-marker"), *id = s3_param(s, "upload-id-marker");
    const char *marker = key && *key ? id && *id ? ctx_printf(s->c, "%s/%s", key, id) : ctx_printf(s->c, "%s/~", key) : "";

    while (list->rows->len < list->max) {
        struct swift_response response = RESPONSE_EMPTY;
        json_t *page;

        if (!s3_call(s, &(struct s3_call){ "GET", container, .query = s3_query(s->c, "format", "json", "marker", marker, "prefix", s3_param(s, "prefix"), NULL) },
                     &response)) {
            if (s->error.code != S3_NO_SUCH_BUCKET)
                return false;
            s3_error_clear(s);           /* nothing was ever uploaded */
            return true;
        }
        if (!(page = s3_json(s, &response)))
            return false;
        if (!json_array_size(page))
            return true;
        take_page(s, page, list);
        marker = s3_member(json_array_get(page, json_array_size(page) - 1), "name");
    }
    return true;
}

static void write_uploads(struct s3_request *s, struct xml *x, const struct upload_list *list, bool url)
{
    guint n = (guint)MIN((int64_t)list->rows->len, list->max);
    const struct upload_row *rows = (const void *)list->rows->data, *last = n > 1 ? &rows[n - 1] : NULL;
    const char *key = s3_param(s, "key-marker"), *id = s3_param(s, "upload-id-marker");

    xml_begin(x, "ListMultipartUploadsResult");
    s3_xml_text(x, "Bucket", s->bucket);
    s3_xml_text(x, "KeyMarker", key ? key : "");
    s3_xml_text(x, "UploadIdMarker", id ? id : "");
    s3_xml_text(x, "NextKeyMarker", last ? last->key : "");
    s3_xml_text(x, "NextUploadIdMarker", last ? last->id : "");
    if (s3_param(s, "delimiter"))
        s3_xml_text(x, "Delimiter", s3_param(s, "delimiter"));
    if (s3_param(s, "prefix"))
        s3_xml_text(x, "Prefix", s3_param(s, "prefix"));
    xml_int(x, "MaxUploads", list->max);
    if (url)
        s3_xml_text(x, "EncodingType", "url");
    s3_xml_text(x, "IsTruncated", list->rows->len >= list->max ? "true" : "false");
    for (guint i = 0; i < n; i++) {
        xml_open(x, "Upload");
        s3_xml_text(x, "Key", s3_key_text(s->c, rows[i].key, url));
        s3_xml_text(x, "UploadId", rows[i].id);
        s3_owner_write(s, x, "Initiator");
        s3_owner_write(s, x, "Owner");
        s3_xml_text(x, "StorageClass", "STANDARD");
        s3_xml_text(x, "Initiated", rows[i].began);
        xml_close(x);
    }
    for (guint i = 0; i < list->prefixes->len; i++) {
        xml_open(x, "CommonPrefixes");
        s3_xml_text(x, "Prefix", list->prefixes->pdata[i]);
        xml_close(x);
    }
}

static bool uploads_get(struct s3_request *s, struct swift_response *response)
{
    struct upload_list list = { .max = 1000 };
    struct xml x = { 0 };
    bool url;

    if (s->key)
        return s3_fail(s, S3_INVALID_REQUEST, "Key is not expected for the GET method ?uploads subresource", NULL);
    if (!s3_container_info(s, s->bucket) || !s3_encoding(s, &url) || !s3_int_param(s, "max-uploads", 1000, 1000, &list.max))
        return false;
    list.rows = ctx_own(s->c, g_array_new(FALSE, TRUE, sizeof(struct upload_row)), (void (*)(void *))g_array_unref);
    list.prefixes = ctx_own(s->c, g_ptr_array_new(), (void (*)(void *))g_ptr_array_unref);
    if (!collect(s, &list))
        return false;
    write_uploads(s, &x, &list, url);
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

const struct s3_controller s3_uploads = { "uploads", "UPLOADS", .get = uploads_get, .post = uploads_post, .permit = permit_uploads };
