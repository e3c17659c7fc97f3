/* Reads a request of the S3 API: who signed it and how, which bucket and key it means, and the headers that are not served. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DATE_NEEDED "AWS authentication requires a valid Date or x-amz-date header"

const char *s3_stripped(struct ctx *c, const char *value)
{
    if (!value)
        return NULL;
    const char *end = value + strlen(value);
    while (*value && (unsigned char)*value <= ' ')
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    return end > value ? ctx_strndup(c, value, (size_t)(end - value)) : NULL;
}

static bool rfc2822(const char *text, int64_t *ret)
{
    static const char *const formats[] = { "%a, %d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%a, %d %b %Y %H:%M", "%A, %d-%b-%y %H:%M:%S", NULL };
    struct tm tm;
    const char *end = NULL;

    for (int i = 0; formats[i] && !end; i++) {
        tm = (struct tm){ 0 };
        end = strptime(text, formats[i], &tm);
    }
    if (!end)
        return false;
    long offset = 0;
    while (*end == ' ')
        end++;
    if ((*end == '+' || *end == '-') && strspn(end + 1, "0123456789") == 4) {
        offset = strtol(end + 1, NULL, 10);
        offset = (offset / 100 * 60 + offset % 100) * 60 * (*end == '-' ? -1 : 1);
    }
    *ret = timegm(&tm) - offset;
    return true;
}

bool s3_date_parse(const char *text, const char *format, int64_t *ret)
{
    struct tm tm = { 0 };

    if (!text)
        return false;
    if (rfc2822(text, ret))
        return true;
    const char *end = strptime(text, format, &tm);
    if (!end || *end)
        return false;
    *ret = timegm(&tm);
    return true;
}

/* --- who signed it --------------------------------------------------------------------------------------------- */

static bool read_date(struct s3_request *s)
{
    const char *amz = request_get(s->client, "X-Amz-Date"), *text, *format = "%Y-%m-%dT%H:%M:%S";

    if (s->query_auth && (text = s3_param(s, s->auth.v4 ? "X-Amz-Date" : "Timestamp"))) {
        if (s->auth.v4)
            format = "%Y%m%dT%H%M%SZ";
    } else if (amz && *amz) {
        text = amz;
        if (s->auth.v4)
            format = "%Y%m%dT%H%M%SZ";
    } else {
        text = request_get(s->client, "Date");
    }
    if (!s3_date_parse(text, format, &s->time) || s->time < 0)
        return s3_fail(s, S3_ACCESS_DENIED, DATE_NEEDED, NULL);
    if (s->time > 9999999999)
        return s3_fail(s, S3_REQUEST_TIME_TOO_SKEWED, NULL, NULL);
    return true;
}

/* Of a header that signs. */
static bool check_date(struct s3_request *s)
{
    const char *date = request_get(s->client, "Date"), *amz = request_get(s->client, "X-Amz-Date");

    if (!(date && *date) && !(amz && *amz))
        return s3_fail(s, S3_ACCESS_DENIED, DATE_NEEDED, NULL);
    if (!read_date(s))
        return false;
    if (llabs(s->time - clock_us() / 1000000) > s->options->allowable_clock_skew)
        return s3_fail(s, S3_REQUEST_TIME_TOO_SKEWED, NULL, NULL);
    return true;
}

static bool check_expires_2(struct s3_request *s)
{
    const char *text = s3_param(s, "Expires");
    char *end = NULL;
    double expires = text ? strtod(text, &end) : 0;

    if (!text || end == text || *end || !(expires >= 0))
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    if ((double)clock_us() / 1e6 > expires)
        return s3_fail(s, S3_ACCESS_DENIED, "Request has expired", NULL);
    if (expires >= 2147483648.0)
        return s3_fail(s, S3_ACCESS_DENIED, ctx_printf(s->c, "Invalid date (should be seconds since epoch): %s", text), NULL);
    return true;
}

static bool check_expires_4(struct s3_request *s)
{
    const char *text = s3_param(s, "X-Amz-Expires"), *wrong = NULL;
    int64_t expires = 0;

    if (!text)
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    if (!text_to_int(text, &expires))
        wrong = "X-Amz-Expires should be a number";
    else if (expires < 0)
        wrong = "X-Amz-Expires must be non-negative";
    else if (expires > 604800)
        wrong = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
    if (wrong)
        return s3_fail(s, S3_AUTHORIZATION_QUERY_PARAMETERS, wrong, NULL);
    if (!read_date(s))
        return false;
    if (s->time + expires < clock_us() / 1000000)
        return s3_fail(s, S3_ACCESS_DENIED, "Request has expired", NULL);
    return true;
}

