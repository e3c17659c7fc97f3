/* See jwt.h. Keys are made of their JWK for each verification: a login is rare beside what it leads to. */
#include "keystone/federation/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

enum { JWT_MAX = 65536 };

static const struct algorithm {
    const char *alg, *kty, *crv, *digest;
    bool pss;
    size_t half;                     /* of an ECDSA signature, which is r and s side by side */
} algorithms[] = {
    { "RS256", "RSA", NULL, "SHA256" }, { "RS384", "RSA", NULL, "SHA384" }, { "RS512", "RSA", NULL, "SHA512" },
    { "PS256", "RSA", NULL, "SHA256", true }, { "PS384", "RSA", NULL, "SHA384", true }, { "PS512", "RSA", NULL, "SHA512", true },
    { "ES256", "EC", "P-256", "SHA256", .half = 32 }, { "ES384", "EC", "P-384", "SHA384", .half = 48 }, { "ES512", "EC", "P-521", "SHA512", .half = 66 },
    { "EdDSA", "OKP", "Ed25519", NULL },
};

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* base64url without padding. */
static bool part_read(struct ctx *c, const char *text, size_t n, void **ret_bytes, size_t *ret_n)
{
    char *padded = ctx_printf(c, "%.*s%s", (int)n, text, &"==="[n % 4 ? n % 4 - 1 : 3]);

    return n % 4 != 1 && !strpbrk(padded, "+/") && base64_read(c, padded, ret_bytes, ret_n);
}

static const json_t *object_read(struct ctx *c, const char *text, size_t n)
{
    void *bytes;
    size_t size;

    if (!part_read(c, text, n, &bytes, &size))
        return NULL;
    json_t *tree = json_read(c, bytes, size);
    if (!tree)
        fault_clear(c);
    return json_is_object(tree) ? tree : NULL;
}

