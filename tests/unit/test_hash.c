/* Hashes of passwords: those that passlib wrote are read, and what is written is read again. */
#include <string.h>

#include "keystone/auth/hash.h"
#include "keystone/auth/totp.h"

static const char password[] = "p\xc3\xa4ssword \xe2\x82\xac";

static void test_passlib(void)
{
    static const char *const hashes[] = {
        "$2b$04$H6uVVVGyRJgQNGNEzydEiu4tSwPVt9VGhzHUB4r41i.8dQnVRRqDS",
        "$bcrypt-sha256$v=2,t=2b,r=4$/.6RWVxhZoh2SGBoY.Oose$nO5RyBwAU5LkA274csDs3fK8ZXMqwq.",
        "$scrypt$ln=4,r=8,p=1$P4ewFgLg3Ls3hlDKeY8Rgg$fCyGDUijI05GFxNVarmO/aQEvExqd24Y2WWfVvkV/3E",
        "$scrypt$ln=5,r=4,p=2$rfX+n/N+7/3fe29NyTkHIOScEyI$dWZX5cbONzVNs3Bo9RH4Li+7LPxWWX6pRZPtY86pNgk",
        "$pbkdf2-sha512$100$OIcQwjhnjFEqRUjJ.f//vw$SWyaSJ7f9bwuUSGDPNqcGzZiQGIlDarzjD2muTddhydLkBKR.XdWoTA.YaDCpHliuvJXZi7V8hHF5OSKvx8PgA",
        "$pbkdf2-sha512$100$VMrZG6MUYoyxlhJiDCEkxHivFcIYgzBmLEXo/f./NyYk$G5Sv9ECpmBUwgtGCLg.SP4TqqYfDMnUj04r/zIszT4BttaKxSKOPtRC8BLHaTKvTSfusaF4Zqrds1KM6L8DhzQ",
        "$6$rounds=1000$4B7p/LKPyPoB/oyL$FXBuepvSn4XgDc.EhAc0saqAjyMgkOSgaZ6QGU2NX7tgWMD9AT0JnwVPHqYTha6ZkYRpSxJ7GdRQEa4jplCKk.",
    };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
        char *changed = ctx_strdup(&c, hashes[i]), *last = changed + strlen(changed) - 2;

        g_assert_true(hash_verify(&c, password, hashes[i]));
        g_assert_false(hash_verify(&c, "password", hashes[i]));
        *last = *last == 'a' ? 'b' : 'a';
        g_assert_false(hash_verify(&c, password, changed));
        for (size_t n = 0; n < strlen(hashes[i]); n++)
            g_assert_false(hash_verify(&c, password, ctx_strndup(&c, hashes[i], n)));
    }
    g_assert_true(hash_verify(&c, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                              "$2a$04$FpwcYhsHuPh9/FXThVMlVuIu89qBlqqd.N1X6uWVKX/oxUY7yWtH2"));
    ctx_clear(&c);
}

static void test_nonsense(void)
{
    static const char *const hashes[] = {
        "", "$", "$$", "x", "!", "*0", "$1$x$y", "$2b$", "$2b$99$H6uVVVGyRJgQNGNEzydEiu4tSwPVt9VGhzHUB4r41i.8dQnVRRqDS", "$scrypt$ln=40,r=8,p=1$AA$AA",
        "$scrypt$ln=-1,r=8,p=1$AA$AA", "$scrypt$ln=4,r=9999999,p=99999$AA$AA", "$pbkdf2-sha512$-1$AA$AA", "$pbkdf2-sha512$99999999999$AA$AA",
        "$bcrypt-sha256$v=2,t=2b,r=4$short$x", "$bcrypt-sha256$v=1,t=2b,r=4$/.6RWVxhZoh2SGBoY.Oose$x",
    };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++)
        g_assert_false(hash_verify(&c, password, hashes[i]));
    g_assert_false(hash_known("md5"));
    ctx_clear(&c);
}

static void test_own(void)
{
    static const struct hash_kind kinds[] = {
        { .name = "bcrypt", .rounds = 4 }, { .name = "bcrypt_sha256", .rounds = 4 }, { .name = "scrypt", .rounds = 4 },
        { .name = "scrypt", .rounds = 3, .block_size = 2, .parallelism = 3, .salt_size = 9 }, { .name = "pbkdf2_sha512", .rounds = 10, .salt_size = 11 },
        { .name = "sha512_crypt", .rounds = 1000 },
    };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *hash = hash_make(&c, &kinds[i], password), *again = hash_make(&c, &kinds[i], password);

        g_assert_true(hash_known(kinds[i].name));
        g_assert_true(hash && again && strcmp(hash, again));
        g_assert_true(hash_verify(&c, password, hash));
        g_assert_false(hash_verify(&c, "password", hash));
    }
    ctx_clear(&c);
}

/* RFC 6238, appendix B, in six digits. */
static void test_totp(void)
{
    static const struct { int64_t time; const char *code; } cases[] = {
        { 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" }, { 1234567890, "005924" }, { 2000000000, "279037" },
    };
    unsigned char *seed;
    char code[7];
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, NULL);
    g_assert_true(base32_read(&c, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", &seed, &n));
    g_assert_cmpmem(seed, n, "12345678901234567890", 20);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        totp_code(seed, n, cases[i].time, code);
        g_assert_cmpstr(code, ==, cases[i].code);
    }
    g_assert_true(base32_read(&c, "MY======", &seed, &n) && n == 1 && seed[0] == 'f');
    g_assert_false(base32_read(&c, "M1", &seed, &n));
    g_assert_false(base32_read(&c, "my", &seed, &n));
    g_assert_false(base32_read(&c, "M=Y", &seed, &n));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hash/passlib", test_passlib);
    g_test_add_func("/hash/nonsense", test_nonsense);
    g_test_add_func("/hash/own", test_own);
    g_test_add_func("/hash/totp", test_totp);
    return g_test_run();
}
