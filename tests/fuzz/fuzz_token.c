/* Any text as a Fernet token, and any bytes as what a token holds: refused or read, never a crash. */
#include "keystone/token/fernet.h"
#include "keystone/token/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fernet_key key = { .sign = "0123456789abcde", .encrypt = "0123456789abcde" };
    struct payload payload;
    int64_t time;
    void *bytes;
    size_t n;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    fernet_open(&c, &key, ctx_strndup(&c, (const char *)data, size), &bytes, &n, &time);
    if (payload_read(&c, data, size, &payload)) {
        struct buf packed = {};

        payload_write(&c, &payload, &packed);
        struct payload again;
        if (!payload_read(&c, packed.data, packed.len, &again))
            __builtin_trap();
        buf_clear(&packed);
    }
    ctx_clear(&c);
    return 0;
}
