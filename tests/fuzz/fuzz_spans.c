/* Any bytes as a batch of spans from another process: read or refused with a reason, what was read is written and read again as it was, and
 * what a collector keeps of it can be printed.
 */
#include "oslo/trace/batch.h"
#include "oslo/trace/trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 64, KEPT = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/nacre-fuzz-spans-XXXXXX";

static void remove_ring(void)
{
    trace_close();
    unlink(path);
}

static void open_ring(struct ctx *c)
{
    int fd = mkstemp(path);

    if (fd < 0 || !trace_open(c, path, SLOTS))
        abort();
    close(fd);
    atexit(remove_ring);
}

static bool same(const struct slot *a, const struct slot *b)
{
    return a->id == b->id && a->parent == b->parent && a->began_us == b->began_us && a->took_us == b->took_us && a->status == b->status &&
           a->kind == b->kind && !strcmp(a->request_id, b->request_id) && !strcmp(a->global_id, b->global_id) &&
           !strcmp(a->resource, b->resource) && !strcmp(a->name, b->name) && !strcmp(a->fault, b->fault);
}

static void read_again(struct ctx *c, const struct ring_process *process, const struct slot *spans, size_t n)
{
    struct slot span = {};
    struct batch batch;
    struct buf text = {};

    batch_begin(&text, process);
    for (size_t i = 0; i < n; i++)
        batch_add(&text, &spans[i], i ? &spans[i - 1] : &(struct slot){});
    if (!batch_open(c, &batch, text.data, text.len) || memcmp(&batch.process, process, sizeof(*process)) != 0)
        abort();
    for (size_t i = 0; i < n; i++)
        if (!batch_next(c, &batch, &span) || !same(&span, &spans[i]))
            abort();
    if (!batch_is_read(&batch))
        abort();
    buf_clear(&text);
}

static void print_in_all_ways(struct ctx *c, const char *id)
{
    for (enum trace_format format = TRACE_TEXT; format <= TRACE_OTLP; format++) {
        struct buf text = {};

        if (trace_print(c, path, id, format, &text) && format != TRACE_TEXT) {
            json_t *tree = json_loads(text.data, 0, NULL);

            if (!tree)
                abort();
            json_decref(tree);
        }
        fault_clear(c);
        buf_clear(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slot spans[KEPT], span;
    struct batch batch;
    struct ctx c;
    size_t n = 0;

    ctx_init(&c, NULL, NULL);
    if (!ring)
        open_ring(&c);
    memset(&span, 0, sizeof(span));
    if (batch_open(&c, &batch, (const char *)data, size)) {
        while (n < KEPT && !batch_is_read(&batch) && batch_next(&c, &batch, &span))
            spans[n++] = span;
        read_again(&c, &batch.process, spans, n);
    }
    fault_clear(&c);
    if (!trace_put(&c, (const char *)data, size) && !c.fault.message)
        abort();
    fault_clear(&c);
    if (n && size % 8 == 0)          /* it costs much more than all the rest */
        print_in_all_ways(&c, spans[0].request_id);
    ctx_clear(&c);
    return 0;
}
