/* Text, times, encodings: against values computed by hand or known from the RFCs. */
#include "oslo/base/buf.h"
#include "oslo/base/text.h"

static void test_times(void)
{
    static const struct { const char *text; int64_t us; } known[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29T12:30:15.5Z", 951827415500000 },
        { "2026-11-22T10:51:46+02:00", 1795337506000000 },
        { "2026-11-22 08:51:46.000001", 1795337506000001 },
        { "2026-11-22", 1795305600000000 },
    };
    static const char *const wrong[] = { "", "2026", "2026-13-01", "2026-02-30", "2025-02-29", "2026-11-22T25:00:00Z", "2026-11-22T10:51:46X",
                                         "2026-11-22T10:51:46.Z", "now", NULL };
    char text[TIME_TEXT_SIZE];
    utc_time t;

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        g_assert_true(time_parse(known[i].text, &t));
        g_assert_cmpint(t.us, ==, known[i].us);
    }
    for (int i = 0; wrong[i]; i++)
        g_assert_false(time_parse(wrong[i], &t));
    g_assert_cmpstr(time_write(text, (utc_time){ 951827415500000 }, TIME_ISO_MICRO), ==, "2000-02-29T12:30:15.500000");
    g_assert_cmpstr(time_write(text, (utc_time){ -1 }, TIME_SPACE_MICRO), ==, "1969-12-31 23:59:59.999999");
}

static void test_base64(void)
{
    static const char *const known[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "\xfb\xff", "+/8=" } };
    struct ctx c;
    void *bytes;
    size_t n;

    ctx_init(&c, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        g_assert_cmpstr(base64_write(&c, known[i][0], strlen(known[i][0])), ==, known[i][1]);
        g_assert_true(base64_read(&c, known[i][1], &bytes, &n));
        g_assert_cmpmem(bytes, n, known[i][0], strlen(known[i][0]));
    }
    g_assert_cmpstr(base64url_write(&c, "\xfb\xff", 2), ==, "-_8=");
    g_assert_false(base64_read(&c, "Zg=", &bytes, &n));
    g_assert_false(base64_read(&c, "Z", &bytes, &n));
    g_assert_false(base64_read(&c, "Zm 8=", &bytes, &n));
    g_assert_false(base64_read(&c, "Z===", &bytes, &n));
    ctx_clear(&c);
}

static void test_ids(void)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(uuid_is(uuid_write(a)) && uuid_is(uuid_write(b)));
    g_assert_cmpstr(a, !=, b);
    g_assert_true(uuid_is(uuid_new_hex(&c)));
    g_assert_false(uuid_is("g0000000-0000-0000-0000-000000000000"));
    g_assert_true(g_str_has_prefix(c.request_id, "req-"));
    ctx_clear(&c);
}

static void test_faults(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_false(fail(&c, 404, "NotFound", "no %s", "a"));
    g_assert_false(fail(&c, 409, "Other", "second"));
    g_assert_cmpint(c.fault.status, ==, 404);
    g_assert_cmpstr(c.fault.message, ==, "no a");
    fault_clear(&c);
    g_assert_false(failed(&c));
    ctx_clear(&c);
}

static void test_buf(void)
{
    struct buf b = { 0 };

    for (int i = 0; i < 1000; i++)
        buf_int(&b, i % 2 ? -1 : 10);
    g_assert_cmpuint(b.len, ==, 2000);
    buf_clear(&b);
    buf_printf(&b, "%0500d", 7);
    g_assert_cmpuint(b.len, ==, 500);
    buf_clear(&b);
    buf_int(&b, INT64_MIN);
    g_assert_cmpstr(b.data, ==, "-9223372036854775808");
    buf_clear(&b);
}

/* Every pair of bytes, as strcasecmp() tells them apart. */
static void test_folded(void)
{
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char x[] = { 'X', (char)a, 'y', 0 }, y[] = { 'x', (char)b, 'Y', 0 };

            g_assert_cmpint(text_equal_folded(x, y), ==, !strcasecmp(x, y));
        }
    g_assert_false(text_equal_folded("ab", "a") || text_equal_folded("a", "ab") || !text_equal_folded("", ""));
}

/* Each byte at each place, among plain ones and behind one that is not. */
static void test_plain(void)
{
    for (size_t n = 1; n < 20; n++)
        for (size_t at = 0; at < n; at++)
            for (int ch = 0; ch < 256; ch++) {
                bool plain = ch >= ' ' && ch <= '~' && ch != '"' && ch != '\\';
                char text[20];

                memset(text, 'x', sizeof(text));
                text[at] = (char)ch;
                g_assert_cmpuint(text_plain(text, n), ==, plain ? n : at);
                memset(text + at, ch, sizeof(text) - at);
                g_assert_cmpuint(text_plain(text, n), ==, plain ? n : at);
                text[at] = '\x1f';
                g_assert_cmpuint(text_plain(text, n), ==, at);
            }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/times", test_times);
    g_test_add_func("/text/base64", test_base64);
    g_test_add_func("/text/ids", test_ids);
    g_test_add_func("/text/faults", test_faults);
    g_test_add_func("/text/buf", test_buf);
    g_test_add_func("/text/folded", test_folded);
    g_test_add_func("/text/plain", test_plain);
    return g_test_run();
}
