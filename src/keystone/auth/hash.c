/* See hash.h. bcrypt and SHA-512's crypt are libcrypt's, the rest is libcrypto's. */
#include "keystone/auth/hash.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <string.h>

#include "keystone/auth/signature.h"
#include "oslo/base/text.h"

enum {
    BCRYPT_BYTES = 72, BCRYPT_ROUNDS = 12, BCRYPT_SALT = 22,
    SCRYPT_ROUNDS = 16, SCRYPT_KEY = 32, SCRYPT_MEMORY = 256 << 20, SCRYPT_LN_MOST = 20,
    PBKDF2_ROUNDS = 25000, PBKDF2_KEY = 64, PBKDF2_ROUNDS_MOST = 10000000,
    SHA512_ROUNDS = 656000, SALT_SIZE = 16, BYTES_MOST = 1024,
};

/* -- libcrypt's ---------------------------------------------------------------------------------------------------- */

static char *run_crypt(struct ctx *c, const char *password, const char *setting)
{
    struct crypt_data *data = g_new0(struct crypt_data, 1);
    const char *hash = crypt_r(password, setting, data);
    char *copy = hash && *hash == '$' ? ctx_strdup(c, hash) : NULL;

    explicit_bzero(data, sizeof *data);
    g_free(data);
    return copy;
}

static char *bcrypt_run(struct ctx *c, const char *password, const char *setting)
{
    char *kept = ctx_strndup(c, password, strnlen(password, BCRYPT_BYTES)), *hash = run_crypt(c, kept, setting);

    explicit_bzero(kept, strlen(kept));
    return hash;
}

static char *crypt_salt(struct ctx *c, const char *prefix, int rounds)
{
    char random[16], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    random_bytes(random, sizeof random);
    if (!crypt_gensalt_rn(prefix, (unsigned long)rounds, random, sizeof random, setting, sizeof setting))
        return NULL;
    return ctx_strdup(c, setting);
}

static char *bcrypt_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    char *setting = crypt_salt(c, "$2b$", kind->rounds ? kind->rounds : BCRYPT_ROUNDS);

    return setting ? bcrypt_run(c, password, setting) : NULL;
}

static bool bcrypt_verify(struct ctx *c, const char *password, const char *hash)
{
    return signature_equal(bcrypt_run(c, password, hash), hash);
}

static char *sha512_crypt_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    char *setting = crypt_salt(c, "$6$", kind->rounds ? kind->rounds : SHA512_ROUNDS);

    return setting ? run_crypt(c, password, setting) : NULL;
}

static bool sha512_crypt_verify(struct ctx *c, const char *password, const char *hash)
{
    return signature_equal(run_crypt(c, password, hash), hash);
}

/* -- bcrypt over SHA-256: "$bcrypt-sha256$v=2,t=2b,r=12$<salt>$<digest>" --------------------------------------------- */

/* What bcrypt is given instead of the password: base64 of an HMAC with the salt. */
static char *bcrypt_sha256_key(struct ctx *c, const char *password, const char *salt)
{
    struct mac mac = mac_of("SHA256", salt, strlen(salt), password, strlen(password));

    return mac_base64(c, &mac);
}

static char *bcrypt_sha256_run(struct ctx *c, const char *password, const char *type, int rounds, const char *salt)
{
    const char *hash = bcrypt_run(c, bcrypt_sha256_key(c, password, salt), ctx_printf(c, "$%s$%02d$%s", type, rounds, salt));
    const char *digest = hash ? strrchr(hash, '$') + 1 + BCRYPT_SALT : NULL;

    return hash ? ctx_printf(c, "$bcrypt-sha256$v=2,t=%s,r=%d$%s$%s", type, rounds, salt, digest) : NULL;
}

static char *bcrypt_sha256_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    int rounds = kind->rounds ? kind->rounds : BCRYPT_ROUNDS;
    char *setting = crypt_salt(c, "$2b$", rounds);

    return setting ? bcrypt_sha256_run(c, password, "2b", rounds, strrchr(setting, '$') + 1) : NULL;
}

static bool bcrypt_sha256_verify(struct ctx *c, const char *password, const char *hash)
{
    char **parts = text_split(c, hash, '$');
    char type[4] = "";
    int rounds;

    if (g_strv_length(parts) != 5 || sscanf(parts[2], "v=2,t=%2[2aby],r=%d", type, &rounds) != 2 || strlen(parts[3]) != BCRYPT_SALT)
        return false;
    return signature_equal(bcrypt_sha256_run(c, password, type, rounds, parts[3]), hash);
}

/* -- libcrypto's --------------------------------------------------------------------------------------------------- */

/* base64 without padding, with '.' for '+' where `dots`. */
static char *base64_bare(struct ctx *c, const void *bytes, size_t n, bool dots)
{
    char *text = base64_write(c, bytes, n);

    text[strcspn(text, "=")] = '\0';
    return dots ? g_strdelimit(text, "+", '.') : text;
}

