/* WebSocket frames, cut anywhere. */
#include "oslo/http/frame.h"

#include <string.h>

static const uint8_t masked_hello[] = { 0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58 };

static void test_cuts(void)
{
    for (size_t cut = 1; cut <= sizeof(masked_hello); cut++) {
        struct frames frames = {};
        struct buf data = {}, answer = {};

        for (size_t at = 0; at < sizeof(masked_hello); at += cut)
            g_assert_true(frames_read(&frames, masked_hello + at, MIN(cut, sizeof(masked_hello) - at), &data, &answer));
        g_assert_cmpstr(data.data, ==, "Hello");
        g_assert_cmpuint(answer.len, ==, 0);
        buf_clear(&data);
        buf_clear(&answer);
        frames_clear(&frames);
    }
}

static void test_control(void)
{
    /* A ping between the two halves of a message, then close 1000. */
    static const uint8_t bytes[] = { 0x02, 0x81, 0, 0, 0, 0, 'a', 0x89, 0x82, 0, 0, 0, 0, 'h', 'i', 0x80, 0x81, 0, 0, 0, 0, 'b',
                                     0x88, 0x82, 0, 0, 0, 0, 3, 0xe8 };
    static const uint8_t answers[] = { 0x8a, 2, 'h', 'i', 0x88, 2, 3, 0xe8 };
    struct frames frames = {};
    struct buf data = {}, answer = {};

    g_assert_true(frames_read(&frames, bytes, sizeof(bytes), &data, &answer));
    g_assert_cmpstr(data.data, ==, "ab");
    g_assert_cmpmem(answer.data, answer.len, answers, sizeof(answers));
    g_assert_true(frames.closed);
    buf_clear(&data);
    buf_clear(&answer);
    frames_clear(&frames);
}

static void test_broken(void)
{
    static const struct { uint8_t bytes[14]; size_t n; } broken[] = {
        { { 0x82, 0x01, 'a', 0, 0, 0 }, 6 },                         /* not masked */
        { { 0xc2, 0x81, 0, 0, 0, 0, 'a' }, 7 },                      /* a reserved bit */
        { { 0x83, 0x81, 0, 0, 0, 0, 'a' }, 7 },                      /* an unknown kind */
        { { 0x80, 0x81, 0, 0, 0, 0, 'a' }, 7 },                      /* continues nothing */
        { { 0x09, 0x81, 0, 0, 0, 0, 'a' }, 7 },                      /* a fragmented ping */
        { { 0x89, 0xfe, 0, 200, 0, 0, 0, 0 }, 8 },                   /* a long ping */
        { { 0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 14 },       /* a length beyond all */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        struct frames frames = {};
        struct buf data = {}, answer = {};

        g_assert_false(frames_read(&frames, broken[i].bytes, broken[i].n, &data, &answer));
        g_assert_cmpuint(answer.len, ==, 4);
        g_assert_cmphex((uint8_t)answer.data[0], ==, 0x88);
        buf_clear(&data);
        buf_clear(&answer);
        frames_clear(&frames);
    }
}

static void test_write(void)
{
    struct buf b = {};
    g_autofree char *large = g_strnfill(70000, 'x');

    frame_write(&b, FRAME_BINARY, large, 125);
    frame_write(&b, FRAME_BINARY, large, 126);
    frame_write(&b, FRAME_BINARY, large, 70000);
    g_assert_cmpuint(b.len, ==, 2 + 125 + 4 + 126 + 10 + 70000);
    buf_clear(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/cuts", test_cuts);
    g_test_add_func("/frame/control", test_control);
    g_test_add_func("/frame/broken", test_broken);
    g_test_add_func("/frame/write", test_write);
    return g_test_run();
}
