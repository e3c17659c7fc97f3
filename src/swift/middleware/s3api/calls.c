/* Requests to Swift for the sake of one of S3, and what their statuses mean there. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- making one ---------------------------------------------------------------------------------------------- */

/* A metadata value with other than printable ASCII, as a MIME word (RFC 2047): quoted where that is shorter, else base64. */
static const char *mime_word(struct ctx *c, const char *value)
{
    size_t n = strlen(value), plain = 0;

    for (size_t i = 0; i < n; i++)
        plain += (value[i] >= ' ' && value[i] < 0x7f) || strchr("\t\n\r\v\f", value[i]) != NULL;
    if (plain == n)
        return value;

    struct buf b = { 0 };
    size_t quoted = 0;
    for (size_t i = 0; i < n; i++)
        quoted += g_ascii_isalnum(value[i]) || strchr("-!*+/ ", value[i]) ? 1 : 3;
    if (quoted <= (n + 2) / 3 * 4) {
        buf_puts(&b, "=?UTF-8?Q?");
        for (size_t i = 0; i < n; i++)
            if (value[i] == ' ')
                buf_putc(&b, '_');
            else if (g_ascii_isalnum(value[i]) || strchr("-!*+/", value[i]))
                buf_putc(&b, value[i]);
            else
                buf_printf(&b, "=%02X", (unsigned char)value[i]);
    } else {
        buf_printf(&b, "=?UTF-8?B?%s", base64_write(c, value, n));
    }
    buf_puts(&b, "?=");
    const char *word = ctx_strdup(c, b.data);
    buf_clear(&b);
    return word;
}

