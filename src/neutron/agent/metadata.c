/* The metadata proxy: listens in the namespaces guests reach it by (a router's, or that of the network's DHCP port), finds out who asks by the address the
 * request comes from and the networks behind that namespace, and hands the request to Nova with the guest's identity, signed.
 * Headers that a guest sends go no further.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "neutron/agent/agent.h"
#include "neutron/agent/doors.h"
#include "neutron/rpc/metadata.h"
#include "oslo/base/log.h"
#include "oslo/http/fetch.h"
#include "oslo/trace/trace.h"

enum { HEAD_MOST = 16384, BODY_MOST = 65536, AT_ONCE = 32, GUEST_TIMEOUT_S = 10, PROXY_PORT = 9697 };

static void let_in(struct door *);

static struct doors doors = { .thread = "metadata", .knock = let_in };      /* named by namespace, about: the networks behind it */

/* In a router's namespace guests are redirected to port 9697; a DHCP port has the metadata address itself, on port 80. */
bool metadata_serve(struct ctx *c, const char *netns, const char *const *network_ids)
{
    struct privsep_socket want = { .netns = netns, .family = AF_INET, .type = SOCK_STREAM, .backlog = 64, .port = PROXY_PORT };

    if (g_str_has_prefix(netns, "qdhcp-")) {
        want.address = "169.254.169.254";
        want.port = 80;
    }
    return doors_open(c, &doors, netns, network_ids, &want);
}

void metadata_withdraw(const char *netns)
{
    doors_close(&doors, netns);
}

/* ---- visitors: a thread each, few at once -------------------------------------------------------------------- */

struct visit { int fd; char address[INET_ADDRSTRLEN]; char **networks; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards visitors */
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;
static int visitors;

static void *serve(void *);

static void visit_free(struct visit *v)
{
    close(v->fd);
    g_strfreev(v->networks);
    g_free(v);
}

/* False: there are enough. */
static bool enter(void)
{
    bool ok;

    pthread_mutex_lock(&lock);
    ok = visitors < AT_ONCE;
    visitors += ok;
    pthread_mutex_unlock(&lock);
    return ok;
}

static void leave(void)
{
    pthread_mutex_lock(&lock);
    visitors--;
    pthread_cond_signal(&fewer);
    pthread_mutex_unlock(&lock);
}

void metadata_stop(void)
{
    doors_end(&doors);
    pthread_mutex_lock(&lock);
    while (visitors > 0)
        pthread_cond_wait(&fewer, &lock);
    pthread_mutex_unlock(&lock);
}

/* One who finds no room is sent away. */
static void let_in(struct door *door)
{
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    int guest = accept4(door->fd, (void *)&from, &size, SOCK_CLOEXEC);
    struct visit *v = guest >= 0 ? g_new0(struct visit, 1) : NULL;
    pthread_t thread;

    if (v) {
        v->fd = guest;
        v->networks = g_steal_pointer(&door->about);
        inet_ntop(AF_INET, &from.sin_addr, v->address, sizeof(v->address));
    }
    door_free(door);
    if (!v)
        return;
    if (!enter()) {
        visit_free(v);
    } else if (pthread_create(&thread, NULL, serve, v) == 0) {
        pthread_detach(thread);
    } else {
        visit_free(v);
        leave();
    }
}

/* ---- one request --------------------------------------------------------------------------------------------- */

struct asked { const char *method, *target, *body; size_t body_size; };

static bool read_request(struct ctx *, int fd, struct asked *);
static bool forward(struct ctx *, const struct visit *, const struct asked *, struct fetch *);
static void answer(struct ctx *, int fd, int status, const struct fetch *, bool head);

#define NOT_A_REQUEST 400, "HTTPBadRequest", "%s"
#define NOBODY        404, "HTTPNotFound", "No single port of %s has the address %s"

static void *serve(void *data)
{
    struct visit *v = data;
    struct timeval patience = { .tv_sec = GUEST_TIMEOUT_S };
    struct asked asked = {};
    struct fetch got = {};
    struct ctx c;
    int status;

    ctx_init(&c, NULL, NULL);
    setsockopt(v->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    struct span *span = span_begin(&c, SPAN_REQUEST, "metadata for %s", v->address);
    if (read_request(&c, v->fd, &asked) && forward(&c, v, &asked, &got))
        status = got.status;
    else
        status = c.fault.status == 400 || c.fault.status == 404 ? c.fault.status : 500;
    if (status == 500 && failed(&c))
        log_warning(&c, "metadata for %s: %s", v->address, c.fault.message);
    answer(&c, v->fd, status, &got, text_equal(asked.method, "HEAD"));
    span_end(&c, span, status < 400 ? 0 : status);
    ctx_clear(&c);
    visit_free(v);
    leave();
    return NULL;
}

static bool is_header(const char *line, const char *name)
{
    return g_ascii_strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
}

static bool read_body(struct ctx *c, int fd, const char *head, char *bytes, size_t have, struct asked *ret)
{
    char **lines = text_split(c, head, '\n');
    int64_t size = 0;

    for (char **line = lines; *line; line++) {
        if (is_header(*line, "Transfer-Encoding"))
            return fail(c, NOT_A_REQUEST, "no transfer coding is taken");
        if (is_header(*line, "Content-Length") && (!text_to_int(g_strstrip(strchr(*line, ':') + 1), &size) || size < 0 || size > BODY_MOST))
            return fail(c, NOT_A_REQUEST, "bad Content-Length");
    }
    ret->body = ctx_alloc(c, (size_t)size + 1);
    memcpy((char *)(uintptr_t)ret->body, bytes, MIN(have, (size_t)size));
    while (have < (size_t)size) {
        ssize_t n = recv(fd, (char *)(uintptr_t)ret->body + have, (size_t)size - have, 0);

        if (n <= 0)
            return fail(c, NOT_A_REQUEST, "the body ends too early");
        have += (size_t)n;
    }
    ret->body_size = (size_t)size;
    return true;
}

static bool read_request(struct ctx *c, int fd, struct asked *ret)
{
    char *bytes = ctx_alloc(c, HEAD_MOST + 1), *end = NULL;
    size_t n = 0;

    while (!end && n < HEAD_MOST) {
        ssize_t got = recv(fd, bytes + n, HEAD_MOST - n, 0);

        if (got <= 0)
            return fail(c, NOT_A_REQUEST, "the head ends too early");
        n += (size_t)got;
        bytes[n] = 0;
        end = strstr(bytes, "\r\n\r\n");
    }
    if (!end)
        return fail(c, NOT_A_REQUEST, "the head is too large");
    *end = 0;
    char *first_end = strpbrk(bytes, "\r\n") ?: end, *target = memchr(bytes, ' ', (size_t)(first_end - bytes)),
         *version = target ? memchr(target + 1, ' ', (size_t)(first_end - target - 1)) : NULL;
    if (!version || target[1] != '/' || strncmp(version + 1, "HTTP/1.", 7) != 0)
        return fail(c, NOT_A_REQUEST, "no HTTP request");
    ret->method = ctx_strndup(c, bytes, (size_t)(target - bytes));
    ret->target = ctx_strndup(c, target + 1, (size_t)(version - target - 1));
    if (!text_in(ret->method, (const char *const[]){ "GET", "HEAD", "POST", "PUT", NULL }))
        return fail(c, NOT_A_REQUEST, "no such method here");
    return read_body(c, fd, first_end, end + 4, n - (size_t)(end + 4 - bytes), ret);
}

static bool who_asks(struct ctx *c, const struct visit *v, const char **ret_instance, const char **ret_project)
{
    json_t *networks = json_array();
    const json_t *ports, *port;

    for (char **id = v->networks; *id; id++)
        json_array_append_new(networks, json_string(*id));
    ports = plugin_call(c, TOPIC_PLUGIN, METADATA_VERSION, METADATA_GET_PORTS,
                        json_pack("{s:{s:o, s:{s:[s]}}}", "filters", "network_id", networks, "fixed_ips", "ip_address", v->address));
    if (!ports)
        return false;
    if (json_array_size(ports) != 1)
        return fail(c, NOBODY, v->networks[0] ?: "no network", v->address);
    port = json_array_get(ports, 0);
    *ret_instance = json_get_string(port, "device_id") ?: "";
    *ret_project = json_get_string(port, "project_id") ?: json_get_string(port, "tenant_id") ?: "";
    span_resource(c, *ret_instance);
    return true;
}

static char *sign(struct ctx *c, const char *instance)
{
    const char *secret = service_secret(c, "metadata_proxy_shared_secret");
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!secret)
        return NULL;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)instance, strlen(instance), mac, &size);
    return hex_write(c, mac, size);
}

