/* Encrypts what is written: bodies and ETags of PUT, user metadata of PUT and POST. Conditions on ETags are asked by their HMACs, too. */
#include "swift/middleware/crypto/crypto.h"

#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/middleware/hash_params.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>

#define USER_META "X-Object-Meta-"

/* --- user metadata ---------------------------------------------------------------------------------------------------- */

/* Takes it out of the request's headers; what was taken, to be put back. */
static struct headers encrypt_metadata(struct ctx *c, struct swift_request *r, const struct crypto_keys *keys)
{
    struct crypto_meta meta = { .key_id = keys->id };
    struct headers taken = { 0 };

    for (size_t i = 0; i < r->headers.n; i++)
        if (header_has_prefix(&r->headers.pairs[i], USER_META) && *r->headers.pairs[i].value)
            headers_add(c, &taken, r->headers.pairs[i].name, r->headers.pairs[i].value);
    for (size_t i = 0; i < taken.n; i++) {
        const struct pair *h = &taken.pairs[i];

        headers_remove(&r->headers, h->name);
        headers_set(c, &r->headers, ctx_printf(c, CRYPTO_USER_META "-%s", h->name + strlen(USER_META)),
                    crypto_value_write(c, h->value, strlen(h->value), keys->object, NULL));
    }
    if (taken.n)
        headers_set(c, &r->headers, CRYPTO_USER_META, crypto_meta_write(c, &meta, false));
    return taken;
}

/* Who made the request may look at it again. */
static void put_back(struct ctx *c, struct swift_request *r, const struct headers *taken)
{
    headers_remove_prefix(&r->headers, CRYPTO_USER_META);
    headers_copy(c, &r->headers, taken);
}

/* --- bodies -------------------------------------------------------------------------------------------------------------- */

struct encryption {
    struct swift_request plain;      /* whose body is encrypted as it is read */
    struct crypto_keys keys;
    struct crypto_meta meta;
    struct cipher *cipher;           /* NULL: nothing was read yet */
    struct md5 *plain_md5, *cipher_md5;
    char plain_etag[33], cipher_etag[33];    /* "" before the end */
    const char *client_etag, *listing_etag;  /* as the request says them; NULL: it does not */
};

static void begin(struct encryption *e)
{
    uint8_t key[CRYPTO_KEY];
    struct cipher *wrap;

    random_bytes(key, sizeof(key));
    random_bytes(e->meta.iv, sizeof(e->meta.iv));
    random_bytes(e->meta.key_iv, sizeof(e->meta.key_iv));
    e->cipher = cipher_new(key, e->meta.iv, 0);
    memcpy(e->meta.key, key, sizeof(key));
    wrap = cipher_new(e->keys.object, e->meta.key_iv, 0);
    cipher_apply(wrap, e->meta.key, sizeof(e->meta.key));
    cipher_free(wrap);
    e->meta.wraps = true;
    e->meta.key_id = e->keys.id;
    e->plain_md5 = md5_new();
    e->cipher_md5 = md5_new();
}

static ssize_t read_encrypted(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct encryption *e = data;
    ssize_t got = request_take(c, &e->plain, bytes, n);

    if (got <= 0)
        return got;
    if (!e->cipher)
        begin(e);
    md5_add(e->plain_md5, bytes, (size_t)got);
    cipher_apply(e->cipher, bytes, (size_t)got);
    md5_add(e->cipher_md5, bytes, (size_t)got);
    return got;
}

static void end(struct encryption *e)
{
    if (e->plain_md5)
        md5_end_hex(e->plain_md5, e->plain_etag);
    if (e->cipher_md5)
        md5_end_hex(e->cipher_md5, e->cipher_etag);
    if (e->cipher)
        cipher_free(e->cipher);
    e->plain_md5 = e->cipher_md5 = NULL;
    e->cipher = NULL;
}

/* The client's ETag is of what was sent; the nodes check that of what they got. */
static bool set_etags(struct ctx *c, const struct encryption *e, struct headers *footers)
{
    const char *said = headers_get(footers, "Etag");

    said = said && *said ? said : e->client_etag;
    if (!*e->plain_etag) {
        if (e->client_etag && !headers_get(footers, "Etag"))
            headers_set(c, footers, "Etag", e->client_etag);
        return true;
    }
    if (said && strcmp(said, e->plain_etag))
        return fail(c, 422, "HTTPUnprocessableEntity", "the ETag is not that of the body");
    headers_set(c, footers, "Etag", e->cipher_etag);
    headers_set(c, footers, CRYPTO_ETAG, crypto_value_write(c, e->plain_etag, strlen(e->plain_etag), e->keys.object, NULL));
    headers_set(c, footers, CRYPTO_BODY_META, crypto_meta_write(c, &e->meta, true));
    headers_set(c, footers, CRYPTO_ETAG_MAC, crypto_mac(c, e->keys.object, e->plain_etag));
    return true;
}

/* What the listing shows, under the container's key: one key reads a whole listing. */
static void set_listing_etag(struct ctx *c, const struct encryption *e, struct headers *footers)
{
    const char *etag = headers_get(footers, OVERRIDE_ETAG);

    etag = etag ? etag : e->listing_etag;
    etag = etag ? etag : *e->plain_etag ? e->plain_etag : NULL;
    if (etag && *etag && (strcmp(etag, EMPTY_MD5) || *e->plain_etag))
        headers_set(c, footers, OVERRIDE_ETAG, crypto_value_write(c, etag, strlen(etag), e->keys.container, e->keys.id));
}

