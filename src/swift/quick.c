/* Which reads are answered on the thread that read them, as handing one over to a worker costs more than a small object: those that were
 * answered from memory a moment ago. Who is asked again what has just been asked finds the token, the container and the file where they
 * were; what turns out to wait for a disk or another node after all goes to the workers next time.
 */
#include "swift/quick.h"

#include "oslo/base/text.h"
#include "swift/message.h"

#include <stdatomic.h>
#include <string.h>

#define SLOTS 65536
#define FRESH_US (10 * G_USEC_PER_SEC)
#define QUICK_US 500

/* What was asked in the upper half, in the lower when it was last answered quickly, in milliseconds. A slot serves who came last. */
static _Atomic uint64_t slots[SLOTS];
static bool forbidden;

void quick_forbid(void)
{
    forbidden = true;
}

static uint64_t add(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u;
}

static uint64_t hash_of(const struct request *r)
{
    uint64_t hash = add(add(add(0xcbf29ce484222325u, r->method), r->raw_path), r->query_text);

    return add(hash, request_header(r, "X-Auth-Token"));
}

static uint32_t now_ms(int64_t now_us)
{
    return (uint32_t)(now_us / 1000);
}

static bool is_read(const struct request *r)
{
    return !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
}

bool quick_is(const struct request *r)
{
    uint64_t hash, seen;

    if (forbidden || !is_read(r))
        return false;
    hash = hash_of(r);
    seen = slots[hash % SLOTS];
    return seen && seen >> 32 == hash >> 32 && now_ms(clock_mono_us()) - (uint32_t)seen < FRESH_US / 1000;
}

void quick_learn(const struct request *r, const struct swift_response *response, int64_t began_us)
{
    int64_t now = clock_mono_us();
    uint64_t hash;

    if (!is_read(r))
        return;
    hash = hash_of(r);
    if (response->status / 100 == 2 && !response->read && now - began_us < QUICK_US)
        slots[hash % SLOTS] = (hash & 0xffffffff00000000u) | now_ms(now);
    else if (slots[hash % SLOTS] >> 32 == hash >> 32)
        slots[hash % SLOTS] = 0;
}
