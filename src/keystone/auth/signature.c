/* See signature.h. */
#include "keystone/auth/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "oslo/base/text.h"

struct mac mac_of(const char *digest, const void *key, size_t key_size, const void *text, size_t size)
{
    struct mac mac = {};
    unsigned n = 0;

    HMAC(EVP_get_digestbyname(digest), key, (int)key_size, text, size, mac.bytes, &n);
    mac.n = n;
    return mac;
}

char *mac_base64(struct ctx *c, const struct mac *mac)
{
    return base64_write(c, mac->bytes, mac->n);
}

char *mac_hex(struct ctx *c, const struct mac *mac)
{
    return hex_write(c, mac->bytes, mac->n);
}

bool signature_equal(const char *a, const char *b)
{
    return a && b && strlen(a) == strlen(b) && secret_equal(a, b, strlen(a));
}

char *percent_encode(struct ctx *c, const char *text, const char *safe)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = ctx_alloc(c, 3 * strlen(text) + 1), *to = encoded;

    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (g_ascii_isalnum(*text) || strchr("-._~", *text) || strchr(safe, *text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    return encoded;
}

static int pair_compare(const void *a, const void *b)
{
    const struct pair *one = a, *other = b;
    int order = strcmp(one->name, other->name);

    return order ? order : strcmp(one->value, other->value);
}

char *parameters_normal(struct ctx *c, const struct pair *pairs, size_t n)
{
    struct pair *encoded = ctx_new_n(c, struct pair, n + 1);
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < n; i++)
        encoded[i] = (struct pair){ percent_encode(c, pairs[i].name, ""), percent_encode(c, pairs[i].value, "") };
    qsort(encoded, n, sizeof *encoded, pair_compare);
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, "%s%s=%s", i ? "&" : "", encoded[i].name, encoded[i].value);
    return ctx_strdup(c, text->str);
}
