/* See ec2_signature.h. Follows what the signers of the clients do: AWS's Signature Version 2 and 4, and their predecessors. */
#include "keystone/auth/ec2_signature.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "keystone/auth/signature.h"
#include "oslo/base/text.h"
#include "oslo/record/record.h"

/* -- the description of a request ---------------------------------------------------------------------------------- */

/* A parameter as Python prints it. */
static const char *value_text(struct ctx *c, const json_t *value)
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "True" : "False";
    if (json_is_integer(value))
        return ctx_printf(c, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return "None";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static int by_name_any_case(const void *a, const void *b)
{
    return g_ascii_strcasecmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* The parameters in order, with one more beside them, which replaces one of its name. */
static struct pair *parameters(struct ctx *c, const json_t *credentials, const char *more, const char *more_value,
                               int (*compare)(const void *, const void *), size_t *ret_n)
{
    json_t *params = json_object_get(credentials, "params"), *value;
    struct pair *pairs = ctx_new_n(c, struct pair, json_object_size(params) + 2);
    const char *key;
    size_t n = 0;

    json_object_foreach(params, key, value)
        if (!more || strcmp(key, more))
            pairs[n++] = (struct pair){ key, value_text(c, value) };
    if (more)
        pairs[n++] = (struct pair){ more, more_value };
    qsort(pairs, n, sizeof *pairs, compare);
    *ret_n = n;
    return pairs;
}

static const char *query_canonical(struct ctx *c, const struct pair *pairs, size_t n)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, "%s%s=%s", i ? "&" : "", percent_encode(c, pairs[i].name, ""), percent_encode(c, pairs[i].value, ""));
    return ctx_strdup(c, text->str);
}

static const char *member(const json_t *object, const char *outer, const char *name)
{
    return json_get_string(json_object_get(object, outer), name);
}

/* -- versions 0, 1 and 2 ------------------------------------------------------------------------------------------- */

static char *sign_text(struct ctx *c, const char *digest, const char *secret, const char *text)
{
    struct mac mac = mac_of(digest, secret, strlen(secret), text, strlen(text));

    return mac_base64(c, &mac);
}

static char *sign_0(struct ctx *c, const json_t *credentials, const char *secret)
{
    const char *action = member(credentials, "params", "Action"), *timestamp = member(credentials, "params", "Timestamp");

    return action && timestamp ? sign_text(c, "SHA1", secret, ctx_printf(c, "%s%s", action, timestamp)) : NULL;
}

static char *sign_1(struct ctx *c, const json_t *credentials, const char *secret)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t n;
    const struct pair *pairs = parameters(c, credentials, NULL, NULL, by_name_any_case, &n);

    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, "%s%s", pairs[i].name, pairs[i].value);
    return sign_text(c, "SHA1", secret, text->str);
}

static char *sign_2(struct ctx *c, const json_t *credentials, const char *host, const char *secret)
{
    const char *verb = json_get_string(credentials, "verb"), *path = json_get_string(credentials, "path");
    size_t n;
    const struct pair *pairs = parameters(c, credentials, "SignatureMethod", "HmacSHA256", by_name, &n);

    if (!verb || !host || !path)
        return NULL;
    return sign_text(c, "SHA256", secret, ctx_printf(c, "%s\n%s\n%s\n%s", verb, host, path, query_canonical(c, pairs, n)));
}

/* -- version 4 ----------------------------------------------------------------------------------------------------- */

/* "name=value," of the Authorization header, or the parameter X-Amz-<name>. */
static const char *authorization(struct ctx *c, const json_t *credentials, const char *name)
{
    const char *header = member(credentials, "headers", "Authorization");

    if (!header)
        return member(credentials, "params", ctx_printf(c, "X-Amz-%s", name));
    const char *at = strstr(header, ctx_printf(c, "%s=", name));
    at = at ? at + strlen(name) + 1 : "";
    return ctx_strndup(c, at, strcspn(at, ","));
}

static const char *header_any_case(struct ctx *c, json_t *headers, const char *name)
{
    json_t *value;
    const char *key;

    json_object_foreach(headers, key, value)
        if (!g_ascii_strcasecmp(g_strstrip(ctx_strdup(c, key)), name) && json_is_string(value))
            return g_strstrip(ctx_strdup(c, json_string_value(value)));
    return NULL;
}

/* "name:value" of each signed header there is. */
static const char *headers_canonical(struct ctx *c, const json_t *credentials, const char *signed_headers)
{
    json_t *headers = json_object_get(credentials, "headers");
    g_autoptr(GString) text = g_string_new(NULL);

    for (char **name = text_split(c, signed_headers, ';'); *name; name++) {
        const char *value = header_any_case(c, headers, *name);

        if (value)
            g_string_append_printf(text, "%s%s:%s", text->len ? "\n" : "", *name, value);
    }
    return ctx_strdup(c, text->str);
}

/* The key of a day, region and service, and the signature it gives: in hexadecimal. */
static char *sign_4_text(struct ctx *c, const char *secret, const char *day, const char *region, const char *service, const char *text)
{
    const char *steps[] = { day, region, service, "aws4_request", text };
    const char *first = ctx_printf(c, "AWS4%s", secret);
    struct mac key = mac_of("SHA256", first, strlen(first), steps[0], strlen(steps[0]));

    for (size_t i = 1; i < G_N_ELEMENTS(steps); i++)
        key = mac_of("SHA256", key.bytes, key.n, steps[i], strlen(steps[i]));
    return mac_hex(c, &key);
}

