/* Options: the file, the environment over it, and what each says when it is wrong. */
#include "oslo/service/options.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct toy {
    char *name, *level, *secret;
    int64_t size;
    bool on;
    double ratio;
};

static const struct attr attrs[] = {
    ATTR(struct toy, name, 0, .unset = "nobody", .help = "A name."),
    ATTR(struct toy, level, 0, .unset = "low", ONE_OF("low", "high"), .help = "How much."),
    ATTR(struct toy, secret, SECRET, .help = "Not to be seen."),
    ATTR(struct toy, size, 0, .min = 1, .max = 10, .unset = "5", .help = "A size."),
    ATTR(struct toy, on, 0, .unset = "false", .help = "A switch."),
    ATTR(struct toy, ratio, 0, .unset = "1.5", .help = "A ratio."),
    {}
};
static const struct option_section sections[] = { { "toy", { attrs } }, {} };

static char *file;

static const struct toy *load(struct ctx *c, const char *text)
{
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    return options_load(c, file, "toy", attrs, sizeof(struct toy));
}

static void test_defaults(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    const struct toy *toy = options_load(&c, "/nowhere/at/all", "toy", attrs, sizeof(struct toy));
    g_assert_nonnull(toy);
    g_assert_cmpstr(toy->name, ==, "nobody");
    g_assert_null(toy->secret);
    g_assert_cmpint(toy->size, ==, 5);
    g_assert_cmpfloat(toy->ratio, ==, 1.5);
    ctx_clear(&c);
}

static void test_file_and_environment(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_setenv("NACRE_TOY_SIZE", "7", TRUE);
    const struct toy *toy = load(&c, "# comment\n[toy]\nname = a b \nsize = 2\non=yes\nlevel = high\n[other]\nx = 1\n");
    g_unsetenv("NACRE_TOY_SIZE");
    g_assert_nonnull(toy);
    g_assert_cmpstr(toy->name, ==, "a b");
    g_assert_cmpint(toy->size, ==, 7);
    g_assert_true(toy->on);
    ctx_clear(&c);
    g_assert_cmpstr(toy->level, ==, "high");         /* outlives the ctx it was read in */
}

static void refused(const char *text, const char *words)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_null(load(&c, text));
    g_assert_nonnull(strstr(c.fault.message, file));
    g_assert_nonnull(strstr(c.fault.message, words));
    ctx_clear(&c);
}

static void test_wrong_values(void)
{
    refused("[toy]\nsize = big\n", "[toy] size = big");
    refused("[toy]\nsize = 11\n", "too large");
    refused("[toy]\nsize = 0\n", "too small");
    refused("[toy]\non = perhaps\n", "[toy] on");
    refused("[toy]\nlevel = middle\n", "choices");
    refused("size = 3\n", file);
}

static void unknown(const char *text, const char *words)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_cmpint(options_check(&c, file, sections), ==, words == NULL);
    if (words)
        g_assert_nonnull(strstr(c.fault.message, words));
    ctx_clear(&c);
}

static void test_unknown_names(void)
{
    unknown("[toy]\nsize = 3\n", NULL);
    unknown("[toy]\nsizes = 3\n", "[toy] sizes: no such option");
    unknown("[toys]\nsize = 3\n", "[toys]: no such section");
    g_setenv("NACRE_TOY_COLOUR", "red", TRUE);
    unknown("", "environment: [toy] colour: no such option");
    g_unsetenv("NACRE_TOY_COLOUR");
}

static void test_sample(void)
{
    struct buf text = {};

    options_print(&text, attrs);
    g_assert_nonnull(strstr(text.data, "# How much.\n# One of: low, high\n#level = low\n"));
    g_assert_nonnull(strstr(text.data, "#secret = \n"));
    buf_clear(&text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    file = g_strdup_printf("%s/nacre-test-options-%d.conf", g_get_tmp_dir(), (int)getpid());
    g_test_add_func("/options/defaults", test_defaults);
    g_test_add_func("/options/file-and-environment", test_file_and_environment);
    g_test_add_func("/options/wrong-values", test_wrong_values);
    g_test_add_func("/options/unknown-names", test_unknown_names);
    g_test_add_func("/options/sample", test_sample);
    int status = g_test_run();
    g_remove(file);
    g_free(file);
    return status;
}
