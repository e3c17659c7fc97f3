/* The strings a client signs, and its signatures: AWS version 2 and 4. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What of the query is part of a version 2 signature. */
static const char *const signed_parameters[] = {
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy", "requestPayment",
    "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-content-type", "response-expires", "restore", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
    "versions", "website", NULL,
};
/* What version 4 must have signed where it is there. */
static const char *const must_be_signed[] = { "x-amz-copy", "x-amz-acl", "x-amz-grant", "x-amz-meta", NULL };

static int by_name(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    int order = strcmp(p->name, q->name);

    return order ? order : strcmp(p->value ? p->value : "", q->value ? q->value : "");
}

static struct pair *sorted_query(struct s3_request *s, size_t *ret_n)
{
    size_t n = 0;

    while (s->client->query[n].name)
        n++;
    struct pair *pairs = ctx_new_n(s->c, struct pair, n + 1);
    memcpy(pairs, s->client->query, n * sizeof *pairs);
    qsort(pairs, n, sizeof *pairs, by_name);
    *ret_n = n;
    return pairs;
}

/* Headers with lower-case names, sorted; those of one name are one, with commas between. fold: runs of blanks become one. */
static struct pair *sorted_headers(struct s3_request *s, bool fold, size_t *ret_n)
{
    const struct headers *headers = &s->client->headers;
    struct pair *pairs = ctx_new_n(s->c, struct pair, headers->n + 1);
    size_t n = 0;

    for (size_t i = 0; i < headers->n; i++) {
        char *name = g_strstrip(ctx_strdup(s->c, headers->pairs[i].name));
        const char *value = headers->pairs[i].value;

        for (char *at = name; *at; at++)
            *at = (char)g_ascii_tolower(*at);
        if (fold) {
            struct buf b = { 0 };
            const char *stripped = s3_stripped(s->c, value);

            for (const char *at = stripped ? stripped : ""; *at; at++) {
                bool blank = strchr(" \t\n\v\f\r", *at);

                if (!blank)
                    buf_putc(&b, *at);
                else if (b.len && b.data[b.len - 1] != ' ')
                    buf_putc(&b, ' ');
            }
            while (b.len && b.data[b.len - 1] == ' ')
                b.data[--b.len] = 0;
            value = ctx_strdup(s->c, b.data ? b.data : "");
            buf_clear(&b);
        } else {
            value = g_strstrip(ctx_strdup(s->c, value));
        }
        size_t same = 0;
        while (same < n && strcmp(pairs[same].name, name))
            same++;
        if (same < n)
            pairs[same].value = ctx_printf(s->c, "%s,%s", pairs[same].value, value);
        else
            pairs[n++] = (struct pair){ name, value };
    }
    qsort(pairs, n, sizeof *pairs, by_name);
    *ret_n = n;
    return pairs;
}

/* --- version 2 --------------------------------------------------------------------------------------------------- */

static bool sign_2(struct s3_request *s)
{
    struct buf b = { 0 };
    size_t n;
    const char *md5 = s3_stripped(s->c, request_get(s->client, "Content-MD5")), *type = s3_stripped(s->c, request_get(s->client, "Content-Type"));
    struct pair *pairs = sorted_headers(s, false, &n);
    bool amz_date = request_get(s->client, "X-Amz-Date");
    const char *date = request_get(s->client, "Date");

    buf_printf(&b, "%s\n%s\n%s\n", s->method, md5 ? md5 : "", type ? type : "");
    if (s->query_auth)
        buf_printf(&b, "%s\n", s3_param(s, "Expires"));
    else if (amz_date)
        buf_puts(&b, "\n");
    else if (date)
        buf_printf(&b, "%s\n", date);
    for (size_t i = 0; i < n; i++)
        if (g_str_has_prefix(pairs[i].name, "x-amz-"))
            buf_printf(&b, "%s:%s\n", pairs[i].name, pairs[i].value);
    if (s->bucket_in_host)
        buf_printf(&b, "/%s", s->bucket);
    buf_puts(&b, s->client->raw_path ? s->client->raw_path : name_quote(s->c, s->client->path, "/"));

    char separator = '?';
    pairs = sorted_query(s, &n);
    for (size_t i = 0; i < n; i++)
        if (text_in(pairs[i].name, signed_parameters)) {
            buf_putc(&b, separator);
            buf_puts(&b, pairs[i].name);
            if (pairs[i].value && *pairs[i].value)
                buf_printf(&b, "=%s", pairs[i].value);
            separator = '&';
        }
    s->auth.string_to_sign = ctx_strdup(s->c, b.data);
    buf_clear(&b);
    return true;
}