/* The text between `name` and the next comma. */
static const char *piece(struct s3_request *s, const char *text, const char *name)
{
    const char *at = strstr(text, name);

    if (!at)
        return "";
    at += strlen(name);
    return ctx_strndup(s->c, at, strcspn(at, ","));
}

/* <access key>/<date>/<region>/<service>/aws4_request, against what is expected here. */
static bool read_credential(struct s3_request *s, const char *text)
{
    static const struct { const char *query, *header; } wrong[] = {
        { "Invalid credential date \"%s\". This date is not the same as X-Amz-Date: \"%s\".",
          "Invalid credential date \"%s\". This date is not the same as X-Amz-Date: \"%s\"." },
        { "Error parsing the X-Amz-Credential parameter; the region '%s' is wrong; expecting '%s'",
          "The authorization header is malformed; the region '%s' is wrong; expecting '%s'" },
        { "Error parsing the X-Amz-Credential parameter; incorrect service \"%s\". This endpoint belongs to \"%s\".",
          "The authorization header is malformed; incorrect service \"%s\". This endpoint belongs to \"%s\"." },
        { "Error parsing the X-Amz-Credential parameter; incorrect terminal \"%s\". This endpoint uses \"%s\".",
          "The authorization header is malformed; incorrect terminal \"%s\". This endpoint uses \"%s\"." },
    };
    char **parts = g_strsplit(text, "/", -1), date[16];
    size_t n = g_strv_length(parts);
    struct tm tm;
    time_t at = (time_t)s->time;

    const char *given[5] = { 0 };
    for (size_t i = 0; n == 5 && i < n; i++)
        given[i] = ctx_strdup(s->c, parts[i]);
    g_strfreev(parts);
    if (!given[0] || !*given[0])
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    strftime(date, sizeof date, "%Y%m%d", gmtime_r(&at, &tm));
    const char *lower = g_ascii_strdown(s->location, -1);
    ctx_own(s->c, (void *)lower, g_free);
    if (!strcmp(given[2], lower))                        /* as the .NET SDK writes it */
        s->location = lower;
    s->auth.access_key = given[0];
    s->auth.date = ctx_strdup(s->c, date);
    s->auth.region = s->location;
    const char *const expected[] = { s->auth.date, s->location, "s3", "aws4_request" };
    for (int i = 0; i < 4; i++)
        if (strcmp(given[i + 1], expected[i])) {
            const char *message = ctx_printf(s->c, s->query_auth ? wrong[i].query : wrong[i].header, given[i + 1], expected[i]);
            return s3_fail(s, s->query_auth ? S3_AUTHORIZATION_QUERY_PARAMETERS : S3_AUTHORIZATION_HEADER_MALFORMED, message,
                           i == 1 ? "Region" : NULL, i == 1 ? s->location : NULL, NULL);
        }
    return true;
}

static bool read_auth_4(struct s3_request *s)
{
    const char *header = request_get(s->client, "Authorization"), *credential;

    if (s->query_auth) {
        const char *algorithm = s3_param(s, "X-Amz-Algorithm");

        if (!check_expires_4(s))
            return false;
        if (!algorithm || strcmp(algorithm, "AWS4-HMAC-SHA256"))
            return s3_fail(s, S3_INVALID_ARGUMENT, NULL, "ArgumentName", "X-Amz-Algorithm", "ArgumentValue", algorithm, NULL);
        credential = s3_param(s, "X-Amz-Credential");
        s->auth.signature = s3_param(s, "X-Amz-Signature");
        s->signed_headers = s3_param(s, "X-Amz-SignedHeaders");
    } else {
        if (!check_date(s))
            return false;
        credential = piece(s, header, "Credential=");
        s->auth.signature = piece(s, header, "Signature=");
        s->signed_headers = piece(s, header, "SignedHeaders=");
        if (!*s->signed_headers)
            s->signed_headers = NULL;
    }
    if (!s->auth.signature || !*s->auth.signature)
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    if (!s->signed_headers)
        return s3_fail(s, S3_AUTHORIZATION_HEADER_MALFORMED, NULL, NULL);
    return read_credential(s, credential);
}

static bool read_auth_2(struct s3_request *s)
{
    const char *header = request_get(s->client, "Authorization");

    if (s->query_auth) {
        const char *signature = s3_param(s, "Signature"), *expires;

        if (!check_expires_2(s))
            return false;
        expires = s3_param(s, "Expires");
        s->auth.access_key = s3_param(s, "AWSAccessKeyId");
        s->auth.signature = signature;
        if (!signature || !*signature || !*s->auth.access_key || !*expires)
            return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
        return true;
    }
    if (!check_date(s))
        return false;
    const char *colon = strrchr(header, ':');
    if (!g_str_has_prefix(header, "AWS ") || !colon)
        return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    s->auth.access_key = ctx_strndup(s->c, header + 4, (size_t)(colon - header - 4));
    s->auth.signature = colon + 1;
    return true;
}

