/* AES-256-CTR, and how what was encrypted says so. */
#include "swift/middleware/crypto/crypto.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CIPHER "AES_CTR_256"
#define MARK "swift_meta="

/* --- the cipher --------------------------------------------------------------------------------------------------- */

/* The counter is the IV as one number, a block further for every 16 bytes. */
static void add_blocks(uint8_t iv[CRYPTO_IV], uint64_t blocks)
{
    for (int i = CRYPTO_IV - 1; i >= 0 && blocks; i--) {
        blocks += iv[i];
        iv[i] = (uint8_t)blocks;
        blocks >>= 8;
    }
}

struct cipher *cipher_new(const uint8_t key[CRYPTO_KEY], const uint8_t iv[CRYPTO_IV], uint64_t offset)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t counter[CRYPTO_IV], skipped[CRYPTO_IV] = { 0 };

    memcpy(counter, iv, sizeof(counter));
    add_blocks(counter, offset / CRYPTO_IV);
    if (!cipher || !EVP_EncryptInit_ex(cipher, EVP_aes_256_ctr(), NULL, key, counter))
        g_error("OpenSSL has no AES-256-CTR");
    cipher_apply((struct cipher *)cipher, skipped, offset % CRYPTO_IV);
    return (struct cipher *)cipher;
}

void cipher_apply(struct cipher *cipher, void *bytes, size_t n)
{
    uint8_t *at = bytes;

    while (n) {
        int piece = (int)MIN(n, (size_t)1 << 20), done = 0;

        if (!EVP_EncryptUpdate((EVP_CIPHER_CTX *)cipher, at, &done, at, piece) || done != piece)
            g_error("OpenSSL does not encrypt");
        at += piece;
        n -= (size_t)piece;
    }
}

void cipher_free(struct cipher *cipher)
{
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)cipher);
}

static void apply_once(const uint8_t key[CRYPTO_KEY], const uint8_t iv[CRYPTO_IV], void *bytes, size_t n)
{
    struct cipher *cipher = cipher_new(key, iv, 0);

    cipher_apply(cipher, bytes, n);
    cipher_free(cipher);
}

void crypto_hmac(const void *secret, size_t n_secret, const void *bytes, size_t n, uint8_t ret[CRYPTO_KEY])
{
    unsigned written = 0;

    if (!HMAC(EVP_sha256(), secret, (int)n_secret, bytes, n, ret, &written) || written != CRYPTO_KEY)
        g_error("OpenSSL has no HMAC-SHA256");
}

char *crypto_mac(struct ctx *c, const uint8_t key[CRYPTO_KEY], const char *etag)
{
    uint8_t mac[CRYPTO_KEY];

    crypto_hmac(key, CRYPTO_KEY, etag, strlen(etag), mac);
    return base64_write(c, mac, sizeof(mac));
}

/* --- reading the meta ------------------------------------------------------------------------------------------------ */

json_t *crypto_meta_parse(struct ctx *c, const char *quoted)
{
    const char *text = name_decode(c, quoted, strlen(quoted), true);
    json_t *meta = text ? ctx_json(c, json_loads(text, JSON_ALLOW_NUL, NULL)) : NULL;

    return json_is_object(meta) ? meta : NULL;
}

static bool read_bytes(struct ctx *c, json_t *value, uint8_t *to, size_t n)
{
    const char *text = json_string_value(value);
    size_t have;
    void *bytes;

    if (!text || !base64_read(c, text, &bytes, &have) || have != n)
        return false;
    memcpy(to, bytes, n);
    return true;
}

bool crypto_meta_read(struct ctx *c, json_t *json, struct crypto_meta *meta)
{
    json_t *body = json_object_get(json, "body_key");

    *meta = (struct crypto_meta){ .wraps = json_is_object(body), .key_id = json_object_get(json, "key_id") };
    return text_equal(json_string_value(json_object_get(json, "cipher")), CIPHER) && read_bytes(c, json_object_get(json, "iv"), meta->iv, CRYPTO_IV) &&
           (!meta->wraps || (read_bytes(c, json_object_get(body, "key"), meta->key, CRYPTO_KEY) &&
                             read_bytes(c, json_object_get(body, "iv"), meta->key_iv, CRYPTO_IV)));
}

bool crypto_value_split(struct ctx *c, const char *value, const char **ret_text, json_t **ret_meta)
{
    char **words = text_split(c, value, ';');

    *ret_meta = NULL;
    *ret_text = words[0];
    for (size_t i = 1; words[0] && words[i]; i++)
        if (g_str_has_prefix(words[i], MARK))
            return (*ret_meta = crypto_meta_parse(c, words[i] + strlen(MARK))) != NULL;
    return true;
}

