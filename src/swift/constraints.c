/* Limits and checks. */
#include "swift/constraints.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/timestamp.h"

#include <string.h>
#include <strings.h>

#define LIMIT(name, value) ATTR(struct constraints, name, 0, .unset = value, .help = "A limit of the API.")

static const struct attr constraint_attrs[] = {
    LIMIT(max_file_size, "5368709122"), LIMIT(max_meta_name_length, "128"), LIMIT(max_meta_value_length, "256"), LIMIT(max_meta_count, "90"),
    LIMIT(max_meta_overall_size, "4096"), LIMIT(max_header_size, "8192"), LIMIT(max_object_name_length, "1024"),
    LIMIT(container_listing_limit, "10000"), LIMIT(account_listing_limit, "10000"), LIMIT(max_account_name_length, "256"),
    LIMIT(max_container_name_length, "256"), LIMIT(extra_header_count, "0"), LIMIT(valid_api_versions, "v1,v1.0"),
    LIMIT(auto_create_account_prefix, "."),
    {}
};

const struct constraints *constraints;

bool constraints_configure(struct ctx *c, const struct conf *conf)
{
    constraints = conf_options(c, conf, "swift-constraints", constraint_attrs, sizeof(struct constraints));
    return constraints != NULL;
}

#define LATEST_SECOND INT64_C(9999999999)

static bool bad(struct ctx *c, struct swift_response *r, int status, const char *format, ...) G_GNUC_PRINTF(4, 5);
static bool bad(struct ctx *c, struct swift_response *r, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    response_text(c, r, status, "text/plain", ctx_vprintf(c, format, args));
    va_end(args);
    return false;
}

/* "x-<kind>-<what>-" and something behind it. */
static bool has_kind(const struct pair *h, const char *kind, const char *what)
{
    size_t n = strlen(kind), m = strlen(what);
    const char *at = h->name;

    if (strncasecmp(at, "x-", 2) || strncasecmp(at + 2, kind, n) || at[2 + n] != '-')
        return false;
    at += 3 + n;
    return !strncasecmp(at, what, m) && at[m] == '-' && at[m + 1];
}

bool is_user_meta(const struct pair *h, const char *kind)
{
    return has_kind(h, kind, "meta");
}

bool is_sys_meta(const struct pair *h, const char *kind)
{
    return has_kind(h, kind, "sysmeta");
}

bool is_transient_sysmeta(const struct pair *h)
{
    return header_has_prefix(h, "x-object-transient-sysmeta-") && h->name[strlen("x-object-transient-sysmeta-")];
}

static bool check_one(struct ctx *c, const char *kind, const char *prefix, const char *key, const char *value, struct swift_response *r)
{
    int64_t name_length = (int64_t)strlen(key), value_length = (int64_t)strlen(value);

    if (!*key)
        return bad(c, r, 400, "Metadata name cannot be empty");
    if (strcmp(kind, "object") && (!g_utf8_validate(key, -1, NULL) || !g_utf8_validate(value, -1, NULL)))
        return bad(c, r, 400, "Metadata must be valid UTF-8");
    if (name_length > constraints->max_meta_name_length)
        return bad(c, r, 400, "Metadata name too long: %s%s", prefix, key);
    if (value_length > constraints->max_meta_value_length)
        return bad(c, r, 400, "Metadata value longer than %" G_GINT64_FORMAT ": %s%s", constraints->max_meta_value_length, prefix, key);
    return true;
}

bool check_metadata(struct ctx *c, const struct swift_request *request, const char *kind, struct swift_response *r)
{
    const char *prefix = ctx_printf(c, "x-%s-meta-", kind);
    int64_t count = 0, size = 0;

    for (size_t i = 0; i < request->headers.n; i++) {
        const struct pair *h = &request->headers.pairs[i];

        if ((int64_t)strlen(h->value) > constraints->max_header_size)
            return bad(c, r, 400, "Header value too long: %.*s", (int)constraints->max_meta_name_length, header_title(c, h->name));
        if (!header_has_prefix(h, prefix))
            continue;
        const char *key = header_title(c, h->name) + strlen(prefix);
        count++;
        size += (int64_t)(strlen(key) + strlen(h->value));
        if (!check_one(c, kind, prefix, key, h->value, r))
            return false;
        if (count > constraints->max_meta_count)
            return bad(c, r, 400, "Too many metadata items; max %" G_GINT64_FORMAT, constraints->max_meta_count);
        if (size > constraints->max_meta_overall_size)
            return bad(c, r, 400, "Total metadata too large; max %" G_GINT64_FORMAT, constraints->max_meta_overall_size);
    }
    return true;
}

