/* POST /servers: a body becomes one or more instances and the jobs that build them.
 *
 * Everything others are asked (Glance, Neutron) is asked first; then one transaction counts the quota, stores the instances,
 * their tags, groups and actions, and adds the jobs.
 */
#include "nova/api/create.h"

#include "nova/jobs/jobs.h"
#include "nova/model/action.h"
#include "nova/model/quota.h"
#include "nova/options.h"

#include "oslo/trace/trace.h"

#include <arpa/inet.h>
#include <string.h>

struct wish {
    const json_t *server, *hints;
    int64_t min_count, max_count;
    const char *password, *key_data;
    char *zone, *host, *node;
    struct flavor *flavor;
    json_t *image, *groups;
    const char *server_group;
};

/* --- small things ------------------------------------------------------------------------------------------------- */

char *password_new(struct ctx *c)
{
    static const char *const symbols[] = { "23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz" };
    char *password = ctx_alloc(c, 13);

    for (size_t i = 0; i < 12; i++) {
        const char *group = symbols[i < 3 ? i : random_below(3)];

        password[i] = group[random_below(strlen(group))];
    }
    for (size_t i = 11; i > 0; i--) {
        size_t j = random_below(i + 1);
        char held = password[i];

        password[i] = password[j];
        password[j] = held;
    }
    return password;
}

char *ipv6_shortest(struct ctx *c, char *address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr bytes;

    return address && inet_pton(AF_INET6, address, &bytes) == 1 ? ctx_strdup(c, inet_ntop(AF_INET6, &bytes, text, sizeof text)) : address;
}

/* Latin letters and digits stay, blanks, dots and underscores become dashes, the rest goes. */
char *hostname_of(struct ctx *c, const char *name)
{
    char *host = ctx_alloc(c, strlen(name) + 1), *end = host;
    size_t taken = 0;

    for (; *name && taken < 63; name = g_utf8_next_char(name)) {
        gunichar ch = g_utf8_get_char(name);

        if (ch > 0xff)
            continue;
        taken++;
        if (ch == ' ' || ch == '_' || ch == '.')
            *end++ = '-';
        else if (ch < 0x80 && (g_ascii_isalnum((char)ch) || ch == '-'))
            *end++ = g_ascii_tolower((char)ch);
        else if (ch >= 0x80 && g_unichar_isalnum(ch))
            end += g_unichar_to_utf8(g_unichar_tolower(ch), end);
    }
    while (end > host && end[-1] == '-')
        end--;
    *end = '\0';
    return host + strspn(host, "-");
}

bool metadata_check(struct ctx *c, const json_t *metadata)
{
    struct quota_set set;

    if (!json_object_size(metadata))
        return true;
    if (!quota_limits(c, c->who.project_id, c->who.user_id, &set))
        return false;
    return set.limit[QUOTA_METADATA_ITEMS] < 0 || (int64_t)json_object_size(metadata) <= set.limit[QUOTA_METADATA_ITEMS] ||
           fail(c, METADATA_LIMIT, set.limit[QUOTA_METADATA_ITEMS]);
}

static bool over(int64_t value, int64_t limit)
{
    return limit >= 0 && value > limit;
}

