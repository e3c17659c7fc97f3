/* One request to one storage node: in this process a function call, else HTTP over a connection that is kept. */
#include "swift/proxy/proxy.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IDLE_MOST 64
#define DRAIN_MOST 65536

struct backend {
    struct ctx *c;
    const struct backend_call *call;
    bool local, done;
    int64_t opened;                  /* clock_mono_us() */
    /* of this process */
    struct swift_request request;
    struct swift_response response;
    struct upload *upload;
    const struct headers *footers;
    /* over a socket */
    struct wire *wire;
    bool kept;                       /* the connection was used before */
    bool continued, closes;          /* closes: the node ends the connection after its answer */
    bool ended;                      /* the last piece of the body is sent */
    char boundary[65]; bool begun;   /* of MIME; begun: what stands before the body is sent */
    char *line;                      /* a final answer that came instead of 100 */
    struct headers answer;
};

/* --- kept connections ----------------------------------------------------------------------------------------------------------- */

struct idle { struct wire *wire; char *ip; int port; };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards idle */
static GQueue idle = G_QUEUE_INIT;   /* struct idle, the one used last at its head */

static bool replicates(const struct backend_call *call)
{
    return call->node.replication || (call->headers && header_true(call->headers, "X-Backend-Use-Replication-Network"));
}

static const char *ip_of(const struct backend_call *call)
{
    return replicates(call) ? call->node.device->replication_ip : call->node.device->ip;
}

static int port_of(const struct backend_call *call)
{
    return replicates(call) ? call->node.device->replication_port : call->node.device->port;
}

static void idle_free(struct idle *i)
{
    wire_free(i->wire);
    g_free(i->ip);
    g_free(i);
}

/* NULL: none to that node is kept. */
static struct idle *unkeep(const char *ip, int port)
{
    struct idle *found = NULL;

    pthread_mutex_lock(&lock);
    for (GList *link = idle.head; link && !found; link = link->next) {
        struct idle *i = link->data;

        if (i->port == port && !strcmp(i->ip, ip))
            found = i;
    }
    g_queue_remove(&idle, found);
    pthread_mutex_unlock(&lock);
    return found;
}

/* One that the node has ended is of no use. */
static struct wire *take_kept(const struct backend_call *call)
{
    struct wire *wire = NULL;
    struct idle *found;

    while (!wire && (found = unkeep(ip_of(call), port_of(call)))) {
        if (wire_is_idle(found->wire))
            wire = g_steal_pointer(&found->wire);
        idle_free(found);
    }
    return wire;
}

static void keep(const struct backend_call *call, struct wire *wire)
{
    struct idle *i = g_new(struct idle, 1), *last;

    *i = (struct idle){ wire, g_strdup(ip_of(call)), port_of(call) };
    pthread_mutex_lock(&lock);
    g_queue_push_head(&idle, i);
    last = idle.length > IDLE_MOST ? g_queue_pop_tail(&idle) : NULL;
    pthread_mutex_unlock(&lock);
    if (last)
        idle_free(last);
}

void backends_close(void)
{
    struct idle *i;

    pthread_mutex_lock(&lock);
    while ((i = g_queue_pop_head(&idle)))
        idle_free(i);
    pthread_mutex_unlock(&lock);
}

/* --- in this process -------------------------------------------------------------------------------------------------------------- */

static void make_local(struct ctx *c, struct backend *b)
{
    const struct backend_call *call = b->call;
    struct swift_request *r = &b->request;

    r->method = call->method;
    r->device = call->node.device->device;
    r->partition = call->partition;
    r->account = call->account;
    r->container = call->container;
    r->object = call->object;
    r->path = ctx_printf(c, "/%s/%u%s%s%s%s%s%s", r->device, r->partition, r->account ? "/" : "", r->account ? r->account : "",
                         r->container ? "/" : "", r->container ? r->container : "", r->object ? "/" : "", r->object ? r->object : "");
    request_set_query(c, r, call->query);
    if (call->headers)
        headers_copy(c, &r->headers, call->headers);
    r->length = call->length;
    r->digest = call->digest;
    if (call->length)
        headers_set(c, &r->headers, call->length < 0 ? "Transfer-Encoding" : "Content-Length",
                    call->length < 0 ? "chunked" : ctx_printf(c, "%" G_GINT64_FORMAT, call->length));
    else
        headers_set(c, &r->headers, "Content-Length", "0");
    if (call->bytes)
        request_set_body(r, call->bytes, (size_t)call->length);
}

static bool is_upload(const struct backend_call *call)
{
    return call->kind == STORAGE_OBJECT && !strcmp(call->method, "PUT") && !call->bytes;
}

