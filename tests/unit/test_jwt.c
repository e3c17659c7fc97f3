/* Signed tokens of others: RFC 7515's own examples hold, and nothing else does. */
#include "keystone/federation/jwt.h"

#include <string.h>

#define SIGNED "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

/* RFC 7515, A.3 */
static const char es256[] = "eyJhbGciOiJFUzI1NiJ9." SIGNED
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char es256_keys[] = "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AAAA\"}, {\"kty\": \"EC\", \"crv\": \"P-256\","
    " \"x\": \"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\", \"y\": \"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

/* RFC 8037, A.4 */
static const char eddsa[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static struct ctx c;

static bool holds(const char *token, const char *keys)
{
    struct jwt jwt;

    return jwt_read(&c, token, &jwt) && jwt_verify(&c, &jwt, json_read(&c, keys, strlen(keys)));
}

static void test_examples(void)
{
    struct jwt jwt;

    g_assert_true(holds(es256, es256_keys));
    g_assert_true(jwt_read(&c, es256, &jwt));
    g_assert_cmpstr(json_get_string(jwt.claims, "iss"), ==, "joe");
    g_assert_false(jwt_read(&c, eddsa, &jwt));                   /* its payload is no object */
    g_assert_true(jwks_has(json_read(&c, es256_keys, strlen(es256_keys)), NULL));
    g_assert_false(jwks_has(json_read(&c, es256_keys, strlen(es256_keys)), "other"));
}

static void test_every_byte(void)
{
    for (size_t i = 0; i + 1 < strlen(es256); i++) {
        char *wrong = ctx_strdup(&c, es256);

        wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
        g_assert_false(holds(wrong, es256_keys));
        wrong[i] = '\0';
        g_assert_false(holds(wrong, es256_keys));
    }
}

static void test_refused(void)
{
    static const char *const tokens[] = {
        "", ".", "..", "...", "a.b.c", "eyJhbGciOiJub25lIn0." SIGNED ".", "eyJhbGciOiJIUzI1NiJ9." SIGNED ".AAAA", "eyJhbGciOiJFUzI1NiJ9." SIGNED ".",
        "eyJhbGciOiJFUzI1NiJ9." SIGNED "..", "e30." SIGNED ".AAAA", "bnVsbA." SIGNED ".AAAA",
    };
    static const char *const keys[] = {
        "{}", "[]", "{\"keys\": []}", "{\"keys\": {}}", "{\"keys\": [null, 1, {}]}", "{\"keys\": [{\"kty\": \"EC\"}]}",
        "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AAAA\", \"y\": \"AAAA\"}]}",
        "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-384\", \"x\": \"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        " \"y\": \"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
        "{\"keys\": [{\"kty\": \"EC\", \"crv\": \"P-256\", \"use\": \"enc\", \"x\": \"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        " \"y\": \"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tokens); i++)
        g_assert_false(holds(tokens[i], es256_keys));
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        g_assert_false(holds(es256, keys[i]));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_test_add_func("/jwt/examples", test_examples);
    g_test_add_func("/jwt/every-byte", test_every_byte);
    g_test_add_func("/jwt/refused", test_refused);
    int failures = g_test_run();
    ctx_clear(&c);
    return failures;
}
