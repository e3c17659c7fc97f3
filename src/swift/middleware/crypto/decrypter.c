/* encryption: the encrypter with what decrypts before it: bodies and metadata of objects, ETags of listings. */
#include "swift/middleware/crypto/crypto.h"
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "swift/middleware/hash_params.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct attr option_rows[] = {
    ATTR(struct encryption_options, disable_encryption, 0, .unset = "false", .help = "What is written is left as it is; what was encrypted is still read."),
    {}
};

static bool open_encryption(struct ctx *c, struct step *step)
{
    const struct encryption_options *options = step->options;

    info_register("encryption", json_pack("{s:b}", "enabled", !options->disable_encryption), true);
    return true;
}

static bool refuse(struct ctx *c, struct swift_response *response, const char *message)
{
    response_clear(response);
    response_text(c, response, 500, "text/plain", message);
    return false;
}

/* --- an object's headers ------------------------------------------------------------------------------------------------ */

/* False: it cannot be decrypted, or should have been encrypted. */
static bool decrypt_value(struct ctx *c, const char *value, const uint8_t key[CRYPTO_KEY], bool required, const char **ret)
{
    struct crypto_meta meta;
    const char *text;
    json_t *json;

    *ret = value;
    if (!crypto_value_split(c, value, &text, &json) || (!json && required))
        return false;
    return !json || (crypto_meta_read(c, json, &meta) && (*ret = crypto_value_read(c, text, &meta, key)));
}

static bool decrypt_header(struct ctx *c, struct swift_response *response, const char *name, const char *as, const uint8_t key[CRYPTO_KEY], bool required,
                           struct headers *to)
{
    const char *value = response_get(response, name);

    if (!value || !*value)
        return true;
    if (!decrypt_value(c, value, key, required, &value)) {
        log_error(c, "swift: error decrypting header %s", name);
        return refuse(c, response, "Error decrypting header");
    }
    headers_set(c, to, as, value);
    return true;
}

static bool decrypt_user_metadata(struct ctx *c, struct swift_response *response, const struct crypto_keys *keys, struct headers *to)
{
    for (size_t i = 0; i < response->headers.n; i++) {
        const char *name = response->headers.pairs[i].name;

        if (header_has_prefix(&response->headers.pairs[i], CRYPTO_USER_META "-") &&
            !decrypt_header(c, response, name, ctx_printf(c, "X-Object-Meta-%s", name + strlen(CRYPTO_USER_META "-")), keys->object, true, to))
            return false;
    }
    return true;
}

/* --- its body ------------------------------------------------------------------------------------------------------------- */

struct body {
    struct swift_response source;
    struct decryption decryption;
};

static ssize_t read_body(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct body *b = data;
    ssize_t got = response_take(c, &b->source, bytes, n);

    if (got > 0)
        decryption_apply(&b->decryption, bytes, (size_t)got);
    return got;
}

static void close_body(void *data)
{
    struct body *b = data;

    decryption_end(&b->decryption);
    response_clear(&b->source);
}

/* Where in the object the answer's bytes begin. */
static uint64_t offset_of(const struct swift_response *response)
{
    const char *range = response_get(response, "Content-Range");
    unsigned long long first = 0;

    return range && sscanf(range, "bytes %llu-", &first) == 1 ? first : 0;
}

static bool decrypt_body(struct ctx *c, struct swift_response *response, const struct crypto_meta *meta, const struct crypto_keys *keys)
{
    const char *type = response_get(response, "Content-Type");
    struct body *b = ctx_new(c, struct body);
    uint8_t key[CRYPTO_KEY];
    struct cipher *unwrap;

    if (!meta->wraps) {
        log_error(c, "swift: error decrypting object: no key of its body");
        return refuse(c, response, "Error decrypting object");
    }
    memcpy(key, meta->key, sizeof(key));
    unwrap = cipher_new(keys->object, meta->key_iv, 0);
    cipher_apply(unwrap, key, sizeof(key));
    cipher_free(unwrap);
    decryption_begin(&b->decryption, key, meta->iv, offset_of(response),
                     response->status == 206 && type && !strncasecmp(type, "multipart/byteranges", 20));
    b->source = *response;
    *response = (struct swift_response){ .status = b->source.status, .headers = b->source.headers, .fd = -1, .length = b->source.length,
                                         .read = read_body, .read_data = b, .close = close_body, .disconnect = b->source.disconnect };
    return true;
}

/* --- objects ----------------------------------------------------------------------------------------------------------------- */

