/* The Fernet format (github.com/fernet/spec): 0x80, time, IV, AES-128-CBC, HMAC-SHA256, all in URL-safe base64. */
#include "keystone/token/fernet.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "oslo/base/text.h"

enum { VERSION = 0x80, TIME_AT = 1, IV_AT = 9, TEXT_AT = 25, MAC_SIZE = 32, BLOCK = 16 };

static EVP_CIPHER *aes;
static EVP_MAC *hmac;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch_algorithms(void)
{
    aes = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static void sign(const struct fernet_key *key, const void *bytes, size_t n, unsigned char ret_mac[MAC_SIZE])
{
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

    EVP_MAC_init(mac, key->sign, sizeof key->sign, params);
    EVP_MAC_update(mac, bytes, n);
    EVP_MAC_final(mac, ret_mac, NULL, MAC_SIZE);
    EVP_MAC_CTX_free(mac);
}

/* Runs the cipher over the whole of in; how many bytes came out, -1 if the padding is wrong. */
static int crypt_all(const struct fernet_key *key, const unsigned char *iv, bool encrypt, const void *in, size_t n, unsigned char *out)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int first = 0, last = 0;
    bool ok = EVP_CipherInit_ex2(cipher, aes, key->encrypt, iv, encrypt, NULL) &&
        EVP_CipherUpdate(cipher, out, &first, in, (int)n) && EVP_CipherFinal_ex(cipher, out + first, &last);

    EVP_CIPHER_CTX_free(cipher);
    return ok ? first + last : -1;
}

char *fernet_seal(struct ctx *c, const struct fernet_key *key, int64_t time_s, const void *bytes, size_t n)
{
    unsigned char *raw = ctx_alloc(c, TEXT_AT + n + BLOCK + MAC_SIZE);

    pthread_once(&fetched, fetch_algorithms);
    raw[0] = VERSION;
    for (int i = 0; i < 8; i++)
        raw[TIME_AT + i] = (unsigned char)((uint64_t)time_s >> (56 - 8 * i));
    random_bytes(raw + IV_AT, BLOCK);
    size_t size = TEXT_AT + (size_t)crypt_all(key, raw + IV_AT, true, bytes, n, raw + TEXT_AT);
    sign(key, raw, size, raw + size);
    char *text = base64url_write(c, raw, size + MAC_SIZE);
    text[strcspn(text, "=")] = '\0';
    return text;
}

/* Is the text the one way to write these bytes? Of the last character base64 needs some bits only. */
static bool canonical(struct ctx *c, const char *text, const void *bytes, size_t n)
{
    const char *one = base64url_write(c, bytes, n);
    size_t length = strcspn(one, "=");

    return !strncmp(one, text, length) && text[length + strspn(text + length, "=")] == '\0';
}

bool fernet_open(struct ctx *c, const struct fernet_key *key, const char *token, void **ret_bytes, size_t *ret_n, int64_t *ret_time_s)
{
    static const char padding[] = "===";
    unsigned char mac[MAC_SIZE], *raw, *out;
    size_t length = strlen(token), n;
    void *bytes;
    uint64_t time = 0;

    pthread_once(&fetched, fetch_algorithms);
    if (!base64_read(c, ctx_printf(c, "%s%.*s", token, (int)((4 - length % 4) % 4), padding), &bytes, &n) || !canonical(c, token, bytes, n))
        return false;
    raw = bytes;
    if (n < TEXT_AT + BLOCK + MAC_SIZE || raw[0] != VERSION)
        return false;
    n -= MAC_SIZE;
    sign(key, raw, n, mac);
    if (!secret_equal(mac, raw + n, MAC_SIZE))
        return false;
    out = ctx_alloc(c, n);
    int size = crypt_all(key, raw + IV_AT, false, raw + TEXT_AT, n - TEXT_AT, out);
    if (size < 0)
        return false;
    for (int i = 0; i < 8; i++)
        time = time << 8 | raw[TIME_AT + i];
    *ret_bytes = out;
    *ret_n = (size_t)size;
    *ret_time_s = (int64_t)time;
    return true;
}
