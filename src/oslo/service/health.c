/* What a load balancer and a monitor ask each API: /healthcheck (as oslo.middleware answers it), /healthz, and /metrics in
 * Prometheus' text. None needs a token or leaves a span.
 */
#include "oslo/base/inject.h"
#include "oslo/http/server.h"
#include "oslo/service/parts.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_SERVICES 32
#define STATUSES 600

static const int64_t bounds_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000 };
#define BOUNDS G_N_ELEMENTS(bounds_us)

/* Counted without a lock; a row a service, in the order of services[]. */
static struct counts {
    atomic_llong by_status[STATUSES];
    atomic_llong by_time[BOUNDS + 1];
    atomic_llong microseconds;
} counts[MOST_SERVICES];

static void healthcheck(const struct request *, struct reply *);
static void metrics(struct reply *);
static void requests_metrics(struct buf *, const struct service *, struct counts *);
static void process_metrics(struct buf *);

bool health_serve(struct ctx *c, const struct service *service, const struct request *request, struct reply *reply)
{
    if (strcmp(request->method, "GET") && strcmp(request->method, "HEAD"))
        return false;
    reply->status = 200;
    if (!strcmp(request->path, "/healthcheck"))
        healthcheck(request, reply);
    else if (!strcmp(request->path, "/healthz"))
        reply_text(reply, "text/plain; charset=UTF-8", "ok\n");
    else if (!strcmp(request->path, "/metrics"))
        metrics(reply);
    else
        reply->status = 0;
    return reply->status != 0;
}

void health_count(const struct service *service, int status, int64_t microseconds)
{
    size_t bucket = 0;

    for (size_t i = 0; services[i] && i < MOST_SERVICES; i++) {
        if (services[i] != service)
            continue;
        while (bucket < BOUNDS && microseconds > bounds_us[bucket])
            bucket++;
        atomic_fetch_add_explicit(&counts[i].by_status[CLAMP(status, 0, STATUSES - 1)], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts[i].by_time[bucket], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counts[i].microseconds, microseconds, memory_order_relaxed);
    }
}

static void healthcheck(const struct request *request, struct reply *reply)
{
    const char *accept = request_header(request, "Accept");

    if (accept && strstr(accept, "application/json"))
        reply_text(reply, "application/json", "{\n    \"detailed\": false,\n    \"reasons\": [\n        \"OK\"\n    ]\n}");
    else if (accept && strstr(accept, "text/html"))
        reply_text(reply, "text/html; charset=UTF-8",
                   "<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n<H2>Result of 1 checks:</H2>\n<TABLE bgcolor=\"#ffffff\" border=\"1\">\n"
                   "<TBODY>\n<TR>\n<TH>\nReason\n</TH>\n</TR>\n<TR>\n    <TD>OK</TD>\n</TR>\n</TBODY>\n</TABLE>\n<HR></HR>\n</BODY>\n</HTML>");
    else
        reply_text(reply, "text/plain; charset=UTF-8", "OK");
}

static void metrics(struct reply *reply)
{
    struct buf *to = &reply->body;

    buf_puts(to, "# TYPE nacre_requests_total counter\n# TYPE nacre_request_seconds histogram\n# TYPE nacre_db_queries_total counter\n"
                 "# TYPE nacre_db_transactions_total counter\n# TYPE nacre_db_syncs_total counter\n# TYPE nacre_jobs_pending gauge\n");
    for (size_t i = 0; services[i] && i < MOST_SERVICES; i++)
        requests_metrics(to, services[i], &counts[i]);
    process_metrics(to);
    reply->content_type = "text/plain; version=0.0.4";
    reply->has_body = true;
}

static void requests_metrics(struct buf *to, const struct service *service, struct counts *count)
{
    const struct service_state *state = service_state(service);
    int64_t sum = 0;

    for (int status = 0; status < STATUSES; status++) {
        int64_t n = atomic_load_explicit(&count->by_status[status], memory_order_relaxed);

        if (n)
            buf_printf(to, "nacre_requests_total{service=\"%s\",status=\"%d\"} %" G_GINT64_FORMAT "\n", service->name, status, n);
    }
    for (size_t i = 0; i <= BOUNDS; i++) {
        char bound[G_ASCII_DTOSTR_BUF_SIZE] = "+Inf";

        sum += atomic_load_explicit(&count->by_time[i], memory_order_relaxed);
        if (i < BOUNDS)
            g_ascii_formatd(bound, sizeof(bound), "%g", (double)bounds_us[i] / 1e6);
        buf_printf(to, "nacre_request_seconds_bucket{service=\"%s\",le=\"%s\"} %" G_GINT64_FORMAT "\n", service->name, bound, sum);
    }
    buf_printf(to, "nacre_request_seconds_sum{service=\"%s\"} %.6f\nnacre_request_seconds_count{service=\"%s\"} %" G_GINT64_FORMAT "\n",
               service->name, (double)atomic_load_explicit(&count->microseconds, memory_order_relaxed) / 1e6, service->name, sum);
    if (state && state->db) {
        struct db_stats stats = db_stats(state->db);

        buf_printf(to, "nacre_db_queries_total{service=\"%s\"} %" G_GINT64_FORMAT "\n", service->name, stats.queries);
        buf_printf(to, "nacre_db_transactions_total{service=\"%s\"} %" G_GINT64_FORMAT "\n", service->name, stats.transactions);
        buf_printf(to, "nacre_db_syncs_total{service=\"%s\"} %" G_GINT64_FORMAT "\n", service->name, stats.syncs);
    }
    if (service->jobs)
        buf_printf(to, "nacre_jobs_pending{service=\"%s\"} %" G_GINT64_FORMAT "\n", service->name, jobs_pending(service));
}

static void process_metrics(struct buf *to)
{
    struct http_stats http = http_stats();
    g_autofree char *statm = NULL;
    long pages = 0;

    if (g_file_get_contents("/proc/self/statm", &statm, NULL, NULL))
        sscanf(statm, "%*s %ld", &pages);
    buf_printf(to, "# TYPE nacre_http_requests_total counter\nnacre_http_requests_total %" G_GINT64_FORMAT "\n", http.requests);
    buf_printf(to, "# TYPE nacre_http_refused_total counter\nnacre_http_refused_total %" G_GINT64_FORMAT "\n", http.refused);
    buf_printf(to, "# TYPE nacre_http_active gauge\nnacre_http_active %" G_GINT64_FORMAT "\n", http.active);
    buf_printf(to, "# TYPE nacre_http_queued gauge\nnacre_http_queued %" G_GINT64_FORMAT "\n", http.queued);
    buf_printf(to, "# TYPE nacre_http_connections gauge\nnacre_http_connections %" G_GINT64_FORMAT "\n", http.connections);
    if (inject_armed)
        buf_printf(to, "nacre_faults_injected %d\n", inject_done);
    buf_printf(to, "# TYPE nacre_resident_bytes gauge\nnacre_resident_bytes %lld\n", (long long)pages * sysconf(_SC_PAGESIZE));
}
