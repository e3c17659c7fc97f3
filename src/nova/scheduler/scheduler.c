/* From a request to the hosts that fit: candidates of Placement, filters, weighers. */
#include "nova/scheduler/scheduler.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "oslo/client/client.h"

#include <string.h>

#define PLACEMENT_VERSION "placement 1.36"
#define MOST_CANDIDATES 1000

static json_t *candidates_get(struct ctx *, const struct request_spec *);
static struct host_state **hosts_of(struct ctx *, const struct request_spec *, json_t *candidates, size_t *ret_n);
static bool hosts_count(struct ctx *, struct host_state **, size_t n);
static size_t hosts_filter(struct ctx *, const struct request_spec *, struct host_state **, size_t n, struct buf *removed);
static void shuffle_best(struct host_state **, size_t n);
static bool no_host(struct ctx *, const char *why);

struct host_state **scheduler_select(struct ctx *c, const struct request_spec *spec, size_t *ret_n)
{
    json_t *candidates = candidates_get(c, spec);
    struct host_state **hosts;
    struct buf removed = {};
    size_t n = 0;

    if (!candidates)
        return NULL;
    hosts = hosts_of(c, spec, candidates, &n);
    if (failed(c) || !hosts_count(c, hosts, n))
        return NULL;
    if (n == 0)
        buf_puts(&removed, "Placement has no host with the resources asked for; ");
    if (!spec->force_host && !spec->force_node)
        n = hosts_filter(c, spec, hosts, n, &removed);
    if (n == 0) {
        no_host(c, removed.data);
        buf_clear(&removed);
        return NULL;
    }
    buf_clear(&removed);
    if (n > 1) {
        hosts_weigh(spec, hosts, n);
        shuffle_best(hosts, n);
    }
    *ret_n = n;
    return hosts;
}

/* --- the request --------------------------------------------------------------------------------------------- */

static void resource_set(json_t *resources, const char *name, int64_t amount)
{
    if (amount > 0)
        json_object_set_new(resources, name, json_integer(amount));
    else
        json_object_del(resources, name);
}

json_t *request_resources(struct ctx *c, const struct instance *inst)
{
    json_t *resources = ctx_json(c, json_object()), *value;
    bool from_volume = !inst->image_ref || !*inst->image_ref;
    const char *key;

    resource_set(resources, "VCPU", inst->vcpus);
    resource_set(resources, "MEMORY_MB", inst->memory_mb);
    resource_set(resources, "DISK_GB", (from_volume ? 0 : inst->root_gb) + inst->ephemeral_gb + (inst->swap_mb + 1023) / 1024);
    json_t *parsed = json_of(c, inst->extra_specs);

    json_object_foreach(parsed, key, value) {
        int64_t amount;

        if (g_str_has_prefix(key, "resources:") && json_is_string(value) && text_to_int(json_string_value(value), &amount))
            resource_set(resources, key + strlen("resources:"), amount);
    }
    return resources;
}

static bool group_read(struct ctx *c, struct request_spec *spec)
{
    const char *uuid = spec->inst->server_group;
    json_t *rules = NULL;
    struct rows *r;

    spec->max_server_per_host = 1;
    for (r = db_query(c, "SELECT policy, rules FROM server_groups WHERE id = $1", T(uuid)); db_next(r);) {
        spec->group_policy = db_text(r, 0);
        rules = json_of(c, (raw_json){ db_text(r, 1) });
    }
    spec->max_server_per_host = json_get_int(rules, "max_server_per_host", 1);
    spec->group_hosts = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
    for (r = db_query(c, "SELECT i.host, count(*) FROM server_group_members m JOIN instances i ON i.uuid = m.instance_uuid"
                      " WHERE m.group_id = $1 AND i.uuid <> $2 AND NOT i.deleted AND i.host IS NOT NULL GROUP BY i.host",
                      T(uuid), T(spec->inst->uuid)); db_next(r);) {
        char *host = db_text(r, 0);

        g_hash_table_insert(spec->group_hosts, host, GSIZE_TO_POINTER((gsize)db_int(r, 1)));
    }
    return !failed(c);
}

