/* account-audit: what is asked for, what waits to be looked at, and what it came to. */
#include "swift/tools/account_audit.h"

#include "oslo/base/text.h"
#include "swift/daemon/crew.h"
#include "swift/name.h"
#include "swift/swift.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct { const char *title; bool always; } titles[AUDIT_COUNTS] = {
    [ACCOUNTS] = { "Accounts checked", true }, [ACCOUNT_MISSING] = { "Missing Replicas" }, [ACCOUNT_EXCEPTIONS] = { "Exceptions" },
    [ACCOUNT_CONTAINERS] = { "Container mismatch" }, [ACCOUNT_OBJECTS] = { "Object mismatch" },
    [CONTAINERS] = { "Containers checked", true }, [CONTAINER_MISSING] = { "Missing Replicas" }, [CONTAINER_EXCEPTIONS] = { "Exceptions" },
    [CONTAINER_COUNTS] = { "Count mismatch" }, [CONTAINER_OBJECTS] = { "Object mismatch" },
    [OBJECTS] = { "Objects checked", true }, [OBJECT_MISSING] = { "Missing Replicas" }, [OBJECT_EXCEPTIONS] = { "Exceptions" },
    [OBJECT_MD5] = { "MD5 Mismatch" },
};

/* --- saying and counting ------------------------------------------------------------------------------------------------------------------- */

bool audit_say(struct ctx *c, struct audit *a, enum audit_count count, const char *format, ...)
{
    const char *text;
    va_list args;

    va_start(args, format);
    text = ctx_vprintf(c, format, args);
    va_end(args);
    pthread_mutex_lock(&a->lock);
    say("%s\n", text);
    if (count != NOT_COUNTED)
        a->counts[count]++;
    pthread_mutex_unlock(&a->lock);
    return false;
}

static void note(const char *path, const char *name)
{
    FILE *file = fopen(path, "a");

    if (!file || fprintf(file, "%s\n", name) < 0 || fflush(file))
        fprintf(stderr, "%s: %s\n", path, g_strerror(errno));
    if (file)
        fclose(file);
}

void audit_finish(struct audit *a, enum audit_count count, const char *path, bool consistent)
{
    pthread_mutex_lock(&a->lock);
    a->counts[count]++;
    if (!consistent && a->error_file)
        note(a->error_file, path);
    pthread_mutex_unlock(&a->lock);
}

static void say_counts(const struct audit *a)
{
    for (int i = 0; i < AUDIT_COUNTS; i++)
        if (titles[i].always || a->counts[i])
            say("%s%18s: %" G_GINT64_FORMAT "\n", titles[i].always ? "\n" : "", titles[i].title, a->counts[i]);
}

/* --- what waits ------------------------------------------------------------------------------------------------------------------------------ */

struct item { struct audit *a; char *path; };

void audit_add(struct audit *a, const char *path)
{
    pthread_mutex_lock(&a->lock);
    g_queue_push_tail(&a->waiting, g_strdup(path));
    a->unfinished++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* "/account/container/object", the last one with slashes of its own. */
static void look(struct ctx *c, void *data)
{
    struct item *item = data;
    char **names = g_strsplit(item->path + 1, "/", 3);
    const char *container = names[1] ? names[1] : "", *object = *container && names[2] ? names[2] : "";

    if (*object)
        audit_object(c, item->a, names[0], container, object);
    else if (*container)
        audit_container(c, item->a, names[0], container, true);
    else
        audit_account(c, item->a, names[0], true);
    g_strfreev(names);
    pthread_mutex_lock(&item->a->lock);
    item->a->unfinished--;
    pthread_cond_broadcast(&item->a->changed);
    pthread_mutex_unlock(&item->a->lock);
    g_free(item->path);
    g_free(item);
}

static void look_at_all(struct ctx *c, struct audit *a, int64_t concurrency)
{
    struct crew *crew = crew_new(c, concurrency);

    pthread_mutex_lock(&a->lock);
    while (a->unfinished) {
        char *path = g_queue_pop_head(&a->waiting);

        if (path) {
            struct item *item = g_new(struct item, 1);

            *item = (struct item){ a, path };
            pthread_mutex_unlock(&a->lock);
            crew_do(crew, look, item);
            pthread_mutex_lock(&a->lock);
        } else {
            pthread_cond_wait(&a->changed, &a->lock);
        }
    }
    pthread_mutex_unlock(&a->lock);
    crew_end(crew);
}

/* --- what is asked for ------------------------------------------------------------------------------------------------------------------------ */

static bool ask_for(struct ctx *c, struct audit *a, char *text)
{
    size_t n = strlen(text);

    while (n && (text[n - 1] == '\r' || text[n - 1] == '\n'))
        text[--n] = '\0';
    while (*text == '/')
        text++;
    if (!*text)
        return fail(c, BAD_REQUEST, ctx_printf(c, "Invalid path: %s", "/"));
    audit_add(a, ctx_printf(c, "/%s", text));
    return true;
}

static bool ask_for_all(struct ctx *c, struct audit *a, char **words)
{
    char *line = NULL;
    bool well = true;
    size_t room = 0;

    for (; well && *words; words++)
        well = ask_for(c, a, *words);
    while (well && !isatty(STDIN_FILENO) && getline(&line, &room, stdin) >= 0)
        well = ask_for(c, a, line);
    free(line);
    return well;
}

static bool load_rings(struct ctx *c, struct audit *a, const char *dir)
{
    static const char *const names[] = { [STORAGE_OBJECT] = "object", [STORAGE_CONTAINER] = "container", [STORAGE_ACCOUNT] = "account" };

    for (int kind = 0; kind < STORAGE_KINDS; kind++) {
        a->rings[kind] = ring_load(c, ctx_printf(c, "%s/%s.ring.gz", dir, names[kind]));
        if (!a->rings[kind])
            return false;
        ctx_own(c, a->rings[kind], (void (*)(void *))(void *)ring_unref);
    }
    return true;
}

static int audit(struct ctx *c, struct audit *a, char **words, const char *dir, int64_t concurrency)
{
    bool well;

    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->listings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, audit_listing_free);
    well = load_rings(c, a, dir) && ask_for_all(c, a, words);
    if (well) {
        look_at_all(c, a, concurrency);
        say_counts(a);
    }
    g_queue_clear_full(&a->waiting, g_free);
    g_hash_table_unref(a->listings);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    return !well;
}

int tool_account_audit(struct ctx *c, char **words)
{
    struct audit a = { .waiting = G_QUEUE_INIT };
    const char *concurrency = "50", *dir = NULL;
    const struct tool_option options[] = { { 'c', "concurrency", .value = &concurrency }, { 'r', "ring-dir", .value = &dir },
                                           { 'e', "error-file", .value = &a.error_file }, { 'd', "deep", .flag = &a.deep }, {} };
    int64_t n;

    if (!tool_options(c, words, options))
        return 2;
    if (!*words && isatty(STDIN_FILENO)) {
        tool_usage(c, "account-audit");
        say("%s\n", c->fault.message);
        fault_clear(c);
        return 0;
    }
    if (!text_to_int(concurrency, &n) || n < 1)
        return !fail(c, BAD_REQUEST, ctx_printf(c, "no number of requests at a time: %s", concurrency));
    return audit(c, &a, words, dir ? dir : swift_dir(), n);
}