char *crypto_value_read(struct ctx *c, const char *text, const struct crypto_meta *meta, const uint8_t key[CRYPTO_KEY])
{
    void *bytes = NULL;
    size_t n;

    if (!base64_read(c, text, &bytes, &n))
        return NULL;
    apply_once(key, meta->iv, bytes, n);
    text = ctx_strndup(c, bytes, n);
    return strlen(text) == n && !strpbrk(text, "\r\n") ? (char *)(uintptr_t)text : NULL;
}

/* --- writing it ------------------------------------------------------------------------------------------------------- */

static json_t *bytes_json(struct ctx *c, const uint8_t *bytes, size_t n)
{
    return json_string(base64_write(c, bytes, n));
}

/* As Python's quote_plus of its sorted JSON. */
static char *quoted(struct ctx *c, json_t *json)
{
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_ENSURE_ASCII), *all = name_quote(c, text, " ");

    free(text);
    return g_strdelimit(all, " ", '+');
}

char *crypto_meta_write(struct ctx *c, const struct crypto_meta *meta, bool with_iv)
{
    json_t *json = ctx_json(c, json_pack("{s:s}", "cipher", CIPHER));

    if (with_iv)
        json_object_set_new(json, "iv", bytes_json(c, meta->iv, CRYPTO_IV));
    if (meta->wraps)
        json_object_set_new(json, "body_key", json_pack("{s:o, s:o}", "key", bytes_json(c, meta->key, CRYPTO_KEY), "iv",
                                                        bytes_json(c, meta->key_iv, CRYPTO_IV)));
    if (meta->key_id)
        json_object_set(json, "key_id", meta->key_id);
    return quoted(c, json);
}

char *crypto_value_write(struct ctx *c, const void *bytes, size_t n, const uint8_t key[CRYPTO_KEY], json_t *key_id)
{
    struct crypto_meta meta = { .key_id = key_id };
    uint8_t *copy = ctx_alloc(c, n + 1);

    memcpy(copy, bytes, n);
    random_bytes(meta.iv, sizeof(meta.iv));
    apply_once(key, meta.iv, copy, n);
    return ctx_printf(c, "%s; " MARK "%s", base64_write(c, copy, n), crypto_meta_write(c, &meta, true));
}

/* --- bodies ------------------------------------------------------------------------------------------------------------- */

void decryption_begin(struct decryption *d, const uint8_t key[CRYPTO_KEY], const uint8_t iv[CRYPTO_IV], uint64_t offset, bool multipart)
{
    *d = (struct decryption){ .multipart = multipart };
    memcpy(d->key, key, CRYPTO_KEY);
    memcpy(d->iv, iv, CRYPTO_IV);
    if (!multipart)
        d->cipher = cipher_new(key, iv, offset);
}

void decryption_end(struct decryption *d)
{
    if (d->cipher)
        cipher_free(d->cipher);
    d->cipher = NULL;
}

/* One line of a part's head, without its end; behind the empty one its bytes begin. */
static void take_line(struct decryption *d)
{
    unsigned long long first, last;

    d->line[d->n_line] = '\0';
    if (!g_ascii_strncasecmp(d->line, "content-range:", 14) && sscanf(d->line + 14, " bytes %llu-%llu", &first, &last) == 2 && first <= last &&
        last < INT64_MAX) {
        d->ranged = true;
        d->first = first;
        d->last = last;
    } else if (!d->n_line && d->ranged) {
        d->ranged = false;
        d->left = d->last - d->first + 1;
        d->cipher = cipher_new(d->key, d->iv, d->first);
    }
    d->n_line = 0;
}

static void take_head(struct decryption *d, char byte)
{
    if (byte == '\n')
        take_line(d);
    else if (byte != '\r' && d->n_line < sizeof(d->line) - 1)
        d->line[d->n_line++] = byte;
}

void decryption_apply(struct decryption *d, char *bytes, size_t n)
{
    if (!d->multipart)
        cipher_apply(d->cipher, bytes, n);
    while (d->multipart && n) {
        size_t piece = d->cipher ? (size_t)MIN(d->left, n) : 1;

        if (d->cipher) {
            cipher_apply(d->cipher, bytes, piece);
            d->left -= piece;
            if (!d->left)
                decryption_end(d);
        } else {
            take_head(d, *bytes);
        }
        bytes += piece;
        n -= piece;
    }
}