static void open_local(struct ctx *c, struct backend *b)
{
    const struct storage_server *server = storage_server(b->call->kind);

    make_local(c, b);
    if (is_upload(b->call)) {
        b->upload = server->put(c, &b->request, &b->response);
        b->done = !b->upload;
        return;
    }
    server->serve(c, &b->request, &b->response);
    b->done = true;
}

/* --- over a socket ----------------------------------------------------------------------------------------------------------------- */

static void put_path(struct buf *to, const struct backend_call *call)
{
    const char *const names[] = { call->account, call->container, call->object };

    buf_putc(to, '/');
    name_quote_to(to, call->node.device->device, "");
    buf_printf(to, "/%u", call->partition);
    for (size_t i = 0; i < G_N_ELEMENTS(names) && names[i]; i++) {
        buf_putc(to, '/');
        name_quote_to(to, names[i], "/");
    }
    if (call->query && *call->query) {
        buf_putc(to, '?');
        buf_puts(to, call->query);
    }
}

/* The body is one part, what follows it another, each after a line with the boundary. */
static void put_mime_headers(struct backend *b, struct buf *head)
{
    uint8_t noise[32];

    random_bytes(noise, sizeof(noise));
    for (size_t i = 0; i < sizeof(noise); i++)
        g_snprintf(b->boundary + 2 * i, 3, "%02x", noise[i]);
    buf_printf(head, "X-Backend-Obj-Multipart-Mime-Boundary: %s\r\nX-Backend-Obj-Metadata-Footer: yes\r\n", b->boundary);
    if (b->call->phases)
        buf_puts(head, "X-Backend-Obj-Multiphase-Commit: yes\r\n");
}

/* Where the call does not say: as the proxy has it, if this process has one. */
static int64_t connect_us(const struct backend_call *call)
{
    return call->connect_timeout_us ? call->connect_timeout_us : (int64_t)((proxy_options ? proxy_options->conn_timeout : 0.5) * 1e6);
}

static int64_t answer_us(const struct backend_call *call)
{
    return call->timeout_us ? call->timeout_us : (int64_t)((proxy_options ? proxy_options->node_timeout : 10) * 1e6);
}

static bool send_head(struct backend *b)
{
    const struct backend_call *call = b->call;
    struct buf head = {};
    bool well;

    buf_puts(&head, call->method);
    buf_putc(&head, ' ');
    put_path(&head, call);
    buf_printf(&head, " HTTP/1.1\r\nHost: %s:%d\r\n", ip_of(call), port_of(call));
    if (call->headers)
        wire_put_headers(&head, call->headers);
    if (call->footers)
        put_mime_headers(b, &head);
    if (call->length < 0)
        buf_puts(&head, "Transfer-Encoding: chunked\r\n");
    else
        buf_printf(&head, "Content-Length: %" G_GINT64_FORMAT "\r\n", call->length);
    if (is_upload(call))
        buf_puts(&head, "Expect: 100-continue\r\n");
    buf_puts(&head, "\r\n");
    if (call->bytes)
        buf_add(&head, call->bytes, (size_t)call->length);
    well = wire_put(b->wire, head.data, head.len);
    buf_clear(&head);
    return well;
}

static void open_remote(struct backend *b)
{
    const struct backend_call *call = b->call;

    b->wire = take_kept(call);
    b->kept = b->wire != NULL;
    if (!b->wire)
        b->wire = wire_connect(ip_of(call), port_of(call), connect_us(call));
    if (!b->wire)
        return;
    b->wire->timeout_us = answer_us(call);
    if (!send_head(b))
        g_clear_pointer(&b->wire, wire_free);
}

/* A kept connection may have been closed just when it was used: once more on a new one, while no body has gone. */
static bool again(struct backend *b)
{
    if (!b->kept || b->continued)
        return false;
    wire_free(b->wire);
    b->kept = false;
    b->wire = wire_connect(ip_of(b->call), port_of(b->call), connect_us(b->call));
    if (!b->wire)
        return false;
    b->wire->timeout_us = answer_us(b->call);
    return send_head(b);
}

static int status_of(const char *line)
{
    return line && g_str_has_prefix(line, "HTTP/1.") && strlen(line) >= 12 ? atoi(line + 9) : 0;
}

/* One head of an answer; its status, 0 when there is none. */
static int read_answer(struct ctx *c, struct backend *b)
{
    const char *connection;

    b->answer = (struct headers){};
    if (!b->wire)
        return 0;
    while (!wire_read_head(c, b->wire, &b->line, &b->answer))
        if (!again(b))
            return 0;
    connection = headers_get(&b->answer, "Connection");
    b->closes = connection && !strcasecmp(connection, "close");
    return status_of(b->line);
}

/* --- the interface ------------------------------------------------------------------------------------------------------------------ */

