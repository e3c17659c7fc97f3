/* The smaller sub-resources: the list of buckets, location, logging, tagging, versioning. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>

/* --- the buckets of an account --------------------------------------------------------------------------------- */

/* Someone else's bucket (s3_acl and check_bucket_owner), or one that has gone. */
static bool hidden_bucket(struct s3_request *s, const char *name, bool *ret_hidden)
{
    struct swift_response response = RESPONSE_EMPTY;

    *ret_hidden = false;
    if (!s->options->s3_acl || !s->options->check_bucket_owner)
        return true;
    bool well = s3_call(s, &(struct s3_call){ "HEAD", name, "" }, &response);
    response_clear(&response);
    if (well)
        return true;
    if (s->error.code != S3_ACCESS_DENIED && s->error.code != S3_NO_SUCH_BUCKET)
        return false;
    s3_error_clear(s);
    *ret_hidden = true;
    return true;
}

static bool service_get(struct s3_request *s, struct swift_response *response)
{
    struct xml x = { 0 };
    json_t *rows, *row;
    size_t i;

    if (!s3_call(s, &(struct s3_call){ .query = "format=json" }, response) || !(rows = s3_json(s, response)))
        return false;
    xml_begin(&x, "ListAllMyBucketsResult");
    xml_open(&x, "Owner");
    s3_xml_text(&x, "ID", s->user_id);
    s3_xml_text(&x, "DisplayName", s->user_id);
    xml_close(&x);
    xml_open(&x, "Buckets");
    json_array_foreach(rows, i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        bool hidden;

        if (!name || !s3_bucket_name_valid(name, s->options->dns_compliant_bucket_names))
            continue;
        if (!hidden_bucket(s, name, &hidden)) {
            buf_clear(&x.text);
            return false;
        }
        if (hidden)
            continue;
        xml_open(&x, "Bucket");
        s3_xml_text(&x, "Name", name);
        s3_xml_text(&x, "CreationDate", "2009-02-03T16:45:09.000Z");    /* nobody keeps it; clients want one */
        xml_close(&x);
    }
    xml_close(&x);
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

const struct s3_controller s3_service = { .resource = "SERVICE", .get = service_get };

/* --- location, logging, tagging --------------------------------------------------------------------------------- */

static bool location_get(struct s3_request *s, struct swift_response *response)
{
    struct xml x = { 0 };

    s3_of_bucket(s);
    if (!s3_call(s, &(struct s3_call){ "HEAD" }, response))
        return false;
    xml_begin(&x, "LocationConstraint");
    if (strcmp(s->options->location, "us-east-1"))
        buf_puts(&x.text, s->options->location);
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

static bool logging_get(struct s3_request *s, struct swift_response *response)
{
    struct xml x = { 0 };

    if (s->key)
        return s3_fail(s, S3_NO_LOGGING_STATUS_FOR_KEY, NULL, NULL);
    if (!s3_call(s, &(struct s3_call){ "HEAD" }, response))
        return false;
    xml_begin(&x, "BucketLoggingStatus");
    xml_end(s->c, &x, response, "application/xml");
    return true;
}

static bool logging_put(struct s3_request *s, struct swift_response *response)
{
    return s3_fail(s, s->key ? S3_NO_LOGGING_STATUS_FOR_KEY : S3_NOT_IMPLEMENTED, NULL, NULL);
}

static bool tagging_get(struct s3_request *s, struct swift_response *response)
{
    struct xml x = { 0 };

    xml_begin(&x, "Tagging");
    s3_xml_text(&x, "TagSet", NULL);
    xml_end(s->c, &x, response, NULL);
    return true;
}

static bool not_served(struct s3_request *s, struct swift_response *response)
{
    return s3_fail(s, S3_NOT_IMPLEMENTED, "The requested resource is not implemented", NULL);
}

/* --- versioning -------------------------------------------------------------------------------------------------- */

static bool versioning_get(struct s3_request *s, struct swift_response *response)
{
    const struct container_info *info;
    const char *enabled;
    struct xml x = { 0 };

    s3_of_bucket(s);
    if (!(info = s3_container_info(s, s->bucket)))
        return false;
    enabled = headers_get(&info->sysmeta, "versions-enabled");
    xml_begin(&x, "VersioningConfiguration");
    if (enabled && *enabled)
        s3_xml_text(&x, "Status", header_true(&info->sysmeta, "versions-enabled") ? "Enabled" : "Suspended");
    xml_end(s->c, &x, response, NULL);
    return true;
}

static bool versioning_put(struct s3_request *s, struct swift_response *response)
{
    char *text;
    size_t n;

    s3_of_bucket(s);
    if (!info_has("object_versioning"))
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    if (!s3_body(s, 10240, &text, &n))
        return false;
    s3_node *root = xml_read(s->c, text, n, "VersioningConfiguration");
    const char *status = xml_value(s->c, xml_child(root, "Status"));
    if (!root || !xml_only(root, "!Status", "MfaDelete", NULL) || !status || (strcmp(status, "Enabled") && strcmp(status, "Suspended")))
        return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    headers_set(s->c, &s->client->headers, "X-Versions-Enabled", strcmp(status, "Enabled") ? "false" : "true");
    if (!s3_call(s, &(struct s3_call){ "POST" }, response))
        return false;
    response_clear(response);
    response->status = 200;
    headers_set(s->c, &response->headers, "Content-Type", HTML_TYPE);
    return true;
}

/* --- which parameter chooses which ---------------------------------------------------------------------------------- */

static const struct s3_controller location = { "location", "LOCATION", .get = location_get };
static const struct s3_controller logging = { "logging", "LOGGING_STATUS", .get = logging_get, .put = logging_put };
static const struct s3_controller versioning = { "versioning", "VERSIONING", .get = versioning_get, .put = versioning_put };
static const struct s3_controller tagging = { "tagging", "TAGGING", .get = tagging_get, .put = not_served, .delete = not_served };

const struct s3_controller *const s3_by_parameter[] = {
    &s3_acls, &s3_multi_delete, &location, &logging, &s3_part, &s3_upload, &s3_uploads, &versioning, &tagging, NULL,
};
