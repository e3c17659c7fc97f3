/* What nodes say to each other about objects: SSYNC's offers and wishes, as the original writes them. */
#include "swift/daemon/auditor.h"
#include "swift/ssync/ssync.h"

#include <errno.h>
#include <string.h>

#define HASH "46324475e06572afb04468594c9c5884"

static struct timestamp at(const char *text)
{
    struct timestamp t;

    g_assert_true(timestamp_parse(text, &t));
    return t;
}

static void test_offers(void)
{
    static const char *const lines[] = {
        HASH " 1795336101.93031", HASH " 1795336101.93031 m:10", HASH " 1795336101.93031 m:10,t:8", HASH " 1795336101.93031 durable:False",
        HASH " 1795336101.93031_0000000000000001 m:1,t:-3,durable:False",
    };
    static const char *const bad[] = { "", HASH, HASH " x", HASH " 1795336101.93031 m:z", HASH " 1795336101.93031 m:", HASH " 1.0 m:-ffffffff",
                                       HASH " 1795336101.93031 m:7fffffffffffffff" };
    struct ssync_offer o;
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_assert_true(ssync_offer_read(&c, lines[i], &o));
        g_assert_cmpstr(ssync_offer_write(&c, &o), ==, lines[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(ssync_offer_read(&c, bad[i], &o));
    g_assert_true(ssync_offer_read(&c, "  " HASH "  1795336101.93031  what:1,m:10  more", &o));
    g_assert_cmpint(timestamp_compare(o.meta, at("1795336101.93047")), ==, 0);
    g_assert_cmpint(timestamp_compare(o.content_type, o.data), ==, 0);
    g_assert_true(o.durable);
    ctx_clear(&c);
}

static const char *wanted(struct ctx *c, const char *offer, const char *mine)
{
    struct ssync_offer theirs, here;
    struct ssync_wanted w;

    g_assert_true(ssync_offer_read(c, offer, &theirs));
    g_assert_true(!mine || ssync_offer_read(c, mine, &here));
    return ssync_compare(&theirs, mine ? &here : NULL, &w) ? ssync_wanted_write(c, &w) + 33 : "";
}

static void test_wishes(void)
{
    struct ssync_wanted w;
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    g_assert_cmpstr(wanted(&c, HASH " 100.00000", NULL), ==, "dm");
    g_assert_cmpstr(wanted(&c, HASH " 100.00000", HASH " 100.00000"), ==, "");
    g_assert_cmpstr(wanted(&c, HASH " 100.00000", HASH " 101.00000"), ==, "");
    g_assert_cmpstr(wanted(&c, HASH " 101.00000", HASH " 100.00000 m:fffff"), ==, "d");
    g_assert_cmpstr(wanted(&c, HASH " 100.00000 m:10", HASH " 100.00000"), ==, "m");
    g_assert_cmpstr(wanted(&c, HASH " 101.00000 m:10", HASH " 100.00000"), ==, "dm");
    g_assert_cmpstr(wanted(&c, HASH " 100.00000 m:10,t:8", HASH " 100.00000 m:10"), ==, "m");
    g_assert_true(ssync_wanted_read(&c, HASH " d", &w) && w.data && !w.meta);
    g_assert_true(ssync_wanted_read(&c, HASH " m", &w) && !w.data && w.meta);
    g_assert_true(ssync_wanted_read(&c, HASH, &w) && w.data && !w.meta);
    g_assert_false(ssync_wanted_read(&c, "", &w));
    ctx_clear(&c);
}

/* A body that comes in pieces of a few bytes. */
struct pieces { const char *text; size_t at, piece; };

static ssize_t read_pieces(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct pieces *p = data;

    n = MIN(MIN(n, p->piece), strlen(p->text + p->at));
    memcpy(bytes, p->text + p->at, n);
    p->at += n;
    return (ssize_t)n;
}

static void test_lines(void)
{
    struct pieces p = { .text = "\r\n:START\r\n  two words \nbodyrest\r\nno end", .piece = 3 };
    g_autofree char *endless = g_strnfill(SSYNC_LINE_MOST + 1, 'x');
    struct ssync_reader r;
    char body[4];
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    ssync_reader_init(&c, &r, read_pieces, &p);
    g_assert_cmpstr(ssync_line(&c, &r), ==, "");
    g_assert_cmpstr(ssync_line(&c, &r), ==, ":START");
    g_assert_cmpstr(ssync_line(&c, &r), ==, "two words");
    for (size_t got = 0; got < 4;)
        got += (size_t)ssync_bytes(&c, &r, body + got, 4 - got);
    g_assert_cmpmem(body, 4, "body", 4);
    g_assert_cmpstr(ssync_line(&c, &r), ==, "rest");
    g_assert_null(ssync_line(&c, &r));
    g_assert_true(r.ended && !r.error);
    p = (struct pieces){ .text = endless, .piece = 70000 };
    ssync_reader_init(&c, &r, read_pieces, &p);
    g_assert_null(ssync_line(&c, &r));
    g_assert_cmpint(r.error, ==, EMSGSIZE);
    ctx_clear(&c);
}

/* What is wrong with a request within the request; NULL: nothing. */
static const char *subrequest(struct ctx *c, const char *text, bool characters, struct swift_request *q)
{
    struct pieces p = { .text = text, .piece = 7 };
    struct ssync_reader r;

    *q = (struct swift_request){};
    ssync_reader_init(c, &r, read_pieces, &p);
    return ssync_subrequest_read(c, &r, ssync_line(c, &r), characters, q);
}

static void test_subrequests(void)
{
    static const char put[] = "PUT /a/c/o%20x%C3%A9\r\nContent-Length: 5\r\nETag: \"x\"\r\nX-Object-Meta-A:  b \r\nX-Object-Meta-U: \xc3\x83\xc2\xa9\r\n\r\nhello";
    struct swift_request q;
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    g_assert_null(subrequest(&c, put, false, &q));
    g_assert_cmpstr(q.method, ==, "PUT");
    g_assert_cmpstr(q.path, ==, "/a/c/o x\xc3\xa9");
    g_assert_cmpint(q.length, ==, 5);
    g_assert_cmpstr(request_get(&q, "x-object-meta-a"), ==, "b");
    g_assert_cmpstr(request_get(&q, "X-Object-Meta-U"), ==, "\xc3\x83\xc2\xa9");
    g_assert_cmpstr(request_get(&q, "X-Backend-Replication-Headers"), ==, "Content-Length X-Object-Meta-A X-Object-Meta-U");
    g_assert_null(subrequest(&c, put, true, &q));
    g_assert_cmpstr(request_get(&q, "X-Object-Meta-U"), ==, "\xc3\xa9");
    g_assert_null(subrequest(&c, "DELETE /a/c/o\r\nX-Timestamp: 1\r\n\r\n", false, &q));
    g_assert_cmpstr(subrequest(&c, "PUT /a/c/o\r\nX-Timestamp: 1\r\n\r\n", false, &q), ==, "No content-length sent for PUT /a/c/o");
    g_assert_cmpstr(subrequest(&c, "POST /a/c/o\r\nContent-Length: 1\r\n\r\n", false, &q), ==, "POST subrequest with content-length /a/c/o");
    g_assert_cmpstr(subrequest(&c, "GET /a/c/o\r\nX-Timestamp: 1\r\n\r\n", false, &q), ==, "Invalid subrequest method GET");
    g_assert_cmpstr(subrequest(&c, "PUT /a/c/o\r\nX-Timestamp: 1\r\n", false, &q), ==, "");
    g_assert_nonnull(subrequest(&c, "PUT\r\n\r\n", false, &q));
    g_assert_nonnull(subrequest(&c, "PUT /a/c/o\r\nno header\r\n\r\n", false, &q));
    g_assert_nonnull(subrequest(&c, "PUT /a/c/o\r\nContent-Length: -1\r\n\r\n", false, &q));
    g_assert_nonnull(subrequest(&c, "PUT a/c/o\r\nContent-Length: 1\r\n\r\n", false, &q));
    ctx_clear(&c);
}

static void test_auditor_status(void)
{
    const char *const *names;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "req-test");
    names = auditor_status_read(&c, "{\"partitions\": [\"7\", 8, \"../9\", \"10\"]}", 38, &n);
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpstr(names[0], ==, "7");
    g_assert_cmpstr(names[1], ==, "10");
    g_assert_null(auditor_status_read(&c, "{", 1, &n));
    g_assert_null(auditor_status_read(&c, "[]", 2, &n));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replication/offers", test_offers);
    g_test_add_func("/replication/wishes", test_wishes);
    g_test_add_func("/replication/lines", test_lines);
    g_test_add_func("/replication/subrequests", test_subrequests);
    g_test_add_func("/replication/auditor", test_auditor_status);
    return g_test_run();
}