struct backend *backend_open(struct ctx *c, const struct backend_call *call)
{
    struct backend *b = ctx_new(c, struct backend);

    b->c = c;
    b->call = call;
    b->opened = clock_mono_us();
    b->response = (struct swift_response)RESPONSE_EMPTY;
    b->local = storage_is_local(call->kind, call->node.device);
    if (b->local)
        open_local(c, b);
    else
        open_remote(b);
    return b;
}

int backend_continue(struct ctx *c, struct backend *b)
{
    int status;

    if (b->local)
        return b->upload ? 100 : b->response.status;
    status = read_answer(c, b);
    b->continued = status == 100;
    b->done = !b->continued;
    if (b->continued && b->call->footers && (!header_true(&b->answer, "X-Obj-Metadata-Footer") ||
                                             (b->call->phases && !header_true(&b->answer, "X-Obj-Multiphase-Commit")))) {
        g_clear_pointer(&b->wire, wire_free);        /* it does not understand what is to come */
        return 0;
    }
    return status;
}

static void begin_part(struct backend *b)
{
    g_autofree char *head = b->begun || !b->call->footers ? NULL : g_strdup_printf("--%s\r\nX-Document: object body\r\n\r\n", b->boundary);

    if (head)
        wire_put_chunk(b->wire, head, strlen(head));
    b->begun = true;
}

bool backend_write(struct backend *b, const void *bytes, size_t n)
{
    if (b->local)
        return b->upload && upload_write(b->upload, bytes, n);
    if (!b->wire || b->done || !n)
        return b->wire && !b->done;
    begin_part(b);
    return b->call->length < 0 ? wire_put_chunk(b->wire, bytes, n) : wire_put(b->wire, bytes, n);
}

void backend_footers(struct backend *b, const struct headers *footers)
{
    b->footers = footers;
}

static ssize_t read_wire(struct ctx *c, void *data, void *bytes, size_t n)
{
    return wire_read_body(((struct backend *)data)->wire, bytes, n);
}

static void close_backend(void *data)
{
    backend_close(data);
}

static void put_footers(struct backend *b, struct buf *to)
{
    struct buf json = {};
    uint8_t digest[16];
    char hex[33];

    buf_putc(&json, '{');
    for (size_t i = 0; b->footers && i < b->footers->n; i++) {
        buf_puts(&json, i ? ", " : "");
        name_json(&json, b->footers->pairs[i].name);
        buf_puts(&json, ": ");
        name_json(&json, b->footers->pairs[i].value);
    }
    buf_putc(&json, '}');
    md5_of(json.data, json.len, digest);
    digest_hex(digest, hex);
    buf_printf(to, "\r\n--%s\r\nX-Document: object metadata\r\nContent-MD5: %s\r\n\r\n%s\r\n--%s%s\r\n", b->boundary, hex, json.data, b->boundary,
               b->call->phases ? "" : "--");
    buf_clear(&json);
}

static void end_remote(struct backend *b)
{
    struct buf footers = {};

    if (b->wire && b->continued && b->call->length < 0 && !b->ended) {
        begin_part(b);
        if (b->call->footers)
            put_footers(b, &footers);
        if (footers.len)
            wire_put_chunk(b->wire, footers.data, footers.len);
        wire_put_chunk(b->wire, "", 0);
        buf_clear(&footers);
    }
    b->ended = true;
}

/* Those of this process that are open, in one phase or two. */
static size_t local_ends(struct ctx *c, struct backend *const *all, size_t n, bool phases, struct upload_end **ret)
{
    size_t uploads = 0;

    *ret = ctx_new_n(c, struct upload_end, n + 1);
    for (size_t i = 0; i < n; i++)
        if (all[i] && all[i]->upload && all[i]->call->phases == phases)
            (*ret)[uploads++] = (struct upload_end){ all[i]->upload, all[i]->footers, &all[i]->response };
    return uploads;
}

static void finish_local(struct ctx *c, struct backend *const *all, size_t n, bool phases)
{
    struct upload_end *ends;
    size_t uploads = local_ends(c, all, n, phases, &ends);

    uploads_finish(c, ends, uploads);
    for (size_t i = 0; i < n; i++)
        if (all[i] && all[i]->call->phases == phases)
            all[i]->upload = NULL;
}

static void stage_local(struct ctx *c, struct backend *const *all, size_t n)
{
    struct upload_end *ends;
    size_t uploads = local_ends(c, all, n, true, &ends);

    uploads_stage(c, ends, uploads);
    for (size_t i = 0; i < n; i++)
        if (all[i] && all[i]->upload && all[i]->call->phases && all[i]->response.status != 100)
            all[i]->upload = NULL;
}

void backends_end_body(struct ctx *c, struct backend *const *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i] && !all[i]->local)
            end_remote(all[i]);
    stage_local(c, all, n);
    finish_local(c, all, n, false);
}