static bool footers(struct ctx *c, void *data, struct headers *footers)
{
    struct encryption *e = data;

    if (e->plain.footers && !e->plain.footers(c, e->plain.footers_data, footers))
        return false;
    end(e);
    if (!set_etags(c, e, footers))
        return false;
    set_listing_etag(c, e, footers);
    return true;
}

/* --- requests ------------------------------------------------------------------------------------------------------------- */

static void serve_put(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct encryption *e = ctx_new(c, struct encryption);
    struct headers taken;
    const char *etag;

    if (!check_metadata(c, r, "object", response) || !crypto_keys_get(c, r, NULL, true, &e->keys, NULL, response))
        return;
    taken = encrypt_metadata(c, r, &e->keys);
    e->plain = *r;
    e->client_etag = request_get(r, "ETag");
    e->listing_etag = request_get(r, OVERRIDE_ETAG);
    headers_remove(&r->headers, "ETag");
    r->read = r->read ? read_encrypted : NULL;
    r->read_data = e;
    r->footers = footers;
    r->footers_data = e;
    step_next(c, step, r, response);
    end(e);
    etag = etag_plain(c, response_get(response, "ETag"));
    if (response->status / 100 == 2 && *e->plain_etag && text_equal(etag, e->cipher_etag))
        headers_set(c, &response->headers, "ETag", ctx_strdup(c, e->plain_etag));
    r->read = e->plain.read;
    r->read_data = e->plain.read_data;
    r->footers = e->plain.footers;
    r->footers_data = e->plain.footers_data;
    put_back(c, r, &taken);
    if (e->client_etag)
        headers_set(c, &r->headers, "ETag", e->client_etag);
}

static void serve_post(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct crypto_keys keys;
    struct headers taken;

    if (!check_metadata(c, r, "object", response) || !crypto_keys_get(c, r, NULL, true, &keys, NULL, response))
        return;
    taken = encrypt_metadata(c, r, &keys);
    step_next(c, step, r, response);
    put_back(c, r, &taken);
}

/* --- conditions --------------------------------------------------------------------------------------------------------------- */

static void add_mac(struct ctx *c, struct buf *list, const struct crypto_keys *keys, const char *etag)
{
    buf_printf(list, ", \"%s\"", crypto_mac(c, keys->object, etag));
}

/* Each tag, and its HMAC by each secret there is: who knows by which the object was written. */
static bool masked(struct ctx *c, struct swift_request *r, const struct crypto_keys *keys, const char *tags, const char **ret, struct swift_response *response)
{
    const char *active = json_string_value(json_object_get(keys->id, "secret_id"));
    char **tag = text_split(c, tags, ',');
    struct buf list = { 0 };
    struct crypto_keys others;
    bool well = true;
    json_t *id;
    size_t i;

    *ret = NULL;
    for (; *tag && well; tag++) {
        const char *etag = etag_plain(c, *tag);

        if (!*etag)
            continue;
        buf_puts(&list, list.len ? ", " : "");
        if (!strcmp(etag, "*")) {
            buf_puts(&list, etag);
            continue;
        }
        buf_printf(&list, "\"%s\"", etag);
        add_mac(c, &list, keys, etag);
        json_array_foreach(keys->all_ids, i, id) {
            if (text_equal(json_string_value(json_object_get(id, "secret_id")), active) || !well)
                continue;
            well = crypto_keys_get(c, r, id, true, &others, NULL, response);
            if (well)
                add_mac(c, &list, &others, etag);
        }
        *ret = "";
    }
    if (*ret)
        *ret = ctx_strdup(c, list.data);
    buf_clear(&list);
    return well;
}

static void serve_read(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const char *const names[] = { "If-Match", "If-None-Match" };
    const char *before[G_N_ELEMENTS(names)];
    struct crypto_keys keys = { 0 };
    bool any = false;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *tags = before[i] = request_get(r, names[i]), *with = NULL;

        if (!tags || !*tags)
            continue;
        if ((!keys.id && !crypto_keys_get(c, r, NULL, true, &keys, NULL, response)) || !masked(c, r, &keys, tags, &with, response))
            return;
        any = any || with;
        if (with)
            headers_set(c, &r->headers, names[i], with);
    }
    if (any)
        headers_append(c, &r->headers, "X-Backend-Etag-Is-At", CRYPTO_ETAG_MAC);
    step_next(c, step, r, response);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (before[i])
            headers_set(c, &r->headers, names[i], before[i]);
}

void encrypter_run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    bool put = !strcmp(r->method, "PUT"), post = !strcmp(r->method, "POST"), disabled = ((const struct encryption_options *)step->options)->disable_encryption;

    if (r->object && put && !disabled)
        serve_put(c, step, r, response);
    else if (r->object && post && !disabled)
        serve_post(c, step, r, response);
    else if (r->object && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD")))
        serve_read(c, step, r, response);
    else
        step_next(c, step, r, response);
}
