/* Any text as a signed token, and any as the keys it is verified by: the first line is the token, the rest the key set. */
#include <stddef.h>
#include <string.h>

#include "keystone/federation/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jwt jwt;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    char *token = ctx_strndup(&c, (const char *)data, size), *rest = strchr(token, '\n');
    if (rest)
        *rest++ = '\0';
    json_t *keys = rest ? json_read(&c, rest, strlen(rest)) : NULL;
    if (jwt_read(&c, token, &jwt) && keys) {
        jwks_has(keys, jwt.kid);
        jwt_verify(&c, &jwt, keys);
    }
    ctx_clear(&c);
    return 0;
}
