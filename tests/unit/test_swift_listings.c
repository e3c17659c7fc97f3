/* Listings on their way: how rows are written, and a body that goes through many hands as one block. */
#include "swift/listing.h"
#include "swift/middleware/hash_params.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

/* --- rows ------------------------------------------------------------------------------------------------------------- */

/* Whatever stands where, a string in JSON reads back as it was. */
static void test_escapes(void)
{
    for (int byte = 1; byte < 0x80; byte++)
        for (size_t at = 0; at < 20; at++) {
            char name[] = "abcdefghijklmnopqrst";
            struct buf text = {};
            bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
            json_t *read;

            name[at] = (char)byte;
            name_json(&text, name);
            read = json_loads(text.data, JSON_DECODE_ANY, NULL);
            g_assert_cmpstr(json_string_value(read), ==, name);
            g_assert_cmpint(text.len == strlen(name) + 2, ==, plain);
            json_decref(read);
            buf_clear(&text);
        }
}

static void test_escapes_of_characters(void)
{
    struct buf text = {};

    name_json(&text, "12345678\xc3\xa9" "2345678\xf0\x9f\x98\x80" RESERVED "x\xe6\x97\xa5");
    g_assert_cmpstr(text.data, ==, "\"12345678\\u00e92345678\\ud83d\\ude00\\u0000x\\u65e5\"");
    buf_clear(&text);
}

/* The text of some rows; *ret_hides as the writer says it. */
static char *listed(enum listing_format format, const struct listing_entry *rows, size_t n, bool *ret_hides)
{
    struct listing_writer w;
    struct ctx c;

    ctx_init(&c, NULL, "");
    listing_begin(&w, &c, format, false, "box");
    for (size_t i = 0; i < n; i++)
        g_assert_true(listing_add(&w, &rows[i]));
    listing_end(&w);
    *ret_hides = w.hides;
    ctx_clear(&c);
    return buf_steal(&w.text);
}

static void test_rows(void)
{
    static const struct listing_entry rows[] = {
        { .name = "a", .created_at = "1795336101.93031", .size = 5, .content_type = "text/plain", .etag = "0f" },
        { .name = "b", .created_at = "1795336101.00007+186a0+0", .size = 0, .content_type = "t; swift_bytes=42", .etag = "0f" },
        { .name = "c", .created_at = "0000000000.00001", .content_type = "t", .etag = "0f" },
        { .name = "d/", .subdir = true },
    };
    bool hides;
    g_autofree char *json = listed(LISTING_JSON, rows, G_N_ELEMENTS(rows), &hides);
    g_autofree char *text = listed(LISTING_TEXT, rows, G_N_ELEMENTS(rows), &hides);

    g_assert_cmpstr(json, ==,
                    "[{\"bytes\": 5, \"hash\": \"0f\", \"name\": \"a\", \"content_type\": \"text/plain\", \"last_modified\": \"2026-11-22T08:28:21.930310\"}, "
                    "{\"bytes\": 42, \"hash\": \"0f\", \"name\": \"b\", \"content_type\": \"t\", \"last_modified\": \"2026-11-22T08:28:22.000070\"}, "
                    "{\"bytes\": 0, \"hash\": \"0f\", \"name\": \"c\", \"content_type\": \"t\", \"last_modified\": \"1970-01-01T00:00:00.000010\"}, "
                    "{\"subdir\": \"d/\"}]");
    g_assert_cmpstr(text, ==, "a\nb\nc\nd/\n");
}

