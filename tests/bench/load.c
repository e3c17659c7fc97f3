/* A load of one kind: threads that ask over kept connections, or that do to a disk what storing an object comes to.
 *
 *     load get|put|delete URL CONNECTIONS SECONDS|COUNTx [SIZE|KEYS] [HEADER ...]     paths are URL and a number of eight digits
 *     load hold URL CONNECTIONS BYTES RATE [HEADER ...]                               each reads that much, so many bytes a second
 *     load push URL CONNECTIONS BYTES RATE [HEADER ...]                               each sends that much, likewise, in chunks
 *     load store DIRECTORY THREADS COUNTx SIZE                                        write, xattr, fsync, rename, fsync: three times each
 *
 * Says: requests, seconds, megabytes, median ms, what failed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define COPIES 3

static const char *verb, *host, *path;
static int port;
static char headers[8192], *bytes;
static size_t size;
static long keys, count;
static double ends;
static atomic_long next;

struct worker { pthread_t thread; long n, failed; uint64_t moved; double *times; size_t room; };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    inet_pton(AF_INET, host, &to.sin_addr);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof(to))) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, const char *at, size_t n, int flags)
{
    while (n) {
        ssize_t some = send(fd, at, n, MSG_NOSIGNAL | flags);

        if (some <= 0)
            return false;
        at += some;
        n -= (size_t)some;
    }
    return true;
}

/* Reads a head; what comes after it has begun is counted in *ret_have. The status; 0: none. */
static int read_head(int fd, char *head, size_t room, long long *ret_length, size_t *ret_have)
{
    size_t used = 0;
    char *end, *length;

    for (;;) {
        ssize_t some = recv(fd, head + used, room - used - 1, 0);

        if (some <= 0)
            return 0;
        used += (size_t)some;
        head[used] = '\0';
        if ((end = strstr(head, "\r\n\r\n")))
            break;
        if (used + 1 >= room)
            return 0;
    }
    *ret_have = used - (size_t)(end + 4 - head);
    length = strcasestr(head, "\r\ncontent-length:");
    *ret_length = length && length < end ? atoll(length + 17) : -1;
    return atoi(head + 9);
}

/* "chunked" is not read: what is asked for here has a length. */
static bool ask(int fd, long number, struct worker *w)
{
    char text[12000], head[16384];
    bool put = !strcmp(verb, "put");
    size_t have = 0;
    long long length, got;
    int n = snprintf(text, sizeof(text), "%s %s%08ld HTTP/1.1\r\nHost: %s:%d\r\n%s", put ? "PUT" : *verb == 'd' ? "DELETE" : "GET", path, number, host, port,
                     headers), status;

    n += put ? snprintf(text + n, sizeof(text) - (size_t)n, "Content-Length: %zu\r\n\r\n", size) : snprintf(text + n, sizeof(text) - (size_t)n, "\r\n");
    if (!send_all(fd, text, (size_t)n, put ? MSG_MORE : 0) || (put && !send_all(fd, bytes, size, 0)))
        return false;
    status = read_head(fd, head, sizeof(head), &length, &have);
    got = (long long)have;
    while (status && got < length) {
        ssize_t some = recv(fd, NULL, 4 << 20, MSG_TRUNC);

        if (some <= 0)
            return false;
        got += some;
    }
    w->moved += put ? size : (uint64_t)got;
    w->failed += status / 100 != 2;
    return status != 0;
}

static void took(struct worker *w, double seconds)
{
    if ((size_t)w->n == w->room) {
        w->room = w->room ? w->room * 2 : 1024;
        w->times = realloc(w->times, w->room * sizeof(*w->times));
    }
    w->times[w->n++] = seconds;
}

static bool more(long *ret)
{
    *ret = atomic_fetch_add(&next, 1);
    return count ? *ret < count : now() < ends;
}

