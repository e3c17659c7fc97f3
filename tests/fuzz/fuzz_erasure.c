/* Any bytes as what comes to storage nodes under an erasure code: fragments with bytes of theirs changed, a body in MIME parts with footers, names of
 * files, pickled hashes. Refused or taken, never a crash; what is taken for a whole set of fragments gives a segment that is no longer than said. */
#include "swift/erasure.h"
#include "swift/multipart.h"
#include "swift/name.h"
#include "swift/object/object.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAGMENTS 6
#define SEGMENT 1000

static const struct storage_policy *policy;
static struct erasure_fragments genuine;

static void begin(struct ctx *c)
{
    static char segment[SEGMENT];

    if (policy)
        return;
    if (!policies_configure(c, conf_parse(c, "swift.conf", "[storage-policy:0]\nname = deep\npolicy_type = erasure_coding\nec_type = liberasurecode_rs_vand\n"
                                          "ec_num_data_fragments = 4\nec_num_parity_fragments = 2\nec_object_segment_size = 1000\n"), NULL))
        abort();
    policy = policy_by_index(0);
    for (size_t i = 0; i < SEGMENT; i++)
        segment[i] = (char)(i * 7);
    if (!erasure_encode(policy->erasure, segment, SEGMENT, &genuine))
        abort();
}

/* Three bytes at a time: which fragment and where in its head, and what is there instead. */
static void fragments(const uint8_t *data, size_t size)
{
    char *changed[FRAGMENTS], *made = malloc(genuine.size);
    struct buf segment = {};
    size_t from = size % 3;

    for (size_t i = 0; i < FRAGMENTS; i++) {
        changed[i] = malloc(genuine.size);
        memcpy(changed[i], genuine.fragments[i], genuine.size);
    }
    for (size_t i = 0; i + 2 < size; i += 3)
        changed[data[i] % FRAGMENTS][data[i + 1] % MIN(genuine.size, 128)] = (char)data[i + 2];
    if (erasure_decode(policy->erasure, changed + from, FRAGMENTS - from, genuine.size, &segment) && segment.len > (genuine.size - ERASURE_HEADER) * 4)
        __builtin_trap();
    erasure_rebuild(policy->erasure, changed + from, FRAGMENTS - from, genuine.size, 0, made);
    for (size_t i = 0; i < FRAGMENTS; i++)
        free(changed[i]);
    free(made);
    buf_clear(&segment);
}

static void parts(struct ctx *c, const uint8_t *data, size_t size)
{
    struct swift_request request = {};
    struct swift_response response = RESPONSE_EMPTY;
    struct headers head, footers = {};
    struct multipart *m = multipart_new(c, "b", &request);
    char text[64], hex[33];
    uint8_t digest[16];
    ssize_t n;

    request_set_body(&request, data, size);
    for (int i = 0; i < 50 && multipart_next(c, m, &head) > 0; i++)
        while ((n = multipart_read(m, text, sizeof(text))) > 0)
            if ((size_t)n > sizeof(text))
                __builtin_trap();
    multipart_go_on(m);
    multipart_next(c, m, &head);
    md5_of(data, size, digest);
    digest_hex(digest, hex);
    object_read_footers(c, hex, (const char *)data, size, &footers, &response);
    response_clear(&response);
}

static void names(struct ctx *c, const char *text)
{
    char **list = text_split(c, text, '\n');
    struct disk_preference preference = { .time = { 20100000, 0 }, .excluded = 5 };
    struct disk_wish wish = { .fragment = -1, .undurable = true, .preferences = &preference, .n_preferences = 1 };
    struct disk_files f = {};

    disk_files_choose(c, &f, list, g_strv_length(list), policy, NULL, (struct timestamp){ 20000000, 0 });
    if (f.n_obsolete > f.n || (f.data && !f.durable))
        __builtin_trap();
    f = (struct disk_files){};
    disk_files_choose(c, &f, list, g_strv_length(list), policy, &wish, (struct timestamp){});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct suffix_hash *rows;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "req-fuzz");
    begin(&c);
    switch (size ? data[0] % 4 : 4) {
    case 0: fragments(data + 1, size - 1); break;
    case 1: parts(&c, data + 1, size - 1); break;
    case 2: names(&c, ctx_strndup(&c, (const char *)data + 1, size - 1)); break;
    case 3: hashes_unpickle(&c, data + 1, size - 1, &rows, &n); break;
    default: break;
    }
    ctx_clear(&c);
    return 0;
}
