/* The call monitor's end at the server: one thread that tells callers, at half the interval they can bear, that their methods still run. */
#include <pthread.h>

#include "oslo/messaging/internal.h"
#include "oslo/messaging/wait.h"

enum { SHORTEST_US = 1000000 };

struct watch {
    const struct driver *driver;
    void *source;
    struct incoming *in;
    int64_t every, next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards all below; held while a sign is handed over, which does not wait */
static pthread_cond_t changed;
static GPtrArray *watches;
static pthread_t thread;
static bool running, stopping;

static void *loop(void *unused)
{
    pthread_setname_np(pthread_self(), "rpc-monitor");
    pthread_mutex_lock(&lock);
    while (!stopping) {
        int64_t now = clock_mono_us(), next = 0;

        for (guint i = 0; i < watches->len; i++) {
            struct watch *w = watches->pdata[i];

            if (w->next <= now) {
                w->driver->keep_alive(w->source, w->in);
                w->next = now + w->every;
            }
            if (!next || w->next < next)
                next = w->next;
        }
        cond_wait_until(&changed, &lock, next);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

struct watch *watch_begin(const struct driver *driver, void *source, struct incoming *in)
{
    struct watch *w;

    if (!in->wants_reply || in->monitor_us / 2 < SHORTEST_US)
        return NULL;
    w = g_new0(struct watch, 1);
    *w = (struct watch){ driver, source, in, in->monitor_us / 2, clock_mono_us() + in->monitor_us / 2 };
    pthread_mutex_lock(&lock);
    if (!watches) {
        watches = g_ptr_array_new();
        cond_init_mono(&changed);
    }
    g_ptr_array_add(watches, w);
    if (!running)
        running = pthread_create(&thread, NULL, loop, NULL) == 0;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return w;
}

void watch_end(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&lock);
    g_ptr_array_remove_fast(watches, w);
    pthread_mutex_unlock(&lock);
    g_free(w);
}

void watch_stop(void)
{
    pthread_mutex_lock(&lock);
    bool was = running;
    stopping = true;
    running = false;
    if (was)
        pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    if (was)
        pthread_join(thread, NULL);
    pthread_mutex_lock(&lock);
    stopping = false;
    if (watches) {
        g_ptr_array_unref(watches);
        pthread_cond_destroy(&changed);
    }
    watches = NULL;
    pthread_mutex_unlock(&lock);
}
