/* Passwords by bcrypt ($2b$), a bounded number at a time: each takes a core for as long as the rounds say. */
#include <crypt.h>
#include <semaphore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "keystone/keystone.h"

enum { ROUNDS_USUAL = 12, ROUNDS_SIM = 4, WAITING_MOST = 32, BCRYPT_BYTES = 72 };

static sem_t cores;
static atomic_int waiting;
static pthread_once_t cores_once = PTHREAD_ONCE_INIT;
static char *nobodys_hash;           /* what a password of a user who is not there is checked against */

static char *run_crypt(struct ctx *c, const char *password, const char *setting)
{
    struct crypt_data *data = g_new0(struct crypt_data, 1);
    char *kept = ctx_strndup(c, password, strnlen(password, BCRYPT_BYTES));
    const char *hash = crypt_r(kept, setting, data);
    char *copy = hash && *hash == '$' ? ctx_strdup(c, hash) : NULL;

    explicit_bzero(kept, strlen(kept));
    explicit_bzero(data, sizeof *data);
    g_free(data);
    return copy;
}

static int rounds_of(int rounds)
{
    int64_t option = keystone_options()->password_rounds;

    return rounds ? rounds : option ? (int)option : common_options->sim ? ROUNDS_SIM : ROUNDS_USUAL;
}

static char *hash_now(struct ctx *c, const char *password, int rounds)
{
    char random[16], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    random_bytes(random, sizeof random);
    if (!crypt_gensalt_rn("$2b$", (unsigned long)rounds_of(rounds), random, sizeof random, setting, sizeof setting))
        return NULL;
    return run_crypt(c, password, setting);
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

/* Takes one of the cores passwords may use. False with a fault when too many wait already. */
static bool core_take(struct ctx *c)
{
    pthread_once(&cores_once, cores_count);
    if (atomic_fetch_add(&waiting, 1) >= WAITING_MOST) {
        waiting--;
        return fail(c, BUSY);
    }
    while (sem_wait(&cores) != 0)
        ;
    waiting--;
    return true;
}

char *password_hash(struct ctx *c, const char *password, int rounds)
{
    if (rounds && rounds <= ROUNDS_SIM)
        return hash_now(c, password, rounds);
    if (!core_take(c))
        return NULL;
    char *hash = hash_now(c, password, rounds);
    sem_post(&cores);
    return hash ? hash : fail_null(c, INTERNAL_ERROR, "bcrypt does not work here");
}

bool password_verify(struct ctx *c, const char *password, const char *hash)
{
    if (!core_take(c))
        return false;
    const char *expected = hash ? hash : nobodys_hash, *got = run_crypt(c, password, expected);
    sem_post(&cores);
    return hash && got && strlen(got) == strlen(expected) && secret_equal(got, expected, strlen(expected));
}
