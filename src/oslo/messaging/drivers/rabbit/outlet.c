/* Writing to a connection. Whoever writes adds frames to one buffer; the first of them takes it out to the socket, and what others
 * add meanwhile goes with it, so that many threads share few system calls and never wait for each other.
 */
#include "oslo/messaging/drivers/rabbit/connection.h"

#include <errno.h>
#include <unistd.h>

enum { HELD_SIZE = 65536 };          /* more of it does not wait */

struct buf *broker_begin(struct broker *k)
{
    pthread_mutex_lock(&k->lock);
    return &k->out;
}

void broker_end(struct broker *k)
{
    broker_flush(k);
    pthread_mutex_unlock(&k->lock);
}

void broker_wake(struct broker *k)
{
    if (write(k->wake, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
        return;                      /* it is full: awake anyway */
}

void broker_hurry(struct broker *k, struct channel *channel)
{
    channel->patient = false;
    if (k->napping)
        broker_wake(k);
    k->napping = false;
}

void broker_gather(struct broker *k, int64_t until)
{
    k->held_until = until;
}

static bool is_held(const struct broker *k)
{
    return k->held_until && !k->stopping && k->out.len < HELD_SIZE && k->sent == k->sending.len && clock_mono_us() < k->held_until;
}

/* The lock is left while writing. One thread at a time: another finds its frames taken along. TLS is left to the owner. */
void broker_flush(struct broker *k)
{
    if (is_held(k))
        return;
    if (k->link && k->out.len && !link_is_shared(k->link) && !pthread_equal(k->owner, pthread_self())) {
        broker_wake(k);
        return;
    }
    while (k->link && !k->flushing && !k->broken && (k->sending.len > k->sent || k->out.len)) {
        if (k->sent == k->sending.len) {
            struct buf empty = k->sending;

            empty.len = 0;
            k->sending = k->out;
            k->out = empty;
            k->sent = 0;
        }
        k->flushing = true;
        pthread_mutex_unlock(&k->lock);
        ssize_t n = link_write(k->link, k->sending.data + k->sent, k->sending.len - k->sent);
        int error = errno;
        pthread_mutex_lock(&k->lock);
        k->flushing = false;
        k->broken = n < 0;
        k->broken_errno = error;
        k->sent += n > 0 ? (size_t)n : 0;
        pthread_cond_broadcast(&k->changed);
        if (n <= 0) {                /* the owner waits until it can go on */
            broker_wake(k);
            return;
        }
        k->written_at = clock_mono_us();
        if (k->sent == k->sending.len && k->sending.cap > 1 << 20)
            buf_clear(&k->sending), k->sent = 0;
    }
}
