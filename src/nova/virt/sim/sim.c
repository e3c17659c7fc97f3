/* A hypervisor that keeps its promises in memory: guests are entries of a table, and start, stop and pause change them. What
 * it was told is written to a journal under state_dir before it is answered, so that a restart finds the same guests; the
 * journal is rewritten when it is read. It touches nothing else of the host.
 */
#include "nova/faults_compute.h"
#include "nova/options.h"
#include "nova/virt/images.h"
#include "oslo/base/log.h"
#include "oslo/service/service.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct guest {
    char uuid[UUID_TEXT_SIZE];
    enum power_state power;
    int64_t started_us;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;         /* guards all below */
static GHashTable *guests;                                       /* uuid -> struct guest */
static FILE *journal;

static const char *const sim_traits[] = {
    "COMPUTE_NODE", "COMPUTE_DEVICE_TAGGING", "COMPUTE_NET_ATTACH_INTERFACE", "COMPUTE_NET_ATTACH_INTERFACE_WITH_TAG",
    "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_IMAGE_TYPE_QCOW2", "COMPUTE_RESCUE_BFV", NULL
};

/* --- the table and its journal ------------------------------------------------------------------------------- */

static void guest_put(const char *uuid, enum power_state power)
{
    struct guest *g = g_hash_table_lookup(guests, uuid);

    if (power == POWER_NOSTATE) {
        g_hash_table_remove(guests, uuid);
        return;
    }
    if (!g) {
        g = g_new0(struct guest, 1);
        g_strlcpy(g->uuid, uuid, sizeof g->uuid);
        g_hash_table_insert(guests, g->uuid, g);
    }
    if (power == POWER_RUNNING && g->power != POWER_RUNNING && g->power != POWER_PAUSED)
        g->started_us = clock_us();
    g->power = power;
}

/* A line of the journal: uuid, power state; 0 is "gone". A last line cut short by a crash was never answered. */
static void journal_read(const char *path)
{
    char uuid[UUID_TEXT_SIZE], end;
    FILE *f = fopen(path, "re");
    unsigned power;

    if (!f)
        return;
    while (fscanf(f, "%36s %u%c", uuid, &power, &end) == 3 && end == '\n')
        guest_put(uuid, (enum power_state)power);
    fclose(f);
}

static bool journal_rewrite(const char *path, const char *fresh)
{
    GHashTableIter each;
    void *value;
    FILE *f = fopen(fresh, "we");

    if (!f)
        return false;
    g_hash_table_iter_init(&each, guests);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        const struct guest *g = value;

        fprintf(f, "%s %u\n", g->uuid, (unsigned)g->power);
    }
    if (fclose(f) || rename(fresh, path))
        return false;
    journal = fopen(path, "ae");
    return journal != NULL;
}

static bool sim_open(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/sim-guests", common_options->state_dir);
    bool ok;

    pthread_mutex_lock(&lock);
    guests = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    journal_read(path);
    ok = journal_rewrite(path, ctx_printf(c, "%s.new", path));
    pthread_mutex_unlock(&lock);
    return ok || fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
}

static void sim_close(void)
{
    pthread_mutex_lock(&lock);
    g_clear_pointer(&journal, fclose);
    g_clear_pointer(&guests, g_hash_table_unref);
    pthread_mutex_unlock(&lock);
}

static bool guest_becomes(struct ctx *c, const char *uuid, enum power_state power)
{
    bool ok;

    pthread_mutex_lock(&lock);
    ok = journal && fprintf(journal, "%s %u\n", uuid, (unsigned)power) > 0 && !fflush(journal);
    if (ok)
        guest_put(uuid, power);
    pthread_mutex_unlock(&lock);
    return ok || fail(c, INTERNAL_ERROR, "The journal of the simulated guests cannot be written.");
}

static struct guest guest_now(const char *uuid)
{
    struct guest now = { .power = POWER_NOSTATE }, *found;

    pthread_mutex_lock(&lock);
    found = guests ? g_hash_table_lookup(guests, uuid) : NULL;
    if (found)
        now = *found;
    pthread_mutex_unlock(&lock);
    return now;
}

/* --- the driver ---------------------------------------------------------------------------------------------- */

static bool sim_describe(struct ctx *c, const char *host, struct compute_node *node)
{
    const struct nova_options *o = nova_options();

    node->hypervisor_hostname = ctx_strdup(c, host);
    node->hypervisor_type = ctx_strdup(c, "sim");
    node->hypervisor_version = 1000;
    node->vcpus = o->sim_vcpus;
    node->memory_mb = o->sim_memory_mb;
    node->local_gb = o->sim_disk_gb;
    node->disk_available_least = (opt_int){ 0, true };
    node->cpu_info.text = ctx_strdup(c, "{\"arch\": \"x86_64\", \"model\": \"Nehalem\", \"vendor\": \"Intel\", \"features\": [\"pge\", \"clflush\"],"
                                     " \"topology\": {\"cores\": 1, \"threads\": 1, \"sockets\": 4}}");
    node->supported_instances.text = ctx_strdup(c, "[[\"x86_64\", \"sim\", \"hvm\"]]");
    return true;
}

