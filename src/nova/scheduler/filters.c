/* The filters: each asks one question of a host. Their names are the original's. */
#include "nova/options.h"
#include "nova/scheduler/scheduler.h"

#include <inttypes.h>
#include <string.h>

static bool all_hosts(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return true;
}

/* Is its compute service enabled and alive? */
static bool compute(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return h->service && !h->service->disabled && service_is_up(h->service);
}

static bool availability_zone(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return !spec->zone || !strcmp(spec->zone, h->zone);
}

/* --- the image ----------------------------------------------------------------------------------------------- */

static const char *canonical(const char *word)
{
    static const char *const same[][2] = { { "amd64", "x86_64" }, { "x86", "i686" }, { "arm64", "aarch64" }, { "powerpc", "ppc" }, { "hv", "hvm" } };

    for (size_t i = 0; word && i < G_N_ELEMENTS(same); i++)
        if (!g_ascii_strcasecmp(word, same[i][0]))
            return same[i][1];
    return word;
}

static bool list_has(json_t *list, const char *word)
{
    json_t *value;
    size_t i;

    json_array_foreach(list, i, value)
        if (json_is_string(value) && !g_ascii_strcasecmp(json_string_value(value), word))
            return true;
    return false;
}

/* Can it run the image's architecture, for its hypervisor, in its mode? */
static bool image_properties(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    const char *wanted[] = {
        canonical(json_get_string(spec->image, "hw_architecture") ?: json_get_string(spec->image, "architecture")),
        json_get_string(spec->image, "img_hv_type") ?: json_get_string(spec->image, "hypervisor_type"),
        canonical(json_get_string(spec->image, "hw_vm_mode") ?: json_get_string(spec->image, "vm_mode")),
    };
    json_t *supported = json_of(c, h->node->supported_instances), *one;
    size_t i;

    if (!wanted[0] && !wanted[1] && !wanted[2])
        return true;
    json_array_foreach(supported, i, one) {
        bool all = true;

        for (size_t w = 0; w < G_N_ELEMENTS(wanted); w++)
            all = all && (!wanted[w] || list_has(one, wanted[w]));
        if (all)
            return true;
    }
    return false;
}

/* --- extra specs --------------------------------------------------------------------------------------------- */

/* A host's attribute by its path, "cpu_info:topology:cores" or "free_ram_mb", as text; NULL if it has none. */
static const char *capability(struct ctx *c, const struct host_state *h, const char *path)
{
    char **piece = text_split(c, path, ':');
    const struct { const char *name; int64_t value; } numbers[] = {
        { "free_ram_mb", h->free_memory_mb }, { "free_disk_mb", h->free_disk_gb * 1024 }, { "total_usable_ram_mb", h->node->memory_mb },
        { "vcpus_total", h->node->vcpus }, { "vcpus_used", h->node->vcpus_used }, { "num_instances", h->instances }, { "num_io_ops", h->io_ops },
        { "hypervisor_version", h->node->hypervisor_version }, { "disk_mb_used", h->node->local_gb_used * 1024 },
    };
    const struct { const char *name, *value; } words[] = {
        { "host", h->node->host }, { "nodename", h->node->hypervisor_hostname }, { "hypervisor_hostname", h->node->hypervisor_hostname },
        { "hypervisor_type", h->node->hypervisor_type }, { "host_ip", h->node->host_ip },
    };
    json_t *at;

    for (size_t i = 0; !piece[1] && i < G_N_ELEMENTS(numbers); i++)
        if (!strcmp(piece[0], numbers[i].name))
            return ctx_printf(c, "%" PRId64, numbers[i].value);
    for (size_t i = 0; !piece[1] && i < G_N_ELEMENTS(words); i++)
        if (!strcmp(piece[0], words[i].name))
            return words[i].value;
    if (strcmp(piece[0], "cpu_info"))
        return NULL;
    at = json_of(c, h->node->cpu_info);
    while (*++piece)
        at = json_object_get(at, *piece);
    return json_is_string(at) ? json_string_value(at) : at ? json_text(c, at).text : NULL;
}

/* Does it have what "capabilities:..." asks for? A name without scope counts only where hosts have such an attribute. */
static bool compute_capabilities(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    const char *key;
    json_t *value;

    json_object_foreach(spec->extra_specs, key, value) {
        bool scoped = strchr(key, ':') != NULL;
        const char *path = g_str_has_prefix(key, "capabilities:") ? key + strlen("capabilities:") : key, *has;

        if (!json_is_string(value) || (scoped && path == key))
            continue;
        has = capability(c, h, path);
        if (has ? !extra_spec_match(has, json_string_value(value)) : scoped)
            return false;
    }
    return true;
}