/* Underscores are kept as =5F, since a dash and an underscore are one elsewhere on the way. */
static const char *meta_name(struct ctx *c, const char *name)
{
    struct buf b = { 0 };

    buf_puts(&b, "X-Object-Meta-");
    for (; *name; name++)
        if (*name == '_')
            buf_puts(&b, "=5F");
        else
            buf_putc(&b, *name);
    const char *text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

static void copy_headers(struct s3_request *s, struct headers *to)
{
    for (size_t i = 0; i < s->client->headers.n; i++) {
        const struct pair *h = &s->client->headers.pairs[i];

        if (strncasecmp(h->name, "x-amz-meta-", 11)) {
            headers_add(s->c, to, h->name, h->value);
            continue;
        }
        if (strpbrk(h->name, " \"),/;<=>?@[\\]{}"))
            continue;
        const char *name = meta_name(s->c, h->name + 11), *before = headers_get(to, name), *value = mime_word(s->c, h->value);
        headers_set(s->c, to, name, before ? ctx_printf(s->c, "%s,%s", before, value) : value);
    }
}

/* A PUT with X-Amz-Copy-Source is one with X-Copy-From. Returns the version that is copied, or NULL. */
static const char *copy_from(struct s3_request *s, struct headers *to)
{
    static const char *const kept_by_source[] = { "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
                                                  "Cache-Control", "X-Robots-Tag" };
    const char *source = headers_get(to, "X-Amz-Copy-Source"), *version;

    if (!source || strcmp(s->method, "PUT"))
        return NULL;
    version = strstr(source, "?versionId=");
    headers_set(s->c, to, "X-Copy-From", version ? ctx_strndup(s->c, source, (size_t)(version - source)) : source);
    headers_remove(to, "X-Amz-Copy-Source");
    const char *directive = headers_get(to, "X-Amz-Metadata-Directive");
    if (directive && !strcmp(directive, "REPLACE")) {
        headers_set(s->c, to, "X-Fresh-Metadata", "True");
    } else {
        for (size_t i = 0; i < G_N_ELEMENTS(kept_by_source); i++)
            headers_remove(to, kept_by_source[i]);
        headers_remove_prefix(to, "X-Object-Meta-");
    }
    headers_remove(to, "X-Amz-Metadata-Directive");
    return version ? version + strlen("?versionId=") : NULL;
}

/* Under the access key until an auth middleware has said the account. */
static struct swift_request *sub_request(struct s3_request *s, const char *method, const char *container, const char *object)
{
    const char *account = s->account ? s->account : s->auth.access_key;
    struct swift_request *sub = request_sub(s->c, s->client, method, account, container, object, "S3");

    sub->version = "v1";                 /* the client's path is none of Swift's */
    request_set_path(s->c, sub, account, container, object);
    return sub;
}

static struct swift_request *make(struct s3_request *s, const struct s3_call *call, const char *method, const char *container, const char *object)
{
    struct swift_request *sub = sub_request(s, method, container, object);
    const char *version, *query = call->query ? call->query : "";
    bool copies;

    copy_headers(s, &sub->headers);
    version = copy_from(s, &sub->headers);
    copies = headers_get(&sub->headers, "X-Copy-From") != NULL;
    if (version && !strstr(query, "version-id="))
        query = ctx_printf(s->c, "%s%sversion-id=%s", query, *query ? "&" : "", version);
    request_set_query(s->c, sub, query);
    if (call->headers)
        headers_copy(s->c, &sub->headers, call->headers);
    if (call->body) {
        request_set_body(sub, call->body, call->body_size);
    } else if (!strcmp(method, "PUT") && object && !copies && !strcmp(s->method, "PUT")) {
        sub->length = s->client->length;
        sub->read = s->client->read;
        sub->read_data = s->client->read_data;
        sub->body_read = s->client->body_read;
    } else {
        request_set_body(sub, "", 0);
    }
    if (s->options->s3_acl && s->account) {
        sub->env->swift_owner = true;
        sub->env->authorize_override = true;
        sub->env->authorize = NULL;
    }
    return sub;
}

/* --- what came of it ----------------------------------------------------------------------------------------------- */

enum level { ON_ACCOUNT, ON_CONTAINER, ON_OBJECT };

static const struct success { enum level level; const char *method; int statuses[3]; } successes[] = {
    { ON_ACCOUNT, "GET", { 200 } },
    { ON_CONTAINER, "HEAD", { 204, 200 } },
    { ON_CONTAINER, "GET", { 200, 204 } },
    { ON_CONTAINER, "PUT", { 201 } },
    { ON_CONTAINER, "POST", { 204 } },
    { ON_CONTAINER, "DELETE", { 204 } },
    { ON_OBJECT, "HEAD", { 200, 206, 304 } },
    { ON_OBJECT, "GET", { 200, 206, 304 } },
    { ON_OBJECT, "PUT", { 201, 202 } },
    { ON_OBJECT, "POST", { 202 } },
    { ON_OBJECT, "DELETE", { 200, 204 } },
};

static const struct meaning { enum level level; const char *method; int status; enum s3_code code; } meanings[] = {
    { ON_CONTAINER, "HEAD", 404, S3_NO_SUCH_BUCKET },
    { ON_CONTAINER, "GET", 404, S3_NO_SUCH_BUCKET },
    { ON_CONTAINER, "PUT", 202, S3_BUCKET_ALREADY_EXISTS },
    { ON_CONTAINER, "POST", 404, S3_NO_SUCH_BUCKET },
    { ON_CONTAINER, "DELETE", 404, S3_NO_SUCH_BUCKET },
    { ON_CONTAINER, "DELETE", 409, S3_BUCKET_NOT_EMPTY },
    { ON_OBJECT, "HEAD", 404, S3_NO_SUCH_KEY },
    { ON_OBJECT, "HEAD", 412, S3_PRECONDITION_FAILED },
    { ON_OBJECT, "GET", 404, S3_NO_SUCH_KEY },
    { ON_OBJECT, "GET", 412, S3_PRECONDITION_FAILED },
    { ON_OBJECT, "GET", 416, S3_INVALID_RANGE },
    { ON_OBJECT, "PUT", 404, S3_NO_SUCH_BUCKET },
    { ON_OBJECT, "PUT", 422, S3_BAD_DIGEST },
    { ON_OBJECT, "PUT", 413, S3_ENTITY_TOO_LARGE },
    { ON_OBJECT, "PUT", 411, S3_MISSING_CONTENT_LENGTH },
    { ON_OBJECT, "PUT", 408, S3_REQUEST_TIMEOUT },
    { ON_OBJECT, "PUT", 412, S3_PRECONDITION_FAILED },
    { ON_OBJECT, "PUT", 499, S3_REQUEST_TIMEOUT },
    { ON_OBJECT, "POST", 404, S3_NO_SUCH_KEY },
    { ON_OBJECT, "POST", 412, S3_PRECONDITION_FAILED },
    { ON_OBJECT, "DELETE", 404, S3_NO_SUCH_KEY },
};

static bool succeeded(enum level level, const char *method, int status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(successes); i++)
        if (successes[i].level == level && !strcmp(successes[i].method, method))
            return status && (status == successes[i].statuses[0] || status == successes[i].statuses[1] || status == successes[i].statuses[2]);
    return false;
}