static char *sim_uptime(struct ctx *c, const char *host)
{
    return ctx_strdup(c, " 00:00:00 up 1 day,  0:00,  0 users,  load average: 0.00, 0.00, 0.00\n");
}

static bool sim_spawn(struct ctx *c, const struct instance *inst, json_t *vifs, bool waiting)
{
    char **failing = text_split(c, nova_options()->sim_failing_hosts, ',');

    if (inst->host && g_strv_contains((const char *const *)failing, inst->host))
        return fail(c, SIMULATED_FAILURE, inst->host);
    return guest_becomes(c, inst->uuid, waiting ? POWER_PAUSED : POWER_RUNNING);
}

static bool sim_destroy(struct ctx *c, const struct instance *inst, bool keep_files)
{
    return guest_now(inst->uuid).power == POWER_NOSTATE || guest_becomes(c, inst->uuid, POWER_NOSTATE);
}

static bool sim_change(struct ctx *c, const struct instance *inst, json_t *vifs, enum guest_change change)
{
    static const enum power_state after[] = { [GUEST_START] = POWER_RUNNING, [GUEST_STOP] = POWER_SHUTDOWN, [GUEST_REBOOT] = POWER_RUNNING,
        [GUEST_RESET] = POWER_RUNNING, [GUEST_PAUSE] = POWER_PAUSED, [GUEST_UNPAUSE] = POWER_RUNNING, [GUEST_SUSPEND] = POWER_SHUTDOWN,
        [GUEST_RESUME] = POWER_RUNNING, [GUEST_DUMP] = POWER_RUNNING };

    /* A hard reboot makes a guest that is gone; nothing else does. */
    if (change != GUEST_RESET && change != GUEST_START && guest_now(inst->uuid).power == POWER_NOSTATE)
        return fail(c, INSTANCE_NOT_FOUND, inst->uuid);
    return guest_becomes(c, inst->uuid, after[change]);
}

static bool sim_state(struct ctx *c, const struct instance *inst, enum power_state *ret_power)
{
    *ret_power = guest_now(inst->uuid).power;
    return true;
}

static struct guest_state *sim_list(struct ctx *c)
{
    struct guest_state *list;
    GHashTableIter each;
    void *value;
    size_t n = 0;

    pthread_mutex_lock(&lock);
    list = ctx_new_n(c, struct guest_state, g_hash_table_size(guests) + 1);
    g_hash_table_iter_init(&each, guests);
    while (g_hash_table_iter_next(&each, NULL, &value)) {
        const struct guest *g = value;

        list[n++] = (struct guest_state){ ctx_strdup(c, g->uuid), g->power };
    }
    pthread_mutex_unlock(&lock);
    return list;
}

/* A simulated disk has no bytes: the image becomes a small one that says whose it is. */
static bool sim_snapshot(struct ctx *c, const struct instance *inst, const char *image_id)
{
    const char *text = ctx_printf(c, "simulated disk of %s\n", inst->uuid);

    if (guest_now(inst->uuid).power == POWER_NOSTATE)
        return fail(c, INSTANCE_NOT_FOUND, inst->uuid);
    return image_upload_bytes(c, image_id, text, strlen(text));
}

static bool sim_resize(struct ctx *c, const struct instance *inst, json_t *vifs, bool revert)
{
    return guest_becomes(c, inst->uuid, POWER_SHUTDOWN);
}

static bool sim_confirm(struct ctx *c, const struct instance *inst)
{
    return true;
}

static bool sim_pre_live_migration(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    return guest_becomes(c, inst->uuid, strcmp(inst->vm_state, VM_PAUSED) ? POWER_RUNNING : POWER_PAUSED);
}

/* The hosts of one process have one table. */
static bool sim_live_migration(struct ctx *c, const struct instance *inst, const char *host_to)
{
    return g_strv_contains(host_names(), host_to) || sim_destroy(c, inst, false);
}

static bool sim_rescue(struct ctx *c, const struct instance *inst, json_t *vifs, const char *image_id)
{
    return guest_becomes(c, inst->uuid, POWER_RUNNING);
}

static bool sim_unrescue(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    return guest_becomes(c, inst->uuid, POWER_RUNNING);
}

