/* Any bytes as a pickle, as an object's metadata and as a ring file: refused or read, never a crash, and what was read is written so that it
 * reads the same. */
#include "swift/disk/diskfile.h"
#include "swift/pickle.h"
#include "swift/ring/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct headers metadata = {};
    struct timestamps times;
    struct byte_range *ranges;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    if (disk_metadata_unpickle(&c, data, size, &metadata)) {
        struct headers again = {};
        struct buf text = {};

        disk_metadata_pickle(&c, &metadata, &text);
        if (!disk_metadata_unpickle(&c, text.data, text.len, &again) || again.n != metadata.n)
            __builtin_trap();
        buf_clear(&text);
    }
    fault_clear(&c);
    ring_unref(ring_parse(&c, data, size));
    fault_clear(&c);
    const char *text = ctx_strndup(&c, (const char *)data, size);
    if (timestamps_decode(text, &times) && !timestamps_decode(timestamps_encode(&c, times, true), &times))
        __builtin_trap();
    ranges_read(&c, text, 1000, &ranges);
    ctx_clear(&c);
    return 0;
}
