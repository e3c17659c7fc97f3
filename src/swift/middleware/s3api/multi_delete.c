/* POST ?delete: several objects of a bucket at once. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

struct doomed { const char *key, *version; };

static bool check_md5(struct s3_request *s, const char *text, size_t n)
{
    const char *given = request_get(s->client, "Content-MD5");
    uint8_t digest[16];

    if (!given)
        return s3_fail(s, S3_INVALID_REQUEST, "Missing required header for this request: Content-MD5", NULL);
    md5_of(text, n, digest);
    if (strcmp(given, base64_write(s->c, digest, sizeof digest)))
        return s3_fail(s, S3_BAD_DIGEST, NULL, "ContentMd5", given, NULL);
    return true;
}

/* What is to go: an array that ends with {}. */
static bool read_list(struct s3_request *s, const char *text, size_t n, bool *ret_quiet, struct doomed **ret)
{
    s3_node *root = xml_read(s->c, text, n, "Delete");
    GArray *list = ctx_own(s->c, g_array_new(TRUE, TRUE, sizeof(struct doomed)), (void (*)(void *))g_array_unref);
    const char *quiet = NULL;

    for (s3_node *node = xml_first(root); node; node = xml_next(node)) {
        struct doomed one = { xml_value(s->c, xml_child(node, "Key")), xml_value(s->c, xml_child(node, "VersionId")) };

        if (xml_is(node, "Quiet") && !quiet) {
            quiet = xml_value(s->c, node);
            quiet = quiet ? quiet : "";
            continue;
        }
        if (!xml_is(node, "Object") || !xml_only(node, "!Key", "VersionId", NULL))
            return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
        if (!one.key)
            return s3_fail(s, S3_USER_KEY_MUST_BE_SPECIFIED, NULL, NULL);
        g_array_append_val(list, one);
    }
    if (!list->len || list->len > s->options->max_multi_delete_objects)
        return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    *ret_quiet = quiet && !strcasecmp(quiet, "true");
    *ret = (struct doomed *)(void *)list->data;
    return true;
}

static void write_error(struct xml *x, const char *key, const char *version, const char *code, const char *message)
{
    xml_open(x, "Error");
    s3_xml_text(x, "Key", key);
    if (version)
        s3_xml_text(x, "VersionId", version);
    s3_xml_text(x, "Code", code);
    s3_xml_text(x, "Message", message);
    xml_close(x);
}

/* What the deletion of a manifest's segments said; NULL: all is well. */
static const char *segments_error(struct s3_request *s, struct swift_response *response)
{
    json_t *result = s3_json(s, response), *errors = json_object_get(result, "Errors"), *row;
    const char *status = s3_member(result, "Response Status");
    struct buf b = { 0 };
    size_t i;

    s3_error_clear(s);
    if (!json_is_array(errors) || !status)
        return "Unexpected swift response";
    if (!json_array_size(errors))
        return NULL;
    buf_puts(&b, status);
    json_array_foreach(errors, i, row) {
        const char *object = json_string_value(json_array_get(row, 0)), *error = json_string_value(json_array_get(row, 1));

        buf_printf(&b, "\n%s: %s", object ? object : "", error ? error : "");
    }
    const char *text = ctx_strdup(s->c, b.data);
    buf_clear(&b);
    return text;
}

static void delete_one(struct s3_request *s, const struct doomed *one, bool quiet, struct xml *x)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct headers headers = { 0 };
    const char *manifest = NULL, *wrong = NULL;
    bool async = false;

    headers_set(s->c, &headers, "Accept", "application/json");
    bool well = s3_delete_query(s, one->key, one->version, &manifest, &async) &&
                s3_call(s, &(struct s3_call){ "DELETE", .object = one->key, .headers = &headers,
                                              .query = s3_query(s->c, "multipart-manifest", manifest, "async", async ? "on" : NULL, "symlink",
                                                                one->version ? "get" : NULL, "version-id", one->version, NULL) }, &response);
    if (well && manifest && response.status != 204)
        wrong = segments_error(s, &response);
    response_clear(&response);
    if (!well && s->error.code == S3_NO_SUCH_KEY)
        well = true;
    if (!well)
        write_error(x, one->key, NULL, s3_error_name(&s->error), s3_error_message(&s->error));
    else if (wrong)
        write_error(x, one->key, NULL, "SLODeleteError", wrong);
    else if (!quiet) {
        xml_open(x, "Deleted");
        s3_xml_text(x, "Key", one->key);
        xml_close(x);
    }
    s3_error_clear(s);
}

static bool multi_delete_post(struct s3_request *s, struct swift_response *response)
{
    size_t most = MIN((size_t)(2 * s->options->max_multi_delete_objects * constraints->max_object_name_length), 10u << 20), n;
    struct xml x = { 0 };
    struct doomed *list = NULL;
    bool quiet = false, denied;
    char *text;

    s3_of_bucket(s);
    if (!s3_body(s, most, &text, &n))
        return false;
    if (!text)
        return s3_fail(s, S3_MISSING_REQUEST_BODY, NULL, NULL);
    if (!check_md5(s, text, n) || !read_list(s, text, n, &quiet, &list))
        return false;
    denied = !s3_call(s, &(struct s3_call){ "HEAD" }, response);
    if (denied && s->error.code != S3_ACCESS_DENIED)
        return false;
    for (struct doomed *one = list; one->key && !denied; one++)
        if (is_version_named(one->version) && !info_has("object_versioning"))
            return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    xml_begin(&x, "DeleteResult");
    for (struct doomed *one = list; one->key; one++)
        if (denied)
            write_error(&x, one->key, one->version, s3_error_name(&s->error), s3_error_message(&s->error));
        else
            delete_one(s, one, quiet, &x);
    s3_error_clear(s);
    xml_end(s->c, &x, response, HTML_TYPE);
    return true;
}

const struct s3_controller s3_multi_delete = { "delete", "MULTI_OBJECT_DELETE", .post = multi_delete_post, .permit = permit_multi_delete };
