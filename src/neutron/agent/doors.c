/* The doors of one kind: a table under a lock, an epoll set, a thread. */
#include "neutron/agent/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct open_doors {
    pthread_t thread;
    GHashTable *by_name;             /* under lock: name -> struct door */
    int epoll, stop;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* of all kinds; nobody waits under it */

void door_free(struct door *d)
{
    if (d->fd >= 0)
        close(d->fd);                    /* epoll forgets it with the last descriptor of it, and doors_close() before */
    g_strfreev(d->about);
    g_free(d->name);
    g_free(d);
}

static struct door *door_new(const char *name, const char *const *about, int fd)
{
    struct door *d = g_new(struct door, 1);

    *d = (struct door){ g_strdup(name), about ? g_strdupv((char **)(uintptr_t)about) : NULL, fd };
    return d;
}

/* A copy of the one that has the descriptor; NULL: it has closed. */
static struct door *copy_of(struct open_doors *open, int fd)
{
    struct door *copy = NULL;
    GHashTableIter i;
    void *value;

    pthread_mutex_lock(&lock);
    g_hash_table_iter_init(&i, open->by_name);
    while (!copy && g_hash_table_iter_next(&i, NULL, &value)) {
        const struct door *d = value;

        if (d->fd == fd)
            copy = door_new(d->name, (const char *const *)d->about, fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    pthread_mutex_unlock(&lock);
    return copy;
}

static void *wait_at_all(void *data)
{
    struct doors *doors = data;
    struct open_doors *open = doors->open;
    struct epoll_event events[32];
    bool stopped = false;

    pthread_setname_np(pthread_self(), doors->thread);
    while (!stopped) {
        int n = epoll_wait(open->epoll, events, G_N_ELEMENTS(events), -1);

        for (int i = 0; i < n; i++) {
            struct door *d = copy_of(open, events[i].data.fd);

            stopped = stopped || events[i].data.fd == open->stop;
            if (d)
                doors->knock(d);
        }
    }
    return NULL;
}

static void watch(int epoll, int fd)
{
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
}

static void open_free(struct open_doors *open)
{
    g_hash_table_unref(open->by_name);
    close(open->epoll);
    close(open->stop);
    g_free(open);
}

static void free_door(void *door)
{
    door_free(door);
}

/* Under lock. */
static bool start(struct ctx *c, struct doors *doors)
{
    struct open_doors *open;

    if (doors->open)
        return true;
    open = doors->open = g_new0(struct open_doors, 1);
    open->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_door);
    open->epoll = epoll_create1(EPOLL_CLOEXEC);
    open->stop = eventfd(0, EFD_CLOEXEC);
    watch(open->epoll, open->stop);
    if (pthread_create(&open->thread, NULL, wait_at_all, doors) == 0)
        return true;
    doors->open = NULL;
    open_free(open);
    return fail(c, UNAVAILABLE, ctx_printf(c, "cannot start the thread %s", doors->thread));
}

/* Is it open? Then about is what is said of it. */
static bool is_open(struct doors *doors, const char *name, const char *const *about)
{
    struct door *d;

    pthread_mutex_lock(&lock);
    d = doors->open ? g_hash_table_lookup(doors->open->by_name, name) : NULL;
    if (d) {
        g_strfreev(d->about);
        d->about = about ? g_strdupv((char **)(uintptr_t)about) : NULL;
    }
    pthread_mutex_unlock(&lock);
    return d;
}

bool doors_open(struct ctx *c, struct doors *doors, const char *name, const char *const *about, const struct privsep_socket *socket)
{
    bool ok;
    int fd;

    if (is_open(doors, name, about))
        return true;
    if ((fd = privsep_socket(c, socket)) < 0)
        return false;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    pthread_mutex_lock(&lock);
    ok = start(c, doors);
    if (ok) {
        struct door *d = door_new(name, about, fd);

        g_hash_table_replace(doors->open->by_name, d->name, d);
        watch(doors->open->epoll, fd);
    } else {
        close(fd);
    }
    pthread_mutex_unlock(&lock);
    return ok;
}

void doors_close(struct doors *doors, const char *name)
{
    struct door *d;

    pthread_mutex_lock(&lock);
    d = doors->open ? g_hash_table_lookup(doors->open->by_name, name) : NULL;
    if (d) {
        epoll_ctl(doors->open->epoll, EPOLL_CTL_DEL, d->fd, NULL);
        g_hash_table_remove(doors->open->by_name, name);
    }
    pthread_mutex_unlock(&lock);
}

void doors_end(struct doors *doors)
{
    struct open_doors *open = doors->open;

    if (!open)
        return;
    if (eventfd_write(open->stop, 1) == 0)
        pthread_join(open->thread, NULL);
    doors->open = NULL;
    open_free(open);
}