static char *sign_4(struct ctx *c, const json_t *credentials, const char *secret)
{
    const char *signed_headers = authorization(c, credentials, "SignedHeaders"), *scope = authorization(c, credentials, "Credential");
    const char *verb = json_get_string(credentials, "verb"), *path = json_get_string(credentials, "path"), *query = "";
    const char *body_hash = json_get_string(credentials, "body_hash"), *date = member(credentials, "headers", "X-Amz-Date");
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (!date)
        date = member(credentials, "params", "X-Amz-Date");
    char **parts = text_split(c, scope ? scope : "", '/');
    if (!signed_headers || !verb || !path || !body_hash || !date || g_strv_length(parts) < 4 || !g_str_has_prefix(date, parts[1]))
        return NULL;
    if (g_ascii_strcasecmp(verb, "POST")) {
        size_t n;
        const struct pair *pairs = parameters(c, credentials, NULL, NULL, by_name, &n);

        query = query_canonical(c, pairs, n);
    }
    g_autofree char *upper = g_ascii_strup(verb, -1);
    const char *request = ctx_printf(c, "%s\n%s\n%s\n%s\n\n%s\n%s", upper, path, query, headers_canonical(c, credentials, signed_headers),
                                     signed_headers, body_hash);
    SHA256((const unsigned char *)request, strlen(request), digest);
    return sign_4_text(c, secret, parts[1], parts[2], parts[3],
                       ctx_printf(c, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, strchr(scope, '/') + 1, hex_write(c, digest, sizeof digest)));
}

static bool is_version_4(const json_t *credentials)
{
    const char *header = member(credentials, "headers", "Authorization");

    return header ? g_str_has_prefix(header, "AWS4-HMAC-SHA256")
                  : text_equal(member(credentials, "params", "X-Amz-Algorithm"), "AWS4-HMAC-SHA256");
}

/* -- which it is --------------------------------------------------------------------------------------------------- */

static const char *ec2_sign(struct ctx *c, const json_t *credentials, const char *host, const char *secret)
{
    const char *version = member(credentials, "params", "SignatureVersion");

    if (text_equal(version, "0"))
        return sign_0(c, credentials, secret);
    if (text_equal(version, "1"))
        return sign_1(c, credentials, secret);
    if (text_equal(version, "2"))
        return sign_2(c, credentials, host, secret);
    return is_version_4(credentials) ? sign_4(c, credentials, secret) : NULL;
}

bool ec2_signed(struct ctx *c, const json_t *credentials, const char *secret)
{
    const char *signature = json_get_string(credentials, "signature"), *host = json_get_string(credentials, "host");

    if (!signature || !*signature)
        return false;
    if (signature_equal(ec2_sign(c, credentials, host, secret), signature))
        return true;
    if (!host || !strchr(host, ':'))
        return false;
    g_autofree char *name = g_ascii_strdown(host, (gssize)strcspn(host, ":"));
    return signature_equal(ec2_sign(c, credentials, name, secret), signature);
}

static char *s3_sign_4(struct ctx *c, const char *text, const char *secret)
{
    static const char *const services[] = { "s3", "iam", "sts", NULL };
    char **lines = text_split(c, text, '\n'), **scope;

    if (g_strv_length(lines) != 4 || strcmp(lines[0], "AWS4-HMAC-SHA256"))
        return NULL;
    scope = text_split(c, lines[2], '/');
    if (g_strv_length(scope) != 4 || strcmp(scope[3], "aws4_request") || !text_in(scope[2], services))
        return NULL;
    return sign_4_text(c, secret, scope[0], scope[1], scope[2], text);
}

bool s3_signed(struct ctx *c, const json_t *credentials, const char *secret)
{
    const char *signature = json_get_string(credentials, "signature"), *token = json_get_string(credentials, "token");
    void *bytes;
    size_t n;

    if (!signature || !token || !base64_read(c, token, &bytes, &n))
        return false;
    if (n >= 4 && !memcmp(bytes, "AWS4", 4))
        return !memchr(bytes, '\0', n) && signature_equal(s3_sign_4(c, ctx_strndup(c, bytes, n), secret), signature);
    struct mac mac = mac_of("SHA1", secret, strlen(secret), bytes, n);
    return signature_equal(mac_base64(c, &mac), signature);
}

/* -- times --------------------------------------------------------------------------------------------------------- */

const char *ec2_timestamp(const json_t *credentials)
{
    const char *texts[] = { member(credentials, "params", "Timestamp"), member(credentials, "headers", "X-Amz-Date"),
                            member(credentials, "params", "X-Amz-Date") };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        if (texts[i] && *texts[i])
            return texts[i];
    return NULL;
}

bool ec2_time_read(struct ctx *c, const char *text, int64_t *ret_us)
{
    utc_time t;

    if (strlen(text) == 16 && text[8] == 'T' && text[15] == 'Z')
        text = ctx_printf(c, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6, text + 9, text + 11, text + 13);
    if (!time_parse(text, &t))
        return false;
    *ret_us = t.us;
    return true;
}
