/* WebSocket frames: any bytes in any cuts give what they give in one piece. */
#include "oslo/http/frame.h"

#include <stdlib.h>
#include <string.h>

struct run {
    struct frames frames;
    struct buf data, answer;
    bool ok;
};

static void run_free(struct run *run)
{
    frames_clear(&run->frames);
    buf_clear(&run->data);
    buf_clear(&run->answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole = { .ok = true }, cut = { .ok = true };
    size_t step = size ? data[0] % 7 + 1 : 1;

    whole.ok = frames_read(&whole.frames, data, size, &whole.data, &whole.answer);
    for (size_t at = 0; at < size && cut.ok; at += step)
        cut.ok = frames_read(&cut.frames, data + at, size - at < step ? size - at : step, &cut.data, &cut.answer);
    if (whole.ok != cut.ok || whole.data.len != cut.data.len || whole.answer.len != cut.answer.len ||
        (whole.data.len && memcmp(whole.data.data, cut.data.data, whole.data.len) != 0))
        abort();
    run_free(&whole);
    run_free(&cut);
    return 0;
}
