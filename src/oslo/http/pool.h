/* A bounded pool of worker threads: made as needed, gone after a while without work. */
#ifndef OSLO_HTTP_POOL_H
#define OSLO_HTTP_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct work {                        /* inside the object that is worked on */
    void (*run)(struct work *);
    struct work *next;
};

struct pool;
struct pool *pool_new(int threads, int queue);
/* False: as many are waiting as may. always: never refused. */
bool pool_submit(struct pool *, struct work *, bool always);
int64_t pool_waiting(struct pool *);
void pool_free(struct pool *);       /* after all that was submitted is done */

#endif
