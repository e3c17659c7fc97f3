/* Services, compute nodes, aggregates and zones of hosts. */
#include "nova/model/host.h"

#include "nova/model/instance.h"

const struct attr service_attrs[] = {
    ATTR(struct service_row, id,              0),
    ATTR(struct service_row, uuid,            0),
    ATTR(struct service_row, host,            FILTER),
    ATTR(struct service_row, binary,          FILTER, .column = "\"binary\""),
    ATTR(struct service_row, topic,           0),
    ATTR(struct service_row, disabled,        0),
    ATTR(struct service_row, disabled_reason, 0),
    ATTR(struct service_row, forced_down,     0),
    ATTR(struct service_row, last_seen_up,    0),
    ATTR(struct service_row, created_at,      0),
    ATTR(struct service_row, updated_at,      0),
    {}
};

const struct attr compute_node_attrs[] = {
    ATTR(struct compute_node, id,                    0),
    ATTR(struct compute_node, uuid,                  0),
    ATTR(struct compute_node, host,                  FILTER),
    ATTR(struct compute_node, hypervisor_hostname,   FILTER),
    ATTR(struct compute_node, hypervisor_type,       0),
    ATTR(struct compute_node, hypervisor_version,    0),
    ATTR(struct compute_node, host_ip,               0),
    ATTR(struct compute_node, vcpus,                 0),
    ATTR(struct compute_node, memory_mb,             0),
    ATTR(struct compute_node, local_gb,              0),
    ATTR(struct compute_node, vcpus_used,            0),
    ATTR(struct compute_node, memory_mb_used,        0),
    ATTR(struct compute_node, local_gb_used,         0),
    ATTR(struct compute_node, disk_available_least,  0),
    ATTR(struct compute_node, running_vms,           0),
    ATTR(struct compute_node, current_workload,      0),
    ATTR(struct compute_node, failed_builds,         0),
    ATTR(struct compute_node, cpu_info,              0),
    ATTR(struct compute_node, supported_instances,   0),
    ATTR(struct compute_node, cpu_allocation_ratio,  0, .unset = "16.0"),
    ATTR(struct compute_node, ram_allocation_ratio,  0, .unset = "1.5"),
    ATTR(struct compute_node, disk_allocation_ratio, 0, .unset = "1.0"),
    ATTR(struct compute_node, created_at,            0),
    ATTR(struct compute_node, updated_at,            0),
    {}
};

bool service_is_up(const struct service_row *s)
{
    int64_t seen = s->last_seen_up.us ? s->last_seen_up.us : s->created_at.us;

    return !s->forced_down && clock_us() - seen <= SERVICE_DOWN_TIME_US;
}

bool service_report(struct ctx *c, const char *host, const char *binary, const char *topic)
{
    int64_t now = clock_us(), changed = 0;

    if (!db_begin(c))
        return false;
    db_relaxed(c);

    db_changed(c, &changed, "UPDATE services SET last_seen_up = $1, updated_at = $1 WHERE host = $2 AND \"binary\" = $3",
               I(now), T(host), T(binary));
    if (!failed(c) && !changed) {
        char uuid[UUID_TEXT_SIZE];

        db_exec(c, "INSERT INTO services (id, uuid, host, \"binary\", topic, disabled, forced_down, last_seen_up, created_at)"
                " VALUES ($1, $2, $3, $4, $5, FALSE, FALSE, $6, $6)",
                I(counter_next(c, "services")), T(uuid_write(uuid)), T(host), T(binary), T(topic), I(now));
    }
    if (!failed(c))
        return db_commit(c);
    db_rollback(c);
    return false;
}

bool compute_node_report(struct ctx *c, struct compute_node *node)
{
    struct compute_node *old = compute_node_find(c, node->host, node->hypervisor_hostname);
    bool ok;

    if (failed(c) || !db_begin(c))
        return false;
    db_relaxed(c);
    if (old) {
        node->id = old->id;
        node->uuid = old->uuid;
        node->created_at = old->created_at;
        node->failed_builds = db_count(c, "SELECT failed_builds FROM compute_nodes WHERE uuid = $1", T(old->uuid));
        node->updated_at = utc_now();
        ok = record_update(c, "compute_nodes", compute_node_attrs, node, "uuid");
    } else {
        node->id = counter_next(c, "compute_nodes");
        node->uuid = node->uuid ? node->uuid : uuid_new(c);
        node->created_at = utc_now();
        ok = record_insert(c, "compute_nodes", compute_node_attrs, node);
    }
    if (ok)
        return db_commit(c);
    db_rollback(c);
    return false;
}