static bool forward(struct ctx *c, const struct visit *v, const struct asked *asked, struct fetch *f)
{
    const char *instance = NULL, *project = NULL, *signature;

    if (!who_asks(c, v, &instance, &project) || !(signature = sign(c, instance)))
        return false;
    const struct pair headers[] = {
        { "X-Forwarded-For", v->address }, { "X-Instance-ID", instance }, { "X-Tenant-ID", project },
        { "X-Instance-ID-Signature", signature }, { NULL, NULL },
    };
    f->method = asked->method;
    f->url = ctx_printf(c, "http://127.0.0.1:%d%s", metadata_api_port(), asked->target);
    f->headers = headers;
    f->body = asked->body_size ? asked->body : NULL;
    f->body_size = asked->body_size;
    f->timeout_us = 30000000;
    return fetch(c, f);
}

static const char *reason(int status)
{
    static const struct { int status; const char *reason; } known[] = {
        { 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 409, "Conflict" },
        { 500, "Internal Server Error" }, { 503, "Service Unavailable" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Status";
}

static void answer(struct ctx *c, int fd, int status, const struct fetch *f, bool head)
{
    const char *type = "text/plain; charset=UTF-8", *body = f->reply ?: ctx_printf(c, "%d %s\n", status, reason(status));
    size_t size = f->reply ? f->reply_size : strlen(body), sent = 0;
    struct buf text = {};

    for (const struct pair *h = f->reply_headers; h && h->name; h++)
        if (g_ascii_strcasecmp(h->name, "Content-Type") == 0)
            type = h->value;
    buf_printf(&text, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, reason(status), type, size);
    if (!head)
        buf_add(&text, body, size);
    while (sent < text.len) {
        ssize_t n = send(fd, text.data + sent, text.len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    buf_clear(&text);
}