bool files_check(struct ctx *c, json_t *files)
{
    int64_t path = 0, content = 0;
    struct quota_set set;
    json_t *file;
    size_t i;

    if (!json_array_size(files))
        return true;
    if (!quota_limits(c, c->who.project_id, c->who.user_id, &set))
        return false;
    json_array_foreach(files, i, file) {
        const char *text = json_get_string(file, "contents");
        size_t n = text ? strlen(text) : 0;

        path = MAX(path, (int64_t)text_length(json_get_string(file, "path") ? json_get_string(file, "path") : ""));
        content = MAX(content, (int64_t)(n / 4 * 3));
    }
    if (over((int64_t)json_array_size(files), set.limit[QUOTA_FILES]))
        return fail(c, FILES_LIMIT);
    if (over(path, set.limit[QUOTA_FILE_PATH_BYTES]))
        return fail(c, FILE_PATH_LIMIT, set.limit[QUOTA_FILE_PATH_BYTES]);
    return !over(content, set.limit[QUOTA_FILE_CONTENT_BYTES]) || fail(c, FILE_CONTENT_LIMIT, set.limit[QUOTA_FILE_CONTENT_BYTES]);
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

/* "zone:host:node", "zone:host", "zone::node" */
static bool read_zone(struct ctx *c, struct wish *w)
{
    const char *text = json_get_string(w->server, "availability_zone");
    char **part = text ? g_strsplit(text, ":", 4) : NULL;

    if (!part)
        return true;
    if (g_strv_length(part) > 3)
        fail(c, INVALID_INPUT, "Unable to parse availability_zone");
    else {
        w->zone = part[0] && *part[0] ? ctx_strdup(c, part[0]) : NULL;
        w->host = part[0] && part[1] && *part[1] ? ctx_strdup(c, part[1]) : NULL;
        w->node = part[0] && part[1] && part[2] && *part[2] ? ctx_strdup(c, part[2]) : NULL;
    }
    g_strfreev(part);
    return !failed(c) && (!(w->host || w->node) || policy_check(c, RULE("servers:create:forced_host"), NULL));
}

static bool zone_exists(struct ctx *c, const char *zone)
{
    struct zones *zones = zones_load(c);
    size_t n;
    struct service_row **all = services_all(c, &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->binary, "nova-compute") == 0 && !all[i]->disabled && service_is_up(all[i]) &&
            strcmp(zone_of_host(zones, all[i]->host), zone) == 0)
            return true;
    return false;
}

/* A forced host takes its own zone, whatever was asked. */
static bool check_zone(struct ctx *c, struct wish *w)
{
    if (w->zone && w->host && strcmp(zone_of_host(zones_load(c), w->host), w->zone) != 0)
        w->zone = NULL;
    return !w->zone || w->host || zone_exists(c, w->zone) || fail(c, BAD_REQUEST, "The requested availability zone is not available");
}

static bool check_destination(struct ctx *c, const struct wish *w)
{
    const char *host = json_get_string(w->server, "host"), *node = json_get_string(w->server, "hypervisor_hostname");

    if (c->version < V(2, 74) || (!host && !node))
        return true;
    if (!policy_check(c, "compute:servers:create:requested_destination", NULL))
        return false;
    if (w->host || w->node)
        return fail(c, BAD_REQUEST, "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are"
                    " mutually exclusive.");
    return (host ? compute_node_find(c, host, node) : compute_node_find(c, NULL, node)) != NULL ||
           fail(c, CREATE_HOST_NOT_FOUND, host ? host : node);
}

static bool check_key(struct ctx *c, struct wish *w)
{
    const char *name = json_get_string(w->server, "key_name");

    if (!name)
        return true;
    w->key_data = db_get_text(c, "SELECT public_key FROM keypairs WHERE user_id = $1 AND name = $2", T(c->who.user_id), T(name));
    return w->key_data || failed(c) ? w->key_data != NULL : fail(c, BAD_REQUEST, "Invalid key_name provided.");
}

static bool check_group(struct ctx *c, struct wish *w)
{
    const char *id = json_get_string(w->hints, "group");
    struct quota_set set;
    int64_t members;

    if (!id)
        return true;
    if (!db_count(c, "SELECT count(*) FROM server_groups WHERE id = $1 AND ($2 OR project_id = $3)", T(id), B(c->who.is_admin),
                  T(c->who.project_id)))
        return failed(c) ? false : fail(c, CREATE_SERVER_GROUP_NOT_FOUND, id);
    members = db_count(c, "SELECT count(*) FROM server_group_members WHERE group_id = $1", T(id));
    if (!quota_limits(c, c->who.project_id, c->who.user_id, &set))
        return false;
    w->server_group = id;
    return !over(members + w->max_count, set.limit[QUOTA_SERVER_GROUP_MEMBERS]) || fail(c, SERVER_GROUP_FULL);
}

