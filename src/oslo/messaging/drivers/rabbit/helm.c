/* Whose turn it is to read a connection: its owner's. What a channel has to do with what came may take long or (as most methods of servers) a
 * few microseconds, less than it takes to wake another thread. So the owner does it, and a deputy waits meanwhile; if it takes long, the
 * deputy becomes the owner, and the owner the deputy once it has finished.
 */
#include "oslo/messaging/drivers/rabbit/connection.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "oslo/messaging/wait.h"

/* At that time of clock_mono_us(); 0: not at all. */
static void set_alarm(struct broker *k, int64_t at)
{
    struct itimerspec when = { .it_value = { at / 1000000, at % 1000000 * 1000 } };

    timerfd_settime(k->alarm, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Becomes the owner, if the owner has worked for too long. Locked. */
static bool take_over(struct broker *k)
{
    struct channel *channel;

    while (k->flushing)
        pthread_cond_wait(&k->changed, &k->lock);
    channel = k->at_work;
    if (!channel || clock_mono_us() < channel->work_until)
        return false;
    k->owner = pthread_self();
    k->at_work = NULL;
    channel->work_until = 0;
    channel->ops->late(channel);
    pthread_cond_broadcast(&k->changed);
    return true;
}

/* Until this thread is the owner; false when all is over. */
static bool await_helm(struct broker *k)
{
    uint64_t times;
    bool ours;

    pthread_mutex_lock(&k->lock);
    ours = !k->owned && !k->stopping;
    if (ours)
        k->owner = pthread_self();
    k->owned = true;
    while (!ours && !k->stopping) {
        k->has_deputy = true;
        pthread_mutex_unlock(&k->lock);
        while (read(k->alarm, &times, sizeof(times)) < 0 && errno == EINTR)
            ;
        pthread_mutex_lock(&k->lock);
        ours = take_over(k);
    }
    if (ours)
        k->has_deputy = false;
    pthread_mutex_unlock(&k->lock);
    return ours;
}

static void *live(void *data)
{
    struct broker *k = data;

    pthread_setname_np(pthread_self(), k->name);
    while (await_helm(k))
        k->steer(k);
    return NULL;
}

bool helm_add_thread(struct broker *k)
{
    bool added = pthread_create(&k->threads[k->n_threads], NULL, live, k) == 0;

    k->n_threads += added;
    return added;
}

bool helm_work(struct broker *k, struct channel *channel)
{
    bool ours;

    pthread_mutex_lock(&k->lock);
    k->at_work = channel;
    k->in_op = NULL;
    int64_t until = channel->work_until;
    pthread_mutex_unlock(&k->lock);
    set_alarm(k, until);
    channel->ops->work(channel);
    pthread_mutex_lock(&k->lock);
    ours = pthread_equal(k->owner, pthread_self());
    if (ours) {
        channel->work_until = 0;
        k->at_work = NULL;
        set_alarm(k, 0);             /* before anybody can know that it is done, and set another */
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->lock);
    return ours;
}

void helm_join(struct broker *k)
{
    set_alarm(k, 1);
    for (int i = 0; i < k->n_threads; i++)
        pthread_join(k->threads[i], NULL);
}