static void *asker(void *data)
{
    struct worker *w = data;
    int fd = -1;

    for (long i; more(&i);) {
        double began = now();

        if (fd < 0 && (fd = dial()) < 0) {
            w->failed++;
            usleep(1000);
            continue;
        }
        if (!ask(fd, keys ? i % keys : i, w)) {
            close(fd);
            fd = -1;
            w->failed++;
        }
        took(w, now() - began);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* --- the disk alone ------------------------------------------------------------------------------------------------- */

static void must(bool well, const char *what)
{
    if (well)
        return;
    perror(what);
    exit(1);
}

static void store_one(long number, int copy)
{
    char tmp[4096], dir[4096], name[5000], metadata[480];
    int fd;

    memset(metadata, 'm', sizeof(metadata));
    snprintf(tmp, sizeof(tmp), "%s/tmp-%ld-%d", path, number, copy);
    snprintf(dir, sizeof(dir), "%s/%d-%ld", path, copy, number);
    snprintf(name, sizeof(name), "%s/1.data", dir);
    must((fd = open(tmp, O_CREAT | O_WRONLY, 0600)) >= 0, tmp);
    must(write(fd, bytes, size) == (ssize_t)size, "write");
    must(!fsetxattr(fd, "user.metadata", metadata, sizeof(metadata), 0), "xattr");
    must(!fsync(fd), "fsync");
    close(fd);
    must(!mkdir(dir, 0755) && !rename(tmp, name), name);
    must((fd = open(dir, O_RDONLY | O_DIRECTORY)) >= 0 && !fsync(fd), dir);
    close(fd);
}

static void *storer(void *data)
{
    struct worker *w = data;

    for (long i; more(&i);) {
        double began = now();

        for (int copy = 0; copy < COPIES; copy++)
            store_one(i, copy);
        w->moved += size;
        took(w, now() - began);
    }
    return NULL;
}

/* --- slow readers ----------------------------------------------------------------------------------------------------- */

static double rate;

/* Waits until what has been moved is due. */
static void pace(const struct worker *w, double began)
{
    double early = (double)w->moved / rate - (now() - began);

    if (early > 0)
        usleep((useconds_t)(early * 1e6));
}

static void *holder(void *data)
{
    struct worker *w = data;
    char text[9000], head[16384], *block = malloc(65536);
    long long length;
    size_t have;
    int fd = dial(), n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, headers);
    double began = now();

    if (fd < 0 || !send_all(fd, text, (size_t)n, 0) || read_head(fd, head, sizeof(head), &length, &have) != 200) {
        w->failed++;
        return NULL;
    }
    for (w->moved = have; w->moved < size;) {
        ssize_t some = recv(fd, block, 65536, 0);

        if (some <= 0)
            break;
        w->moved += (uint64_t)some;
        pace(w, began);
    }
    w->failed += w->moved < size;
    took(w, now() - began);
    close(fd);
    free(block);
    return NULL;
}

static void *pusher(void *data)
{
    static char block[7 + 65536 + 2] = "10000\r\n";
    struct worker *w = data;
    char text[9000], head[16384];
    long long length;
    size_t have;
    int fd = dial(), n = snprintf(text, sizeof(text), "PUT %s%08ld HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n%s\r\n", path,
                                  atomic_fetch_add(&next, 1), host, headers);
    double began = now();

    if (fd < 0 || !send_all(fd, text, (size_t)n, 0)) {
        w->failed++;
        return NULL;
    }
    memcpy(block + 7 + 65536, "\r\n", 2);
    while (w->moved < size && send_all(fd, block, sizeof(block), 0)) {
        w->moved += 65536;
        pace(w, began);
    }
    w->failed += w->moved < size || !send_all(fd, "0\r\n\r\n", 5, 0) || read_head(fd, head, sizeof(head), &length, &have) != 201;
    took(w, now() - began);
    close(fd);
    return NULL;
}

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void fill(void)
{
    uint64_t x = 88172645463325252ull;

    bytes = malloc(size + 8);
    for (size_t i = 0; i < size; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, 8);
    }
}

static void read_url(char *url)
{
    char *at = strstr(url, "://") ? strstr(url, "://") + 3 : url, *slash = strchr(at, '/'), *colon = strchr(at, ':');

    path = strdup(slash ? slash : "/");
    if (slash)
        *slash = '\0';
    port = colon ? atoi(colon + 1) : 80;
    if (colon)
        *colon = '\0';
    host = strdup(at);
}

int main(int argc, char **argv)
{
    struct worker *workers;
    double began = now(), took_s, *all;
    long n = 0, failed = 0, k = 0, threads;
    uint64_t moved = 0;
    void *(*work)(void *);

    if (argc < 5)
        return 2;
    verb = argv[1];
    threads = atol(argv[3]);
    if (strchr(argv[4], 'x'))
        count = atol(argv[4]);
    ends = began + atof(argv[4]);
    if (!strcmp(verb, "hold") || !strcmp(verb, "push")) {
        size = strtoull(argv[4], NULL, 0);
        rate = argc > 5 ? atof(argv[5]) : 1e6;
    } else if (argc > 5 && strcmp(verb, "get")) {
        size = strtoull(argv[5], NULL, 0);
    } else if (argc > 5) {
        keys = atol(argv[5]);
    }
    for (int i = 6; i < argc; i++)
        snprintf(headers + strlen(headers), sizeof(headers) - strlen(headers), "%s\r\n", argv[i]);
    if (!strcmp(verb, "store"))
        path = argv[2];
    else
        read_url(argv[2]);
    if (!rate)
        fill();
    work = !strcmp(verb, "store") ? storer : !strcmp(verb, "hold") ? holder : !strcmp(verb, "push") ? pusher : asker;
    workers = calloc((size_t)threads, sizeof(*workers));
    began = now();
    for (long i = 0; i < threads; i++)
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    for (long i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    took_s = now() - began;
    for (long i = 0; i < threads; i++) {
        n += workers[i].n;
        failed += workers[i].failed;
        moved += workers[i].moved;
    }
    all = malloc(((size_t)n + 1) * sizeof(*all));
    for (long i = 0; i < threads; i++)
        for (long j = 0; j < workers[i].n; j++)
            all[k++] = workers[i].times[j];
    qsort(all, (size_t)n, sizeof(*all), by_time);
    printf("{\"n\": %ld, \"seconds\": %.4f, \"megabytes\": %.3f, \"p50_ms\": %.4f, \"failed\": %ld}\n", n, took_s, (double)moved / 1e6,
           n ? all[n / 2] * 1e3 : 0, failed);
    return 0;
}
