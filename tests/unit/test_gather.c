/* How many messages wait for each other: none of a process that sends one at a time, those that came together time after time otherwise. */
#include "oslo/messaging/drivers/rabbit/gather.h"

#include <glib.h>

/* One caller: its replies come one by one, and its next request goes at once. */
static void test_one_by_one(void)
{
    struct gather g = {};

    for (int64_t now = 1000; now < 100000; now += 300) {
        g_assert_false(gather_begin(&g, 1, now));
        g_assert_true(gather_add(&g, now + 20));
    }
    g_assert_false(habit_is_firm(&g.habit));
}

/* A round of eight; true where they waited for the last of them. */
static bool round_of_eight(struct gather *g, int64_t now)
{
    bool waits = gather_begin(g, 8, now);

    for (int i = 1; i <= 8; i++)
        g_assert_true(gather_add(g, now + i) == (!waits || i == 8));
    return waits;
}

static void test_together(void)
{
    struct gather g = {};

    g_assert_false(round_of_eight(&g, 1000));        /* nobody knows yet */
    for (int i = 1; i < 20; i++)
        g_assert_true(round_of_eight(&g, 1000 + i * 1000));
    g_assert_true(habit_is_firm(&g.habit));
    g_assert_true(gather_begin(&g, 8, 100000));
    g_assert_cmpint(g.until, ==, 100000 + LONG_MOMENT_US);
    g_assert_false(gather_add(&g, 100000 + LONG_MOMENT_US - 1));
    g_assert_true(gather_add(&g, 100000 + LONG_MOMENT_US));
    g_assert_true(gather_begin(&g, 8, 200000));      /* less sure now */
    g_assert_cmpint(g.until, ==, 200000 + MOMENT_US);
}

/* What comes in two parts is one round. */
static void test_parts(void)
{
    struct gather g = {};

    round_of_eight(&g, 1000);
    g_assert_true(gather_begin(&g, 8, 2000));
    for (int i = 0; i < 5; i++)
        g_assert_false(gather_add(&g, 2010));
    g_assert_true(gather_begin(&g, 8, 2020));
    g_assert_false(gather_add(&g, 2030));
    g_assert_false(gather_add(&g, 2030));
    g_assert_true(gather_add(&g, 2030));
}

/* Who has one call under way does not wait for those that were. */
static void test_others_have_gone(void)
{
    struct gather g = {};

    for (int i = 0; i < 20; i++)
        round_of_eight(&g, 1000 + i * 1000);
    g_assert_false(gather_begin(&g, 1, 100000));
    g_assert_true(gather_add(&g, 100001));
}

static void test_habit(void)
{
    struct habit h = {};

    for (int i = 0; i < 20; i++)
        habit_saw(&h, i % 2 ? 7 : 8);
    g_assert_true(habit_is_firm(&h));
    habit_saw(&h, 2);
    g_assert_false(habit_is_firm(&h));
    g_assert_cmpint(h.usual, <, 8);
    for (int i = 0; i < 20; i++)
        habit_saw(&h, 1);
    g_assert_cmpint(h.usual, ==, 1);
    g_assert_false(habit_is_firm(&h));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gather/one_by_one", test_one_by_one);
    g_test_add_func("/gather/together", test_together);
    g_test_add_func("/gather/parts", test_parts);
    g_test_add_func("/gather/others_have_gone", test_others_have_gone);
    g_test_add_func("/gather/habit", test_habit);
    return g_test_run();
}
