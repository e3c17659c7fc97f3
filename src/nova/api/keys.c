/* Key material by OpenSSL. */
#include "nova/api/keys.h"

#include "nova/faults.h"
#include "oslo/base/text.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#define KEY_BITS 2048
#define CERTIFICATE_DAYS 3650

static char *colons(struct ctx *c, const unsigned char *digest, size_t n)
{
    char *text = ctx_alloc(c, n * 3);

    for (size_t i = 0; i < n; i++)
        snprintf(text + i * 3, 4, i + 1 < n ? "%02x:" : "%02x", digest[i]);
    return text;
}

static char *text_of(struct ctx *c, BIO *bio)
{
    char *data, *text;
    long n = BIO_get_mem_data(bio, &data);

    text = ctx_strndup(c, data, (size_t)n);
    OPENSSL_cleanse(data, (size_t)n);
    BIO_free(bio);
    return text;
}

static char *private_pem(struct ctx *c, EVP_PKEY *key, bool traditional)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (traditional)
        PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    return text_of(c, bio);
}

/* --- OpenSSH ------------------------------------------------------------------------------------------------------ */

static void put_piece(GByteArray *to, const void *bytes, size_t n)
{
    guint32 length = GUINT32_TO_BE((guint32)n);

    g_byte_array_append(to, (const guint8 *)&length, 4);
    g_byte_array_append(to, bytes, (guint)n);
}

/* A positive number: a leading zero keeps its top bit from being a sign. */
static void put_number(GByteArray *to, const EVP_PKEY *key, const char *name)
{
    unsigned char bytes[KEY_BITS / 8 + 1] = {};
    BIGNUM *number = NULL;
    int n;

    EVP_PKEY_get_bn_param(key, name, &number);
    n = BN_bn2bin(number, bytes + 1);
    BN_free(number);
    if (bytes[1] & 0x80)
        put_piece(to, bytes, (size_t)n + 1);
    else
        put_piece(to, bytes + 1, (size_t)n);
}

static char *openssh_public(struct ctx *c, const EVP_PKEY *key)
{
    g_autoptr(GByteArray) blob = g_byte_array_new();

    put_piece(blob, "ssh-rsa", 7);
    put_number(blob, key, OSSL_PKEY_PARAM_RSA_E);
    put_number(blob, key, OSSL_PKEY_PARAM_RSA_N);
    return ctx_printf(c, "ssh-rsa %s Generated-by-Nova", base64_write(c, blob->data, blob->len));
}

bool ssh_key_make(struct ctx *c, struct key_material *ret_key)
{
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);

    if (!key)
        return fail(c, INTERNAL_ERROR, "No key could be made.");
    ret_key->private_key = private_pem(c, key, true);
    ret_key->public_key = openssh_public(c, key);
    ret_key->fingerprint = ssh_fingerprint(c, ret_key->public_key);
    EVP_PKEY_free(key);
    return ret_key->fingerprint != NULL;
}

static const char *const ssh_types[] = { "ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                         "ecdsa-sha2-nistp521", NULL };

/* Pieces one after the other, the first of which names the type, fill the blob to its end. */
static bool is_blob(const unsigned char *blob, size_t n, const char *type)
{
    size_t at = 0, pieces = 0;

    while (at + 4 <= n) {
        size_t length = (size_t)blob[at] << 24 | (size_t)blob[at + 1] << 16 | (size_t)blob[at + 2] << 8 | blob[at + 3];

        if (length > n - at - 4)
            return false;
        if (pieces == 0 && (length != strlen(type) || memcmp(blob + at + 4, type, length) != 0))
            return false;
        at += 4 + length;
        pieces++;
    }
    return at == n && pieces >= 2;
}

char *ssh_fingerprint(struct ctx *c, const char *public_key)
{
    char **words = text_split(c, public_key, ' ');
    unsigned char digest[EVP_MAX_MD_SIZE];
    void *blob;
    size_t n;

    if (!words[0] || !words[1] || !text_in(words[0], ssh_types) || !base64_read(c, words[1], &blob, &n) || !is_blob(blob, n, words[0]))
        return fail_null(c, INVALID_KEYPAIR, "failed to generate fingerprint");
    EVP_Digest(blob, n, digest, NULL, EVP_md5(), NULL);
    return colons(c, digest, 16);
}

/* --- X.509 -------------------------------------------------------------------------------------------------------- */

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, NULL, nid, value);

    if (extension)
        X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *certificate_new(struct ctx *c, EVP_PKEY *key, const char *user_id)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    uint64_t serial;

    random_bytes(&serial, sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_time_adj_ex(X509_getm_notAfter(certificate), CERTIFICATE_DAYS, 0, NULL);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)user_id, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_ext_key_usage, "clientAuth");
    add_extension(certificate, NID_subject_alt_name, ctx_printf(c, "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:%s@localhost", user_id));
    X509_sign(certificate, key, EVP_sha256());
    return certificate;
}

bool x509_key_make(struct ctx *c, const char *user_id, struct key_material *ret_key)
{
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate;

    if (!key)
        return fail(c, INTERNAL_ERROR, "No key could be made.");
    certificate = certificate_new(c, key, user_id);
    PEM_write_bio_X509(bio, certificate);
    ret_key->public_key = text_of(c, bio);
    ret_key->private_key = private_pem(c, key, false);
    ret_key->fingerprint = x509_fingerprint(c, ret_key->public_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ret_key->fingerprint != NULL;
}

char *x509_fingerprint(struct ctx *c, const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    BIO_free(bio);
    if (!certificate)
        return fail_null(c, INVALID_KEYPAIR, "failed to generate X509 fingerprint. Error message: Unable to load PEM file. See"
                         " https://cryptography.io/en/latest/faq/#why-can-t-i-import-my-pem-file for more details."
                         " MalformedFraming");
    X509_digest(certificate, EVP_sha1(), digest, &n);
    X509_free(certificate);
    return colons(c, digest, n);
}