static bool sim_interface(struct ctx *c, const struct instance *inst, json_t *vif)
{
    return guest_now(inst->uuid).power != POWER_NOSTATE || fail(c, INSTANCE_NOT_FOUND, inst->uuid);
}

static char *sim_console_output(struct ctx *c, const struct instance *inst)
{
    struct buf text = {};
    char *kept;

    if (guest_now(inst->uuid).power == POWER_NOSTATE)
        return fail_null(c, INSTANCE_NOT_FOUND, inst->uuid);
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "[    0.%06d] simulated console of %s, line %d\n", i * 1000, inst->hostname, i + 1);
    buf_printf(&text, "\n%s login: ", inst->hostname);
    kept = ctx_strdup(c, text.data);
    buf_clear(&text);
    return kept;
}

static bool sim_vnc(struct ctx *c, const struct instance *inst, const char **ret_host, int *ret_port)
{
    *ret_host = "127.0.0.1";
    *ret_port = 6969;
    return guest_now(inst->uuid).power != POWER_NOSTATE || fail(c, INSTANCE_NOT_READY, inst->uuid);
}

static json_t *sim_diagnostics(struct ctx *c, const struct instance *inst, json_t *vifs)
{
    static const char *const names[] = { [POWER_RUNNING] = "running", [POWER_PAUSED] = "paused", [POWER_SHUTDOWN] = "shutdown" };
    struct guest now = guest_now(inst->uuid);
    json_t *cpus = json_array(), *nics = json_array(), *vif;
    size_t i;

    for (int64_t cpu = 0; cpu < inst->vcpus; cpu++)
        json_array_append_new(cpus, json_pack("{s:I, s:I, s:I}", "id", (json_int_t)cpu, "time", (json_int_t)17300000000, "utilisation", (json_int_t)15));
    json_array_foreach(vifs, i, vif)
        json_array_append_new(nics, json_pack("{s:s?, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "mac_address", json_get_string(vif, "address"),
            "rx_octets", 0, "rx_errors", 0, "rx_drop", 0, "rx_packets", 0, "rx_rate", 0, "tx_octets", 0, "tx_errors", 0, "tx_drop", 0,
            "tx_packets", 0, "tx_rate", 0));
    if (now.power == POWER_NOSTATE)
        return fail_null(c, INSTANCE_NOT_FOUND, inst->uuid);
    return ctx_json(c, json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:{s:I, s:I}, s:o, s:o, s:[{s:i, s:i, s:i, s:i, s:i}]}",
        "state", names[now.power] ? names[now.power] : "running", "driver", "libvirt", "hypervisor", "sim", "hypervisor_os", "linux",
        "uptime", (json_int_t)((clock_us() - now.started_us) / 1000000), "config_drive", (int)inst->config_drive,
        "num_cpus", (json_int_t)inst->vcpus, "num_nics", (json_int_t)json_array_size(vifs), "num_disks", (json_int_t)1,
        "memory_details", "maximum", (json_int_t)inst->memory_mb, "used", (json_int_t)0, "cpu_details", cpus, "nic_details", nics,
        "disk_details", "read_bytes", 0, "read_requests", 0, "write_bytes", 0, "write_requests", 0, "errors_count", 0));
}

/* The guests stop; nothing is left of them but the journal, which the state directory's purge takes. */
static bool sim_leave(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/sim-guests", common_options->state_dir);
    GHashTableIter each;
    void *value;
    bool ok;

    if (access(path, F_OK))
        return true;
    if (!sim_open(c))
        return false;
    pthread_mutex_lock(&lock);
    g_hash_table_iter_init(&each, guests);
    while (g_hash_table_iter_next(&each, NULL, &value))
        ((struct guest *)value)->power = POWER_SHUTDOWN;
    fclose(journal);
    ok = journal_rewrite(path, ctx_printf(c, "%s.new", path));
    pthread_mutex_unlock(&lock);
    sim_close();
    return ok || fail(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", path, g_strerror(errno)));
}

const struct virt_driver sim_driver = {
    .name = "sim", .traits = sim_traits, .open = sim_open, .close = sim_close, .describe = sim_describe, .uptime = sim_uptime,
    .spawn = sim_spawn, .destroy = sim_destroy, .change = sim_change, .state = sim_state, .list = sim_list, .snapshot = sim_snapshot,
    .resize = sim_resize, .confirm = sim_confirm, .pre_live_migration = sim_pre_live_migration, .live_migration = sim_live_migration,
    .rescue = sim_rescue, .unrescue = sim_unrescue, .attach_interface = sim_interface,
    .detach_interface = sim_interface, .console_output = sim_console_output, .vnc = sim_vnc, .diagnostics = sim_diagnostics,
    .leave = sim_leave,
};