bool host_note_build(struct ctx *c, const char *host, bool well)
{
    return well ? db_exec(c, "UPDATE compute_nodes SET failed_builds = 0 WHERE host = $1 AND failed_builds > 0", T(host))
                : db_exec(c, "UPDATE compute_nodes SET failed_builds = failed_builds + 1 WHERE host = $1", T(host));
}

/* All rows of a table of records, in id order, narrowed by at most two columns that may be NULL. */
static void **rows_of(struct ctx *c, const char *table, const struct attr *attrs, size_t size, const char *column1,
                      const char *value1, const char *column2, const char *value2, size_t *ret_n)
{
    struct sql *s = sql_new(c);
    GPtrArray *found = g_ptr_array_new();
    void **records;
    struct rows *r;

    sql_add(s, "SELECT ");
    record_columns(&s->text, attrs, "");
    sql_add(s, " FROM ");
    sql_add(s, table);
    sql_add(s, " WHERE 1 = 1");
    if (value1) {
        sql_add(s, " AND ");
        sql_add(s, column1);
        sql_add(s, " = ?", T(value1));
    }
    if (value2) {
        sql_add(s, " AND ");
        sql_add(s, column2);
        sql_add(s, " = ?", T(value2));
    }
    sql_add(s, " ORDER BY id");
    for (r = sql_query(s); db_next(r);) {
        void *record = record_new(c, attrs, size);

        record_from_row(r, attrs, record, 0);
        g_ptr_array_add(found, record);
    }
    *ret_n = found->len;
    records = ctx_alloc(c, sizeof *records * (found->len + 1));
    for (guint i = 0; i < found->len; i++)
        records[i] = found->pdata[i];
    g_ptr_array_free(found, TRUE);
    return records;
}

struct service_row *service_find_by_host(struct ctx *c, const char *host, const char *binary)
{
    size_t n;

    return rows_of(c, "services", service_attrs, sizeof(struct service_row), "host", host, "\"binary\"", binary, &n)[0];
}

struct service_row **services_all(struct ctx *c, size_t *ret_n)
{
    return (struct service_row **)rows_of(c, "services", service_attrs, sizeof(struct service_row), NULL, NULL, NULL, NULL, ret_n);
}

struct compute_node *compute_node_find(struct ctx *c, const char *host, const char *hypervisor_hostname)
{
    size_t n;

    return rows_of(c, "compute_nodes", compute_node_attrs, sizeof(struct compute_node), "host", host, "hypervisor_hostname",
                   hypervisor_hostname, &n)[0];
}

struct compute_node **compute_nodes_all(struct ctx *c, size_t *ret_n)
{
    return (struct compute_node **)rows_of(c, "compute_nodes", compute_node_attrs, sizeof(struct compute_node), NULL, NULL, NULL,
                                           NULL, ret_n);
}

struct zones {
    GHashTable *by_host;
};

struct zones *zones_load(struct ctx *c)
{
    struct zones *z = ctx_new(c, struct zones);
    struct rows *r;

    z->by_host = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
    for (r = db_query(c, "SELECT h.host, a.metadata FROM aggregate_hosts h JOIN aggregates a ON a.id = h.aggregate_id"
                      " ORDER BY a.id"); db_next(r);) {
        char *host = db_text(r, 0), *metadata = db_text(r, 1);
        const char *zone = json_get_string(json_of(c, (raw_json){ metadata }), "availability_zone");

        if (zone && !g_hash_table_contains(z->by_host, host))
            g_hash_table_insert(z->by_host, host, (char *)(uintptr_t)zone);
    }
    return z;
}

const char *zone_of_host(const struct zones *z, const char *host)
{
    const char *zone = host ? g_hash_table_lookup(z->by_host, host) : NULL;

    return zone ? zone : DEFAULT_AVAILABILITY_ZONE;
}

json_t *aggregates_of_host(struct ctx *c, const char *host)
{
    json_t *list = ctx_json(c, json_array());
    struct rows *r;

    for (r = db_query(c, "SELECT a.id, a.uuid, a.name, a.metadata FROM aggregates a JOIN aggregate_hosts h ON h.aggregate_id = a.id"
                      " WHERE h.host = $1 ORDER BY a.id", T(host)); db_next(r);)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:O}", "id", (json_int_t)db_int(r, 0), "uuid", db_text(r, 1),
                                              "name", db_text(r, 2), "metadata", json_of(c, (raw_json){ db_text(r, 3) })));
    return list;
}
