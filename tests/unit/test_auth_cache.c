/* What is remembered of validated tokens, and what must not be. */
#include "oslo/auth/validation.h"
#include "oslo/base/text.h"

static const char *const roles[] = { "admin", "reader", NULL };
static struct token_cache *cache;
static const struct identity who = { .user_id = "u1", .project_id = "p1", .token = "secret", .roles = roles };

static struct validation *fresh(void)
{
    return validation_new(&who, clock_us() + 1000000000, clock_mono_us() + 1000000000);
}

static bool known(const char *token)
{
    struct token_key key;

    token_key_of(token, &key);
    struct validation *v = token_cache_find(cache, &key);
    cached_unref(v);
    return v != NULL;
}

static void remember(const char *token, struct validation *v)
{
    struct token_key key;

    token_key_of(token, &key);
    token_cache_add(cache, &key, token_cache_ticket(cache, &key), v);
    cached_unref(v);
}

static void test_find(void)
{
    struct token_key key;

    g_assert_false(known("t"));
    remember("t", fresh());
    token_key_of("t", &key);
    struct validation *v = token_cache_find(cache, &key);
    g_assert_nonnull(v);
    g_assert_cmpstr(validation_who(v)->user_id, ==, "u1");
    g_assert_cmpstr(validation_who(v)->roles[1], ==, "reader");
    token_cache_forget(cache, &key);
    g_assert_cmpstr(validation_who(v)->project_id, ==, "p1");        /* still held */
    cached_unref(v);
    g_assert_false(known("t"));
}

static void test_time(void)
{
    remember("ended", validation_new(&who, clock_us() - 1, clock_mono_us() + 1000000));
    remember("stale", validation_new(&who, clock_us() + 1000000, clock_mono_us()));
    remember("bad", validation_new(NULL, INT64_MAX, clock_mono_us() + 1000000));
    g_assert_false(known("ended"));
    g_assert_false(known("stale"));
    g_assert_true(known("bad"));
}

static void test_forget(void)
{
    struct token_key key;

    remember("a", fresh());
    remember("b", fresh());
    token_key_of("a", &key);
    token_cache_forget(cache, &key);
    g_assert_false(known("a"));
    g_assert_true(known("b"));
    token_cache_forget(cache, NULL);
    g_assert_false(known("b"));
}

/* An answer that was on its way when its token was revoked must not come back to life. */
static void test_late_answer(void)
{
    struct token_key key;
    struct validation *v = fresh();

    token_key_of("late", &key);
    struct token_ticket ticket = token_cache_ticket(cache, &key);
    token_cache_forget(cache, &key);
    token_cache_add(cache, &key, ticket, v);
    g_assert_false(known("late"));
    ticket = token_cache_ticket(cache, &key);
    token_cache_forget(cache, NULL);
    token_cache_add(cache, &key, ticket, v);
    g_assert_false(known("late"));
    cached_unref(v);
}

static void test_bounded(void)
{
    char token[32];
    int left = 0;

    for (int i = 0; i < 40000; i++) {
        g_snprintf(token, sizeof token, "token %d", i);
        remember(token, fresh());
    }
    for (int i = 0; i < 40000; i++) {
        g_snprintf(token, sizeof token, "token %d", i);
        left += known(token);
    }
    g_assert_cmpint(left, <=, 4096);
    g_assert_cmpint(left, >, 2048);
    token_cache_forget(cache, NULL);
    for (int i = 0; i < 40000; i++) {
        g_snprintf(token, sizeof token, "token %d", i);
        g_assert_false(known(token));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    cache = token_cache_new();
    g_test_add_func("/auth-cache/find", test_find);
    g_test_add_func("/auth-cache/time", test_time);
    g_test_add_func("/auth-cache/forget", test_forget);
    g_test_add_func("/auth-cache/late-answer", test_late_answer);
    g_test_add_func("/auth-cache/bounded", test_bounded);
    return g_test_run();
}
