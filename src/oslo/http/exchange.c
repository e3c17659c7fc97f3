/* One request: from its request line to its reply, as the library calls for it.
 *
 * The polling thread reads; a worker that is to think or wait does so while the connection is suspended, and resumes it.
 * Nothing here blocks the polling thread.
 */
#include "oslo/base/text.h"
#include "oslo/http/door.h"
#include "oslo/http/framing.h"
#include "oslo/http/park.h"

#include <stdlib.h>
#include <string.h>

#define SLACK_S 10                           /* of a reader whose turn comes late */
#define DISCARD_US (30 * G_USEC_PER_SEC)     /* how long the rest of a body that nobody wants is read */

static enum MHD_Result read_head(struct exchange *, const char *method, const char *version);
static enum MHD_Result hand_over(struct exchange *);
static enum MHD_Result go_on(struct exchange *);
static enum MHD_Result gather(struct exchange *, const char *data, size_t *n);
static enum MHD_Result pass_on(struct exchange *, const char *data, size_t *n);

void *exchange_new(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct exchange *x = g_new0(struct exchange, 1);

    x->owners = 1;
    x->mhd = mhd;
    x->connection = connection_of(mhd);
    x->server = x->connection->server;
    x->target = g_strdup(target ? target : "");
    x->reply.fd = -1;
    x->connection->whole_by = clock_mono_us() + x->server->options.timeout_s * G_USEC_PER_SEC;
    x->connection->busy = true;
    x->server->exchanges++;
    counters.requests++;
    counters.active++;
    return x;
}

enum MHD_Result exchange_step(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                              const char *data, size_t *n, void **exchange)
{
    struct exchange *x = *exchange;

    if (!x)
        return MHD_NO;
    switch (x->phase) {
    case PHASE_HEAD:
        return read_head(x, method, version);
    case PHASE_ASKING:
        return go_on(x);
    case PHASE_BODY:
        return gather(x, data, n);
    case PHASE_STREAM:
        return pass_on(x, data, n);
    case PHASE_WHOLE:
        return hand_over(x);
    case PHASE_STREAMED:
        x->phase = PHASE_ANSWER;
        return body_source_wait_done(x->request.source) ? exchange_answer(x) : MHD_YES;
    case PHASE_ANSWER:
        break;
    }
    return exchange_answer(x);
}

void exchange_completed(void *cls, struct MHD_Connection *mhd, void **exchange, enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *exchange;

    if (!x)
        return;
    *exchange = NULL;
    if (x->request.source)
        body_source_abort(x->request.source);
    /* The next request may take as long to begin as a connection may be idle, and then as long to arrive. */
    x->connection->whole_by = clock_mono_us() + 2 * x->server->options.timeout_s * G_USEC_PER_SEC;
    x->connection->busy = false;
    counters.active--;
    exchange_release(x);
}

void exchange_release(struct exchange *x)
{
    if (atomic_fetch_sub(&x->owners, 1) > 1)
        return;
    reply_clear(&x->reply);
    ctx_clear(&x->ctx);
    body_source_free(x->request.source);
    buf_clear(&x->body);
    x->server->exchanges--;
    g_free(x->target);
    g_free(x);
}

/* Refusing. */

static void write_refusal(struct exchange *x, int status, const char *why)
{
    counters.refused++;
    reply_clear(&x->reply);
    x->reply.status = status;
    if (x->server->app->refuse)
        x->server->app->refuse(x->server->app->data, &x->ctx, status, why, &x->reply);
    else
        reply_text(&x->reply, "text/plain; charset=UTF-8", why);
    if (!x->reply.status)
        x->reply.status = status;
}

static enum MHD_Result refuse(struct exchange *x, int status, const char *why)
{
    write_refusal(x, status, why);
    x->phase = PHASE_ANSWER;
    return exchange_answer(x);
}

/* The application's turn. */