static const char *delete_at_text(struct ctx *c, int64_t seconds)
{
    return ctx_printf(c, "%010" G_GINT64_FORMAT, CLAMP(seconds, 0, 9999999999));
}

bool check_delete_headers(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    const char *after = request_get(request, "X-Delete-After"), *at = request_get(request, "X-Delete-At");
    struct timestamp now;
    int64_t seconds;

    if (!after && !at)
        return true;
    if (!timestamp_parse(request_get(request, "X-Timestamp"), &now))
        now = timestamp_now();
    if (after) {
        if (!text_to_int(after, &seconds))
            return bad(c, r, 400, "Non-integer X-Delete-After");
        seconds += now.raw / 100000;
        if (seconds * 100000 <= now.raw)
            return bad(c, r, 400, "X-Delete-After in past");
        at = delete_at_text(c, seconds);
        headers_set(c, &request->headers, "X-Delete-At", at);
        headers_remove(&request->headers, "X-Delete-After");
    }
    if (!text_to_int(at, &seconds)) {
        if (!*at || at[strspn(at, "0123456789")])
            return bad(c, r, 400, "Non-integer X-Delete-At");
        seconds = LATEST_SECOND;             /* further than any time that can be written */
        headers_set(c, &request->headers, "X-Delete-At", delete_at_text(c, seconds));
    }
    if (CLAMP(seconds, 0, 9999999999) * 100000 <= now.raw && !header_true(&request->headers, "X-Backend-Replication"))
        return bad(c, r, 400, "X-Delete-At in past");
    return true;
}

bool check_object_creation(struct ctx *c, struct swift_request *request, const char *object, struct swift_response *r)
{
    const char *type = request_get(request, "Content-Type");
    size_t length = name_length(object);

    if (request->length > constraints->max_file_size)
        return bad(c, r, 413, "Your request is too large.");
    if (!request->length && !request->read && !request_get(request, "Content-Length") && !request_get(request, "Transfer-Encoding"))
        return bad(c, r, 411, "Missing Content-Length header.");
    if ((int64_t)length > constraints->max_object_name_length)
        return bad(c, r, 400, "Object name length of %zu longer than %" G_GINT64_FORMAT, length, constraints->max_object_name_length);
    if (!type)
        return bad(c, r, 400, "No content type");
    if (!check_delete_headers(c, request, r))
        return false;
    if (!g_utf8_validate(type, -1, NULL))
        return bad(c, r, 400, "Invalid Content-Type");
    return check_metadata(c, request, "object", r);
}

bool check_name_format(struct ctx *c, const char *name, const char *what, struct swift_response *r)
{
    if (name && *name && !strchr(name, '/'))
        return true;
    response_error(c, r, 412, ctx_printf(c, name && *name ? "%s name cannot contain slashes" : "%s name cannot be empty", what));
    return false;
}

bool check_limit(struct ctx *c, const struct swift_request *request, int64_t most, int64_t *ret, struct swift_response *r)
{
    const char *text = request_param(request, "limit");
    int64_t given = most;

    if (text && *text && strspn(text, "0123456789") == strlen(text) && !text_to_int(text, &given))
        given = INT64_MAX;
    if (given > most) {
        response_error(c, r, 412, ctx_printf(c, "Maximum limit is %" G_GINT64_FORMAT, most));
        return false;
    }
    *ret = given;
    return true;
}

bool version_is_valid(const char *version)
{
    g_auto(GStrv) words = g_strsplit(constraints->valid_api_versions, ",", -1);

    for (char **word = words; version && *word; word++)
        if (!strcmp(g_strstrip(*word), version))
            return true;
    return false;
}

const char *expirer_container(struct ctx *c, int64_t delete_at, const char *account, const char *container, const char *object)
{
    unsigned remainder = 0;
    uint8_t digest[16];

    hash_path(account, container, object, digest);
    for (int i = 0; i < 16; i++)
        remainder = (remainder * 256 + digest[i]) % 100;
    return delete_at_text(c, delete_at / 86400 * 86400 - remainder);
}

const char *expirer_task(struct ctx *c, int64_t delete_at, const char *account, const char *container, const char *object)
{
    return ctx_printf(c, "%s-%s/%s/%s", delete_at_text(c, delete_at), account, container, object);
}
