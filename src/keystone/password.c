/* Passwords, a bounded number at a time: each takes a core for as long as its hash says. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "keystone/auth/hash.h"
#include "keystone/keystone.h"
#include "oslo/auth/cache.h"

enum { BCRYPT_BYTES = 72, ROUNDS_SIM = 4 };

static sem_t cores;
static atomic_int waiting;
static pthread_once_t cores_once = PTHREAD_ONCE_INIT;
static char *nobodys_hash;           /* what a password of a user who is not there is checked against */

/* What the options say; rounds, if given, are bcrypt's. */
static struct hash_kind kind_of(int rounds)
{
    const struct keystone_options *o = keystone_options();
    const char *name = o->password_hash_algorithm;
    bool bcrypt = g_str_has_prefix(name, "bcrypt");

    if (rounds)
        return (struct hash_kind){ .name = "bcrypt", .rounds = rounds };
    return (struct hash_kind){
        .name = name, .rounds = o->password_rounds ? (int)o->password_rounds : common_options->sim && bcrypt ? ROUNDS_SIM : 0,
        .block_size = (int)o->scrypt_block_size, .parallelism = (int)o->scrypt_parallelism, .salt_size = (int)o->salt_bytesize,
    };
}

static char *hash_now(struct ctx *c, const char *password, int rounds)
{
    const struct hash_kind kind = kind_of(rounds);

    return hash_make(c, &kind, password);
}

static void cores_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    struct ctx c;

    sem_init(&cores, 0, n > 1 ? (unsigned)n - 1 : 1);
    ctx_init(&c, NULL, NULL);
    nobodys_hash = g_strdup(hash_now(&c, "", 0));
    ctx_clear(&c);
}

/* Takes one of the cores passwords may use. False with a fault when too many wait already: half of those who serve are kept
 * for who brings no password. */
static bool core_take(struct ctx *c)
{
    pthread_once(&cores_once, cores_count);
    if (atomic_fetch_add(&waiting, 1) >= MAX(common_options->http_workers / 2, 1)) {
        waiting--;
        return fail(c, BUSY);
    }
    while (sem_wait(&cores) != 0)
        ;
    waiting--;
    return true;
}

/* As much of a password as counts; NULL with a fault where more is not taken. */
static char *password_kept(struct ctx *c, const char *password)
{
    const struct keystone_options *o = keystone_options();
    int64_t most = !strcmp(o->password_hash_algorithm, "bcrypt") ? MIN(o->max_password_length, BCRYPT_BYTES) : o->max_password_length;

    if ((int64_t)strlen(password) > most && o->strict_password_check)
        return fail_null(c, DENIED, ctx_printf(c, "The password length must be less than or equal to %" G_GINT64_FORMAT ". The server could not"
                                               " comply with the request because the password is invalid.", most));
    return ctx_strndup(c, password, strnlen(password, (size_t)most));
}

char *password_hash(struct ctx *c, const char *password, int rounds)
{
    char *kept = password_kept(c, password), *hash;

    if (!kept)
        return NULL;
    if (rounds && rounds <= ROUNDS_SIM)
        return hash_now(c, kept, rounds);
    if (!core_take(c))
        return NULL;
    hash = hash_now(c, kept, rounds);
    sem_post(&cores);
    explicit_bzero(kept, strlen(kept));
    return hash ? hash : fail_null(c, INTERNAL_ERROR, "passwords cannot be hashed as password_hash_algorithm says");
}

bool password_verify(struct ctx *c, const char *password, const char *hash)
{
    char *kept = password_kept(c, password);

    if (!kept || !core_take(c))
        return false;
    bool right = hash_verify(c, kept, hash ? hash : nobodys_hash);
    sem_post(&cores);
    explicit_bzero(kept, strlen(kept));
    return hash && right;
}

/* -- secrets of programs --------------------------------------------------------------------------------------------- */

#define KNOWN_US INT64_C(300000000)

static struct token_cache *known;    /* by a digest of hash and secret, with a key of this process */
static char known_key[33];
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static void known_make(void)
{
    unsigned char bytes[16];

    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        g_snprintf(known_key + 2 * i, 3, "%02x", bytes[i]);
    known = token_cache_new();
}

static void known_release(struct cached *cached)
{
    g_free(cached);
}

bool secret_verify(struct ctx *c, const char *secret, const char *hash)
{
    char *text = ctx_printf(c, "%s\n%s\n%s", (pthread_once(&known_once, known_make), known_key), hash ? hash : "", secret);
    struct token_key key;
    struct cached *found;

    token_key_of(text, &key);
    explicit_bzero(text, strlen(text));
    if ((found = token_cache_find(known, &key)) != NULL) {
        cached_unref(found);
        return true;
    }
    struct token_ticket ticket = token_cache_ticket(known, &key);
    if (!password_verify(c, secret, hash))
        return false;
    found = g_new0(struct cached, 1);
    *found = (struct cached){ .references = 1, .expires_us = INT64_MAX, .stale_us = clock_mono_us() + KNOWN_US, .release = known_release };
    token_cache_add(known, &key, ticket, found);
    cached_unref(found);
    return true;
}