static void serve(struct exchange *x)
{
    if (x->ctx.deadline && clock_mono_us() > x->ctx.deadline)
        write_refusal(x, 503, "the request waited too long to be served");
    else
        x->server->app->serve(x->server->app->data, &x->ctx, &x->request, &x->reply);
}

/* True: it is to be served again later; from here on another thread may have it. */
static bool parked(struct exchange *x, struct pool *pool)
{
    int64_t at = x->reply.again_at;

    if (!at)
        return false;
    reply_clear(&x->reply);
    if (x->ctx.deadline)
        x->ctx.deadline += MAX(at - clock_mono_us(), 0);
    if (park(pool, &x->work, at))
        server_wake();
    return true;
}

/* On a worker: a request that is whole. */
static void serve_whole(struct work *work)
{
    struct exchange *x = (struct exchange *)work;

    serve(x);
    if (!parked(x, call_pool))
        MHD_resume_connection(x->mhd);
}

/* On a worker: a request whose body is still to come. */
static void serve_stream(struct work *work)
{
    struct exchange *x = (struct exchange *)work;

    serve(x);
    if (parked(x, stream_pool))
        return;
    body_source_tell_late(x->request.source, exchange_answer_late);
    body_source_done(x->request.source);
    exchange_release(x);
}

/* The request is whole: answered here if it never blocks, else handed to a worker when the library calls again. (A connection
 * that is suspended at the first call would be read once more before its reply, and closed if its client has sent an end.) */
static enum MHD_Result whole(struct exchange *x)
{
    const struct http_app *app = x->server->app;

    x->connection->whole_by = 0;
    if (x->too_large)
        return refuse(x, 413, "the request body is too large");
    if (x->body.data) {
        x->request.body = x->body.data;
        x->request.body_size = x->body.len;
    }
    if (!app->quick || !app->quick(app->data, &x->request)) {
        x->phase = PHASE_WHOLE;
        return MHD_YES;
    }
    serve(x);
    if (x->reply.again_at) {                 /* it was not that quick */
        reply_clear(&x->reply);
        x->phase = PHASE_WHOLE;
        return MHD_YES;
    }
    x->phase = PHASE_ANSWER;
    return exchange_answer(x);
}

static enum MHD_Result hand_over(struct exchange *x)
{
    x->phase = PHASE_ANSWER;
    MHD_suspend_connection(x->mhd);
    x->work.run = serve_whole;
    if (pool_submit(call_pool, &x->work, false))
        return MHD_YES;
    MHD_resume_connection(x->mhd);
    write_refusal(x, 503, "too many requests are waiting");
    return MHD_YES;
}

/* The head. */

static const char *scheme_host(struct exchange *x)
{
    const struct http_server_options *o = &x->server->options;
    const char *host = request_header(&x->request, "Host"), *scheme = o->certificate ? "https" : "http";

    if (host && *host)
        return ctx_printf(&x->ctx, "%s://%s", scheme, host);
    return ctx_printf(&x->ctx, "%s://%s:%d", scheme, o->address, x->server->port);
}

/* "http://host/path" is "/path" to us. */
static const char *origin_form(const char *target)
{
    if (!g_str_has_prefix(target, "http://") && !g_str_has_prefix(target, "https://"))
        return target;
    target = strchr(strstr(target, "://") + 3, '/');
    return target ? target : "/";
}

static void fill_request(struct exchange *x, const struct framing *f, const char *method, const char *target)
{
    struct request *r = &x->request;

    r->method = ctx_strdup(&x->ctx, method);
    r->headers = f->headers;
    r->remote = ctx_strdup(&x->ctx, x->connection->remote);
    r->parks = true;
    r->content_length = f->chunked ? -1 : MAX(f->content_length, 0);
    request_set_target(&x->ctx, r, target);
    r->scheme_host = scheme_host(x);
    x->ctx.base_url = r->scheme_host;
    x->has_body = f->chunked || f->content_length > 0;
}