int backend_staged(struct ctx *c, struct backend *b)
{
    int status;

    if (b->local)
        return b->response.status;
    status = read_answer(c, b);
    b->done = status != 100;
    return status;
}

static void commit_remote(struct backend *b)
{
    g_autofree char *text = g_strdup_printf("X-Document: put commit\r\n\r\nput_commit_confirmation\r\n--%s--", b->boundary);

    if (b->wire && !b->done && wire_put_chunk(b->wire, text, strlen(text)))
        wire_put_chunk(b->wire, "", 0);
}

void backends_commit(struct ctx *c, struct backend *const *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i] && !all[i]->local)
            commit_remote(all[i]);
    finish_local(c, all, n, true);
}

static bool answer_remote(struct ctx *c, struct backend *b, struct swift_response *response)
{
    const char *length;
    int status;

    end_remote(b);
    do
        status = b->done ? status_of(b->line) : read_answer(c, b);
    while (status == 100 && !b->done);
    response_clear(response);
    if (!status)
        return false;
    b->done = true;
    if (!is_upload(b->call))
        node_took(b->call->node.device, clock_mono_us() - b->opened);
    response->status = status;
    response->headers = b->answer;           /* from here on the response's own */
    wire_begin_body(b->wire, &b->answer, status, !strcmp(b->call->method, "HEAD"));
    length = response_get(response, "Content-Length");
    if (!length || !text_to_int(length, &response->length))
        response->length = b->wire->ended ? 0 : -1;
    headers_remove(&response->headers, "Content-Length");
    headers_remove(&response->headers, "Transfer-Encoding");
    headers_remove(&response->headers, "Connection");
    headers_remove(&response->headers, "Date");
    if (!b->wire->ended) {
        response->read = read_wire;
        response->read_data = b;
        response->close = close_backend;
    }
    return true;
}

bool backend_answer(struct ctx *c, struct backend *b, struct swift_response *response)
{
    if (!b->local)
        return answer_remote(c, b, response);
    if (b->upload) {
        upload_finish(c, b->upload, b->footers, &b->response);
        b->upload = NULL;
    }
    *response = b->response;
    b->response = (struct swift_response)RESPONSE_EMPTY;
    return response->status != 0;
}

/* Does the answer let the connection be used again? */
static bool reusable(struct backend *b)
{
    if (!b->done || !b->wire || b->wire->broken || b->closes || !status_of(b->line))
        return false;
    if (is_upload(b->call) && !b->continued)         /* the body it may still expect never comes */
        return false;
    return b->wire->ended || wire_drain(b->wire, DRAIN_MOST);
}

void backend_close(struct backend *b)
{
    if (!b)
        return;
    if (b->upload)
        upload_abort(b->upload);
    b->upload = NULL;
    response_clear(&b->response);
    if (b->wire) {
        struct wire *wire = b->wire;

        if (reusable(b))
            keep(b->call, wire);
        else
            wire_free(wire);
    }
    b->wire = NULL;
}

static bool is_ready(const struct backend *b)
{
    return b->local || b->done || !b->wire || b->wire->broken || b->wire->start < b->wire->end;
}

int backends_wait(struct backend *const *all, size_t n, int64_t timeout_us)
{
    struct pollfd *p = g_newa(struct pollfd, n + 1);
    int64_t now = clock_mono_us(), until = timeout_us < 0 ? INT64_MAX : now + timeout_us, due = INT64_MAX;
    int first = -1, said;

    for (size_t i = 0; i < n; i++) {
        if (is_ready(all[i]))
            return (int)i;
        p[i] = (struct pollfd){ .fd = all[i]->wire->fd, .events = POLLIN };
        if (all[i]->opened + answer_us(all[i]->call) < due) {
            due = all[i]->opened + answer_us(all[i]->call);
            first = (int)i;
        }
    }
    do
        said = poll(p, (nfds_t)n, (int)(MAX(MIN(until, due) - now + 999, 0) / 1000));
    while (said < 0 && errno == EINTR && (now = clock_mono_us()) < MIN(until, due));
    for (size_t i = 0; said > 0 && i < n; i++)
        if (p[i].revents)
            return (int)i;
    if (due > until)
        return -1;
    backend_hurry(all[first], 1);
    return first;
}

void backend_hurry(struct backend *b, int64_t timeout_us)
{
    if (b->wire)
        b->wire->timeout_us = MIN(b->wire->timeout_us, timeout_us);
}

bool backend_do(struct ctx *c, const struct backend_call *call, struct swift_response *response)
{
    struct backend *b = backend_open(c, call);
    bool well = backend_answer(c, b, response);

    if (!response->read || response->read_data != b)
        backend_close(b);
    return well;
}
