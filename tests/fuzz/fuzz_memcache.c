/* Any bytes as what memcached answers over TLS, in pieces of any size: a value, a number, or an end; never a crash. The connection below is the
 * fuzzer's own. */
#include "oslo/http/tls.h"
#include "swift/cache.h"
#include "swift/memcache_tls.h"

#include <string.h>

struct tls { int unused; };

static const uint8_t *answer;
static size_t left, piece;
static struct tls one;

struct tls *tls_connect(struct ctx *c, const char *host, int64_t port, const struct tls_options *options)
{
    return &one;
}

bool tls_write(struct tls *t, const void *bytes, size_t n, int64_t timeout_us)
{
    return true;
}

ssize_t tls_read(struct tls *t, void *bytes, size_t n, int64_t timeout_us)
{
    size_t some = MIN(MIN(n, left), piece);

    memcpy(bytes, answer, some);
    answer += some;
    left -= some;
    return (ssize_t)some;
}

void tls_close(struct tls *t)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cache_options options = { .connections = 1, .pool_timeout = 1 };
    struct memcache_tls *m = memcache_tls_new("127.0.0.1", 11211, &options);
    struct buf got = {};
    const char *why;
    struct ctx c;

    if (size < 2) {
        memcache_tls_free(m);
        return 0;
    }
    piece = data[0] % 64 + 1u;
    answer = data + 2;
    left = size - 2;
    ctx_init(&c, NULL, "req-fuzz");
    for (int i = 0; i < 3; i++) {            /* an answer's rest is the next one's beginning, unless the connection was given up */
        struct memcache_question q = { .value = "v", .n = 1, .delta = data[1] & 16 ? -3 : 3, .got = &got };

        buf_clear(&got);
        if (memcache_tls_ask(&c, m, (enum memcache_verb)(data[1] >> 2 * i & 3), "key", &q, &why) == MEMCACHE_DONE && got.len > size)
            __builtin_trap();
    }
    buf_clear(&got);
    memcache_tls_free(m);
    ctx_clear(&c);
    return 0;
}
