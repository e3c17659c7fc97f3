/* Any bytes as what another node, or a file beside a database, says: rows of REPLICATE, entries of pending files, shard ranges aside. Refused or
 * read, never a crash; rows that were read are written so that they read the same. */
#include "swift/broker/parts.h"
#include "swift/broker/rpc.h"
#include "swift/daemon/rsync.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rows(struct ctx *c, enum broker_kind kind, json_t *list)
{
    struct broker_row *read, *again;
    size_t n, n_again;

    if (!broker_rows_from_json(c, kind, list, &read, &n))
        return;
    if (!broker_rows_from_json(c, kind, broker_rows_to_json(c, kind, read, n), &again, &n_again) || n != n_again)
        __builtin_trap();
    for (size_t i = 0; i < n; i++)
        if (strcmp(read[i].name, again[i].name) || read[i].rowid != again[i].rowid || read[i].deleted != again[i].deleted || read[i].size != again[i].size)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ring_device device = { .device = (char *)(uintptr_t)"sda" };
    struct broker_row row;
    const char *text;
    json_t *tree;
    struct ctx c;

    ctx_init(&c, NULL, "req-fuzz");
    text = ctx_strndup(&c, (const char *)data, size);
    tree = ctx_json(&c, json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL));
    for (int kind = BROKER_ACCOUNT; kind <= BROKER_CONTAINER; kind++) {
        rows(&c, kind, tree);
        rows(&c, kind, json_array_get(tree, 1));
        if (pending_read(&c, kind, text, &row) && !row.name)
            __builtin_trap();
    }
    rsync_module(&c, text, &device);
    ctx_clear(&c);
    return 0;
}