static bool read_keys(struct ctx *c, const struct swift_request *r, json_t *meta, struct crypto_keys *keys, struct swift_response *response)
{
    struct swift_response refused = RESPONSE_EMPTY;
    bool unknown;

    if (crypto_keys_get(c, r, json_object_get(meta, "key_id"), true, keys, &unknown, &refused))
        return true;
    if (unknown) {
        log_error(c, "swift: error decrypting object %s: its secret is not known", r->path);
        return refuse(c, response, "Error decrypting object");
    }
    response_clear(response);
    *response = refused;
    return false;
}

/* The meta in a header of the answer, NULL where there is none. False: it is none. */
static bool read_meta(struct ctx *c, struct swift_response *response, const char *header, json_t **ret)
{
    bool told = response->status / 100 == 2 || response->status == 304 || response->status == 412;
    const char *text = told ? response_get(response, header) : NULL;

    *ret = text ? crypto_meta_parse(c, text) : NULL;
    return !text || *ret;
}

/* Under the container's key, by the secret it says itself: an object without a body says none elsewhere. */
static bool decrypt_listing_etag(struct ctx *c, const struct swift_request *r, struct swift_response *response, const struct crypto_keys *put_keys,
                                 struct headers *to)
{
    const char *value = response_get(response, OVERRIDE_ETAG), *text;
    json_t *meta = NULL;
    struct crypto_keys keys = *put_keys;

    if (value && crypto_value_split(c, value, &text, &meta) && json_object_get(meta, "key_id") && !read_keys(c, r, meta, &keys, response))
        return false;
    return decrypt_header(c, response, OVERRIDE_ETAG, OVERRIDE_ETAG, keys.container, false, to);
}

static void serve_object(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct crypto_keys put_keys, post_keys;
    struct crypto_meta meta = { 0 };
    struct headers plain = { 0 };
    json_t *put = NULL, *post = NULL;

    encrypter_run(c, step, r, response);
    if (!read_meta(c, response, CRYPTO_BODY_META, &put) || (put && !crypto_meta_read(c, put, &meta)) || !read_meta(c, response, CRYPTO_USER_META, &post)) {
        log_error(c, "swift: error decrypting object %s: bad crypto meta", r->path);
        refuse(c, response, "Error decrypting object");
        return;
    }
    if (!read_keys(c, r, put, &put_keys, response) || !read_keys(c, r, post, &post_keys, response) ||
        !decrypt_header(c, response, CRYPTO_ETAG, "Etag", put_keys.object, true, &plain) ||
        !decrypt_listing_etag(c, r, response, &put_keys, &plain) ||
        !decrypt_user_metadata(c, response, &post_keys, &plain))
        return;
    headers_copy(c, &response->headers, &plain);
    if (put && !strcmp(r->method, "GET") && response->status / 100 == 2 && !decrypt_body(c, response, &meta, &put_keys))
        return;
    headers_remove_prefix(&response->headers, "X-Object-Sysmeta-Crypto-");
    headers_remove_prefix(&response->headers, "X-Object-Transient-Sysmeta-Crypto-");
}

/* --- listings ------------------------------------------------------------------------------------------------------------------ */

struct listing { const struct swift_request *request; bool warned; };

static const char *decrypt_hash(struct ctx *c, const struct listing *l, const char *text, json_t *json)
{
    struct swift_response refused = RESPONSE_EMPTY;
    struct crypto_meta meta;
    struct crypto_keys keys;
    bool unknown;

    if (!crypto_meta_read(c, json, &meta) || !crypto_keys_get(c, l->request, meta.key_id, false, &keys, &unknown, &refused)) {
        response_clear(&refused);
        return NULL;
    }
    text = crypto_value_read(c, text, &meta, keys.container);
    return text && g_utf8_validate(text, -1, NULL) ? text : NULL;
}

static void decrypt_row(struct ctx *c, void *data, json_t *row)
{
    struct listing *l = data;
    const char *hash = json_string_value(json_object_get(row, "hash")), *text;
    json_t *json = NULL;

    if (!hash || (crypto_value_split(c, hash, &text, &json) && !json))
        return;
    text = json ? decrypt_hash(c, l, text, json) : NULL;
    if (!text && !l->warned)
        log_error(c, "swift: error decrypting container listing %s", l->request->path);
    l->warned = l->warned || !text;
    json_object_set_new(row, "hash", json_string(text ? text : "<unknown>"));
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct listing l = { .request = r };

    if (r->object && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))) {
        serve_object(c, step, r, response);
        return;
    }
    encrypter_run(c, step, r, response);
    if (r->container && !r->object && !strcmp(r->method, "GET"))
        listing_change(c, response, "swift_meta=", decrypt_row, &l);
}

const struct middleware middleware_encryption = {
    .name = "encryption", .options = option_rows, .options_size = sizeof(struct encryption_options), .open = open_encryption, .run = run,
};