/* Volumes and snapshots need a service that is not there; what is local must leave one device to boot from. */
static bool check_devices(struct ctx *c, const struct wish *w)
{
    json_t *old = json_object_get(w->server, "block_device_mapping"), *new = json_object_get(w->server, "block_device_mapping_v2");
    json_t *device;
    size_t i, bootable = 0;

    if (json_array_size(old) && json_array_size(new))
        return fail(c, BAD_REQUEST, "Using different block_device_mapping syntaxes is not allowed in the same request.");
    json_array_foreach(old, i, device)
        if (json_get_string(device, "volume_id"))
            return fail(c, BDM_VOLUME, json_get_string(device, "volume_id"));
    json_array_foreach(new, i, device) {
        const char *source = json_get_string(device, "source_type"), *to = json_get_string(device, "destination_type");
        const char *id = json_get_string(device, "uuid");

        if (!id && !text_equal(source, "blank"))
            return fail(c, BDM_FORMAT, "Missing device UUID.");
        if (!source)
            return fail(c, BDM_FORMAT, "Invalid source_type field.");
        if (strcmp(source, "image") == 0 && text_equal(to, "local") &&
            (!json_get_string(w->server, "imageRef") || loose_int(json_object_get(device, "boot_index"), -1) != 0))
            return fail(c, BDM_FORMAT, "Mapping image to local is not supported.");
        if (strcmp(source, "volume") == 0)
            return fail(c, BDM_VOLUME, id ? id : "None");
        if (strcmp(source, "snapshot") == 0)
            return fail(c, BDM_SNAPSHOT, id ? id : "None");
        if (text_equal(to, "volume"))
            return fail(c, BDM_VOLUME, id ? id : "None");
        bootable += loose_int(json_object_get(device, "boot_index"), -1) == 0;
    }
    return !json_array_size(new) || bootable == 1 || fail(c, BDM_BOOT_SEQUENCE);
}

static const char *image_of(const struct wish *w)
{
    const char *id = json_get_string(w->server, "imageRef");
    json_t *device;
    size_t i;

    if (id && *id)
        return id;
    json_array_foreach(json_object_get(w->server, "block_device_mapping_v2"), i, device)
        if (text_equal(json_get_string(device, "source_type"), "image"))
            return json_get_string(device, "uuid");
    return NULL;
}

static bool check_image(struct ctx *c, struct wish *w)
{
    const char *id = image_of(w);

    if (!id && !json_array_size(json_object_get(w->server, "block_device_mapping_v2")))
        return fail(c, BAD_REQUEST, "Missing imageRef attribute");
    w->image = id ? image_get(c, id) : NULL;
    return (!id || w->image) && (!id || image_fits(c, w->image, w->flavor));
}

static bool check_flavor(struct ctx *c, struct wish *w)
{
    struct buf text = {};
    const char *id;

    if (!image_of(w) && !json_array_size(json_object_get(w->server, "block_device_mapping_v2")))
        return fail(c, BAD_REQUEST, "Missing imageRef attribute");
    python_str(&text, json_object_get(w->server, "flavorRef"));
    id = strrchr(text.data, '/') ? strrchr(text.data, '/') + 1 : text.data;
    w->flavor = flavor_get(c, id);
    if (!w->flavor && c->fault.status == 404) {
        fault_clear(c);
        fail(c, CREATE_FLAVOR_NOT_FOUND, id);
    }
    buf_clear(&text);
    return w->flavor != NULL;
}

static bool read_wish(struct ctx *c, struct wish *w, const json_t *body)
{
    w->server = json_object_get(body, "server");
    w->hints = json_object_get(body, "os:scheduler_hints");
    if (!w->hints)
        w->hints = json_object_get(body, "OS-SCH-HNT:scheduler_hints");
    w->min_count = loose_int(json_object_get(w->server, "min_count"), 1);
    w->max_count = loose_int(json_object_get(w->server, "max_count"), w->min_count);
    w->password = json_get_string(w->server, "adminPass") ? json_get_string(w->server, "adminPass") : password_new(c);
    if (w->min_count > w->max_count)
        return fail(c, BAD_REQUEST, "min_count must be <= max_count");
    if (json_is_array(json_object_get(w->server, "trusted_image_certificates")) &&
        !policy_check(c, RULE("servers:create:trusted_certs"), NULL))
        return false;
    return read_zone(c, w) && check_destination(c, w) && check_devices(c, w) && check_flavor(c, w);
}