/* Does one of its aggregates have, for each key, a value that meets the requirement? Values may be lists with commas. */
static bool aggregate_has(struct ctx *c, struct host_state *h, const char *key, const char *requirement)
{
    json_t *aggregates = host_aggregates(c, h), *one;
    size_t i;

    json_array_foreach(aggregates, i, one) {
        const char *values = json_get_string(json_object_get(one, "metadata"), key);

        for (char **value = values ? text_split(c, values, ',') : NULL; value && *value; value++)
            if (extra_spec_match(*value, requirement))
                return true;
    }
    return false;
}

static bool aggregate_instance_extra_specs(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    static const char scope[] = "aggregate_instance_extra_specs:";
    const char *key;
    json_t *value;

    json_object_foreach(spec->extra_specs, key, value) {
        const char *name = g_str_has_prefix(key, scope) ? key + strlen(scope) : key;

        if (json_is_string(value) && (name != key || !strchr(key, ':')) && !aggregate_has(c, h, name, json_string_value(value)))
            return false;
    }
    return true;
}

/* --- aggregates ---------------------------------------------------------------------------------------------- */

/* Hosts of aggregates with filter_tenant_id take the instances of those projects only. */
static bool aggregate_multi_tenancy(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    json_t *aggregates = host_aggregates(c, h), *one, *value;
    bool isolated = false;
    const char *key;
    size_t i;

    json_array_foreach(aggregates, i, one)
        json_object_foreach(json_object_get(one, "metadata"), key, value) {
            if (!g_str_has_prefix(key, "filter_tenant_id") || !json_is_string(value))
                continue;
            isolated = true;
            if (text_in(spec->inst->project_id, (const char *const *)text_split(c, json_string_value(value), ',')))
                return true;
        }
    return !isolated;
}

/* Where its aggregates name an image property, the image must have one of the values. */
static bool aggregate_image_properties(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    json_t *aggregates = host_aggregates(c, h), *one, *value;
    const char *key;
    size_t i;

    json_array_foreach(aggregates, i, one)
        json_object_foreach(json_object_get(one, "metadata"), key, value) {
            const char *has = json_get_string(spec->image, key);

            if (has && json_is_string(value) && !text_in(has, (const char *const *)text_split(c, json_string_value(value), ',')))
                return false;
        }
    return true;
}

/* --- other instances ----------------------------------------------------------------------------------------- */

/* Is one of the hinted instances (an id or a list of ids) on this host? */
static bool hint_overlaps(struct ctx *c, const struct request_spec *spec, const char *hint, const struct host_state *h, bool *ret_hinted)
{
    json_t *ids = json_object_get(spec->hints, hint), *id;
    size_t i;

    *ret_hinted = json_is_string(ids) ? *json_string_value(ids) : json_array_size(ids) > 0;
    if (json_is_string(ids))
        ids = ctx_json(c, json_pack("[O]", ids));
    json_array_foreach(ids, i, id)
        if (json_is_string(id) && db_count(c, "SELECT count(*) FROM instances WHERE uuid = $1 AND host = $2 AND NOT deleted",
                                           T(json_string_value(id)), T(h->node->host)))
            return true;
    return false;
}

static bool same_host(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    bool hinted, overlaps = hint_overlaps(c, spec, "same_host", h, &hinted);

    return !hinted || overlaps;
}

static bool different_host(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    bool hinted;

    return !hint_overlaps(c, spec, "different_host", h, &hinted);
}

static int64_t members_here(const struct request_spec *spec, const struct host_state *h)
{
    return (int64_t)GPOINTER_TO_SIZE(g_hash_table_lookup(spec->group_hosts, h->node->host));
}

static bool group_anti_affinity(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return !text_equal(spec->group_policy, "anti-affinity") || members_here(spec, h) < spec->max_server_per_host;
}

static bool group_affinity(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return !text_equal(spec->group_policy, "affinity") || !g_hash_table_size(spec->group_hosts) || members_here(spec, h);
}

static bool num_instances(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return h->instances < nova_options()->max_instances_per_host;
}

static bool io_ops(struct ctx *c, const struct request_spec *spec, struct host_state *h)
{
    return h->io_ops < nova_options()->max_io_ops_per_host;
}

const struct filter filters[] = {
    { "AllHostsFilter", all_hosts },
    { "ComputeFilter", compute },
    { "AvailabilityZoneFilter", availability_zone },
    { "ImagePropertiesFilter", image_properties },
    { "ComputeCapabilitiesFilter", compute_capabilities },
    { "AggregateInstanceExtraSpecsFilter", aggregate_instance_extra_specs },
    { "AggregateMultiTenancyIsolation", aggregate_multi_tenancy },
    { "AggregateImagePropertiesIsolation", aggregate_image_properties },
    { "SameHostFilter", same_host },
    { "DifferentHostFilter", different_host },
    { "ServerGroupAntiAffinityFilter", group_anti_affinity },
    { "ServerGroupAffinityFilter", group_affinity },
    { "NumInstancesFilter", num_instances },
    { "IoOpsFilter", io_ops },
    {}
};
