/* Any bytes as crypto meta, as an encrypted value and as a body in parts: refused or read, never a crash; however a body is cut, the same
 * comes out. */
#include "swift/middleware/crypto/crypto.h"

#include <string.h>

static const uint8_t key[CRYPTO_KEY], iv[CRYPTO_IV];

static char *decrypted(struct ctx *c, const uint8_t *data, size_t size, size_t piece)
{
    char *bytes = ctx_strndup(c, (const char *)data, size);
    struct decryption d;

    decryption_begin(&d, key, iv, 0, true);
    for (size_t at = 0; at < size; at += piece)
        decryption_apply(&d, bytes + at, MIN(piece, size - at));
    decryption_end(&d);
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct crypto_meta meta;
    const char *text;
    struct ctx c;
    json_t *json;

    ctx_init(&c, NULL, "req-fuzz");
    json = crypto_meta_parse(&c, ctx_strndup(&c, (const char *)data, size));
    if (json && crypto_meta_read(&c, json, &meta))
        crypto_meta_write(&c, &meta, true);
    if (crypto_value_split(&c, ctx_strndup(&c, (const char *)data, size), &text, &json) && json && crypto_meta_read(&c, json, &meta))
        crypto_value_read(&c, text, &meta, key);
    if (size && memcmp(decrypted(&c, data, size, size), decrypted(&c, data, size, 3), size))
        __builtin_trap();
    ctx_clear(&c);
    return 0;
}