static bool check_wish(struct ctx *c, struct wish *w)
{
    json_t *networks = json_object_get(w->server, "networks");

    if (json_get_string(w->server, "hostname") && w->max_count > 1)
        return fail(c, HOSTNAME_AMBIGUOUS);
    if (!check_image(c, w) || !check_zone(c, w) || !metadata_check(c, json_object_get(w->server, "metadata")) ||
        !files_check(c, json_object_get(w->server, "personality")) || !check_key(c, w) || !check_group(c, w))
        return false;
    if (json_is_array(networks) && json_array_size(networks) && !policy_check(c, RULE("servers:create:attach_network"), NULL))
        return false;
    w->groups = groups_check(c, json_object_get(w->server, "security_groups"));
    return w->groups && networks_check(c, networks, w->max_count);
}

/* --- what becomes of it ------------------------------------------------------------------------------------------- */

/* The jobs' part of the wish: instance->request. */
static raw_json request_of(struct ctx *c, const struct wish *w)
{
    json_t *request = ctx_json(c, json_object()), *networks = json_object_get(w->server, "networks");

    if (networks && (json_is_string(networks) || json_array_size(networks)))
        json_object_set(request, "networks", networks);
    if (json_array_size(w->groups))
        json_object_set(request, "security_groups", w->groups);
    if (json_object_size(w->hints))
        json_object_set(request, "scheduler_hints", (json_t *)(uintptr_t)w->hints);
    if (w->host)
        json_object_set_new(request, "force_host", json_string(w->host));
    if (w->node)
        json_object_set_new(request, "force_node", json_string(w->node));
    if (json_object_get(w->server, "host"))
        json_object_set(request, "requested_host", json_object_get(w->server, "host"));
    if (json_object_get(w->server, "hypervisor_hostname"))
        json_object_set(request, "requested_hypervisor_hostname", json_object_get(w->server, "hypervisor_hostname"));
    if (json_array_size(json_object_get(w->server, "personality")))
        json_object_set(request, "files", json_object_get(w->server, "personality"));
    return json_text(c, request);
}

static raw_json groups_shown(struct ctx *c, const struct wish *w)
{
    json_t *asked = json_object_get(w->server, "security_groups");

    return asked ? json_text(c, asked) : (raw_json){ ctx_strdup(c, "[{\"name\":\"default\"}]") };
}

static char *text_asked(struct ctx *c, const struct wish *w, const char *name)
{
    return ctx_strdup(c, json_get_string(w->server, name));
}

static struct instance *instance_of(struct ctx *c, const struct wish *w, const char *reservation_id, int64_t index, int64_t count)
{
    struct instance *inst = record_new(c, instance_attrs, sizeof *inst);
    const char *disk = json_get_string(w->server, "OS-DCF:diskConfig");

    inst->uuid = uuid_new(c);
    inst->name = g_strstrip(text_asked(c, w, "name"));
    inst->description = c->version >= V(2, 19) ? text_asked(c, w, "description") : inst->name;
    inst->hostname = text_asked(c, w, "hostname");
    if (!inst->hostname) {
        inst->hostname = hostname_of(c, inst->name);
        if (!*inst->hostname)
            inst->hostname = ctx_printf(c, "Server-%s", inst->uuid);
        else if (count > 1)
            inst->hostname = ctx_printf(c, "%s-%" PRId64, inst->hostname, index + 1);
    }
    if (count > 1)
        inst->name = ctx_printf(c, "%s-%" PRId64, inst->name, index + 1);
    inst->user_id = ctx_strdup(c, c->who.user_id);
    inst->project_id = ctx_strdup(c, c->who.project_id);
    inst->reservation_id = ctx_strdup(c, reservation_id);
    inst->launch_index = index;
    instance_set_flavor(c, inst, w->flavor);
    if (w->image)
        image_taken(c, inst, w->image);
    inst->image_ref = ctx_strdup(c, json_get_string(w->image, "id"));
    inst->vm_state = ctx_strdup(c, VM_BUILDING);
    inst->task_state = ctx_strdup(c, TASK_SCHEDULING);
    inst->availability_zone = w->zone;
    inst->key_name = text_asked(c, w, "key_name");
    inst->key_data = ctx_strdup(c, w->key_data);
    inst->user_data = text_asked(c, w, "user_data");
    inst->config_drive = loose_bool(json_object_get(w->server, "config_drive"), false) || nova_options()->force_config_drive;
    inst->auto_disk_config = disk ? strcmp(disk, "AUTO") == 0 : false;
    inst->access_ip_v4 = text_asked(c, w, "accessIPv4");
    inst->access_ip_v6 = ipv6_shortest(c, text_asked(c, w, "accessIPv6"));
    inst->server_group = ctx_strdup(c, w->server_group);
    inst->metadata = json_object_get(w->server, "metadata") ? json_text(c, json_object_get(w->server, "metadata")) : inst->metadata;
    inst->trusted_certs = json_text(c, json_object_get(w->server, "trusted_image_certificates"));
    inst->block_devices = json_object_get(w->server, "block_device_mapping_v2")
        ? json_text(c, json_object_get(w->server, "block_device_mapping_v2")) : inst->block_devices;
    inst->request = request_of(c, w);
    inst->security_groups = groups_shown(c, w);
    return inst;
}

