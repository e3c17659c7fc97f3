/* The door over real sockets, with bytes as a client might write them: framing, limits, bodies both ways, draining. */
#include "oslo/base/text.h"
#include "oslo/http/fetch.h"
#include "oslo/http/server.h"
#include "oslo/http/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD "Host: here\r\n"
#define PATIENCE_US (60 * G_USEC_PER_SEC)

static struct http_server *server;
static atomic_int slow_started, slow_served, again_started;
static atomic_bool slow_held;

/* The application. */

static bool is_quick(void *data, const struct request *request)
{
    return strcmp(request->path, "/quick") == 0;
}

static bool streams(void *data, const struct request *request)
{
    return g_str_has_prefix(request->path, "/stream");
}

static void serve_stream(struct ctx *c, struct request *request, struct reply *reply)
{
    char bytes[10000], text[64];
    uint32_t sum = 0;
    ssize_t n;
    size_t total = 0;

    if (strcmp(request->path, "/stream/refuse") == 0) {
        reply->status = 403;
        reply_text(reply, "text/plain", "no");
        return;
    }
    if (strcmp(request->path, "/stream/again") == 0 && !request->kept) {
        request->kept = request;
        reply->again_at = clock_mono_us() + 300000;
        return;
    }
    while ((n = request_read(c, request, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + (uint8_t)bytes[i];
        total += (size_t)n;
        if (strcmp(request->path, "/stream/half") == 0)
            break;
    }
    snprintf(text, sizeof(text), "%zu %u", total, sum);
    reply->status = n < 0 ? c->fault.status : 200;
    reply_text(reply, "text/plain", text);
}

static ssize_t pull(void *data, void *bytes, size_t n)
{
    int *left = data;

    if (*left == 0)
        return 0;
    g_usleep(1000);
    n = MIN(n, 1000);
    memset(bytes, 'a' + --*left % 26, n);
    return (ssize_t)n;
}

/* The console a websocket leads to. */
static char console[64];

static void serve_socket(struct ctx *c, struct request *request, struct reply *reply)
{
    if (websocket_proxy(c, request, reply, console, "binary"))
        return;
    reply->status = c->fault.status;
    reply_text(reply, "text/plain", c->fault.message);
}

static void serve(void *data, struct ctx *c, struct request *request, struct reply *reply)
{
    char name[] = "/tmp/test_http_XXXXXX";

    if (streams(NULL, request)) {
        serve_stream(c, request, reply);
    } else if (strcmp(request->path, "/socket") == 0) {
        serve_socket(c, request, reply);
    } else if (strcmp(request->path, "/slow") == 0) {
        slow_started++;
        do
            g_usleep(100000);
        while (slow_held);
        slow_served++;
        reply_text(reply, "text/plain", "slow");
    } else if (strcmp(request->path, "/again") == 0) {
        int *times = request->kept ? request->kept : ctx_new(c, int);

        request->kept = times;
        again_started++;
        if (++*times < 3)
            reply->again_at = clock_mono_us() + G_USEC_PER_SEC;
        reply_text(reply, "text/plain", *times < 3 ? "too early" : "the third time");
    } else if (strcmp(request->path, "/empty") == 0) {
        reply->status = 204;
    } else if (strcmp(request->path, "/file") == 0) {
        int fd = mkstemp(name);

        unlink(name);
        g_assert_cmpint(write(fd, "0123456789", 10), ==, 10);
        reply_file(reply, "text/plain", fd, 2, 5);
    } else if (strcmp(request->path, "/pull") == 0) {
        int *left = ctx_new(c, int);

        *left = 5;
        reply->pull = pull;
        reply->pull_data = left;
        reply->size = -1;
        reply->content_type = "text/plain";
    } else {
        reply_text(reply, "text/plain", "");
        buf_printf(&reply->body, "%s %s?%s", request->method, request->path, request->query_text);
        for (const struct pair *q = request->query; q->name; q++)
            buf_printf(&reply->body, " [%s=%s]", q->name, q->value);
        if (request->body)
            buf_printf(&reply->body, " body=%s", request->body);
    }
}

static const struct http_app app = { .name = "test", .quick = is_quick, .streams = streams, .serve = serve };

/* The client. */

static int dial(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = { 60, 0 };

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&at, sizeof(at)), ==, 0);
    return fd;
}

static void say(int fd, const void *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        g_assert_cmpint(sent, >, 0);
        bytes = (const char *)bytes + sent;
        n -= (size_t)sent;
    }
}

