/* The unit of work: its arena, what it owns, its fault. Chunks are malloc'd and grow from 4 KiB to 64 KiB; a thread keeps one of the smallest
 * for its next unit, unless the address sanitizer is to see what is used too late.
 */
#include "oslo/base/ctx.h"
#include "oslo/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_LARGEST ((size_t)65536)

struct arena_chunk {
    struct arena_chunk *before;
    size_t used, size;
    max_align_t bytes[];
};

#ifdef __SANITIZE_ADDRESS__
enum { KEEPS = false };
#else
enum { KEEPS = true };
#endif
static GPrivate kept = G_PRIVATE_INIT(free);

struct owned {
    struct owned *before;
    void *object;
    void (*release)(void *);
};

static struct arena_chunk *chunk_add(struct ctx *c, size_t least)
{
    size_t size = c->arena ? MIN(c->arena->size * 2, CHUNK_LARGEST) : CHUNK_FIRST;
    struct arena_chunk *chunk;

    size = MAX(size, least);
    chunk = size == CHUNK_FIRST ? g_private_get(&kept) : NULL;
    if (chunk)
        g_private_set(&kept, NULL);
    else
        chunk = g_malloc(sizeof(*chunk) + size);
    chunk->used = 0;
    chunk->size = size;
    chunk->before = c->arena;
    c->arena = chunk;
    return chunk;
}

void ctx_init(struct ctx *c, const struct service *service, const char *request_id)
{
    char fresh[4 + UUID_TEXT_SIZE] = "req-";

    memset(c, 0, sizeof(*c));
    c->service = service;
    c->base_url = "";
    if (!request_id)
        uuid_write(fresh + 4);
    c->request_id = ctx_strdup(c, request_id ?: fresh);
}

void ctx_init_child(struct ctx *c, const struct ctx *parent, const struct service *service)
{
    memset(c, 0, sizeof(*c));
    c->service = service;
    c->who = parent->who;
    c->request_id = parent->request_id;
    c->global_request_id = parent->global_request_id;
    c->span = parent->span;
    c->deadline = parent->deadline;
    c->base_url = parent->base_url;
    if (service == parent->service)
        c->db = parent->db;
}

void ctx_clear(struct ctx *c)
{
    struct owned *owned;
    struct arena_chunk *chunk;

    while ((owned = c->owned)) {
        c->owned = owned->before;
        owned->release(owned->object);
    }
    while ((chunk = c->arena)) {
        c->arena = chunk->before;
        if (KEEPS && chunk->size == CHUNK_FIRST && !g_private_get(&kept))
            g_private_set(&kept, chunk);
        else
            free(chunk);
    }
    memset(c, 0, sizeof(*c));
}

void *ctx_alloc(struct ctx *c, size_t size)
{
    struct arena_chunk *chunk = c->arena;
    void *memory;

    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    if (!chunk || chunk->size - chunk->used < size)
        chunk = chunk_add(c, size);
    memory = (char *)chunk->bytes + chunk->used;
    chunk->used += size;
    return memset(memory, 0, size);
}

char *ctx_strdup(struct ctx *c, const char *text)
{
    return text ? ctx_strndup(c, text, strlen(text)) : NULL;
}

char *ctx_strndup(struct ctx *c, const char *text, size_t n)
{
    char *copy = ctx_alloc(c, n + 1);

    memcpy(copy, text, n);
    return copy;
}

char *ctx_printf(struct ctx *c, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = ctx_vprintf(c, format, args);
    va_end(args);
    return text;
}

char *ctx_vprintf(struct ctx *c, const char *format, va_list args)
{
    char small[256];
    va_list again;
    char *text;
    int n;

    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), format, args);
    if (n < (int)sizeof(small)) {
        text = ctx_strndup(c, small, n < 0 ? 0 : (size_t)n);
    } else {
        text = ctx_alloc(c, (size_t)n + 1);
        vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    return text;
}

void *ctx_own(struct ctx *c, void *object, void (*release)(void *))
{
    struct owned *owned = ctx_new(c, struct owned);

    owned->object = object;
    owned->release = release;
    owned->before = c->owned;
    c->owned = owned;
    return object;
}

static void json_release(void *object)
{
    json_decref(object);
}

json_t *ctx_json(struct ctx *c, json_t *owned)
{
    return owned ? ctx_own(c, owned, json_release) : NULL;
}

static void fault_set(struct ctx *c, int status, const char *type, const char *format, va_list args)
{
    if (c->fault.status)
        return;
    c->fault.message = ctx_vprintf(c, format, args);
    c->fault.status = status;
    c->fault.type = ctx_strdup(c, type);
    c->fault.detail = NULL;
}

bool fail(struct ctx *c, int status, const char *type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fault_set(c, status, type, format, args);
    va_end(args);
    return false;
}

void *fail_null(struct ctx *c, int status, const char *type, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fault_set(c, status, type, format, args);
    va_end(args);
    return NULL;
}

void fault_clear(struct ctx *c)
{
    c->fault = (struct fault){ 0 };
}

bool identity_has_role(const struct identity *who, const char *role)
{
    const char *const *r;

    for (r = who->roles; r && *r; r++)
        if (!g_ascii_strcasecmp(*r, role))
            return true;
    return false;
}