static bool signature_wrong(struct s3_request *s)
{
    struct buf bytes = { 0 }, canonical = { 0 };

    for (const char *at = s->auth.string_to_sign; *at; at++)
        buf_printf(&bytes, "%s%02x", bytes.len ? " " : "", (unsigned char)*at);
    for (const char *at = s->canonical_request; at && *at; at++)
        buf_printf(&canonical, "%s%02x", canonical.len ? " " : "", (unsigned char)*at);
    s3_fail(s, S3_SIGNATURE_DOES_NOT_MATCH, NULL, "AWSAccessKeyId", s->auth.access_key, "StringToSign", s->auth.string_to_sign,
            "SignatureProvided", s->auth.signature, "StringToSignBytes", bytes.data, s->canonical_request ? "CanonicalRequest" : NULL,
            s->canonical_request, "CanonicalRequestBytes", canonical.data, NULL);
    buf_clear(&bytes);
    buf_clear(&canonical);
    return false;
}

/* A bucket that was there already: one's own, or another's. */
static bool bucket_there(struct s3_request *s, const char *container)
{
    const struct container_info *info = container_info(s->c, s->client, s->account, container);
    const char *text = headers_get(&info->sysmeta, "s3api-acl");
    json_t *acl = text ? ctx_json(s->c, json_loads(text, 0, NULL)) : NULL;
    const char *owner = json_string_value(json_object_get(acl, "Owner"));
    bool own = !owner || text_equal(owner, s->user_id);

    return s3_fail(s, own ? S3_BUCKET_ALREADY_OWNED : S3_BUCKET_ALREADY_EXISTS, NULL, "BucketName", container, NULL);
}

static bool is_segments(const char *container)
{
    return g_str_has_suffix(container, SEGMENTS_SUFFIX);
}

static bool not_found(struct s3_request *s, const char *method, const char *container, const char *object)
{
    if (strcmp(method, "DELETE") && !is_segments(container) && container_info(s->c, s->client, s->account, container)->status / 100 != 2)
        return s3_fail(s, S3_NO_SUCH_BUCKET, NULL, "BucketName", container, NULL);
    return s3_fail(s, S3_NO_SUCH_KEY, NULL, "Key", object, NULL);
}

static bool mean(struct s3_request *s, const char *method, const char *container, const char *object, struct swift_response *response)
{
    enum level level = object ? ON_OBJECT : container ? ON_CONTAINER : ON_ACCOUNT;
    int status = response->status;
    size_t n;
    const char *text = response_take_all(s->c, response, 65536, &n);

    if (s->digest_wrong)
        return s3_fail(s, S3_BAD_DIGEST, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
        const struct meaning *m = &meanings[i];

        if (m->level != level || m->status != status || strcmp(m->method, method))
            continue;
        if (m->code == S3_NO_SUCH_KEY)
            return not_found(s, method, container, object);
        if (m->code == S3_BUCKET_ALREADY_EXISTS)
            return bucket_there(s, container);
        if (m->code == S3_NO_SUCH_BUCKET)
            return s3_fail(s, m->code, NULL, "BucketName", container, NULL);
        return s3_fail(s, m->code, text && strstr(text, "quota") ? text : NULL, NULL);
    }
    switch (status) {
    case 400: return s3_fail(s, S3_BAD_SWIFT_REQUEST, NULL, "Reason", text, NULL);
    case 401: return signature_wrong(s);
    case 403: return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
    case 409: return s3_fail(s, S3_BROKEN_MPU, NULL, NULL);
    case 503: return s3_fail(s, S3_SERVICE_UNAVAILABLE, NULL, NULL);
    case 429: case 498:
        s3_fail(s, S3_SLOW_DOWN, NULL, NULL);
        s->error.status = s->options->ratelimit_as_client_error ? 429 : 503;
        return false;
    }
    return s3_fail(s, S3_INTERNAL, ctx_printf(s->c, "unexpected status code %d", status), NULL);
}