static void say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

/* All that comes until the server closes. */
static char *hear_all(int fd)
{
    GString *all = g_string_new(NULL);
    char bytes[65536];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        g_string_append_len(all, bytes, n);
    if (n < 0)
        g_string_append(all, "(error)");
    close(fd);
    return g_string_free(all, FALSE);
}

/* Until a text has come. */
static char *hear_until(int fd, const char *text)
{
    GString *all = g_string_new(NULL);
    char byte;

    while (!strstr(all->str, text) && recv(fd, &byte, 1, 0) == 1)
        g_string_append_c(all, byte);
    return g_string_free(all, FALSE);
}

static char *talk_n(const char *request, size_t n)
{
    int fd = dial();

    say(fd, request, n);
    shutdown(fd, SHUT_WR);
    return hear_all(fd);
}

#define assert_starts(text, prefix) \
    do { \
        if (!g_str_has_prefix((text), (prefix))) \
            g_error("\"%s\" does not start with \"%s\"", (text), (prefix)); \
    } while (0)
#define assert_ends(text, suffix) \
    do { \
        if (!g_str_has_suffix((text), (suffix))) \
            g_error("\"%s\" does not end with \"%s\"", (text), (suffix)); \
    } while (0)

/* What is refused, and how. */
/* Text and its size, where a NUL is part of it. */
#define RAW(text) text, sizeof(text) - 1