/* --- version 4 ----------------------------------------------------------------------------------------------------- */

static const char *sha256_hex(struct ctx *c, const void *bytes, size_t n)
{
    unsigned char digest[32];
    unsigned length = 0;

    EVP_Digest(bytes, n, digest, &length, EVP_sha256(), NULL);
    return hex_write(c, digest, length);
}

static bool is_signed(const struct s3_request *s, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = s->signed_headers; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
        if (!strncmp(at, name, n) && (at[n] == ';' || !at[n]))
            return true;
    return false;
}

static size_t count_signed(struct ctx *c, const char *list)
{
    char **names = text_split(c, list, ';');
    size_t n = 0;

    for (size_t i = 0; names[i]; i++) {
        bool before = false;

        for (size_t j = 0; j < i; j++)
            before = before || !strcmp(names[i], names[j]);
        n += !before;
    }
    return n;
}

struct digest_check { struct s3_request *s; EVP_MD_CTX *md; struct swift_request body; int64_t left; const char *expected; };

static void digest_check_free(void *check)
{
    EVP_MD_CTX_free(((struct digest_check *)check)->md);
}

/* Hands the body on until its digest turns out to be another than was signed: then it breaks, and nothing is stored. */
static ssize_t read_checked(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct digest_check *check = data;
    ssize_t got = request_take(c, &check->body, bytes, n);

    if (got > 0) {
        EVP_DigestUpdate(check->md, bytes, (size_t)got);
        check->left -= got;
    }
    if (got >= 0 && check->left <= 0 && check->expected) {
        unsigned char digest[32];
        unsigned length = 0;

        EVP_DigestFinal_ex(check->md, digest, &length);
        if (check->left < 0 || g_ascii_strcasecmp(hex_write(c, digest, length), check->expected)) {
            check->s->digest_wrong = true;
            return -1;
        }
        check->expected = NULL;
    }
    return got;
}

static void check_body(struct s3_request *s, const char *expected)
{
    struct digest_check *check = ctx_new(s->c, struct digest_check);

    *check = (struct digest_check){ s, EVP_MD_CTX_new(), *s->client, s->client->length, expected };
    EVP_DigestInit_ex(check->md, EVP_sha256(), NULL);
    ctx_own(s->c, check, digest_check_free);
    s->client->read = read_checked;
    s->client->read_data = check;
}

static bool payload(struct s3_request *s, const char **ret)
{
    const char *hash = request_get(s->client, "X-Amz-Content-SHA256");
    static const char wrong[] = "The X-Amz-Content-SHA56 you specified did not match what we received.";

    if (s3_param(s, "X-Amz-Credential")) {
        *ret = "UNSIGNED-PAYLOAD";
        return true;
    }
    if (!hash)
        return s3_fail(s, S3_INVALID_REQUEST, "Missing required header for this request: x-amz-content-sha256", NULL);
    if (strcmp(hash, "UNSIGNED-PAYLOAD")) {
        if (s->client->length == 0 && g_ascii_strcasecmp(hash, sha256_hex(s->c, "", 0)))
            return s3_fail(s, S3_BAD_DIGEST, wrong, NULL);
        if (s->client->length > 0)
            check_body(s, hash);
    }
    *ret = hash;
    return true;
}

