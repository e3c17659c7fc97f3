/* The resource tracker: what each host has and how much of it is taken, in compute_nodes for the API and in Placement for the
 * claims. Placement is written only where it differs.
 */
#include "nova/compute/resources.h"

#include "nova/options.h"
#include "nova/rpc/conductor.h"
#include "nova/virt/virt.h"
#include "oslo/client/client.h"

#define PLACEMENT_VERSION "placement 1.36"

static bool provider_report(struct ctx *, const struct compute_node *);

/* What the host keeps for itself counts as used, as the original has it. */
static struct compute_node *node_of(struct ctx *c, const char *host)
{
    const struct nova_options *o = nova_options();
    struct compute_node *node = record_new(c, compute_node_attrs, sizeof *node);

    node->host = ctx_strdup(c, host);
    node->memory_mb_used = o->reserved_host_memory_mb;
    node->local_gb_used = (o->reserved_host_disk_mb + 1023) / 1024;
    return node;
}

bool host_report(struct ctx *c, const char *host)
{
    struct compute_node *node = node_of(c, host);

    node->host_ip = ctx_strdup(c, "127.0.0.1");
    node->cpu_allocation_ratio = nova_options()->cpu_allocation_ratio;
    node->ram_allocation_ratio = nova_options()->ram_allocation_ratio;
    node->disk_allocation_ratio = nova_options()->disk_allocation_ratio;
    return virt_describe(c, host, node) && conductor_report_node(c, node) && provider_report(c, node);
}

bool host_usage_report(struct ctx *c, const char *host)
{
    bool known;

    return conductor_report_usage(c, node_of(c, host), &known) && (known || host_report(c, host));
}

/* --- Placement ----------------------------------------------------------------------------------------------- */

static struct call placement(struct ctx *c, const char *method, const char *path, json_t *body)
{
    return (struct call){ .type = "placement", .method = method, .path = path, .version = PLACEMENT_VERSION, .as_service = true, .accept_404 = "",
                          .body = ctx_json(c, body) };
}

static json_t *inventory(int64_t total, int64_t reserved, double ratio)
{
    return json_pack("{s:I, s:I, s:i, s:I, s:i, s:f}", "total", (json_int_t)total, "reserved", (json_int_t)MIN(reserved, total), "min_unit", 1,
                     "max_unit", (json_int_t)total, "step_size", 1, "allocation_ratio", ratio);
}

static json_t *inventories_of(const struct compute_node *node)
{
    const struct nova_options *o = nova_options();
    json_t *all = json_object();

    json_object_set_new(all, "VCPU", inventory(node->vcpus, o->reserved_host_cpus, node->cpu_allocation_ratio));
    json_object_set_new(all, "MEMORY_MB", inventory(node->memory_mb, o->reserved_host_memory_mb, node->ram_allocation_ratio));
    if (node->local_gb > 0)
        json_object_set_new(all, "DISK_GB", inventory(node->local_gb, (o->reserved_host_disk_mb + 1023) / 1024, node->disk_allocation_ratio));
    return all;
}

/* Does the provider have just these? Numbers compare as numbers. */
static bool inventories_same(json_t *a, json_t *b)
{
    const char *class, *key;
    json_t *one, *value;

    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach(a, class, one)
        json_object_foreach(one, key, value)
            if (json_number_value(value) != json_number_value(json_object_get(json_object_get(b, class), key)))
                return false;
    return true;
}

static bool inventories_report(struct ctx *c, const struct compute_node *node)
{
    const char *path = ctx_printf(c, "/resource_providers/%s/inventories", node->uuid);
    struct call read = placement(c, "GET", path, NULL), write;
    json_t *wanted = ctx_json(c, inventories_of(node));

    if (!client_call(c, &read))
        return false;
    if (inventories_same(wanted, json_object_get(read.reply, "inventories")))
        return true;
    write = placement(c, "PUT", path, json_pack("{s:O, s:O}", "resource_provider_generation",
                                                json_object_get(read.reply, "resource_provider_generation"), "inventories", wanted));
    return client_call(c, &write);
}

/* Adds the driver's traits to those the provider has, which others may have given. */
static bool traits_report(struct ctx *c, const struct compute_node *node)
{
    const char *path = ctx_printf(c, "/resource_providers/%s/traits", node->uuid);
    struct call read = placement(c, "GET", path, NULL), write;
    json_t *traits, *trait, *has = ctx_json(c, json_object());
    bool changed = false;
    size_t i;

    if (!client_call(c, &read))
        return false;
    traits = json_object_get(read.reply, "traits");
    json_array_foreach(traits, i, trait)
        json_object_set_new(has, json_string_value(trait), json_true());
    for (const char *const *own = virt_traits(); own && *own; own++)
        if (!json_object_get(has, *own)) {
            json_array_append_new(traits, json_string(*own));
            changed = true;
        }
    if (!changed)
        return true;
    write = placement(c, "PUT", path, json_pack("{s:O, s:O}", "resource_provider_generation",
                                                json_object_get(read.reply, "resource_provider_generation"), "traits", traits));
    return client_call(c, &write);
}

static bool provider_report(struct ctx *c, const struct compute_node *node)
{
    struct call read = placement(c, "GET", ctx_printf(c, "/resource_providers/%s", node->uuid), NULL), make;

    if (!client_call(c, &read))
        return false;
    if (read.status == 404) {
        make = placement(c, "POST", "/resource_providers", json_pack("{s:s, s:s}", "name", node->hypervisor_hostname, "uuid", node->uuid));
        if (!client_call(c, &make))
            return false;
    }
    return inventories_report(c, node) && traits_report(c, node);
}