static const struct {
    const char *name, *request;
    size_t n;                                /* where it holds NULs; 0: strlen */
    const char *answer;
} refused[] = {
    { "length and coding", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "HTTP/1.1 400" },
    { "coding and length", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0, "HTTP/1.1 400" },
    { "two lengths", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 0, "HTTP/1.1 400" },
    { "signed length", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: +5\r\n\r\nabcde", 0, "HTTP/1.1 400" },
    { "negative length", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: -5\r\n\r\nabcde", 0, "HTTP/1.1 400" },
    { "list of lengths", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 5, 5\r\n\r\nabcde", 0, "HTTP/1.1 400" },
    { "blank before colon", "GET /a HTTP/1.1\r\n" HEAD "Foo : bar\r\n\r\n", 0, "HTTP/1.1 400" },
    { "tab before colon", "GET /a HTTP/1.1\r\n" HEAD "Foo\t: bar\r\n\r\n", 0, "HTTP/1.1 400" },
    { "empty name", "GET /a HTTP/1.1\r\n" HEAD ": bar\r\n\r\n", 0, "HTTP/1.1 400" },
    { "no colon", "GET /a HTTP/1.1\r\n" HEAD "Foo\r\n\r\n", 0, "HTTP/1.1 400" },
    { "folded line", "GET /a HTTP/1.1\r\n" HEAD "Foo: a\r\n b\r\n\r\n", 0, "HTTP/1.1 400" },
    { "NUL in value", RAW("GET /a HTTP/1.1\r\n" HEAD "Foo: a\0b\r\n\r\n"), "HTTP/1.1 400" },
    { "NUL at end of value", RAW("GET /a HTTP/1.1\r\n" HEAD "Foo: a\0\r\n\r\n"), "HTTP/1.1 400" },
    { "NULs hide a line", RAW("GET /a HTTP/1.1\r\n" HEAD "Foo: a\0\0bc\r\n\r\n"), "HTTP/1.1 400" },
    { "NUL in name", RAW("GET /a HTTP/1.1\r\n" HEAD "F\0o: a\r\n\r\n"), "HTTP/1.1 400" },
    { "bare CR", "GET /a HTTP/1.1\r\n" HEAD "Foo: a\rBar: b\r\n\r\n", 0, "HTTP/1.1 400" },
    { "bare LF", "GET /a HTTP/1.1\r\n" HEAD "Foo: a\nBar: b\r\n\r\n", 0, "HTTP/1.1 400" },
    { "all bare LF", "GET /a HTTP/1.1\nHost: here\n\n", 0, "HTTP/1.1 400" },
    { "bad chunk size", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", 0, "HTTP/1.1 400" },
    { "signed chunk size", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n", 0, "HTTP/1.1 400" },
    { "chunk without its end", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 0, "HTTP/1.1 400" },
    { "unknown coding", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: gzip\r\n\r\n", 0, "HTTP/1.1 501" },
    { "coding beside chunked", "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, "HTTP/1.1 501" },
    { "no host", "GET /a HTTP/1.1\r\n\r\n", 0, "HTTP/1.1 400" },
    { "two hosts", "GET /a HTTP/1.1\r\n" HEAD HEAD "\r\n", 0, "HTTP/1.1 400" },
    { "blank in target", "GET /a b HTTP/1.1\r\n" HEAD "\r\n", 0, "HTTP/1.1 400" },
    { "no slash", "GET a HTTP/1.1\r\n" HEAD "\r\n", 0, "HTTP/1.1 400" },
    { "unknown expectation", "POST /a HTTP/1.1\r\n" HEAD "Expect: more\r\nContent-Length: 1\r\n\r\na", 0, "HTTP/1.1 417" },
    { "large body said", "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 1073741824\r\n\r\nabc", 0, "HTTP/1.1 413" },
};

static void test_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        size_t n = refused[i].n ? refused[i].n : strlen(refused[i].request);
        g_autofree char *answer = talk_n(refused[i].request, n);

        g_test_message("%s", refused[i].name);
        assert_starts(answer, refused[i].answer);
        g_assert_null(strstr(answer, " /a?"));               /* the application saw nothing of it */
    }
}

static void test_accepted(void)
{
    static const struct { const char *request, *ending; } accepted[] = {
        { "GET /a%20b?x=1&y=a+b%2F&x=2 HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n", "GET /a b?x=1&y=a+b%2F&x=2 [x=1] [y=a b/] [x=2]" },
        { "GET http://other/a HTTP/1.1\r\n" HEAD "\r\n", "GET /a?" },
        { "GET /a HTTP/1.0\r\n\r\n", "GET /a?" },
        { "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", " body=hello" },
        { "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: Chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n", " body=hello" },
        { "GET /file HTTP/1.1\r\n" HEAD "\r\n", "\r\n\r\n23456" },
        { "HEAD /file HTTP/1.1\r\n" HEAD "\r\n", "Content-Length: 5\r\n\r\n" },
        { "HEAD /a HTTP/1.1\r\n" HEAD "\r\n", "Content-Length: 8\r\n\r\n" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(accepted); i++) {
        g_autofree char *answer = talk_n(accepted[i].request, strlen(accepted[i].request));

        assert_starts(answer, "HTTP/1.1 200");
        assert_ends(answer, accepted[i].ending);
    }
}

/* A reply must arrive even though the client has much more to send. */
static void test_reply_arrives(void)
{
    g_autofree char *filler = g_strnfill(4 << 20, 'x');
    g_autofree char *field = g_strdup_printf("GET /a HTTP/1.1\r\n" HEAD "Foo: %.*s\r\n\r\n", 1 << 20, filler);
    g_autofree char *target = g_strdup_printf("GET /%.*s HTTP/1.1\r\n" HEAD "\r\n", 9000, filler);
    g_autofree char *fields = NULL, *answer = NULL;
    GString *many = g_string_new("GET /a HTTP/1.1\r\n" HEAD);
    int fd;

    answer = talk_n(field, strlen(field));
    assert_starts(answer, "HTTP/1.1 431");
    g_free(answer);
    answer = talk_n(target, strlen(target));
    assert_starts(answer, "HTTP/1.1 414");
    for (int i = 0; i < 200; i++)
        g_string_append_printf(many, "F%d: x\r\n", i);
    g_string_append(many, "\r\n");
    fields = g_string_free(many, FALSE);
    g_free(answer);
    answer = talk_n(fields, strlen(fields));
    assert_starts(answer, "HTTP/1.1 431");

    fd = dial();
    say_text(fd, "POST /a HTTP/1.1\r\n" HEAD "Content-Length: 4194304\r\n\r\n");
    say(fd, filler, 4 << 20);
    g_free(answer);
    answer = hear_all(fd);
    assert_starts(answer, "HTTP/1.1 413");
}

static void test_too_large_chunked(void)
{
    g_autofree char *filler = g_strnfill(1 << 20, 'x');
    g_autofree char *answer = NULL;
    int fd = dial();

    say_text(fd, "POST /a HTTP/1.1\r\n" HEAD "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        say_text(fd, "100000\r\n");
        say(fd, filler, 1 << 20);
        say_text(fd, "\r\n");
    }
    say_text(fd, "0\r\n\r\n");
    shutdown(fd, SHUT_WR);
    answer = hear_all(fd);
    assert_starts(answer, "HTTP/1.1 413");
}

static void test_pipelining(void)
{
    const char *two = "GET /one HTTP/1.1\r\n" HEAD "\r\nPOST /two HTTP/1.1\r\n" HEAD "Content-Length: 2\r\n\r\nhi"
                      "GET /quick HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n";
    g_autofree char *answer = talk_n(two, strlen(two));

    g_assert_nonnull(strstr(answer, "GET /one?"));
    g_assert_nonnull(strstr(answer, "POST /two? body=hi"));
    assert_ends(answer, "GET /quick?");
}

static void test_continue(void)
{
    g_autofree char *said = NULL, *answer = NULL, *refusal = NULL, *streamed = NULL;
    int fd = dial();

    say_text(fd, "POST /a HTTP/1.1\r\n" HEAD "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    said = hear_until(fd, "\r\n\r\n");
    assert_starts(said, "HTTP/1.1 100");
    say_text(fd, "hi");
    shutdown(fd, SHUT_WR);
    answer = hear_all(fd);
    assert_ends(answer, "body=hi");

    /* Refused before a byte of the body is asked for. */
    fd = dial();
    say_text(fd, "PUT /stream/refuse HTTP/1.1\r\n" HEAD "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    refusal = hear_all(fd);
    assert_starts(refusal, "HTTP/1.1 403");

    fd = dial();
    say_text(fd, "PUT /stream HTTP/1.1\r\n" HEAD "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    g_free(said);
    said = hear_until(fd, "\r\n\r\n");
    assert_starts(said, "HTTP/1.1 100");
    say_text(fd, "hi");
    shutdown(fd, SHUT_WR);
    streamed = hear_all(fd);
    assert_ends(streamed, "2 3329");
}

static void test_stream(void)
{
    size_t n = 5 << 20;
    g_autofree char *bytes = g_malloc(n), *head = NULL, *answer = NULL, *ending = NULL, *half = NULL;
    uint32_t sum = 0;
    int fd = dial();

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (char)(i * 7 + i / 1000);
        sum = sum * 31 + (uint8_t)bytes[i];
    }
    head = g_strdup_printf("PUT /stream HTTP/1.1\r\n" HEAD "Content-Length: %zu\r\n\r\n", n);
    say_text(fd, head);
    say(fd, bytes, n);
    shutdown(fd, SHUT_WR);
    answer = hear_all(fd);
    ending = g_strdup_printf("\r\n\r\n%zu %u", n, sum);
    assert_ends(answer, ending);

    /* A handler that stops reading: the rest is dropped, the reply arrives. */
    fd = dial();
    g_free(head);
    head = g_strdup_printf("PUT /stream/half HTTP/1.1\r\n" HEAD "Content-Length: %zu\r\n\r\n", n);
    say_text(fd, head);
    say(fd, bytes, n);
    shutdown(fd, SHUT_WR);
    half = hear_all(fd);
    assert_starts(half, "HTTP/1.1 200");
}

static void test_pull(void)
{
    const char *request = "GET /pull HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n";
    g_autofree char *answer = talk_n(request, strlen(request));

    g_assert_nonnull(strstr(answer, "Transfer-Encoding: chunked"));
    assert_ends(answer, "aaaaaaaa\r\n0\r\n\r\n");
}

static void await_slow(int n)
{
    while (slow_started < n)
        g_usleep(1000);
}

/* A thousand connections that say nothing, and eight calls that take until the others are answered, keep nobody waiting. */
static void test_nobody_waits(void)
{
    int idle[1000], slow[8];

    slow_started = 0;
    slow_held = true;
    for (int i = 0; i < 1000; i++)
        idle[i] = dial();
    for (int i = 0; i < 8; i++) {
        slow[i] = dial();
        say_text(slow[i], "GET /slow HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n");
    }
    await_slow(8);
    for (int i = 0; i < 20; i++) {
        const char *request = i % 2 ? "GET /a HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n"
                                    : "GET /quick HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n";
        g_autofree char *answer = talk_n(request, strlen(request));

        assert_starts(answer, "HTTP/1.1 200");
    }
    slow_held = false;
    for (int i = 0; i < 8; i++) {
        g_autofree char *answer = hear_all(slow[i]);

        assert_ends(answer, "slow");
    }
    for (int i = 0; i < 1000; i++)
        close(idle[i]);
}

/* A console that says back what it hears. */
static void *echo(void *data)
{
    int fd = accept(*(int *)data, NULL, NULL);
    char bytes[256];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

#define UPGRADE "GET /socket HTTP/1.1\r\n" HEAD "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" \
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: base64, binary\r\n"

/* The handshake of RFC 6455, 1.3, then its masked "Hello" (5.7), sent in one piece with it, there and back. */
static void test_websocket(void)
{
    static const char hello[] = "\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    static const char bye[] = "\x88\x82\0\0\0\0\x03\xe8";
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    g_autofree char *head = NULL, *answer = NULL, *refused_version = NULL;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
    char frame[7];
    pthread_t thread;

    snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/test_http_%d", (int)getpid());
    snprintf(console, sizeof(console), "unix:%s", at.sun_path);
    unlink(at.sun_path);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&at, sizeof(at)), ==, 0);
    listen(listener, 1);
    pthread_create(&thread, NULL, echo, &listener);

    fd = dial();
    say_text(fd, UPGRADE "Sec-WebSocket-Version: 13\r\n\r\n");
    say(fd, hello, sizeof(hello) - 1);
    head = hear_until(fd, "\r\n\r\n");
    assert_starts(head, "HTTP/1.1 101");
    g_assert_nonnull(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    g_assert_nonnull(strstr(head, "Sec-WebSocket-Protocol: binary"));
    g_assert_cmpint(recv(fd, frame, sizeof(frame), MSG_WAITALL), ==, 7);
    g_assert_cmpmem(frame, 7, "\x82\x05Hello", 7);
    say(fd, bye, sizeof(bye) - 1);
    answer = hear_all(fd);
    g_assert_cmpmem(answer, 4, "\x88\x02\x03\xe8", 4);
    pthread_join(thread, NULL);
    close(listener);
    unlink(at.sun_path);

    refused_version = talk_n(UPGRADE "Sec-WebSocket-Version: 8\r\n\r\n", strlen(UPGRADE) + strlen("Sec-WebSocket-Version: 8\r\n\r\n"));
    assert_starts(refused_version, "HTTP/1.1 426");
}

/* Bytes that drip in do not keep a connection for ever: the request must be whole in time. */
static void test_drip(void)
{
    int64_t began = clock_mono_us();
    int fd = dial();

    say_text(fd, "GET /a HTTP/1.1\r\n" HEAD "X: ");
    while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && clock_mono_us() - began < PATIENCE_US)
        g_usleep(100000);
    g_assert_cmpint(clock_mono_us() - began, <, PATIENCE_US);
    close(fd);
}

static char *talk_text(const char *request)
{
    return talk_n(request, strlen(request));
}

/* A body that stands still, and one that drips, are answered before they are there; what follows is not taken for a request. */
static void test_late(void)
{
    static const char *const heads[] = { "Content-Length: 1000\r\n\r\nabc", "Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nab" };

    for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
        int fd = dial();
        g_autofree char *answer = NULL;

        say_text(fd, "PUT /stream HTTP/1.1\r\n" HEAD);
        say_text(fd, heads[i]);
        answer = hear_all(fd);
        assert_starts(answer, "HTTP/1.1 408 Request Timeout\r\n");
        g_assert_nonnull(strstr(answer, "Connection: close\r\n"));
    }
    for (int fd = dial(), n = 0; fd >= 0; n++) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (!n)
            say_text(fd, "PUT /stream HTTP/1.1\r\n" HEAD "Content-Length: 100000\r\n\r\n");
        g_assert_cmpint(n, <, 1000);
        if (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 100) == 0)
            continue;
        g_autofree char *answer = hear_all(fd);
        assert_starts(answer, "HTTP/1.1 408 ");
        fd = -1;
    }
}

/* Many more requests than workers wait, and keep nobody waiting. */
static void test_again(void)
{
    g_autofree char *stream = NULL;
    int waiting[200];

    for (size_t i = 0; i < G_N_ELEMENTS(waiting); i++) {
        waiting[i] = dial();
        say_text(waiting[i], "GET /again HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n");
    }
    for (int i = 0; i < 5; i++) {
        g_autofree char *answer = talk_text("GET /a HTTP/1.1\r\n" HEAD "Connection: close\r\n\r\n");

        assert_starts(answer, "HTTP/1.1 200");
    }
    stream = talk_text("PUT /stream/again HTTP/1.1\r\n" HEAD "Connection: close\r\nContent-Length: 3\r\n\r\nabc");
    assert_starts(stream, "HTTP/1.1 200");
    g_assert_nonnull(strstr(stream, "\r\n\r\n3 "));
    for (size_t i = 0; i < G_N_ELEMENTS(waiting); i++) {
        g_autofree char *answer = hear_all(waiting[i]);

        assert_starts(answer, "HTTP/1.1 200");
        assert_ends(answer, "the third time");
    }
}

static void test_fetch(void)
{
    struct ctx c;
    struct fetch f = { .method = "POST", .body = "{}", .body_size = 2, .headers = (const struct pair[]){ { "X-One", "1" }, {} } };
    struct fetch dead = { .method = "GET", .url = "http://127.0.0.1:1/" };

    ctx_init(&c, NULL, NULL);
    f.url = ctx_printf(&c, "http://127.0.0.1:%d/a?b=c", http_server_port(server));
    g_assert_true(fetch(&c, &f));
    g_assert_cmpint(f.status, ==, 200);
    g_assert_cmpstr(f.reply, ==, "POST /a?b=c [b=c] body={}");
    g_assert_false(fetch(&c, &dead));
    g_assert_cmpint(c.fault.status, ==, 503);
    ctx_clear(&c);
}

/* What was begun is finished; nobody new is let in. */
static void test_drain(void)
{
    int slow[4], again = dial();
    g_autofree char *late = NULL;

    again_started = 0;
    say_text(again, "GET /again HTTP/1.1\r\n" HEAD "\r\n");
    slow_started = slow_served = 0;
    for (int i = 0; i < 4; i++) {
        slow[i] = dial();
        say_text(slow[i], "GET /slow HTTP/1.1\r\n" HEAD "\r\n");
    }
    await_slow(4);
    while (!again_started)
        g_usleep(1000);
    http_server_stop(server, 60);
    g_assert_cmpint(slow_served, ==, 4);
    for (int i = 0; i < 4; i++) {
        g_autofree char *answer = hear_all(slow[i]);

        assert_ends(answer, "slow");
        g_assert_nonnull(strstr(answer, "Connection: close"));
    }
    late = hear_all(again);
    assert_ends(late, "the third time");
}

/* Processes of one cloud may listen on one port, another cloud may not. */
static void test_share(void)
{
    struct http_server_options options = { .address = "127.0.0.1", .max_header = 16384, .max_body = 1 << 20, .timeout_s = 2,
                                           .request_timeout_s = 10, .pollers = 1, .workers = 1, .queue = 1, .share = "ours" };
    struct http_server *first, *second;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    first = http_server_start(&c, &app, &options);
    g_assert_nonnull(first);
    options.port = http_server_port(first);
    second = http_server_start(&c, &app, &options);
    g_assert_nonnull(second);
    options.share = "our";
    g_assert_null(http_server_start(&c, &app, &options));
    g_assert_nonnull(strstr(c.fault.message, "another cloud does"));
    fault_clear(&c);
    options.share = NULL;
    g_assert_null(http_server_start(&c, &app, &options));
    g_assert_nonnull(strstr(c.fault.message, g_strerror(EADDRINUSE)));
    fault_clear(&c);
    http_server_stop(second, 1);
    options.share = "theirs";
    g_assert_null(http_server_start(&c, &app, &options));
    fault_clear(&c);
    http_server_stop(first, 1);
    first = http_server_start(&c, &app, &options);
    g_assert_nonnull(first);
    http_server_stop(first, 1);
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    const struct http_server_options options = { .address = "127.0.0.1", .max_header = 16384, .max_body = 1 << 20, .timeout_s = 4, .pace = 65536,
                                                 .request_timeout_s = 60, .pollers = 2, .workers = 16, .queue = 512 };
    struct ctx c;
    int result;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    server = http_server_start(&c, &app, &options);
    g_assert_nonnull(server);
    g_test_add_func("/http/refused", test_refused);
    g_test_add_func("/http/accepted", test_accepted);
    g_test_add_func("/http/reply_arrives", test_reply_arrives);
    g_test_add_func("/http/too_large_chunked", test_too_large_chunked);
    g_test_add_func("/http/pipelining", test_pipelining);
    g_test_add_func("/http/continue", test_continue);
    g_test_add_func("/http/stream", test_stream);
    g_test_add_func("/http/pull", test_pull);
    g_test_add_func("/http/nobody_waits", test_nobody_waits);
    g_test_add_func("/http/websocket", test_websocket);
    g_test_add_func("/http/drip", test_drip);
    g_test_add_func("/http/late", test_late);
    g_test_add_func("/http/again", test_again);
    g_test_add_func("/http/fetch", test_fetch);
    g_test_add_func("/http/share", test_share);
    g_test_add_func("/http/drain", test_drain);
    result = g_test_run();
    ctx_clear(&c);
    return result;
}