static void know_user(struct s3_request *s, const struct swift_request *sub)
{
    const struct identity *who = sub->env->who;

    s->account = ctx_strdup(s->c, sub->account);
    if (!s->user_id)
        s->user_id = who && who->user_name ? ctx_printf(s->c, "%s:%s", who->project_name ? who->project_name : "", who->user_name) : s->auth.access_key;
}

bool s3_call(struct s3_request *s, const struct s3_call *call, struct swift_response *response)
{
    const char *method = call->method ? call->method : s->method;
    const char *container = call->container ? call->container : s->bucket, *object = call->object ? call->object : s->key;
    const char *canned = request_get(s->client, "x-amz-acl");
    bool done = false;

    container = container && *container ? container : NULL;
    object = object && *object ? object : NULL;
    response_clear(response);
    if (s->options->s3_acl && !call->unjudged && s->controller) {
        s3_permit *permit = s->controller->permit ? s->controller->permit : permit_by_table;

        if (!permit(s, method, container, object, response, &done))
            return false;
        if (done)
            return true;
        response_clear(response);
    } else if (!s->options->s3_acl && canned) {
        headers_remove(&s->client->headers, "x-amz-acl");
        if (!s3_acl_to_swift(s, canned, NULL, 0))
            return false;
    }
    struct swift_request *sub = make(s, call, method, container, object);
    pipeline_from(s->c, s->step, sub, response);
    know_user(s, sub);
    s->client->env->backend_path = sub->path;
    return succeeded(object ? ON_OBJECT : container ? ON_CONTAINER : ON_ACCOUNT, method, response->status) || mean(s, method, container, object, response);
}

bool s3_authenticate(struct s3_request *s)
{
    struct swift_request *sub = sub_request(s, "TEST", NULL, NULL);
    struct swift_response response = RESPONSE_EMPTY;

    copy_headers(s, &sub->headers);
    request_set_body(sub, "", 0);
    pipeline_from(s->c, s->step, sub, &response);
    response_clear(&response);
    if (!sub->env->groups && !sub->env->who)
        return signature_wrong(s);
    know_user(s, sub);
    if (s->options->s3_acl) {
        if (sub->env->authorize)
            sub->env->authorize(s->c, sub, &response);
        response_clear(&response);
        s->owner = sub->env->swift_owner;
        s->client->env->groups = sub->env->groups;
        s->client->env->who = sub->env->who;
        s->client->env->user = sub->env->user;
        s->client->env->middleware[SLOT_S3] = NULL;      /* judged: the path names the account from here on */
    }
    return true;
}

const struct container_info *s3_container_info(struct s3_request *s, const char *container)
{
    if (!s->account && !s3_authenticate(s))
        return NULL;
    const struct container_info *info = container_info(s->c, s->client, s->account, container);
    if (info->status / 100 == 2)
        return info;
    if (info->status == 404)
        s3_fail(s, S3_NO_SUCH_BUCKET, NULL, "BucketName", container, NULL);
    else if (info->status == 503)
        s3_fail(s, S3_SERVICE_UNAVAILABLE, NULL, NULL);
    else
        s3_fail(s, S3_INTERNAL, ctx_printf(s->c, "unexpected status code %d", info->status), NULL);
    return NULL;
}

json_t *s3_json(struct s3_request *s, struct swift_response *response)
{
    size_t n;
    const char *text = response_take_all(s->c, response, 1024 * 10000 * 2, &n);
    json_t *tree = text && n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : text ? json_array() : NULL;

    if (!tree)
        s3_fail(s, S3_INTERNAL, NULL, NULL);
    return ctx_json(s->c, tree);
}

const char *s3_query(struct ctx *c, ...)
{
    struct buf b = { 0 };
    va_list more;

    va_start(more, c);
    for (const char *name; (name = va_arg(more, const char *));) {
        const char *value = va_arg(more, const char *);

        if (!value)
            continue;
        buf_printf(&b, "%s%s=", b.len ? "&" : "", name);
        name_quote_to(&b, value, "/");
    }
    va_end(more);
    const char *query = ctx_strdup(c, b.data ? b.data : "");
    buf_clear(&b);
    return query;
}

/* --- headers ------------------------------------------------------------------------------------------------------- */

