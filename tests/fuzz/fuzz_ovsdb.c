/* Any bytes, in pieces of any size, as what a database says: the same messages however they are cut, never a crash. */
#include "neutron/agent/ovs/ovsdb.h"
#include "neutron/agent/ovs/stream.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(json_t *message, void *count)
{
    const json_t *params = json_object_get(message, "params");

    ++*(unsigned *)count;
    for (size_t i = 0; i < ovsdb_set_size(params) && i < 64; i++)
        ovsdb_uuid(ovsdb_set_at(params, i));
    ovsdb_map_get(params, "iface-id");
}

static bool feed(const char *bytes, size_t n, size_t piece, unsigned *ret_count)
{
    struct json_stream s = {};
    bool ok = true;

    *ret_count = 0;
    for (size_t at = 0; ok && at < n; at += piece)
        ok = json_stream_feed(&s, bytes + at, MIN(piece, n - at), take, ret_count);
    json_stream_clear(&s);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;
    unsigned whole, cut;

    if (size < 2)
        return 0;
    if (feed(bytes, size - 1, size, &whole) != feed(bytes, size - 1, data[0] % 16 + 1, &cut) || whole != cut)
        __builtin_trap();
    return 0;
}
