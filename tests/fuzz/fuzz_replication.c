/* Any bytes as the lines of an SSYNC, from either end, as what REPLICATE answers, as where an audit has come to, and as hashes.pkl: refused or
 * read, never a crash, and what was read is written so that it reads the same. */
#include "swift/daemon/auditor.h"
#include "swift/ssync/ssync.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes { const uint8_t *data; size_t size, at, piece; };

static ssize_t read_piece(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct bytes *b = data;

    n = MIN(MIN(n, b->piece), b->size - b->at);
    memcpy(bytes, b->data + b->at, n);
    b->at += n;
    return (ssize_t)n;
}

static void read_offer(struct ctx *c, const char *line)
{
    struct ssync_offer one, again;
    struct ssync_wanted wanted;

    if (!ssync_offer_read(c, line, &one))
        return;
    if (!ssync_offer_read(c, ssync_offer_write(c, &one), &again) || timestamp_compare(one.data, again.data) || one.durable != again.durable ||
        timestamp_compare(one.meta, again.meta))
        __builtin_trap();
    if (ssync_compare(&again, &again, &wanted))
        __builtin_trap();
    if (!ssync_compare(&one, NULL, &wanted) || !ssync_wanted_read(c, ssync_wanted_write(c, &wanted), &wanted))
        __builtin_trap();
}

static void read_lines(struct ctx *c, const uint8_t *data, size_t size)
{
    struct bytes from = { data, size, 0, size ? data[0] + 1u : 1 };
    struct ssync_wanted wanted;
    struct ssync_reader r;
    char *line;

    ssync_reader_init(c, &r, read_piece, &from);
    while ((line = ssync_line(c, &r))) {
        struct swift_request q = {};
        char body[64];

        read_offer(c, line);
        ssync_wanted_read(c, line, &wanted);
        if (strchr(line, ' ') && !ssync_subrequest_read(c, &r, line, size & 1, &q) && (!q.path || q.length < 0))
            __builtin_trap();
        for (int64_t left = q.length; left > 0;) {
            ssize_t n = ssync_bytes(c, &r, body, (size_t)MIN(left, (int64_t)sizeof(body)));

            if (n <= 0)
                break;
            left -= n;
        }
    }
    if (!r.ended && !r.error)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct suffix_hash *hashes;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "req-fuzz");
    read_lines(&c, data, size);
    auditor_status_read(&c, (const char *)data, size, &n);
    hashes_unpickle(&c, data, size, &hashes, &n);
    fault_clear(&c);
    hashes_table_read(&c, data, size);
    ctx_clear(&c);
    return 0;
}
