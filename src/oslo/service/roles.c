/* Roles: what of the program a process runs. `nacre up` runs them all; `nacre api`, `nacre compute`, ... one of them, and then only
 * what that role needs of each service: its API, its RPC servers, its jobs, its workers, its database.
 */
#include "oslo/service/parts.h"

#include <string.h>

const struct role role_table[] = {
    { "api",         "the APIs, all or those of --services; Keystone's, Glance's and Placement's own work", .databases = true },
    { "conductor",   "long operations, and what compute agents ask of Nova's database",                     .databases = true },
    { "neutron-rpc", "what network agents ask of Neutron's database",                                       .databases = true },
    { "compute",     "this host's hypervisor; opens no database",                                           .host = true },
    { "object",      "this host's drives: Swift's storage servers and their daemons; opens no database" },
    { "network",     "this host's L2, L3, DHCP and metadata agents; opens no database",                     .host = true },
    {}
};

static struct { const char *const *roles, *const *services; } running;       /* set once, before any hook; NULL: all */

static bool has(const char *names, const char *name);
static bool takes_role(const struct service *, const struct role *);

bool roles_run(struct ctx *c, const char *const *names, const char *const *of_services)
{
    for (const char *const *name = names; name && *name; name++) {
        const struct role *role = role_table;

        while (role->name && strcmp(role->name, *name))
            role++;
        if (!role->name)
            return fail(c, 400, "NoSuchRole", "there is no such role: %s", *name);
    }
    for (const char *const *name = of_services; name && *name; name++)
        if (!service_find(*name))
            return fail(c, 400, "NoSuchService", "there is no such service: %s", *name);
    running.roles = names;
    running.services = of_services;
    return true;
}

bool service_runs(const char *names)
{
    if (!names || !running.roles)
        return true;
    for (const char *const *role = running.roles; *role; role++)
        if (has(names, *role))
            return true;
    return false;
}

bool role_on_host(void)
{
    for (const struct role *role = role_table; role->name; role++)
        if (role->host && service_runs(role->name))
            return true;
    return false;
}

bool service_serves(const struct service *service)
{
    return service_runs("api") && (!running.services || text_in(service->name, running.services));
}

bool service_takes_part(const struct service *service)
{
    for (const struct role *role = role_table; role->name; role++)
        if (service_runs(role->name) && takes_role(service, role))
            return true;
    return false;
}

bool service_reads_rows(const struct service *service)
{
    for (const struct role *role = role_table; role->name; role++)
        if (role->databases && service_runs(role->name) && takes_role(service, role))
            return true;
    for (size_t i = 0; services[i]; i++)
        if (services[i]->rows_of == service && service_serves(services[i]))
            return true;
    return false;
}

bool service_runs_jobs(const struct service *service)
{
    const char *role = service->jobs_role ? service->jobs_role : "conductor";

    return service->jobs && (strcmp(role, "api") ? service_runs(role) : service_serves(service));
}

bool service_runs_worker(const struct service *service, const struct worker *worker)
{
    for (const struct role *role = role_table; role->name; role++)
        if (service_runs(role->name) && has(worker->role, role->name) && (strcmp(role->name, "api") || service_serves(service)))
            return true;
    return false;
}

/* Does the service have anything of that role? */
static bool takes_role(const struct service *service, const struct role *role)
{
    if (!strcmp(role->name, "api"))
        return service_serves(service);
    if (has(service->role, role->name))
        return true;
    for (size_t i = 0; service->rpc && service->rpc[i]; i++)
        if (has(service->rpc[i]->role, role->name))
            return true;
    for (const struct worker *worker = service->workers; worker && worker->name; worker++)
        if (has(worker->role, role->name))
            return true;
    return service->jobs && text_equal(service->jobs_role ? service->jobs_role : "conductor", role->name);
}

/* Is name among names ("api,neutron-rpc")? */
static bool has(const char *names, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = names; at && *at; at += strspn(at, ",")) {
        size_t length = strcspn(at, ",");

        if (length == n && !strncmp(at, name, n))
            return true;
        at += length;
    }
    return false;
}
