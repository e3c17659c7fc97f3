/* The life of the program: everything a service's table lists is set up in order, serves until SIGTERM, and is taken down in
 * the opposite order. SIGHUP reopens the log. Signals are taken by the main thread alone.
 */
#include "oslo/auth/auth.h"
#include "oslo/base/inject.h"
#include "oslo/base/log.h"
#include "oslo/http/server.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_CALLS_US (10 * G_USEC_PER_SEC)  /* at the end another process may have ended already, and never answer */

static struct http_app apps[32];
static GPtrArray *listeners;

static bool house_open(struct ctx *, const char *config_file);
static bool house_start(struct ctx *);
static void house_serve(void);
static void house_stop(void);
static void house_close(void);
static bool state_open(struct ctx *, struct service_state *);
static bool each_service(struct ctx *, bool (*hook)(struct ctx *, const struct service *));
static bool bootstrap_service(struct ctx *, const struct service *);
static bool listen_rpc(struct ctx *, const struct service *);
static bool start_service(struct ctx *, const struct service *);
static bool start_jobs(struct ctx *, const struct service *);
static bool start_api(struct ctx *, const struct service *);
static bool route_has(const struct service_state *, const struct request *, unsigned flag);
static bool streams(void *, const struct request *);
static bool quick(void *, const struct request *);
static void serve(void *, struct ctx *, struct request *, struct reply *);
static void refuse(void *, struct ctx *, int status, const char *why, struct reply *);

int service_main(const char *config_file, void (*ready)(void))
{
    int64_t started = clock_mono_us();
    sigset_t signals;
    struct ctx c;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    ctx_init(&c, NULL, NULL);
    bool well = house_open(&c, config_file) && house_start(&c);
    if (well) {
        log_info(&c, "every API answers after %.3f s", (double)(clock_mono_us() - started) / 1e6);
        inject_arm();
        if (ready)
            ready();
        house_serve();
    } else {
        log_error(&c, "start failed: %s%s%s", c.fault.message, c.fault.detail ? ": " : "", c.fault.detail ? c.fault.detail : "");
        if (common_options && common_options->log_file)
            fprintf(stderr, "nacre: %s%s%s\n", c.fault.message, c.fault.detail ? ": " : "", c.fault.detail ? c.fault.detail : "");
    }
    ctx_clear(&c);
    house_stop();
    house_close();
    return well ? 0 : 1;
}

static void house_serve(void)
{
    sigset_t signals;
    int got;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    while (!sigwait(&signals, &got) && got == SIGHUP)
        log_reopen();
    log_info(NULL, "stopping: %s", strsignal(got));
}

/* --- up ------------------------------------------------------------------------------------------------------ */