/* What the middlewares on the way would have to look at is known when the row is written. */
static void test_hiding(void)
{
    static const struct listing_entry rows[] = {
        { .name = "plain", .created_at = "1795336101.93031", .content_type = "t; a=b", .etag = "0f" },
        { .name = "link", .created_at = "1795336101.93031", .content_type = "t", .etag = "0f; symlink_target=a/b" },
        { .name = RESERVED "hidden", .created_at = "1795336101.93031", .content_type = "t", .etag = "0f" },
        { .name = RESERVED "dir/", .subdir = true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool hides;
        g_autofree char *json = listed(LISTING_JSON, &rows[i], 1, &hides);

        g_assert_nonnull(json);
        g_assert_cmpint(hides, ==, i > 0);
    }
}

/* --- the body --------------------------------------------------------------------------------------------------------- */

static ssize_t read_slowly(struct ctx *c, void *data, void *bytes, size_t n)
{
    const char **left = data;

    n = MIN(MIN(n, strlen(*left)), 7);
    memcpy(bytes, *left, n);
    *left += n;
    return (ssize_t)n;
}

static ssize_t read_broken(struct ctx *c, void *data, void *bytes, size_t n)
{
    return -1;
}

static const char listing[] = "[{\"bytes\": 5, \"hash\": \"0f; slo_etag=x\", \"name\": \"a\"}]";

static void fill(struct ctx *c, struct swift_response *r)
{
    struct buf body = {};

    *r = (struct swift_response){ .fd = -1, .status = 200 };
    buf_puts(&body, listing);
    response_bytes(c, r, "application/json", &body);
}

static void test_one_block(void)
{
    struct swift_response r;
    const char *block, *held;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "");
    fill(&c, &r);
    block = r.body.data;
    r.plain_listing = true;
    held = response_hold(&c, &r, 1000, &n);
    g_assert_true(held == block && n == strlen(listing) && r.plain_listing && r.length == (int64_t)n);
    held = response_take_all(&c, &r, 1000, &n);
    g_assert_true(held == block && !r.body.data && !r.plain_listing);
    g_assert_cmpstr(held, ==, listing);
    fill(&c, &r);
    g_assert_null(response_hold(&c, &r, 10, &n));
    g_assert_null(r.body.data);
    fill(&c, &r);
    g_assert_null(response_take_all(&c, &r, 10, &n));
    response_clear(&r);
    g_assert_cmpstr(response_take_all(&c, &r, 10, &n), ==, "");
    response_clear(&r);
    ctx_clear(&c);
}

/* What another node sends is brought into memory once. */
static void test_stream(void)
{
    const char *left = listing;
    struct swift_response r = { .fd = -1, .status = 200, .read = read_slowly, .read_data = &left, .length = (int64_t)strlen(listing) };
    const char *held;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "");
    held = response_hold(&c, &r, 1000, &n);
    g_assert_cmpstr(held, ==, listing);
    g_assert_true(!r.read && r.length == (int64_t)n && n == strlen(listing) && response_hold(&c, &r, 1000, &n) == held);
    response_clear(&r);
    left = listing;
    r = (struct swift_response){ .fd = -1, .status = 200, .read = read_slowly, .read_data = &left, .length = -1 };
    g_assert_cmpstr(response_take_all(&c, &r, 1000, &n), ==, listing);
    left = listing;
    r = (struct swift_response){ .fd = -1, .status = 200, .read = read_slowly, .read_data = &left, .length = -1 };
    g_assert_null(response_hold(&c, &r, 20, &n));
    r = (struct swift_response){ .fd = -1, .status = 200, .read = read_broken, .length = 20 };
    g_assert_null(response_hold(&c, &r, 20, &n));
    g_assert_false(r.read);
    ctx_clear(&c);
}

static void rename_row(struct ctx *c, void *data, json_t *row)
{
    json_object_set_new(row, "name", json_string(data));
}

static void test_change(void)
{
    struct swift_response r;
    const char *block;
    struct ctx c;

    ctx_init(&c, NULL, "");
    fill(&c, &r);
    block = r.body.data;
    listing_change(&c, &r, "symlink_target=", rename_row, (void *)(uintptr_t)"b");
    g_assert_true(r.body.data == block);
    r.plain_listing = true;
    listing_change(&c, &r, "slo_etag=", rename_row, (void *)(uintptr_t)"b");
    g_assert_true(r.body.data == block);
    r.plain_listing = false;
    listing_change(&c, &r, "slo_etag=", rename_row, (void *)(uintptr_t)"b");
    g_assert_cmpstr(r.body.data, ==, "[{\"bytes\": 5, \"hash\": \"0f; slo_etag=x\", \"name\": \"b\"}]");
    g_assert_true(r.length == (int64_t)r.body.len && r.status == 200);
    g_assert_cmpstr(response_get(&r, "Content-Type"), ==, "application/json");
    response_clear(&r);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/swift/listings/escapes", test_escapes);
    g_test_add_func("/swift/listings/characters", test_escapes_of_characters);
    g_test_add_func("/swift/listings/rows", test_rows);
    g_test_add_func("/swift/listings/hiding", test_hiding);
    g_test_add_func("/swift/listings/one_block", test_one_block);
    g_test_add_func("/swift/listings/stream", test_stream);
    g_test_add_func("/swift/listings/change", test_change);
    return g_test_run();
}
