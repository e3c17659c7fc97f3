/* liberasurecode behind checks of what it is given: it takes the sizes in a fragment's header for true. */
#include "swift/erasure.h"

#include "swift/message.h"

#include <liberasurecode/erasurecode.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct erasure {
    int handle, data, parity;
    ec_backend_id_t backend;
    struct erasure *next;
};

/* In the order in which the original lists them. hd: 0: as many as there is parity. */
static const struct { const char *name; ec_backend_id_t backend; int hd; } types[] = {
    { "jerasure_rs_vand", EC_BACKEND_JERASURE_RS_VAND, 0 },
    { "jerasure_rs_cauchy", EC_BACKEND_JERASURE_RS_CAUCHY, 0 },
    { "flat_xor_hd_3", EC_BACKEND_FLAT_XOR_HD, 3 },
    { "flat_xor_hd_4", EC_BACKEND_FLAT_XOR_HD, 4 },
    { "isa_l_rs_vand", EC_BACKEND_ISA_L_RS_VAND, 0 },
    { "shss", EC_BACKEND_SHSS, 0 },
    { "liberasurecode_rs_vand", EC_BACKEND_LIBERASURECODE_RS_VAND, 0 },
    { "isa_l_rs_cauchy", EC_BACKEND_ISA_L_RS_CAUCHY, 0 },
    { "libphazr", EC_BACKEND_LIBPHAZR, 1 },
};

static int find(const char *type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (!strcmp(types[i].name, type))
            return (int)i;
    return -1;
}

bool erasure_has_type(const char *type)
{
    int i = find(type);

    return i >= 0 && liberasurecode_backend_available(types[i].backend);
}

const char *erasure_types(struct ctx *c)
{
    const char *all = "";

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (liberasurecode_backend_available(types[i].backend))
            all = ctx_printf(c, "%s%s%s", all, *all ? ", " : "", types[i].name);
    return all;
}

static const char *error_text(int error)
{
    switch (error) {
    case EBACKENDNOTSUPP: return "Backend not supported";
    case EECMETHODNOTIMPL: return "Method not implemented";
    case EBACKENDINITERR: return "Backend initialization error";
    case EBACKENDINUSE: return "Backend in use";
    case EBACKENDNOTAVAIL: return "Backend instance not found";
    case EINVALIDPARAMS: return "Invalid arguments";
    default: return "Unknown error";
    }
}

static const struct erasure *refuse(struct ctx *c, int error)
{
    return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "pyeclib_c_init ERROR: %s. Please inspect syslog for liberasurecode error report.",
                                                    error_text(error)));
}

/* The library's codes of one backend share tables that each new instance makes again and the first one to go frees for all: so there is one
 * instance of a kind, and none goes. The tables that were replaced are lost. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:rs_galois_init_tables\n";
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards codes */
static struct erasure *codes;

static const struct erasure *have(ec_backend_id_t backend, int data, int parity)
{
    for (const struct erasure *e = codes; e; e = e->next)
        if (e->backend == backend && e->data == data && e->parity == parity)
            return e;
    return NULL;
}

static const struct erasure *make(struct ctx *c, int type, int data, int parity)
{
    struct ec_args args = { .k = data, .m = parity, .hd = types[type].hd ? types[type].hd : parity, .ct = CHKSUM_NONE };
    int handle = liberasurecode_instance_create(types[type].backend, &args);
    struct erasure *e;

    if (handle <= 0)
        return refuse(c, -handle);
    e = g_new(struct erasure, 1);
    *e = (struct erasure){ handle, data, parity, types[type].backend, codes };
    codes = e;
    return e;
}

const struct erasure *erasure_code(struct ctx *c, const char *type, int data, int parity)
{
    int i = find(type);
    const struct erasure *e;

    if (i < 0)
        return refuse(c, EBACKENDNOTSUPP);
    pthread_mutex_lock(&lock);
    e = have(types[i].backend, data, parity);
    if (!e)
        e = make(c, i, data, parity);
    pthread_mutex_unlock(&lock);
    return e;
}

void erasure_write_legacy_crc(const char *word)
{
    if (word)
        g_setenv("LIBERASURECODE_WRITE_LEGACY_CRC", word_true(word) ? "1" : "0", true);
}

size_t erasure_fragment_size(const struct erasure *e, size_t segment)
{
    return segment ? ERASURE_HEADER + (size_t)liberasurecode_get_fragment_size(e->handle, (int)segment) : 0;
}

bool erasure_encode(const struct erasure *e, const void *segment, size_t n, struct erasure_fragments *ret)
{
    uint64_t size = 0;

    if (liberasurecode_encode(e->handle, segment, n, &ret->data, &ret->parity, &size))
        return false;
    for (int i = 0; i < e->data + e->parity; i++)
        ret->fragments[i] = i < e->data ? ret->data[i] : ret->parity[i - e->data];
    ret->size = size;
    return true;
}

void erasure_encode_done(const struct erasure *e, struct erasure_fragments *f)
{
    liberasurecode_encode_cleanup(e->handle, f->data, f->parity);
}

bool erasure_check(const struct erasure *e, const void *fragment, size_t n, int *ret_index, size_t *ret_segment)
{
    fragment_header_t head;
    fragment_metadata_t meta;

    G_STATIC_ASSERT(sizeof(head) == ERASURE_HEADER);
    if (n < sizeof(head))
        return false;
    memcpy(&head, fragment, sizeof(head));
    if (head.magic != LIBERASURECODE_FRAG_HEADER_MAGIC || (uint64_t)head.meta.size + head.meta.frag_backend_metadata_size != n - sizeof(head) ||
        head.meta.idx >= (uint32_t)(e->data + e->parity) || head.meta.orig_data_size > (uint64_t)head.meta.size * (uint64_t)e->data ||
        head.meta.orig_data_size > INT32_MAX || head.meta.backend_id != e->backend)
        return false;
    if (liberasurecode_get_fragment_metadata((char *)(uintptr_t)fragment, &meta) || meta.chksum_mismatch)
        return false;
    *ret_index = (int)head.meta.idx;
    *ret_segment = head.meta.orig_data_size;
    return true;
}

/* Different fragments of one segment. */
static bool belong_together(const struct erasure *e, char *const *fragments, size_t n, size_t size)
{
    uint64_t seen = 0;
    size_t segment, first = 0;
    int index;

    for (size_t i = 0; i < n; i++) {
        if (!erasure_check(e, fragments[i], size, &index, &segment) || (seen & 1ull << index) || (i && segment != first))
            return false;
        seen |= 1ull << index;
        first = segment;
    }
    return n >= (size_t)e->data;
}

bool erasure_decode(const struct erasure *e, char *const *fragments, size_t n, size_t size, struct buf *to)
{
    char *segment = NULL;
    uint64_t length = 0;

    if (!belong_together(e, fragments, n, size) ||
        liberasurecode_decode(e->handle, (char **)(uintptr_t)fragments, (int)n, size, 0, &segment, &length))
        return false;
    buf_add(to, segment, length);
    liberasurecode_decode_cleanup(e->handle, segment);
    return true;
}

bool erasure_rebuild(const struct erasure *e, char *const *fragments, size_t n, size_t size, int index, void *ret)
{
    return belong_together(e, fragments, n, size) &&
           !liberasurecode_reconstruct_fragment(e->handle, (char **)(uintptr_t)fragments, (int)n, size, index, ret);
}