bool jwt_read(struct ctx *c, const char *text, struct jwt *ret_jwt)
{
    const char *dot = strchr(text, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
    const json_t *header;
    void *signature;

    if (!second || strchr(second + 1, '.') || strlen(text) > JWT_MAX)
        return false;
    header = object_read(c, text, (size_t)(dot - text));
    *ret_jwt = (struct jwt){
        .alg = json_get_string(header, "alg"), .kid = json_get_string(header, "kid"), .claims = object_read(c, dot + 1, (size_t)(second - dot - 1)),
        .signed_text = text, .signed_size = (size_t)(second - text),
    };
    if (!ret_jwt->alg || !ret_jwt->claims || json_object_get(header, "crit") ||
        !part_read(c, second + 1, strlen(second + 1), &signature, &ret_jwt->signature_size))
        return false;
    ret_jwt->signature = signature;
    return true;
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static bool member_read(struct ctx *c, const json_t *jwk, const char *name, void **ret_bytes, size_t *ret_n)
{
    const char *text = json_get_string(jwk, name);

    return text && strlen(text) <= 2048 && part_read(c, text, strlen(text), ret_bytes, ret_n) && *ret_n;
}

static EVP_PKEY *key_of_params(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (!params || !make || EVP_PKEY_fromdata_init(make) != 1 || EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(make);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(struct ctx *c, const json_t *jwk)
{
    OSSL_PARAM_BLD *build = NULL;
    BIGNUM *n = NULL, *e = NULL;
    void *n_bytes, *e_bytes;
    size_t n_size, e_size;
    EVP_PKEY *key = NULL;

    if (!member_read(c, jwk, "n", &n_bytes, &n_size) || !member_read(c, jwk, "e", &e_bytes, &e_size) || n_size < 256 || e_size > 8)
        return NULL;
    build = OSSL_PARAM_BLD_new();
    n = BN_bin2bn(n_bytes, (int)n_size, NULL);
    e = BN_bin2bn(e_bytes, (int)e_size, NULL);
    if (build && n && e && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_of_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static EVP_PKEY *ec_key(struct ctx *c, const struct algorithm *a, const json_t *jwk)
{
    unsigned char point[1 + 2 * 66] = { 4 };
    void *x, *y;
    size_t x_size, y_size;

    if (!member_read(c, jwk, "x", &x, &x_size) || !member_read(c, jwk, "y", &y, &y_size) || x_size != a->half || y_size != a->half)
        return NULL;
    memcpy(point + 1, x, a->half);
    memcpy(point + 1 + a->half, y, a->half);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, a->crv, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * a->half) == 1)
        key = key_of_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static EVP_PKEY *key_of(struct ctx *c, const struct algorithm *a, const json_t *jwk)
{
    const char *use = json_get_string(jwk, "use"), *alg = json_get_string(jwk, "alg");
    void *x;
    size_t n;

    if (!text_equal(json_get_string(jwk, "kty"), a->kty) || (use && strcmp(use, "sig")) || (alg && strcmp(alg, a->alg)) ||
        (a->crv && !text_equal(json_get_string(jwk, "crv"), a->crv)))
        return NULL;
    if (!strcmp(a->kty, "RSA"))
        return rsa_key(c, jwk);
    if (!strcmp(a->kty, "EC"))
        return ec_key(c, a, jwk);
    return member_read(c, jwk, "x", &x, &n) ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, n) : NULL;
}

/* -- verifying ----------------------------------------------------------------------------------------------------- */

/* r and s side by side, as DER has them. NULL if the size is not right; OPENSSL_free() */
static unsigned char *der_of(const struct algorithm *a, const struct jwt *jwt, size_t *ret_n)
{
    ECDSA_SIG *pair = jwt->signature_size == 2 * a->half ? ECDSA_SIG_new() : NULL;
    const unsigned char *bytes = jwt->signature;
    unsigned char *der = NULL;

    if (!pair)
        return NULL;
    ECDSA_SIG_set0(pair, BN_bin2bn(bytes, (int)a->half, NULL), BN_bin2bn(bytes + a->half, (int)a->half, NULL));
    int n = i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    *ret_n = n > 0 ? (size_t)n : 0;
    return n > 0 ? der : NULL;
}

static bool key_verifies(const struct algorithm *a, EVP_PKEY *key, const struct jwt *jwt)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    size_t size = jwt->signature_size;
    unsigned char *der = a->half ? der_of(a, jwt, &size) : NULL;
    bool ok = context && (!a->half || der) && EVP_DigestVerifyInit_ex(context, &options, a->digest, NULL, NULL, key, NULL) == 1;

    ok = ok && (!a->pss || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1));
    ok = ok && EVP_DigestVerify(context, der ? der : jwt->signature, size, (const unsigned char *)jwt->signed_text, jwt->signed_size) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    return ok;
}

static const struct algorithm *algorithm_find(const char *alg)
{
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
        if (!strcmp(algorithms[i].alg, alg))
            return &algorithms[i];
    return NULL;
}

bool jwt_signed_by(const struct jwt *jwt, EVP_PKEY *key)
{
    const struct algorithm *a = algorithm_find(jwt->alg);

    return a && EVP_PKEY_is_a(key, a->kty) && key_verifies(a, key, jwt);
}

bool jwt_verify(struct ctx *c, const struct jwt *jwt, const json_t *jwks)
{
    const struct algorithm *a = algorithm_find(jwt->alg);
    const json_t *jwk;
    size_t i;

    json_array_foreach(json_object_get(jwks, "keys"), i, jwk) {
        const char *kid = json_get_string(jwk, "kid");
        EVP_PKEY *key = a && (!jwt->kid || text_equal(kid, jwt->kid)) ? key_of(c, a, jwk) : NULL;
        bool ok = key && key_verifies(a, key, jwt);

        EVP_PKEY_free(key);
        if (ok)
            return true;
    }
    return false;
}

bool jwks_has(const json_t *jwks, const char *kid)
{
    const json_t *jwk, *keys = json_object_get(jwks, "keys");
    size_t i;

    json_array_foreach(keys, i, jwk)
        if (!kid || text_equal(json_get_string(jwk, "kid"), kid))
            return true;
    return false;
}