static bool tags_insert(struct ctx *c, const char *uuid, json_t *tags)
{
    json_t *tag;
    size_t i;

    json_array_foreach(tags, i, tag)
        if (!db_exec(c, "INSERT INTO instance_tags (instance_uuid, tag) VALUES ($1, $2) ON CONFLICT DO NOTHING", T(uuid),
                     T(json_string_value(tag))))
            return false;
    return true;
}

static bool instance_add(struct ctx *c, struct instance *inst, const struct wish *w)
{
    return instance_insert(c, inst) && tags_insert(c, inst->uuid, json_object_get(w->server, "tags")) &&
           (!inst->server_group || db_exec(c, "INSERT INTO server_group_members (group_id, instance_uuid, added_at) VALUES ($1, $2, $3)",
                                           T(inst->server_group), T(inst->uuid), I(clock_us()))) &&
           action_begin(c, inst->uuid, "create") && instance_build_start(c, inst);
}

/* The first of them, stored. */
static struct instance *instances_add(struct ctx *c, const struct wish *w, const char *reservation_id)
{
    struct instance *first = NULL;
    int64_t count;

    if (!quota_instances(c, c->who.project_id, w->flavor->vcpus, w->flavor->ram, w->min_count, w->max_count, &count))
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        struct instance *inst = instance_of(c, w, reservation_id, i, count);

        if (!instance_add(c, inst, w))
            return NULL;
        first = first ? first : inst;
    }
    return first;
}

static char *reservation_new(struct ctx *c)
{
    char text[9] = {};

    for (size_t i = 0; i < 8; i++)
        text[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[random_below(36)];
    return ctx_printf(c, "r-%s", text);
}

static bool answer_created(struct ctx *c, struct reply *rp, const struct wish *w, const struct instance *inst)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    if (loose_bool(json_object_get(w->server, "return_reservation_id"), false)) {
        out_string(&o, "reservation_id", inst->reservation_id);
        out_end_object(&o);
        return true;
    }
    out_object(&o, "server");
    out_string(&o, "id", inst->uuid);
    write_links(c, &o, "servers", inst->uuid);
    out_string(&o, "OS-DCF:diskConfig", inst->auto_disk_config ? "AUTO" : "MANUAL");
    out_raw(&o, "security_groups", inst->security_groups.text);
    out_string(&o, "adminPass", w->password);
    out_end_object(&o);
    out_end_object(&o);
    reply_header(c, rp, "Location", server_url(c, inst->uuid));
    return true;
}

bool server_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "servers.create");
    struct instance *first;
    struct wish w = {};

    if (!body || !read_wish(c, &w, body) || !check_wish(c, &w) || !db_begin(c))
        return false;
    first = instances_add(c, &w, reservation_new(c));
    if (!tx_done(c, first != NULL))
        return false;
    span_resource(c, first->uuid);
    jobs_wake(c->service);
    return answer_created(c, rp, &w, first);
}