/* Options, directories, log, trace, databases, rules and routers: all that stands before the first line of a service runs. */
static bool house_open(struct ctx *c, const char *config_file)
{
    if (!service_configure(c, config_file))
        return false;
    if (g_mkdir_with_parents(common_options->state_dir, 0711))
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", common_options->state_dir, g_strerror(errno)));
    log_open(common_options->log_file, common_options->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    if (!service_secrets_dir(c) || !trace_open(c, ctx_printf(c, "%s/trace", common_options->state_dir), common_options->trace_slots))
        return false;
    for (size_t i = 0; services[i]; i++)
        if (!state_open(c, service_state(services[i])))
            return false;
    return true;
}

static bool state_open(struct ctx *c, struct service_state *state)
{
    const struct service *service = state->service;
    const char *url = state->shared->connection;

    if (!url)
        url = ctx_printf(c, "sqlite:///%s/%s.db", common_options->state_dir, service->name);
    if (service->migrations && service_reads_rows(service) && !(state->db = db_open(c, url, service->migrations)))
        return false;
    if (service->policies && service_takes_part(service) && !(state->rules = rulebook_open(c, service->policies, state->policy_settings)))
        return false;
    if (service_serves(service))
        state->router = routes_build(service);
    return true;
}

/* Processes that start at once on one state directory make what must be there (rows, keys) one after the other. */
static bool bootstrap_all(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/bootstrap.lock", common_options->state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || flock(fd, LOCK_EX))
        return fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
    bool well = each_service(c, bootstrap_service);
    close(fd);
    return well;
}

/* A service may call another from its bootstrap on: routers and databases of all are there. */
static bool house_start(struct ctx *c)
{
    listeners = g_ptr_array_new();
    return bootstrap_all(c) && each_service(c, listen_rpc) && each_service(c, start_service)
        && each_service(c, start_jobs) && each_service(c, start_api) && workers_start(c) && spans_start(c);
}

/* Each hook runs in a ctx of its own, of its service; the first fault ends the start. */
static bool each_service(struct ctx *c, bool (*hook)(struct ctx *, const struct service *))
{
    for (size_t i = 0; services[i]; i++) {
        struct ctx own;

        service_ctx_init(&own, services[i], NULL);
        bool well = hook(&own, services[i]);
        if (!well)
            fail(c, own.fault.status ? own.fault.status : 500, own.fault.type ? ctx_strdup(c, own.fault.type) : "StartFailed",
                 "%s: %s", services[i]->name, own.fault.message ? own.fault.message : "failed to start");
        if (!well && own.fault.detail)
            c->fault.detail = ctx_strdup(c, own.fault.detail);
        ctx_clear(&own);
        if (!well)
            return false;
    }
    return true;
}

static bool bootstrap_service(struct ctx *c, const struct service *service)
{
    return !service->bootstrap || !service_serves(service) || service->bootstrap(c);
}

static bool listen_rpc(struct ctx *c, const struct service *service)
{
    for (size_t i = 0; service->rpc && service->rpc[i]; i++) {
        if (!service_runs(service->rpc[i]->role))
            continue;
        struct rpc_listener *listener = rpc_listen(c, service->rpc[i], service, common_options->host);

        if (!listener)
            return false;
        g_ptr_array_add(listeners, listener);
    }
    return true;
}

static bool start_service(struct ctx *c, const struct service *service)
{
    return !service->start || !service_takes_part(service) || service->start(c);
}

static bool start_jobs(struct ctx *c, const struct service *service)
{
    return !service_runs_jobs(service) || jobs_start(c, service, (int)service_state(service)->shared->job_workers);
}

/* Processes of one cloud have its secrets in common, whatever their state directories. */
static const char *cloud_name(struct ctx *c)
{
    const char *dir = service_secrets_dir(c);
    struct stat at;

    if (!dir || stat(dir, &at))
        return "none";
    return ctx_printf(c, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x", (guint64)at.st_dev, (guint64)at.st_ino);
}

static bool start_api(struct ctx *c, const struct service *service)
{
    struct service_state *state = service_state(service);
    const struct common_options *o = common_options;
    struct http_app *app = &apps[state - service_state(services[0])];

    if (!service->port || !service_serves(service))
        return true;
    *app = (struct http_app){
        .name = service->name, .data = state, .quick = quick, .streams = streams, .serve = serve, .refuse = refuse,
    };
    struct http_server_options options = {
        .address = o->listen, .port = state->port, .share = o->share_ports ? cloud_name(c) : NULL, .certificate = o->tls_certificate, .key = o->tls_key,
        .max_header = o->max_header, .max_body = o->max_body, .timeout_s = o->keepalive_timeout, .request_timeout_s = o->request_timeout,
        .pollers = (int)o->http_pollers, .workers = (int)o->http_workers, .streams = (int)o->http_streams,
        .queue = (int)o->http_queue,
    };
    if (service->door)
        service->door(&options);
    state->server = http_server_start(c, app, &options);
    return state->server != NULL;
}

/* --- down ---------------------------------------------------------------------------------------------------- */

/* Doors first, so that what is under way can finish on floors that still stand. Safe after a start that failed half-way. */
static void house_stop(void)
{
    transports_end_by(clock_mono_us() + LAST_CALLS_US);
    for (size_t i = 0; services[i]; i++) {
        struct service_state *state = service_state(services[i]);

        if (state && state->server)
            http_server_stop(state->server, common_options->drain_timeout);
    }
    spans_stop();
    workers_stop();
    for (size_t i = 0; services[i]; i++) {
        struct service_state *state = service_state(services[i]);

        if (state && state->db && services[i]->jobs)
            jobs_stop(services[i]);
    }
    for (guint i = 0; listeners && i < listeners->len; i++)
        rpc_stop(listeners->pdata[i]);
    if (listeners)
        g_ptr_array_free(listeners, TRUE);
    for (size_t i = 0; services[i]; i++) {
        struct service_state *state = service_state(services[i]);

        if (state && services[i]->stop)
            services[i]->stop();
    }
}

static void house_close(void)
{
    transports_close();
    for (size_t i = 0; services[i]; i++) {
        struct service_state *state = service_state(services[i]);

        if (!state)
            continue;
        db_close(state->db);
        rulebook_close(state->rules);
        if (state->router)
            router_free(state->router);
    }
    trace_close();
}

/* --- the door's questions ------------------------------------------------------------------------------------ */

/* Asked before the body is read. Found with the highest version: rows of one path agree on these flags. */
static bool route_has(const struct service_state *state, const struct request *request, unsigned flag)
{
    struct request copy = *request;
    const char *allow = NULL;
    struct ctx c;

    ctx_init(&c, state->service, "");
    bool found = router_find(&c, state->router, &copy, state->service->style ? state->service->style->max_version : 0, &allow);
    bool yes = found && (copy.route->flags & flag);
    ctx_clear(&c);
    return yes;
}

static bool streams(void *data, const struct request *request)
{
    return ((const struct service_state *)data)->service->answer || route_has(data, request, ROUTE_STREAM);
}

static bool quick(void *data, const struct request *request)
{
    const struct service *service = ((const struct service_state *)data)->service;

    if (service->answer)
        return service->quick && service->quick(request);
    if (!strcmp(request->path, "/healthcheck") || !strcmp(request->path, "/healthz"))
        return true;
    return route_has(data, request, ROUTE_QUICK) && (!service->quick || service->quick(request));
}

static void serve(void *data, struct ctx *c, struct request *request, struct reply *reply)
{
    const struct service_state *state = data;

    service_serve(state->service, c, request, reply);
}

/* What never reached the application is still said in the service's words. */
static void refuse(void *data, struct ctx *c, int status, const char *why, struct reply *reply)
{
    const struct service_state *state = data;
    struct request none = { .method = "GET", .path = "/", .raw_path = "/", .query_text = "", .scheme_host = "" };

    c->service = state->service;
    fault_clear(c);
    fail(c, status, "HTTPRefused", "%s", why);
    reply->status = status;
    if (state->service->style && state->service->style->error)
        state->service->style->error(c, &none, reply);
    health_count(state->service, status, 0);
}