static void suspend(void *exchange)
{
    MHD_suspend_connection(((struct exchange *)exchange)->mhd);
}

static void resume(void *exchange)
{
    MHD_resume_connection(((struct exchange *)exchange)->mhd);
}

/* Who waits for the body says when it is late; the library only ends what is left. */
static enum MHD_Result begin_stream(struct exchange *x)
{
    const struct http_server_options *o = &x->server->options;
    struct body_terms terms = { o->timeout_s * G_USEC_PER_SEC, (size_t)o->pace, o->request_timeout_s * G_USEC_PER_SEC };

    MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)(2 * o->timeout_s + SLACK_S));
    x->connection->whole_by = 0;
    x->ctx.deadline = 0;
    x->request.source = body_source_new(suspend, resume, x, &terms);
    x->phase = PHASE_ASKING;
    x->work.run = serve_stream;
    x->owners++;
    body_source_wait(x->request.source);
    if (pool_submit(stream_pool, &x->work, false))
        return MHD_YES;
    write_refusal(x, 503, "too many requests are waiting");
    body_source_done(x->request.source);
    exchange_release(x);
    return MHD_YES;
}

static enum MHD_Result read_head(struct exchange *x, const char *method, const char *version)
{
    const struct http_server_options *o = &x->server->options;
    const struct http_app *app = x->server->app;
    const char *block = version + strlen(version), *target = origin_form(x->target);
    struct framing framing = {};
    size_t size = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;

    ctx_init(&x->ctx, NULL, NULL);
    x->ctx.deadline = clock_mono_us() + o->request_timeout_s * G_USEC_PER_SEC;
    framing_read(&x->ctx, &framing, method, target, version, block, (size_t)(method + size - block));
    fill_request(x, &framing, method, target);
    if (framing.status)
        return refuse(x, framing.status, framing.why);
    if ((int64_t)size > o->max_header)
        return refuse(x, 431, "the request header is too large");
    if (!x->has_body) {
        x->phase = PHASE_BODY;
        return MHD_YES;
    }
    if (app->streams && app->streams(app->data, &x->request))
        return begin_stream(x);
    if (framing.content_length > o->max_body)
        return refuse(x, 413, "the request body is too large");
    x->phase = PHASE_BODY;
    return MHD_YES;
}

/* The body. */

/* Nobody wants the rest, but the library can only answer after it. False: that takes too long. */
static bool may_discard(struct exchange *x)
{
    if (!x->discard_by) {
        x->discard_by = clock_mono_us() + DISCARD_US;
        x->connection->whole_by = x->discard_by;
    }
    return clock_mono_us() < x->discard_by;
}

static enum MHD_Result gather(struct exchange *x, const char *data, size_t *n)
{
    if (!*n)
        return whole(x);
    x->too_large = x->too_large || (int64_t)(x->body.len + *n) > x->server->options.max_body;
    if (x->too_large && !may_discard(x))
        return MHD_NO;
    if (!x->too_large)
        buf_add(&x->body, data, *n);
    *n = 0;
    return MHD_YES;
}

/* The worker has said what is to become of the body: it reads it, or it has answered without. */
static enum MHD_Result go_on(struct exchange *x)
{
    if (body_source_is_done(x->request.source)) {
        x->phase = PHASE_ANSWER;
        return exchange_answer(x);
    }
    x->phase = PHASE_STREAM;
    return MHD_YES;
}

static enum MHD_Result pass_on(struct exchange *x, const char *data, size_t *n)
{
    struct body_source *source = x->request.source;

    if (*n) {
        *n -= body_source_put(source, data, *n);
        if (body_source_is_over(source))
            return MHD_NO;
        return !body_source_is_done(source) || may_discard(x) ? MHD_YES : MHD_NO;
    }
    if (body_source_end(source))
        x->phase = PHASE_STREAMED;
    return x->phase == PHASE_STREAMED || !body_source_is_over(source) ? MHD_YES : MHD_NO;
}
