/* A reply as the library sends it: bytes, a file (sendfile), a stream pulled by workers, or the connection itself. */
#include "oslo/base/text.h"
#include "oslo/http/door.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)128 * 1024)
#define LATE_US (10 * G_USEC_PER_SEC)         /* how long who was too slow may take to read that */

/* A pulled stream: a worker fills the block, the polling thread sends it; one of the two has it at a time. */
struct puller {
    struct work work;
    struct exchange *exchange;
    pthread_mutex_t lock;
    bool filling, waiting, gone;             /* guarded by lock: a worker has the block; the connection is suspended; is closed */
    size_t used, sent;
    ssize_t last;                            /* what pull said last */
    char *block;                             /* made when the first byte is wanted: an answer to HEAD needs none */
};

static void puller_free(struct puller *p)
{
    struct exchange *x = p->exchange;

    pthread_mutex_destroy(&p->lock);
    g_free(p->block);
    g_free(p);
    exchange_release(x);
}

static void fill_block(struct work *work)
{
    struct puller *p = (struct puller *)work;
    struct reply *reply = &p->exchange->reply;
    ssize_t n;
    bool gone;

    if (!p->block)
        p->block = g_malloc(BLOCK_SIZE);
    n = reply->pull(reply->pull_data, p->block, BLOCK_SIZE);
    pthread_mutex_lock(&p->lock);
    p->last = n;
    p->used = n > 0 ? (size_t)n : 0;
    p->sent = 0;
    p->filling = false;
    gone = p->gone;
    if (p->waiting && !gone)
        MHD_resume_connection(p->exchange->mhd);
    p->waiting = false;
    pthread_mutex_unlock(&p->lock);
    if (gone)
        puller_free(p);
}

static ssize_t send_block(void *cls, uint64_t position, char *to, size_t n)
{
    struct puller *p = cls;
    ssize_t sent = 0;

    pthread_mutex_lock(&p->lock);
    if (!p->filling && p->sent == p->used && p->last > 0) {
        p->filling = true;
        pool_submit(stream_pool, &p->work, true);
    }
    if (p->filling) {
        p->waiting = true;
        MHD_suspend_connection(p->exchange->mhd);
    } else if (p->sent < p->used) {
        sent = (ssize_t)MIN(n, p->used - p->sent);
        memcpy(to, p->block + p->sent, (size_t)sent);
        p->sent += (size_t)sent;
    } else {
        sent = p->last < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    pthread_mutex_unlock(&p->lock);
    return sent;
}

static void end_stream(void *cls)
{
    struct puller *p = cls;
    bool filling;

    pthread_mutex_lock(&p->lock);
    p->gone = true;
    filling = p->filling;
    pthread_mutex_unlock(&p->lock);
    if (!filling)
        puller_free(p);
}

static struct MHD_Response *pulled(struct exchange *x)
{
    struct puller *p = g_new0(struct puller, 1);
    uint64_t size = x->reply.size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)x->reply.size;

    pthread_mutex_init(&p->lock, NULL);
    p->work.run = fill_block;
    p->exchange = x;
    p->last = 1;
    x->owners++;
    return MHD_create_response_from_callback(size, 32 * 1024, send_block, p, end_stream);
}

/* An upgraded connection: the exchange lives until upgrade() returns. */
struct upgrade {
    struct exchange *exchange;
    struct MHD_UpgradeResponseHandle *handle;
    int socket;
    size_t n;
    char early[];
};

static void *run_upgrade(void *data)
{
    struct upgrade *u = data;
    struct reply *reply = &u->exchange->reply;
    int flags = fcntl(u->socket, F_GETFL);

    pthread_setname_np(pthread_self(), "http-upgrade");
    fcntl(u->socket, F_SETFL, flags & ~O_NONBLOCK);
    reply->upgrade(reply->upgrade_data, u->socket, u->early, u->n);
    MHD_upgrade_action(u->handle, MHD_UPGRADE_ACTION_CLOSE);
    exchange_release(u->exchange);
    g_free(u);
    return NULL;
}

static void upgraded(void *cls, struct MHD_Connection *mhd, void *exchange, const char *early, size_t n, MHD_socket socket,
                     struct MHD_UpgradeResponseHandle *handle)
{
    struct exchange *x = cls;
    struct upgrade *u = g_malloc(sizeof(*u) + n);
    pthread_t thread;

    u->exchange = x;
    u->handle = handle;
    u->socket = socket;
    u->n = n;
    if (n)
        memcpy(u->early, early, n);
    x->owners++;
    x->connection->upgraded = true;
    if (pthread_create(&thread, NULL, run_upgrade, u) == 0) {
        pthread_detach(thread);
        return;
    }
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    exchange_release(x);
    g_free(u);
}