const char *s3_sysmeta(struct ctx *c, const struct swift_response *response, const char *prefix, const char *name)
{
    const char *value = response_get(response, ctx_printf(c, "%s%s", prefix, name));

    if (value)
        return value;
    return response_get(response, ctx_printf(c, "%.*sswift3-%s", (int)(strlen(prefix) - strlen("s3api-")), prefix, name));
}

const char *s3_etag(struct ctx *c, const struct swift_response *response)
{
    const char *etag = response_get(response, "ETag"), *own = s3_sysmeta(c, response, S3_OBJECT_META, "etag");
    size_t n;

    if (own && *own)
        return own;
    if (!etag)
        return NULL;
    n = strlen(etag);
    if (n > 1 && *etag == '"' && etag[n - 1] == '"')
        etag = ctx_strndup(c, etag + 1, n - 2);
    return header_true(&response->headers, "X-Static-Large-Object") ? ctx_printf(c, "%s-N", etag) : etag;
}

static const char *meta_of_s3(struct ctx *c, const char *name)
{
    struct buf b = { 0 };

    if (strncasecmp(name, "x-object-meta-", 14))
        return name;
    buf_puts(&b, "x-amz-meta-");
    for (name += 14; *name; name++)
        if (!strncasecmp(name, "=5f", 3)) {
            buf_putc(&b, '_');
            name += 2;
        } else {
            buf_putc(&b, g_ascii_tolower(*name));
        }
    const char *text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

static const char *exposed(struct ctx *c, const char *list)
{
    char **names = text_split(c, list, ',');
    struct buf b = { 0 };

    for (size_t i = 0; names[i]; i++)
        buf_printf(&b, "%s, ", meta_of_s3(c, names[i]));
    buf_puts(&b, "x-amz-request-id, x-amz-id-2");
    const char *text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

static const char *without_copy(struct ctx *c, const char *methods)
{
    char **names = text_split(c, methods, ',');
    struct buf b = { 0 };

    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], "COPY"))
            buf_printf(&b, "%s%s", b.len ? ", " : "", names[i]);
    const char *text = ctx_strdup(c, b.data ? b.data : "");
    buf_clear(&b);
    return text;
}

static void translate(struct ctx *c, const struct pair *h, struct headers *to)
{
    static const char *const kept[] = { "Content-Type", "Content-Range", "Content-Encoding", "Content-Disposition", "Content-Language",
                                        "Last-Modified", "X-Robots-Tag", "Cache-Control", "Expires", "Location" };

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (!strcasecmp(h->name, kept[i]))
            headers_add(c, to, kept[i], h->value);
    if (!strncasecmp(h->name, "x-object-meta-", 14))
        headers_add(c, to, meta_of_s3(c, h->name), h->value);
    else if (!strcasecmp(h->name, "X-Object-Version-Id"))
        headers_add(c, to, "x-amz-version-id", h->value);
    else if (!strcasecmp(h->name, "X-Copied-From-Version-Id"))
        headers_add(c, to, "x-amz-copy-source-version-id", h->value);
    else if (!strcasecmp(h->name, "X-Backend-Content-Type") && !strcmp(h->value, DELETE_MARKER))
        headers_add(c, to, "x-amz-delete-marker", "true");
    else if (!strcasecmp(h->name, "Access-Control-Expose-Headers"))
        headers_add(c, to, h->name, exposed(c, h->value));
    else if (!strcasecmp(h->name, "Access-Control-Allow-Methods"))
        headers_add(c, to, h->name, without_copy(c, h->value));
    else if (!strncasecmp(h->name, "Access-Control-", 15))
        headers_add(c, to, h->name, h->value);
}

void s3_translate(struct s3_request *s, struct swift_response *response)
{
    struct headers to = { 0 };
    const char *etag = s3_etag(s->c, response);

    for (size_t i = 0; i < response->headers.n; i++)
        translate(s->c, &response->headers.pairs[i], &to);
    if (etag)
        headers_set(s->c, &to, "ETag", ctx_printf(s->c, "\"%s\"", etag));
    response->headers = to;
}

/* --- copying --------------------------------------------------------------------------------------------------------- */

static void copy_conditions(struct s3_request *s, struct headers *to)
{
    for (size_t i = 0; i < s->client->headers.n; i++) {
        const struct pair *h = &s->client->headers.pairs[i];

        if (!strncasecmp(h->name, "x-amz-copy-source-", 18))
            headers_set(s->c, to, h->name + 18, h->value);
    }
}

