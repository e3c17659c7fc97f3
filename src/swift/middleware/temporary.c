/* The keys and signatures of URLs and forms that are good for a while. */
#include "swift/middleware/temporary.h"

#include "oslo/base/text.h"
#include "swift/proxy/proxy.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>

static const struct { const char *name; size_t bytes; } algorithms[] = { { "sha1", 20 }, { "sha256", 32 }, { "sha512", 64 } };

static size_t add_keys(const struct headers *meta, bool of_container, struct temporary_key *keys)
{
    static const char *const names[] = { "temp-url-key", "temp-url-key-2" };
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *key = headers_get(meta, names[i]);

        if (key)
            keys[n++] = (struct temporary_key){ key, of_container };
    }
    return n;
}

const struct temporary_key *temporary_keys(struct ctx *c, const struct swift_request *r)
{
    struct temporary_key *keys = ctx_new_n(c, struct temporary_key, 5);
    size_t n = add_keys(&account_info(c, r, r->account)->meta, false, keys);

    if (r->container)
        add_keys(&container_info(c, r, r->account, r->container)->meta, true, keys + n);
    return keys;
}

static bool allowed_algorithm(struct ctx *c, const char *name, const char *allowed)
{
    char **words = text_split(c, allowed, ' ');

    return text_in(name, (const char *const *)words);
}

bool temporary_signature(struct ctx *c, const char *text, const char *allowed, const char **ret_algorithm, const char **ret_digest)
{
    const char *colon = strchr(text, ':');
    unsigned char bytes[64];

    *ret_algorithm = NULL;
    if (colon) {
        const char *coded = colon + 1;
        size_t n;
        void *decoded;

        coded = ctx_printf(c, "%s%.*s", coded, (int)((4 - strlen(coded) % 4) % 4), "===");
        if (!base64_read(c, coded, &decoded, &n))
            return false;
        *ret_algorithm = ctx_strndup(c, text, (size_t)(colon - text));
        *ret_digest = hex_write(c, decoded, n);
    } else {
        for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
            if (strlen(text) == 2 * algorithms[i].bytes && hex_read(text, bytes, algorithms[i].bytes))
                *ret_algorithm = algorithms[i].name;
        *ret_digest = text;
    }
    return *ret_algorithm && allowed_algorithm(c, *ret_algorithm, allowed);
}

bool temporary_matches(struct ctx *c, const char *algorithm, const char *digest, const char *key, const char *message)
{
    const EVP_MD *md = EVP_get_digestbyname(algorithm);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!md || !HMAC(md, key, (int)strlen(key), (const unsigned char *)message, strlen(message), bytes, &n))
        return false;
    const char *expected = hex_write(c, bytes, n);
    return strlen(expected) == strlen(digest) && secret_equal(expected, digest, strlen(expected));
}

void temporary_info(json_t *members, const char *allowed)
{
    json_t *list = json_array(), *deprecated = json_array();
    char **words = g_strsplit(allowed, " ", -1);

    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
        if (g_strv_contains((const char *const *)words, algorithms[i].name)) {
            json_array_append_new(list, json_string(algorithms[i].name));
            if (!i)
                json_array_append_new(deprecated, json_string(algorithms[i].name));
        }
    g_strfreev(words);
    json_object_set_new(members, "allowed_digests", list);
    if (json_array_size(deprecated))
        json_object_set_new(members, "deprecated_digests", deprecated);
    else
        json_decref(deprecated);
}