static bool canonical_headers(struct s3_request *s, struct buf *b)
{
    size_t n, found = 0;
    struct pair *pairs = sorted_headers(s, true, &n);
    struct buf names = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (!is_signed(s, pairs[i].name)) {
            for (size_t k = 0; must_be_signed[k]; k++)
                if (g_str_has_prefix(pairs[i].name, must_be_signed[k])) {
                    buf_clear(&names);
                    return s3_fail(s, S3_ACCESS_DENIED, "There were headers present in the request which were not signed", "HeadersNotSigned",
                                   pairs[i].name, NULL);
                }
            continue;
        }
        buf_printf(b, "%s:%s\n", pairs[i].name, pairs[i].value);
        buf_printf(&names, "%s%s", found++ ? ";" : "", pairs[i].name);
    }
    bool all = found == count_signed(s->c, s->signed_headers);
    buf_printf(b, "\n%s\n", names.data ? names.data : "");
    buf_clear(&names);
    return all || s3_fail(s, S3_SIGNATURE_DOES_NOT_MATCH, NULL, NULL);
}

static bool canonical_request(struct s3_request *s, struct buf *b)
{
    size_t n;
    struct pair *pairs = sorted_query(s, &n);
    const char *hash = NULL, *separator = "";

    for (const char *at = s->method; *at; at++)
        buf_putc(b, g_ascii_toupper(*at));
    buf_putc(b, '\n');
    name_quote_to(b, s->client->path, "-_.~/");
    buf_putc(b, '\n');
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(pairs[i].name, "Signature") || !strcmp(pairs[i].name, "X-Amz-Signature"))
            continue;
        buf_puts(b, separator);
        name_quote_to(b, pairs[i].name, "-_.~");
        buf_putc(b, '=');
        name_quote_to(b, pairs[i].value ? pairs[i].value : "", "-_.~");
        separator = "&";
    }
    buf_putc(b, '\n');
    if (!canonical_headers(s, b) || !payload(s, &hash))
        return false;
    buf_puts(b, hash);
    return true;
}

static bool sign_4(struct s3_request *s)
{
    struct buf b = { 0 };
    bool well = canonical_request(s, &b);
    struct tm tm;
    time_t at = (time_t)s->time;
    char date[32];

    if (well) {
        s->canonical_request = ctx_strdup(s->c, b.data);
        strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", gmtime_r(&at, &tm));
        s->auth.string_to_sign = ctx_printf(s->c, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", date, s->auth.date, s->auth.region,
                                            sha256_hex(s->c, b.data, b.len));
    }
    buf_clear(&b);
    return well;
}

bool s3_sign(struct s3_request *s)
{
    return s->auth.v4 ? sign_4(s) : sign_2(s);
}

/* --- judging ----------------------------------------------------------------------------------------------------------- */

static void hmac(const EVP_MD *md, const void *key, size_t key_size, const char *text, unsigned char ret[32], unsigned *ret_n)
{
    HMAC(md, key, (int)key_size, (const unsigned char *)text, strlen(text), ret, ret_n);
}

static bool same_text(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && secret_equal(a, b, strlen(a));
}

static bool valid_4(const struct s3_auth *auth, const char *secret)
{
    const char *const scope[] = { auth->date, auth->region, "s3", "aws4_request", auth->string_to_sign };
    unsigned char key[32];
    char hex[65];
    unsigned n;
    struct buf first = { 0 };

    buf_printf(&first, "AWS4%s", secret);
    hmac(EVP_sha256(), first.data, first.len, scope[0], key, &n);
    OPENSSL_cleanse(first.data, first.len);
    buf_clear(&first);
    for (size_t i = 1; i < G_N_ELEMENTS(scope); i++) {
        unsigned char next[32];

        hmac(EVP_sha256(), key, n, scope[i], next, &n);
        memcpy(key, next, sizeof key);
    }
    for (unsigned i = 0; i < n; i++)
        sprintf(hex + 2 * i, "%02x", key[i]);
    return same_text(auth->signature, hex);
}

static bool valid_2(const struct s3_auth *auth, const char *secret)
{
    unsigned char digest[32];
    unsigned n;
    char text[64];

    hmac(EVP_sha1(), secret, strlen(secret), auth->string_to_sign, digest, &n);
    EVP_EncodeBlock((unsigned char *)text, digest, (int)n);
    return same_text(auth->signature, text);
}

bool s3_signature_valid(const struct s3_auth *auth, const char *secret)
{
    return auth->v4 ? valid_4(auth, secret) : valid_2(auth, secret);
}

const struct s3_auth *s3_auth_of(const struct swift_request *r)
{
    return r->env->middleware[SLOT_S3];
}