/* Image properties stand in system_metadata as "image_<property>". */
static json_t *image_properties(struct ctx *c, const struct instance *inst)
{
    json_t *image = ctx_json(c, json_object()), *stored = json_of(c, inst->system_metadata), *value;
    const char *key;

    json_object_foreach(stored, key, value)
        if (g_str_has_prefix(key, "image_"))
            json_object_set(image, key + strlen("image_"), value);
    return image;
}

bool request_spec_init(struct ctx *c, struct request_spec *spec, const struct instance *inst)
{
    json_t *request = json_of(c, inst->request);

    spec->inst = inst;
    spec->resources = request_resources(c, inst);
    spec->zone = inst->availability_zone && *inst->availability_zone ? inst->availability_zone : NULL;
    spec->force_host = json_get_string(request, "force_host");
    spec->force_node = json_get_string(request, "force_node");
    spec->only_host = json_get_string(request, "requested_host") ?: json_get_string(request, "requested_hypervisor_hostname");
    spec->hints = json_object_get(request, "scheduler_hints");
    spec->extra_specs = json_of(c, inst->extra_specs);
    spec->image = image_properties(c, inst);
    return !inst->server_group || group_read(c, spec);
}

/* --- Placement ----------------------------------------------------------------------------------------------- */

/* "&required=A,!B" of trait:A=required and trait:B=forbidden, in the flavor's extra specs and the image's properties. */
static void add_traits(struct buf *query, json_t *const sources[2])
{
    const char *key, *separator = "&required=";
    json_t *value;

    for (int i = 0; i < 2; i++)
        json_object_foreach(sources[i], key, value) {
            const char *word = json_string_value(value);

            if (!g_str_has_prefix(key, "trait:") || !word || (strcmp(word, "required") && strcmp(word, "forbidden")))
                continue;
            buf_printf(query, "%s%s%s", separator, *word == 'f' ? "!" : "", key + strlen("trait:"));
            separator = ",";
        }
}

static json_t *candidates_get(struct ctx *c, const struct request_spec *spec)
{
    struct call call = { .type = "placement", .method = "GET", .version = PLACEMENT_VERSION, .as_service = true };
    struct buf query = {};
    json_t *amount;
    const char *name;
    bool ok;

    buf_printf(&query, "/allocation_candidates?limit=%d&resources=", MOST_CANDIDATES);
    json_object_foreach(spec->resources, name, amount)
        buf_printf(&query, "%s%s:%" JSON_INTEGER_FORMAT, query.data[query.len - 1] == '=' ? "" : ",", name, json_integer_value(amount));
    add_traits(&query, (json_t *const[]){ spec->extra_specs, spec->image });
    call.path = ctx_strdup(c, query.data);
    buf_clear(&query);
    ok = client_call(c, &call);
    return ok ? call.reply : NULL;
}

static int64_t free_of(json_t *summary, const char *resource)
{
    json_t *amounts = json_object_get(json_object_get(summary, "resources"), resource);

    return json_get_int(amounts, "capacity", 0) - json_get_int(amounts, "used", 0);
}

static bool asked_for(const struct request_spec *spec, const struct compute_node *node)
{
    const char *host = spec->force_host ? spec->force_host : spec->only_host;

    if (host && strcmp(host, node->host) && strcmp(host, node->hypervisor_hostname))
        return false;
    if (spec->force_node && strcmp(spec->force_node, node->hypervisor_hostname))
        return false;
    return (!spec->not_host || strcmp(spec->not_host, node->host)) && !json_object_get(spec->tried, node->host);
}

/* The nodes that Placement offers and the request does not rule out. */
static struct host_state **hosts_of(struct ctx *c, const struct request_spec *spec, json_t *candidates, size_t *ret_n)
{
    json_t *requests = json_object_get(candidates, "allocation_requests"), *summaries = json_object_get(candidates, "provider_summaries"), *request;
    g_autoptr(GHashTable) nodes = g_hash_table_new(g_str_hash, g_str_equal), services = g_hash_table_new(g_str_hash, g_str_equal);
    struct host_state **hosts = ctx_new_n(c, struct host_state *, json_array_size(requests) + 1);
    size_t i, n_nodes = 0, n_services = 0;
    struct compute_node **node = compute_nodes_all(c, &n_nodes);
    struct service_row **service = services_all(c, &n_services);
    struct zones *zones = zones_load(c);

