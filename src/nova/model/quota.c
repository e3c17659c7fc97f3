/* Quotas: limits from the database over the configured defaults, usage by counting what is there. */
#include "nova/model/quota.h"

#include "nova/faults.h"
#include "nova/options.h"

#include <string.h>

#define PROXY_UNTIL V(2, 35)
#define FILES_UNTIL V(2, 56)

const struct quota_kind quota_kinds[QUOTAS] = {
    [QUOTA_CORES] = { "cores" },
    [QUOTA_FIXED_IPS] = { "fixed_ips", PROXY_UNTIL, .class_until = V(2, 49) },
    [QUOTA_FLOATING_IPS] = { "floating_ips", PROXY_UNTIL, .class_until = V(2, 49) },
    [QUOTA_FILE_CONTENT_BYTES] = { "injected_file_content_bytes", FILES_UNTIL, .class_until = FILES_UNTIL },
    [QUOTA_FILE_PATH_BYTES] = { "injected_file_path_bytes", FILES_UNTIL, .class_until = FILES_UNTIL },
    [QUOTA_FILES] = { "injected_files", FILES_UNTIL, .class_until = FILES_UNTIL },
    [QUOTA_INSTANCES] = { "instances" },
    [QUOTA_KEY_PAIRS] = { "key_pairs" },
    [QUOTA_METADATA_ITEMS] = { "metadata_items" },
    [QUOTA_RAM] = { "ram" },
    [QUOTA_SECURITY_GROUP_RULES] = { "security_group_rules", PROXY_UNTIL, .class_until = V(2, 49) },
    [QUOTA_SECURITY_GROUPS] = { "security_groups", PROXY_UNTIL, .class_until = V(2, 49) },
    [QUOTA_SERVER_GROUP_MEMBERS] = { "server_group_members", .class_since = V(2, 50) },
    [QUOTA_SERVER_GROUPS] = { "server_groups", .class_since = V(2, 50) },
};

int quota_find(const char *name)
{
    for (int i = 0; i < QUOTAS; i++)
        if (strcmp(quota_kinds[i].name, name) == 0)
            return i;
    return -1;
}

static void configured(struct quota_set *set)
{
    const struct nova_options *o = nova_options();

    *set = (struct quota_set){ .limit = {
        [QUOTA_CORES] = o->quota_cores, [QUOTA_FIXED_IPS] = -1, [QUOTA_FLOATING_IPS] = -1,
        [QUOTA_FILE_CONTENT_BYTES] = o->quota_injected_file_content_bytes, [QUOTA_FILE_PATH_BYTES] = o->quota_injected_file_path_length,
        [QUOTA_FILES] = o->quota_injected_files, [QUOTA_INSTANCES] = o->quota_instances, [QUOTA_KEY_PAIRS] = o->quota_key_pairs,
        [QUOTA_METADATA_ITEMS] = o->quota_metadata_items, [QUOTA_RAM] = o->quota_ram, [QUOTA_SECURITY_GROUP_RULES] = -1,
        [QUOTA_SECURITY_GROUPS] = -1, [QUOTA_SERVER_GROUP_MEMBERS] = o->quota_server_group_members,
        [QUOTA_SERVER_GROUPS] = o->quota_server_groups,
    } };
}

/* A later one of these overrides the earlier. */
static int weight_of(const char *project_id, const char *user_id)
{
    return *user_id ? 3 : g_str_has_prefix(project_id, "class:") ? 1 : 2;
}

bool quota_limits(struct ctx *c, const char *project_id, const char *user_id, struct quota_set *ret_set)
{
    int weights[QUOTAS] = {};

    configured(ret_set);
    for (struct rows *r = db_query(c, "SELECT project_id, user_id, resource, hard_limit FROM quotas"
                                   " WHERE project_id = 'class:default' OR (project_id = $1 AND user_id IN ('', $2))",
                                   T(project_id), T(user_id)); db_next(r);) {
        int kind = quota_find(db_text(r, 2)), weight = weight_of(db_text(r, 0), db_text(r, 1));

        if (kind < 0 || weight < weights[kind])
            continue;
        weights[kind] = weight;
        ret_set->limit[kind] = db_int(r, 3);
    }
    return !failed(c);
}

bool quota_usage(struct ctx *c, const char *project_id, const char *user_id, struct quota_set *ret_set)
{
    struct rows *r = db_query(c, "SELECT count(*), sum(vcpus), sum(memory_mb) FROM instances WHERE project_id = $1 AND NOT deleted"
                              " AND ($2 = '' OR user_id = $2)", T(project_id), T(user_id ? user_id : ""));

    if (db_next(r)) {
        ret_set->used[QUOTA_INSTANCES] = db_int(r, 0);
        ret_set->used[QUOTA_CORES] = db_int(r, 1);
        ret_set->used[QUOTA_RAM] = db_int(r, 2);
    }
    db_rows_end(r);
    ret_set->used[QUOTA_SERVER_GROUPS] = db_count(c, "SELECT count(*) FROM server_groups WHERE project_id = $1"
                                                  " AND ($2 = '' OR user_id = $2)", T(project_id), T(user_id ? user_id : ""));
    return !failed(c);
}

/* --- instances ---------------------------------------------------------------------------------------------------- */

struct demand {
    enum quota kind;
    int64_t each, room;              /* room < 0 where there is no limit */
};

static int64_t room_of(const struct quota_set *set, enum quota kind)
{
    return set->limit[kind] < 0 ? INT64_MAX : MAX(set->limit[kind] - set->used[kind], 0);
}

static bool too_many(struct ctx *c, const struct quota_set *set, const struct demand *demands, int64_t min_count, int64_t max_count)
{
    struct buf overs = {}, asked = {}, used = {}, allowed = {};

    for (int i = 0; i < 3; i++) {
        const struct demand *d = &demands[i];
        const char *comma = overs.len ? ", " : "";

        if (d->each == 0 || d->room / d->each >= max_count)
            continue;
        buf_printf(&overs, "%s%s", comma, quota_kinds[d->kind].name);
        if (d->kind == QUOTA_INSTANCES && min_count != max_count)
            buf_printf(&asked, "%s%" PRId64 "-%" PRId64, comma, min_count, max_count);
        else
            buf_printf(&asked, "%s%" PRId64, comma, max_count * d->each);
        buf_printf(&used, "%s%" PRId64, comma, set->limit[d->kind] - d->room);
        buf_printf(&allowed, "%s%" PRId64, comma, set->limit[d->kind]);
    }
    fail(c, TOO_MANY_INSTANCES, overs.data, asked.data, used.data, allowed.data, overs.data);
    buf_clear(&overs);
    buf_clear(&asked);
    buf_clear(&used);
    buf_clear(&allowed);
    return false;
}

bool quota_instances(struct ctx *c, const char *project_id, int64_t vcpus, int64_t memory_mb, int64_t min_count, int64_t max_count,
                     int64_t *ret_count)
{
    struct quota_set set;
    int64_t fits = max_count;

    if (!quota_limits(c, project_id, c->who.user_id, &set) || !quota_usage(c, project_id, NULL, &set))
        return false;
    const struct demand demands[] = {
        { QUOTA_CORES, vcpus, room_of(&set, QUOTA_CORES) },
        { QUOTA_INSTANCES, 1, room_of(&set, QUOTA_INSTANCES) },
        { QUOTA_RAM, memory_mb, room_of(&set, QUOTA_RAM) },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(demands); i++)
        if (demands[i].each)
            fits = MIN(fits, demands[i].room / demands[i].each);
    *ret_count = fits;
    return fits >= min_count || too_many(c, &set, demands, min_count, max_count);
}