static struct MHD_Response *response_new(struct exchange *x)
{
    struct reply *reply = &x->reply;
    struct MHD_Response *response;
    size_t n = reply->body.len;

    if (reply->upgrade)
        return MHD_create_response_for_upgrade(upgraded, x);
    if (reply->pull)
        return pulled(x);
    if (reply->fd >= 0) {
        response = MHD_create_response_from_fd_at_offset64((uint64_t)reply->size, reply->fd, (uint64_t)reply->offset);
        reply->fd = -1;
        return response;
    }
    if (!n)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer_with_free_callback(n, buf_steal(&reply->body), free);
}

/* The library counts bodies and keeps connections by itself. It can be told to say that it keeps one, and the length of a 204. */
static bool library_writes(const struct reply *reply, const char *name, const char *value, enum MHD_ResponseFlags *flags)
{
    if (strcasecmp(name, "Connection") == 0 && strcasecmp(value, "keep-alive") == 0) {
        *flags |= MHD_RF_SEND_KEEP_ALIVE_HEADER;
        return true;
    }
    return strcasecmp(name, "Content-Length") == 0 && reply->status != 204;
}

/* libmicrohttpd refuses an empty value: a blank is sent for one. */
static void add_headers(struct exchange *x, struct MHD_Response *response)
{
    struct reply *reply = &x->reply;
    enum MHD_ResponseFlags flags = reply->status == 204 ? MHD_RF_INSANITY_HEADER_CONTENT_LENGTH : MHD_RF_NONE;
    bool typed = false;

    MHD_set_response_options(response, flags, MHD_RO_END);
    for (int i = 0; i < reply->n_headers; i++) {
        const char *name = reply->headers[i].name, *value = reply->headers[i].value;

        typed = typed || strcasecmp(name, "Content-Type") == 0;
        if (!library_writes(reply, name, value, &flags))
            MHD_add_response_header(response, name, *value ? value : " ");
    }
    if (!typed && (reply->has_body || reply->content_type))
        MHD_add_response_header(response, "Content-Type", reply->content_type ? reply->content_type : "application/json");
    if (x->server->draining && !reply->upgrade)
        MHD_add_response_header(response, "Connection", "close");
    MHD_set_response_options(response, flags, MHD_RO_END);
}

enum MHD_Result exchange_answer(struct exchange *x)
{
    unsigned status = x->reply.status ? (unsigned)x->reply.status : 200;
    bool has_body = x->reply.has_body || x->reply.pull || x->reply.fd >= 0 || x->reply.body.len;
    struct MHD_Response *response;
    enum MHD_Result result;

    x->reply.has_body = has_body;
    if (x->request.source)
        MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)x->server->options.timeout_s);
    response = response_new(x);
    if (!response)
        return MHD_NO;
    add_headers(x, response);
    result = MHD_queue_response(x->mhd, status, response);
    MHD_destroy_response(response);
    return result;
}

static void put_late(struct exchange *x, struct buf *to)
{
    struct reply *reply = &x->reply;
    unsigned status = reply->status ? (unsigned)reply->status : 408;
    time_t now = time(NULL);
    struct tm tm;
    char date[64];

    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_printf(to, "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %zu\r\n", status, MHD_get_reason_phrase_for(status), date,
               reply->body.len);
    if (reply->content_type)
        buf_printf(to, "Content-Type: %s\r\n", reply->content_type);
    for (int i = 0; i < reply->n_headers; i++)           /* the library, too, leaves out what would be more than a line */
        if (strcasecmp(reply->headers[i].name, "Connection") && strcasecmp(reply->headers[i].name, "Content-Length") &&
            !strpbrk(reply->headers[i].value, "\r\n"))
            buf_printf(to, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    buf_puts(to, "\r\n");
    buf_add(to, reply->body.data, reply->body.len);
}

/* The library answers only behind a body: this goes past it. What still comes from that client ends the connection. */
void exchange_answer_late(void *exchange)
{
    struct exchange *x = exchange;
    struct buf text = {};

    x->connection->whole_by = clock_mono_us() + LATE_US;
    if (x->server->options.certificate || x->reply.pull || x->reply.fd >= 0) {
        shutdown(x->connection->fd, SHUT_RDWR);
        return;
    }
    put_late(x, &text);
    if (send(x->connection->fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)text.len)
        shutdown(x->connection->fd, SHUT_WR);
    else
        shutdown(x->connection->fd, SHUT_RDWR);
    buf_clear(&text);
}
