/* Any bytes as a KMIP server's answer: what is found in it lies in it. And what we ask is well formed: it reads as no answer. */
#include "swift/middleware/crypto/kmip.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lies_in(const void *at, size_t n, const uint8_t *data, size_t size)
{
    const uint8_t *from = at;

    if (from && (from < data || n > size || (size_t)(from - data) > size - n))
        __builtin_trap();
}

static void check_request(const uint8_t *data, size_t size)
{
    struct buf b = {}, text = {};
    struct kmip_answer answer;

    buf_add(&text, data, size);
    buf_putc(&text, '\0');
    kmip_put_get(&b, text.data, size & 1 ? text.data : NULL, text.data);
    if (b.len % 8 || kmip_length((const uint8_t *)b.data) != b.len - KMIP_HEAD || kmip_read(b.data, b.len, &answer))
        __builtin_trap();
    buf_clear(&b);
    buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kmip_answer answer;

    if (kmip_read(data, size, &answer)) {
        check_lies_in(answer.key, answer.key_n, data, size);
        check_lies_in(answer.text, answer.text_n, data, size);
        if (!*kmip_status_name(answer.status) || !*kmip_reason_name(answer.reason) || !*kmip_algorithm_name(answer.algorithm))
            __builtin_trap();
    }
    check_request(data, size);
    return 0;
}
