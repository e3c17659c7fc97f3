/* What this process runs: the state of each service, its options, where its API is. */
#include "oslo/registry/registry.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#define MOST_SERVICES 32

const struct common_options *common_options;

static struct service_state states[MOST_SERVICES];

const struct service *service_find(const char *name_or_type)
{
    for (size_t i = 0; services[i]; i++)
        if (!strcmp(services[i]->name, name_or_type) || (services[i]->type && !strcmp(services[i]->type, name_or_type)))
            return services[i];
    return NULL;
}

struct service_state *service_state(const struct service *service)
{
    for (size_t i = 0; service && i < MOST_SERVICES && states[i].service; i++)
        if (states[i].service == service)
            return &states[i];
    return NULL;
}

const void *service_options(const struct service *service)
{
    return service_state(service)->options;
}

void service_ctx_init(struct ctx *c, const struct service *service, const char *request_id)
{
    const struct service_state *state = service_state(service);

    ctx_init(c, service, request_id);
    c->db = state ? state->db : NULL;
}

static const char **own_hosts;
static pthread_once_t hosts_once = PTHREAD_ONCE_INIT;

static void name_hosts(void)
{
    int64_t n = common_options->sim ? common_options->sim_hosts : 1;

    own_hosts = g_new0(const char *, n + 1);
    own_hosts[0] = common_options->host;
    for (int64_t i = 1; i < n; i++)
        own_hosts[i] = g_strdup_printf("%s-%" PRId64, common_options->host, i + 1);
}

const char *const *host_names(void)
{
    pthread_once(&hosts_once, name_hosts);
    return own_hosts;
}

char *service_url(struct ctx *c, const struct service *service)
{
    return ctx_printf(c, "%s://%s:%d%s", common_options->tls_certificate ? "https" : "http", common_options->public_host,
                      service_state(service)->port, service->endpoint ? service->endpoint : "");
}

struct service_state *service_state_add(const struct service *service)
{
    size_t n = 0;

    while (states[n].service && states[n].service != service)
        n++;
    g_assert(n + 1 < MOST_SERVICES);
    states[n].service = service;
    return &states[n];
}