bool s3_copy_source(struct s3_request *s, int64_t *ret_size)
{
    const char *given = request_get(s->client, "X-Amz-Copy-Source"), *version = NULL, *directive;
    struct swift_response response = RESPONSE_EMPTY;
    struct headers conditions = { 0 };

    *ret_size = -1;
    if (!given)
        return true;
    size_t n = strcspn(given, "?");
    if (given[n] && given[n + 1]) {
        if (strncmp(given + n + 1, "versionId=", 10) || strchr(given + n + 1, '&'))
            return s3_fail(s, S3_INVALID_ARGUMENT, "Unsupported copy source parameter.", "ArgumentName", "X-Amz-Copy-Source", "ArgumentValue", given, NULL);
        version = name_decode(s->c, given + n + 11, strlen(given + n + 11), true);
    }
    const char *path = name_decode(s->c, given, n, false);
    path += *path == '/';
    size_t slash = strcspn(path, "/");
    const char *bucket = ctx_strndup(s->c, path, slash), *key = path + slash + 1;

    copy_conditions(s, &conditions);
    headers_remove(&s->client->headers, "X-Amz-Copy-Source");        /* its version is said in the query here */
    bool there = s3_call(s, &(struct s3_call){ "HEAD", bucket, key, s3_query(s->c, "version-id", version, NULL), .headers = &conditions }, &response);
    headers_set(s->c, &s->client->headers, "X-Amz-Copy-Source", given);
    *ret_size = response.length;
    int status = response.status;
    response_clear(&response);
    if (!there)
        return false;
    if (status == 304)
        return s3_fail(s, S3_PRECONDITION_FAILED, NULL, NULL);
    directive = request_get(s->client, "x-amz-metadata-directive");
    if (text_equal(s->bucket, bucket) && text_equal(s->key, key) && (!directive || !strcmp(directive, "COPY")) && !version)
        return s3_fail(s, S3_INVALID_REQUEST, "This copy request is illegal because it is trying to copy an object to itself without changing "
                       "the object's metadata, storage class, website redirect location or encryption attributes.", NULL);
    headers_set(s->c, &s->client->headers, "X-Amz-Copy-Source", ctx_printf(s->c, "/%s%s%s", name_quote(s->c, path, "/"),
                                                                           version ? "?versionId=" : "", version ? version : ""));
    return true;
}

bool s3_copy_result(struct s3_request *s, struct swift_response *response, struct timestamp at)
{
    struct xml x = { 0 };
    const char *etag = s3_etag(s->c, response);
    struct headers headers = response->headers;
    utc_time seconds = { timestamp_ceil(at) * 1000000 };
    char text[TIME_TEXT_SIZE];

    time_write(text, seconds, TIME_ISO);
    xml_begin(&x, s->controller->copy_result);
    s3_xml_text(&x, "LastModified", ctx_printf(s->c, "%s.000Z", text));
    s3_xml_text(&x, "ETag", ctx_printf(s->c, "\"%s\"", etag ? etag : ""));
    xml_end(s->c, &x, response, NULL);
    headers_remove(&headers, "ETag");
    headers_remove(&headers, S3_OBJECT_META "etag");
    headers_remove_prefix(&headers, "X-Object-Meta-");
    headers_set(s->c, &headers, "Content-Type", "application/xml");
    response->headers = headers;
    return true;
}

bool s3_delete_query(struct s3_request *s, const char *object, const char *version, const char **ret_manifest, bool *ret_async)
{
    struct swift_response response = RESPONSE_EMPTY;

    *ret_manifest = NULL;
    *ret_async = false;
    if (!s->options->allow_multipart_uploads)
        return true;
    if (!s3_call(s, &(struct s3_call){ "HEAD", .object = object, .query = s3_query(s->c, "symlink", "get", "version-id", version, NULL) }, &response)) {
        response_clear(&response);
        if (s->error.code != S3_NO_SUCH_KEY)
            return false;
        s3_error_clear(s);
        return true;
    }
    if (header_true(&response.headers, "X-Static-Large-Object")) {
        const char *etag = s3_sysmeta(s->c, &response, S3_OBJECT_META, "etag");

        *ret_manifest = "delete";
        *ret_async = etag && *etag;
    }
    response_clear(&response);
    return true;
}
