/* A service's rules as they stand. Who asks gets the set of now; at most once a second it is looked whether a file changed, and if
 * so they are read again. Files that cannot be understood leave the rules as they were, and say so in the log.
 */
#include "oslo/auth/policy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "oslo/auth/policy_file.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"

enum { LOOK_EVERY_US = 1000000 };

struct rulebook {
    const struct policy *defaults;
    const struct policy_settings *settings;
    _Atomic int64_t look_us;         /* when to look at the files again, monotonic */
    pthread_mutex_t lock;
    struct policies *policies;       /* under lock */
    char *seen;                      /* what the files were when they were read; of the thread that looks */
};

/* Names, sizes and times of the files: text that changes when one of them does. */
static char *files_seen(struct ctx *c, const struct policy_settings *settings)
{
    const char **files = policy_files(c, settings ? settings->policy_dirs : NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    const char *file = settings ? settings->policy_file : NULL;

    for (; file; file = *files++) {
        struct stat st = {};

        if (stat(file, &st) == 0)
            g_string_append_printf(text, "%s %lld %lld.%09ld\n", file, (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
    return ctx_strdup(c, text->str);
}

struct rulebook *rulebook_open(struct ctx *c, const struct policy *defaults, const struct policy_settings *settings)
{
    struct policies *policies = policies_load(c, defaults, settings);

    if (!policies)
        return NULL;
    struct rulebook *book = g_new0(struct rulebook, 1);
    book->defaults = defaults;
    book->settings = settings;
    book->policies = policies;
    book->seen = g_strdup(files_seen(c, settings));
    pthread_mutex_init(&book->lock, NULL);
    atomic_init(&book->look_us, clock_mono_us() + LOOK_EVERY_US);
    return book;
}

void rulebook_close(struct rulebook *book)
{
    if (!book)
        return;
    policies_unref(book->policies);
    pthread_mutex_destroy(&book->lock);
    g_free(book->seen);
    g_free(book);
}

static void replace(struct rulebook *book, struct policies *policies)
{
    pthread_mutex_lock(&book->lock);
    struct policies *old = book->policies;
    book->policies = policies;
    pthread_mutex_unlock(&book->lock);
    policies_unref(old);
}

/* Only the thread that moved look_us on comes here. */
static void look(struct rulebook *book)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    const char *seen = files_seen(&c, book->settings);
    if (strcmp(seen, book->seen)) {
        struct policies *policies = policies_load(&c, book->defaults, book->settings);

        if (policies)
            replace(book, policies);
        else
            log_error(&c, "policy: the rules stay as they were: %s", c.fault.message);
        g_free(book->seen);
        book->seen = g_strdup(seen);
    }
    ctx_clear(&c);
}

struct policies *rulebook_get(struct rulebook *book)
{
    int64_t now = clock_mono_us(), due = atomic_load_explicit(&book->look_us, memory_order_relaxed);

    /* INT64_MAX while a thread looks: nobody else does then */
    if (now >= due && atomic_compare_exchange_strong(&book->look_us, &due, INT64_MAX)) {
        look(book);
        atomic_store(&book->look_us, clock_mono_us() + LOOK_EVERY_US);
    }
    pthread_mutex_lock(&book->lock);
    struct policies *policies = policies_ref(book->policies);
    pthread_mutex_unlock(&book->lock);
    return policies;
}