static bool read_auth(struct s3_request *s, bool *ret_foreign)
{
    const char *header = request_get(s->client, "Authorization");

    s->auth.v4 = s3_param(s, "X-Amz-Credential") || (header && g_str_has_prefix(header, "AWS4-HMAC-SHA256 "));
    s->query_auth = s3_param(s, s->auth.v4 ? "X-Amz-Credential" : "AWSAccessKeyId");
    if (!s->query_auth && !header) {
        *ret_foreign = true;
        return false;
    }
    return s->auth.v4 ? read_auth_4(s) : read_auth_2(s);
}

/* --- what it means ----------------------------------------------------------------------------------------------- */

static bool looks_like_ip(const char *name)
{
    struct in_addr address;

    return inet_pton(AF_INET, name, &address) == 1;
}

bool s3_bucket_name_valid(const char *name, bool dns)
{
    size_t n = strlen(name), most = dns ? 63 : 255;

    if (n < 3 || n > most || !g_ascii_isalnum(name[0]) || name[n - 1] == '.' || looks_like_ip(name))
        return false;
    if (dns && (strstr(name, ".-") || strstr(name, "-.") || strstr(name, "..") || !g_ascii_isalnum(name[n - 1])))
        return false;
    return name[strspn(name, dns ? "abcdefghijklmnopqrstuvwxyz0123456789-."
                                 : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == 0;
}

/* The bucket before a storage domain in the Host header. */
static const char *host_bucket(struct s3_request *s)
{
    const char *host = request_get(s->client, "Host");
    char **domains = text_split(s->c, s->options->storage_domain ? s->options->storage_domain : "", ',');

    if (!host)
        return NULL;
    const char *colon = strrchr(host, ':');
    host = colon ? ctx_strndup(s->c, host, (size_t)(colon - host)) : host;
    for (size_t i = 0; domains[i]; i++) {
        if (!*domains[i])
            continue;
        const char *domain = *domains[i] == '.' ? domains[i] : ctx_printf(s->c, ".%s", domains[i]);

        if (g_str_has_suffix(host, domain))
            return ctx_strndup(s->c, host, strlen(host) - strlen(domain));
    }
    return NULL;
}

static bool read_place(struct s3_request *s)
{
    const char *path = s->client->path, *bucket = host_bucket(s);

    if (bucket && *bucket) {
        s->bucket_in_host = true;
        s->bucket = bucket;
        s->key = path[0] && path[1] ? path + 1 : NULL;
        return true;
    }
    path += *path == '/';
    size_t n = strcspn(path, "/");
    if (!n)
        return true;
    s->bucket = ctx_strndup(s->c, path, n);
    s->key = path[n] && path[n + 1] ? path + n + 1 : NULL;
    if (!s3_bucket_name_valid(s->bucket, s->options->dns_compliant_bucket_names))
        return s3_fail(s, S3_INVALID_BUCKET_NAME, NULL, "BucketName", s->bucket, NULL);
    return true;
}

/* --- headers ------------------------------------------------------------------------------------------------------- */

/* Content-MD5 as the ETag Swift checks. */
static bool read_md5(struct s3_request *s)
{
    const char *text = s3_stripped(s->c, request_get(s->client, "Content-MD5"));
    void *bytes;
    size_t n;

    if (!text)
        return true;
    if (strpbrk(text, "-_") || !base64_read(s->c, text, &bytes, &n) || n != 16)
        return s3_fail(s, S3_INVALID_DIGEST, NULL, "ContentMd5", text, NULL);
    headers_set(s->c, &s->client->headers, "ETag", hex_write(s->c, bytes, n));
    return true;
}

static bool read_copy_source_header(struct s3_request *s)
{
    const char *given = request_get(s->client, "X-Amz-Copy-Source");

    if (!given)
        return true;
    const char *path = name_decode(s->c, given, strlen(given), false);
    path = path && *path == '/' ? path + 1 : path;
    size_t n = path ? strcspn(path, "/") : 0;
    if (!n || !path[n] || !path[n + 1])
        return s3_fail(s, S3_INVALID_ARGUMENT, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "ArgumentName",
                       "x-amz-copy-source", "ArgumentValue", given, NULL);
    return true;
}

/* Headers that ask for what is not served: the header, what it may say without harm, the answer. */
static const struct refused { const char *header, *accepted; enum s3_code code; const char *message; } refused[] = {
    { "x-amz-storage-class", "STANDARD", S3_INVALID_STORAGE_CLASS, NULL },
    { "x-amz-mfa", NULL, S3_NOT_IMPLEMENTED, "MFA Delete is not supported." },
    { "x-amz-website-redirect-location", NULL, S3_NOT_IMPLEMENTED, "Website redirection is not supported." },
    { "x-amz-decoded-content-length", NULL, S3_NOT_IMPLEMENTED, "Transfering payloads in multiple chunks using aws-chunked is not supported." },
    { "x-amz-tagging", NULL, S3_NOT_IMPLEMENTED, "Object tagging is not supported." },
};

static bool check_encryption(struct s3_request *s)
{
    const char *sse = request_get(s->client, "x-amz-server-side-encryption");

    if (!sse)
        return true;
    if (strcmp(sse, "aws:kms") && strcmp(sse, "AES256"))
        return s3_fail(s, S3_INVALID_ARGUMENT, "The encryption method specified is not supported", "ArgumentName", "x-amz-server-side-encryption",
                       "ArgumentValue", sse, NULL);
    if (!pipeline_has("encryption") || strcmp(sse, "AES256"))
        return s3_fail(s, S3_NOT_IMPLEMENTED, "Server-side encryption is not supported.", NULL);
    return true;
}

static bool check_refused(struct s3_request *s)
{
    const char *encoding = request_get(s->client, "Content-Encoding"), *hash = request_get(s->client, "X-Amz-Content-SHA256");

    if ((encoding && strstr(encoding, "aws-chunked")) || (hash && !strcmp(hash, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")))
        return s3_fail(s, S3_NOT_IMPLEMENTED, "Transfering payloads in multiple chunks using aws-chunked is not supported.", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        const char *value = request_get(s->client, refused[i].header);

        if (value && !(refused[i].accepted && !strcmp(value, refused[i].accepted)))
            return s3_fail(s, refused[i].code, refused[i].message, NULL);
    }
    return true;
}

static bool check_headers(struct s3_request *s)
{
    static const char *const conditions[] = { "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since" };
    /* what a client of S3 may not say to Swift */
    static const char *const hidden[] = { "X-Copy-From", "X-Copy-From-Account", "X-Symlink-Target", "X-Symlink-Target-Account",
                                          "X-Object-Manifest", "X-Static-Large-Object" };
    const char *directive = request_get(s->client, "x-amz-metadata-directive");

    if (!read_md5(s))
        return false;
    for (size_t i = 0; !strcmp(s->method, "PUT") && i < G_N_ELEMENTS(conditions); i++)
        if (request_get(s->client, conditions[i]))
            return s3_fail(s, S3_NOT_IMPLEMENTED, "Conditional object PUTs are not supported.", NULL);
    if (!read_copy_source_header(s))
        return false;
    if (directive && strcmp(directive, "COPY") && strcmp(directive, "REPLACE"))
        return s3_fail(s, S3_INVALID_ARGUMENT, "Unknown metadata directive.", "ArgumentName", "x-amz-metadata-directive", "ArgumentValue",
                       directive, NULL);
    if (!check_encryption(s) || !check_refused(s))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
        headers_remove(&s->client->headers, hidden[i]);
    return true;
}

bool s3_request_read(struct s3_request *s, bool *ret_foreign)
{
    s->location = s->options->location;
    return read_auth(s, ret_foreign) && read_place(s) && check_headers(s) && s3_sign(s);
}

/* --- its parts ------------------------------------------------------------------------------------------------------- */

bool s3_int_param(struct s3_request *s, const char *name, int64_t otherwise, int64_t limit, int64_t *ret)
{
    const char *text = s3_param(s, name);
    int64_t value = otherwise;

    if (text) {
        bool number = text_to_int(text, &value);

        if (number && value < 0)
            return s3_fail(s, S3_INVALID_ARGUMENT, ctx_printf(s->c, "Argument %s must be an integer between 0 and 2147483647", name),
                           "ArgumentName", name, "ArgumentValue", text, NULL);
        if (!number || value > 2147483647)
            return s3_fail(s, S3_INVALID_ARGUMENT, ctx_printf(s->c, "Provided %s not an integer or within integer range", name), "ArgumentName",
                           name, "ArgumentValue", text, NULL);
        if (value > limit)
            value = limit;
    }
    *ret = value;
    return true;
}

bool s3_body(struct s3_request *s, size_t max, char **ret, size_t *ret_n)
{
    struct swift_response refused_body = RESPONSE_EMPTY;

    *ret = NULL;
    *ret_n = 0;
    if (s->client->length > (int64_t)max)
        return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    if (!s->client->length)
        return true;
    *ret = request_take_all(s->c, s->client, max, ret_n, &refused_body);
    response_clear(&refused_body);
    if (s->digest_wrong)
        return s3_fail(s, S3_BAD_DIGEST, "The X-Amz-Content-SHA56 you specified did not match what we received.", NULL);
    if (!*ret)
        return s3_fail(s, S3_MALFORMED_XML, NULL, NULL);
    if (!*ret_n)
        *ret = NULL;
    return true;
}