    *ret_n = 0;
    if (failed(c))
        return NULL;
    for (i = 0; i < n_nodes; i++)
        g_hash_table_insert(nodes, node[i]->uuid, node[i]);
    for (i = 0; i < n_services; i++)
        if (!strcmp(service[i]->binary, "nova-compute"))
            g_hash_table_insert(services, service[i]->host, service[i]);
    json_array_foreach(requests, i, request) {
        json_t *allocations = json_object_get(request, "allocations");
        const char *provider = json_object_iter_key(json_object_iter(allocations));
        const struct compute_node *found = provider ? g_hash_table_lookup(nodes, provider) : NULL;
        struct host_state *h;

        if (!found || !asked_for(spec, found))
            continue;
        h = hosts[(*ret_n)++] = ctx_new(c, struct host_state);
        *h = (struct host_state){ .node = found, .service = g_hash_table_lookup(services, found->host), .zone = zone_of_host(zones, found->host),
                                  .allocations = allocations };
        h->free_vcpus = free_of(json_object_get(summaries, provider), "VCPU");
        h->free_memory_mb = free_of(json_object_get(summaries, provider), "MEMORY_MB");
        h->free_disk_gb = free_of(json_object_get(summaries, provider), "DISK_GB");
    }
    return hosts;
}

/* Instances and operations under way on each host; nobody asks where there is no choice. */
static bool hosts_count(struct ctx *c, struct host_state **hosts, size_t n)
{
    const char *enabled = nova_options()->enabled_filters;
    struct rows *r;

    if (n < 2 && !strstr(enabled, "NumInstancesFilter") && !strstr(enabled, "IoOpsFilter"))
        return true;
    for (r = db_query(c, "SELECT host, count(*), count(*) FILTER (WHERE vm_state = 'building' OR task_state IN ('resize_migrating',"
                      " 'rebuilding', 'resize_prep', 'image_snapshot', 'image_backup', 'rescuing', 'unshelving', 'shelving'))"
                      " FROM instances WHERE NOT deleted AND host IS NOT NULL GROUP BY host"); db_next(r);) {
        const char *host = db_text(r, 0);

        for (size_t i = 0; i < n; i++)
            if (!strcmp(hosts[i]->node->host, host)) {
                hosts[i]->instances = db_int(r, 1);
                hosts[i]->io_ops = db_int(r, 2);
            }
    }
    return !failed(c);
}

/* --- filters ------------------------------------------------------------------------------------------------- */

json_t *host_aggregates(struct ctx *c, struct host_state *h)
{
    if (!h->aggregates)
        h->aggregates = aggregates_of_host(c, h->node->host);
    return h->aggregates;
}

static const struct filter *filter_find(const char *name)
{
    for (const struct filter *f = filters; f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

/* Keeps, in their order, the hosts that pass; what each filter took away is added to removed. */
static size_t hosts_filter(struct ctx *c, const struct request_spec *spec, struct host_state **hosts, size_t n, struct buf *removed)
{
    char **names = text_split(c, nova_options()->enabled_filters, ',');

    for (; *names && n; names++) {
        const struct filter *f = filter_find(*names);
        size_t kept = 0, gone = 0;

        for (size_t i = 0; f && i < n; i++) {
            if (f->passes(c, spec, hosts[i])) {
                hosts[kept++] = hosts[i];
                continue;
            }
            if (gone++ < 10)
                buf_printf(removed, "%s%s", gone > 1 ? ", " : ctx_printf(c, "%s removed ", f->name), hosts[i]->node->host);
        }
        if (gone > 10)
            buf_printf(removed, " and %zu more", gone - 10);
        if (gone)
            buf_puts(removed, "; ");
        n = f ? kept : n;
    }
    return n;
}

static bool no_host(struct ctx *c, const char *why)
{
    size_t n = why ? strlen(why) : 0;

    return fail(c, NO_VALID_HOST, n ? ctx_printf(c, "There are not enough hosts available. %.*s.", (int)n - 2, why)
                                    : "There are not enough hosts available.");
}

/* One of the host_subset_size best is moved to the front. */
static void shuffle_best(struct host_state **hosts, size_t n)
{
    size_t best = MIN(n, (size_t)nova_options()->host_subset_size), chosen = random_below(best);
    struct host_state *h = hosts[chosen];

    memmove(&hosts[1], &hosts[0], chosen * sizeof *hosts);
    hosts[0] = h;
}