static bool base64_bare_read(struct ctx *c, const char *text, void **ret_bytes, size_t *ret_n)
{
    char *padded = ctx_printf(c, "%s%.*s", text, (int)((4 - strlen(text) % 4) % 4), "===");

    return base64_read(c, g_strdelimit(padded, ".", '+'), ret_bytes, ret_n) && *ret_n <= BYTES_MOST;
}

static size_t salt_make(const struct hash_kind *kind, unsigned char salt[BYTES_MOST])
{
    size_t n = kind->salt_size ? MIN((size_t)kind->salt_size, 96) : SALT_SIZE;

    random_bytes(salt, n);
    return n;
}

static char *scrypt_run(struct ctx *c, const char *password, const void *salt, size_t salt_size, int ln, int block_size, int parallelism)
{
    unsigned char key[SCRYPT_KEY];

    if (ln < 1 || ln > SCRYPT_LN_MOST || block_size < 1 || block_size > 64 || parallelism < 1 || parallelism > 64 ||
        !EVP_PBE_scrypt(password, strlen(password), salt, salt_size, UINT64_C(1) << ln, (uint64_t)block_size, (uint64_t)parallelism,
                        SCRYPT_MEMORY, key, sizeof key))
        return NULL;
    return ctx_printf(c, "$scrypt$ln=%d,r=%d,p=%d$%s$%s", ln, block_size, parallelism, base64_bare(c, salt, salt_size, false),
                      base64_bare(c, key, sizeof key, false));
}

static char *scrypt_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    unsigned char salt[BYTES_MOST];
    size_t n = salt_make(kind, salt);

    return scrypt_run(c, password, salt, n, kind->rounds ? kind->rounds : SCRYPT_ROUNDS, kind->block_size ? kind->block_size : 8,
                      kind->parallelism ? kind->parallelism : 1);
}

static bool scrypt_verify(struct ctx *c, const char *password, const char *hash)
{
    char **parts = text_split(c, hash, '$');
    int ln, block_size, parallelism;
    void *salt;
    size_t n;

    if (g_strv_length(parts) != 5 || sscanf(parts[2], "ln=%d,r=%d,p=%d", &ln, &block_size, &parallelism) != 3 ||
        !base64_bare_read(c, parts[3], &salt, &n))
        return false;
    return signature_equal(scrypt_run(c, password, salt, n, ln, block_size, parallelism), hash);
}

static char *pbkdf2_run(struct ctx *c, const char *password, const void *salt, size_t salt_size, int rounds)
{
    unsigned char key[PBKDF2_KEY];

    if (rounds < 1 || rounds > PBKDF2_ROUNDS_MOST ||
        !PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, (int)salt_size, rounds, EVP_sha512(), sizeof key, key))
        return NULL;
    return ctx_printf(c, "$pbkdf2-sha512$%d$%s$%s", rounds, base64_bare(c, salt, salt_size, true), base64_bare(c, key, sizeof key, true));
}

static char *pbkdf2_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    unsigned char salt[BYTES_MOST];
    size_t n = salt_make(kind, salt);

    return pbkdf2_run(c, password, salt, n, kind->rounds ? kind->rounds : PBKDF2_ROUNDS);
}

static bool pbkdf2_verify(struct ctx *c, const char *password, const char *hash)
{
    char **parts = text_split(c, hash, '$');
    int64_t rounds;
    void *salt;
    size_t n;

    if (g_strv_length(parts) != 5 || !text_to_int(parts[2], &rounds) || rounds > PBKDF2_ROUNDS_MOST || !base64_bare_read(c, parts[3], &salt, &n))
        return false;
    return signature_equal(pbkdf2_run(c, password, salt, n, (int)rounds), hash);
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char *(*make)(struct ctx *, const struct hash_kind *, const char *password);
} makers[] = {
    { "bcrypt", bcrypt_make }, { "bcrypt_sha256", bcrypt_sha256_make }, { "scrypt", scrypt_make }, { "pbkdf2_sha512", pbkdf2_make },
    { "sha512_crypt", sha512_crypt_make },
};

static const struct {
    const char *mark;
    bool (*verify)(struct ctx *, const char *password, const char *hash);
} readers[] = {
    { "$2a$", bcrypt_verify }, { "$2b$", bcrypt_verify }, { "$2y$", bcrypt_verify }, { "$bcrypt-sha256$", bcrypt_sha256_verify },
    { "$scrypt$", scrypt_verify }, { "$pbkdf2-sha512$", pbkdf2_verify }, { "$6$", sha512_crypt_verify },
};

bool hash_known(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
        if (!strcmp(makers[i].name, name))
            return true;
    return false;
}

char *hash_make(struct ctx *c, const struct hash_kind *kind, const char *password)
{
    for (size_t i = 0; i < G_N_ELEMENTS(makers); i++)
        if (!strcmp(makers[i].name, kind->name))
            return makers[i].make(c, kind, password);
    return NULL;
}

bool hash_verify(struct ctx *c, const char *password, const char *hash)
{
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        if (g_str_has_prefix(hash, readers[i].mark))
            return readers[i].verify(c, password, hash);
    return false;
}
