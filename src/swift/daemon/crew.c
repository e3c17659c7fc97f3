/* Threads that are made when there is work for them, and go when the round ends. */
#include "swift/daemon/crew.h"

#include <pthread.h>

#define STACK ((size_t)1024 * 1024)
#define MOST_HANDS 64

struct crew {
    struct ctx *parent;
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t changed;
    void (*work)(struct ctx *, void *);      /* what waits for a hand; NULL: nothing */
    void *data;
    bool ends;
    int64_t hands, idle;
    pthread_t threads[MOST_HANDS];
    int n;
};

struct crew *crew_new(struct ctx *parent, int64_t hands)
{
    struct crew *crew = g_new0(struct crew, 1);

    crew->parent = parent;
    crew->hands = MIN(hands, MOST_HANDS);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->changed, NULL);
    return crew;
}

static void work_once(const struct crew *crew, void (*work)(struct ctx *, void *), void *data)
{
    struct ctx own;

    ctx_init_child(&own, crew->parent, crew->parent->service);
    work(&own, data);
    ctx_clear(&own);
}

static void *hand(void *data)
{
    struct crew *crew = data;

    pthread_mutex_lock(&crew->lock);
    for (;;) {
        void (*work)(struct ctx *, void *);
        void *it;

        crew->idle++;
        while (!crew->work && !crew->ends)
            pthread_cond_wait(&crew->changed, &crew->lock);
        crew->idle--;
        if (!crew->work)
            break;
        work = crew->work;
        it = crew->data;
        crew->work = NULL;
        pthread_cond_broadcast(&crew->changed);
        pthread_mutex_unlock(&crew->lock);
        work_once(crew, work, it);
        pthread_mutex_lock(&crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* With the lock held. */
static void hire(struct crew *crew)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    if (!pthread_create(&crew->threads[crew->n], &attributes, hand, crew))
        crew->n++;
    pthread_attr_destroy(&attributes);
}

void crew_do(struct crew *crew, void (*work)(struct ctx *, void *), void *data)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->hands > 1 && !crew->idle && crew->n < crew->hands)
        hire(crew);
    if (!crew->n) {
        pthread_mutex_unlock(&crew->lock);
        work_once(crew, work, data);
        return;
    }
    while (crew->work)
        pthread_cond_wait(&crew->changed, &crew->lock);
    crew->work = work;
    crew->data = data;
    pthread_cond_broadcast(&crew->changed);
    while (crew->work)
        pthread_cond_wait(&crew->changed, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}

void crew_end(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    crew->ends = true;
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    for (int i = 0; i < crew->n; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->changed);
    g_free(crew);
}
