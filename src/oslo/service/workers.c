/* Workers: a thread each, one round after the other, until the process stops. */
#include "oslo/base/log.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <pthread.h>
#include <string.h>

struct running {
    const struct worker *worker;
    const struct service *service;
    pthread_t thread;
    bool woken;                      /* guarded by lock */
    char *last_fault;                /* of its own thread: a fault that repeats is logged once */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;        /* guards woken and stopping */
static pthread_cond_t changed;
static struct running *running[256];
static size_t n_running;
static bool stopping;

static bool worker_start(struct ctx *, const struct service *, const struct worker *);
static void *worker_thread(void *);
static void worker_round(struct running *);
static bool worker_sleep(struct running *);

bool workers_start(struct ctx *c)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; services[i]; i++)
        for (const struct worker *worker = services[i]->workers; worker && worker->name; worker++)
            if (service_runs_worker(services[i], worker) && !worker_start(c, services[i], worker))
                return false;
    return true;
}

void workers_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&changed);
    size_t n = n_running;
    n_running = 0;                   /* who wakes a worker from here on finds none */
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++) {
        pthread_join(running[i]->thread, NULL);
        g_free(running[i]->last_fault);
        g_free(running[i]);
    }
}

void worker_wake(const struct worker *worker)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n_running; i++)
        if (running[i]->worker->run == worker->run)
            running[i]->woken = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool worker_start(struct ctx *c, const struct service *service, const struct worker *worker)
{
    struct running *self = g_new0(struct running, 1);

    g_assert(n_running < G_N_ELEMENTS(running));
    self->worker = worker;
    self->service = service;
    pthread_mutex_lock(&lock);
    running[n_running] = self;
    bool started = !pthread_create(&self->thread, NULL, worker_thread, self);
    if (started)
        n_running++;
    pthread_mutex_unlock(&lock);
    return started || fail(c, INTERNAL_ERROR, "A worker's thread cannot be started.");
}

static void *worker_thread(void *data)
{
    struct running *self = data;

    do
        worker_round(self);
    while (worker_sleep(self));
    return NULL;
}

static void worker_round(struct running *self)
{
    struct ctx c;

    service_ctx_init(&c, self->service, NULL);
    if (self->worker->run(&c)) {
        g_clear_pointer(&self->last_fault, g_free);
    } else if (!self->last_fault || !text_equal(self->last_fault, c.fault.message)) {
        log_error(&c, "worker %s %s: %s: %s", self->service->name, self->worker->name, c.fault.type ? c.fault.type : "?",
                  c.fault.message ? c.fault.message : "?");
        g_free(self->last_fault);
        self->last_fault = g_strdup(c.fault.message ? c.fault.message : "?");
    }
    ctx_clear(&c);
}

/* False when the process stops. */
static bool worker_sleep(struct running *self)
{
    int64_t until = clock_mono_us() + self->worker->every_us;
    struct timespec at = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };

    pthread_mutex_lock(&lock);
    while (!stopping && !self->woken && !pthread_cond_timedwait(&changed, &lock, &at))
        ;
    self->woken = false;
    bool more = !stopping;
    pthread_mutex_unlock(&lock);
    return more;
}
