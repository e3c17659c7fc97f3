/* GET /servers and /servers/detail: which servers, in which order, from where on.
 *
 * Conditions that SQL knows go into the query; regular expressions are judged here, row by row as they come, until the page
 * is full.
 */
#include "nova/api/servers.h"

#include "nova/model/flavor.h"
#include "nova/model/states.h"

#include <string.h>

/* What a list may be asked for by, and since when by who is not an admin (0: never). */
static const struct filter {
    const char *name, *attr;         /* attr: of instance_attrs */
    enum { EXACT, REGEX } how;
    int open_since;
} filters[] = {
    { "name", "name", REGEX, VERSION_MIN }, { "image", "image_ref", EXACT, VERSION_MIN }, { "flavor", "flavor_id", EXACT, VERSION_MIN },
    { "reservation_id", "reservation_id", REGEX, VERSION_MIN },
    { "availability_zone", "availability_zone", REGEX, V(2, 83) }, { "config_drive", "config_drive", REGEX, V(2, 83) },
    { "key_name", "key_name", REGEX, V(2, 83) }, { "created_at", "created_at", REGEX, V(2, 83) },
    { "launched_at", "launched_at", REGEX, V(2, 83) }, { "terminated_at", "terminated_at", REGEX, V(2, 83) },
    { "power_state", "power_state", REGEX, V(2, 83) }, { "task_state", "task_state", EXACT, V(2, 83) },
    { "vm_state", "vm_state", EXACT, V(2, 83) }, { "progress", "progress", REGEX, V(2, 83) },
    { "user_id", "user_id", EXACT, V(2, 83) }, { "hostname", "hostname", REGEX, V(2, 90) },
    { "project_id", "project_id", EXACT, 0 }, { "tenant_id", "project_id", EXACT, 0 }, { "image_ref", "image_ref", EXACT, 0 },
    { "launch_index", "launch_index", REGEX, 0 }, { "kernel_id", "kernel_id", REGEX, 0 }, { "ramdisk_id", "ramdisk_id", REGEX, 0 },
    { "host", "host", EXACT, 0 }, { "node", "node", REGEX, 0 }, { "display_name", "name", REGEX, 0 },
    { "description", "description", REGEX, 0 }, { "display_description", "description", REGEX, 0 },
    { "locked_by", "locked_by", REGEX, 0 }, { "uuid", "uuid", EXACT, 0 }, { "root_device_name", "root_device_name", REGEX, 0 },
    { "access_ip_v4", "access_ip_v4", REGEX, 0 }, { "access_ip_v6", "access_ip_v6", REGEX, 0 },
    { "auto_disk_config", "auto_disk_config", REGEX, 0 },
};

static const char *const unjoinable[] = { "block_device_mapping", "services", "metadata", "system_metadata", "info_cache",
                                          "security_groups", "pci_devices", NULL };

/* The wire's words for the keys of an order; a row without a column is taken and does nothing. */
static const struct sort_key {
    const char *name, *column;
    bool admin, text;                /* text: may be NULL, which comes first */
} sort_keys[] = {
    { "created_at", "created_at" }, { "uuid", "uuid" }, { "display_name", "name" }, { "vm_state", "vm_state" },
    { "project_id", "project_id" }, { "user_id", "user_id" }, { "launch_index", "launch_index" }, { "power_state", "power_state" },
    { "progress", "progress" }, { "auto_disk_config", "auto_disk_config" }, { "config_drive", "config_drive" },
    { "instance_type_id", "flavor_id" }, { "locked", "locked" },
    { "updated_at", "coalesce(updated_at, 0)" }, { "launched_at", "coalesce(launched_at, 0)" },
    { "terminated_at", "coalesce(terminated_at, 0)" },
    { "access_ip_v4", "coalesce(access_ip_v4, '')" }, { "access_ip_v6", "coalesce(access_ip_v6, '')" },
    { "availability_zone", "coalesce(availability_zone, '')" }, { "display_description", "coalesce(description, '')" },
    { "host", "coalesce(host, '')", .admin = true }, { "node", "coalesce(node, '')", .admin = true },
    { "hostname", "coalesce(hostname, '')" }, { "image_ref", "coalesce(image_ref, '')" }, { "kernel_id", "coalesce(kernel_id, '')" },
    { "ramdisk_id", "coalesce(ramdisk_id, '')" }, { "key_name", "coalesce(key_name, '')" }, { "locked_by", "coalesce(locked_by, '')" },
    { "root_device_name", "coalesce(root_device_name, '')" }, { "task_state", "coalesce(task_state, '')" },
};

#define MATCHERS 24
struct list {
    json_t *query;
    struct sql *s;
    bool none;                       /* nothing can be found */
    bool all_tenants, deleted_said;
    struct { const struct attr *attr; GRegex *regex; } matchers[MATCHERS];
    size_t n_matchers;
    GRegex *ip, *ip6;
    const struct sort_key *keys[16];
    bool descending[16];
    size_t n_keys;
};

/* --- conditions --------------------------------------------------------------------------------------------------- */

static void regex_free(void *regex)
{
    g_regex_unref(regex);
}

static GRegex *regex_of(struct ctx *c, const char *text, int flags)
{
    GRegex *regex = g_regex_new(text, flags, 0, NULL);

    return regex ? ctx_own(c, regex, regex_free) : NULL;
}

static bool is_open(struct ctx *c, const struct filter *f, bool all_filters)
{
    return all_filters || (f->open_since && c->version >= f->open_since);
}

static bool add_filter(struct ctx *c, struct list *l, const struct filter *f, const char *value)
{
    const struct attr *attr = attr_find(instance_attrs, f->attr);

    if (f->how == EXACT) {
        sql_add(l->s, " AND ");
        sql_add(l->s, attr_column(attr));
        sql_add(l->s, " = ?", T(value));
        return true;
    }
    l->matchers[l->n_matchers].attr = attr;
    l->matchers[l->n_matchers].regex = regex_of(c, value, G_REGEX_CASELESS);
    l->n_matchers++;
    return true;
}

static bool add_filters(struct ctx *c, struct list *l)
{
    bool all_filters = policy_allows(c, RULE("servers:allow_all_filters"), NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        const char *value = query_last(l->query, filters[i].name);

        if (!value || !is_open(c, &filters[i], all_filters) || (strcmp(filters[i].attr, "project_id") == 0 && !l->all_tenants))
            continue;
        /* A status says more than the states beside it. */
        if (query_last(l->query, "status") && (strcmp(filters[i].name, "vm_state") == 0))
            continue;
        if (!add_filter(c, l, &filters[i], value))
            return false;
    }
    if (query_last(l->query, "ip"))
        l->ip = regex_of(c, query_last(l->query, "ip"), G_REGEX_ANCHORED);
    if (query_last(l->query, "ip6") && (all_filters || c->version >= V(2, 5)))
        l->ip6 = regex_of(c, query_last(l->query, "ip6"), G_REGEX_ANCHORED);
    return true;
}

static bool has_status(const json_t *statuses, const char *status)
{
    json_t *asked;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)statuses, i, asked)
        if (g_ascii_strcasecmp(json_string_value(asked), status) == 0)
            return true;
    return false;
}

/* Statuses as pairs of states. Asking for deleted servers is for admins. */
static bool add_statuses(struct ctx *c, struct list *l)
{
    const json_t *statuses = json_object_get(l->query, "status");
    bool any = false, only_deleted = true;

    if (!statuses)
        return true;
    sql_add(l->s, " AND (1 = 0");
    for (const struct state_status *s = state_statuses; s->vm_state; s++) {
        if (!has_status(statuses, s->status))
            continue;
        any = true;
        only_deleted &= strcmp(s->vm_state, VM_DELETED) == 0;
        sql_add(l->s, " OR (vm_state = ?", T(s->vm_state));
        if (s->task_state)
            sql_add(l->s, " AND task_state = ?", T(s->task_state));
        sql_add(l->s, ")");
    }
    sql_add(l->s, ")");
    if (!any && c->version >= V(2, 38))
        return fail(c, BAD_REQUEST, "Invalid status value");
    l->none |= !any;
    if (any && only_deleted && !c->who.is_admin)
        return fail(c, FORBIDDEN_TEXT, "Only administrators may list deleted instances");
    if (any && only_deleted) {
        l->deleted_said = true;
        sql_add(l->s, " AND deleted");
    }
    return true;
}

static bool add_times(struct ctx *c, struct list *l)
{
    const char *since = query_last(l->query, "changes-since"), *before = query_last(l->query, "changes-before");
    utc_time from = {}, to = {};

    if (since && time_parse(since, &from))
        sql_add(l->s, " AND coalesce(updated_at, created_at) >= ?", I(from.us));
    if (before && time_parse(before, &to))
        sql_add(l->s, " AND coalesce(updated_at, created_at) <= ?", I(to.us + 999999));
    if (since && before && to.us < from.us)
        return fail(c, BAD_REQUEST, "The value of changes-since must be less than or equal to changes-before.");
    return true;
}

static bool add_deleted(struct ctx *c, struct list *l)
{
    const char *text = query_last(l->query, "deleted");
    bool deleted = false;

    if (l->deleted_said)
        return true;
    if (text && policy_allows(c, RULE("servers:allow_all_filters"), NULL))
        text_to_bool(text, &deleted);
    else if (query_last(l->query, "changes-since") || query_last(l->query, "changes-before"))
        return true;
    if (deleted)
        sql_add(l->s, " AND (deleted OR vm_state = 'soft-delete')");
    else
        sql_add(l->s, " AND NOT deleted AND vm_state <> 'soft-delete'");
    return true;
}

static void add_tags(struct ctx *c, struct list *l, const char *name, const char *before, const char *between, const char *after)
{
    const char *text = query_last(l->query, name), *glue = before;
    char **tags = text ? text_split(c, text, ',') : NULL;

    if (!tags || !*tags)
        return;
    for (; *tags; tags++, glue = between) {
        sql_add(l->s, glue);
        sql_add(l->s, "EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_uuid = instances.uuid AND t.tag = ?)", T(*tags));
    }
    sql_add(l->s, after);
}

static bool add_locked(struct ctx *c, struct list *l)
{
    const char *text = query_last(l->query, "locked");
    bool locked;

    if (!text)
        return true;
    if (!text_to_bool(text, &locked))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Unrecognized value '%s', acceptable values are: '0', '1', 'f', 'false', 'n', 'no',"
                                                 " 'off', 'on', 't', 'true', 'y', 'yes'", text));
    sql_add(l->s, locked ? " AND locked" : " AND NOT locked");
    return true;
}

static bool add_owner(struct ctx *c, struct list *l, bool detail)
{
    const char *text = query_last(l->query, "all_tenants");

    l->all_tenants = text && !*text;
    if (text && *text && !text_to_bool(text, &l->all_tenants))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Unrecognized value '%s', acceptable values are: '0', '1', 'f', 'false', 'n', 'no',"
                                                 " 'off', 'on', 't', 'true', 'y', 'yes'", text));
    if (l->all_tenants)
        return policy_check(c, detail ? RULE("servers:detail:get_all_tenants") : RULE("servers:index:get_all_tenants"), NULL);
    if (c->who.project_id)
        sql_add(l->s, " AND project_id = ?", T(c->who.project_id));
    else
        sql_add(l->s, " AND user_id = ?", T(c->who.user_id));
    return true;
}

static bool conditions(struct ctx *c, struct list *l, bool detail)
{
    const char *key;
    json_t *values;

    json_object_foreach(l->query, key, values)
        if (text_in(key, unjoinable) || *key == '_')
            return fail(c, BAD_REQUEST, ctx_printf(c, "Invalid filter field: %s.", key));
    if (!add_owner(c, l, detail) || !add_statuses(c, l) || !add_times(c, l) || !add_deleted(c, l) || !add_filters(c, l) ||
        !add_locked(c, l))
        return false;
    add_tags(c, l, "tags", " AND ", " AND ", "");
    add_tags(c, l, "tags-any", " AND (", " OR ", ")");
    add_tags(c, l, "not-tags", " AND NOT (", " AND ", ")");
    add_tags(c, l, "not-tags-any", " AND NOT (", " OR ", ")");
    return true;
}

/* --- order and place ---------------------------------------------------------------------------------------------- */

static const struct sort_key *sort_key_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sort_keys); i++)
        if (strcmp(sort_keys[i].name, name) == 0)
            return &sort_keys[i];
    return NULL;
}

static bool direction_of(struct ctx *c, const json_t *directions, size_t i, bool *ret_descending)
{
    const char *text = json_string_value(json_array_get(directions, MIN(i, json_array_size(directions) - 1)));

    *ret_descending = true;
    if (!json_array_size(directions))
        return true;
    if (i >= json_array_size(directions))
        text = json_string_value(json_array_get(directions, 0));
    *ret_descending = strcmp(text, "desc") == 0;
    return *ret_descending || strcmp(text, "asc") == 0 ||
           fail(c, INVALID_INPUT, "Unknown sort direction, must be 'desc' or 'asc'");
}

static bool add_sort_key(struct list *l, const struct sort_key *key, bool descending)
{
    for (size_t i = 0; i < l->n_keys; i++)
        if (l->keys[i] == key)
            return true;
    l->keys[l->n_keys] = key;
    l->descending[l->n_keys++] = descending;
    return true;
}

static bool order(struct ctx *c, struct list *l)
{
    const json_t *asked_keys = json_object_get(l->query, "sort_key"), *directions = json_object_get(l->query, "sort_dir");
    bool descending = true;
    json_t *name;
    size_t i;

    if (json_array_size(directions) > MAX(json_array_size(asked_keys), 1))
        return fail(c, INVALID_INPUT, "Sort direction size exceeds sort key size");
    json_array_foreach((json_t *)(uintptr_t)asked_keys, i, name) {
        const struct sort_key *key = sort_key_find(json_string_value(name));

        if (!key || i >= 8 || (strcmp(key->name, "locked") == 0 && c->version < V(2, 73)))
            continue;
        if (key->admin && !c->who.is_admin)
            return fail(c, FORBIDDEN_TEXT, ctx_printf(c, "Only administrators can sort servers by %s", key->name));
        if (!direction_of(c, directions, i, &descending))
            return false;
        add_sort_key(l, key, descending);
    }
    if (!direction_of(c, directions, 0, &descending))
        return false;
    add_sort_key(l, sort_key_find("created_at"), descending);
    static const struct sort_key last = { "id", "number" };
    return add_sort_key(l, &last, descending);
}

/* The rows after the marker's: its keys are read once, by name, and compared from the first on. */
static bool after_marker(struct ctx *c, struct list *l)
{
    const char *marker = query_last(l->query, "marker");

    if (!marker)
        return true;
    if (!db_count(c, "SELECT count(*) FROM instances WHERE uuid = $1", T(marker)))
        return fail(c, MARKER_NOT_FOUND_SHORT, marker);
    sql_add(l->s, " AND (1 = 0");
    for (size_t i = 0; i < l->n_keys; i++) {
        sql_add(l->s, " OR (1 = 1");
        for (size_t j = 0; j <= i; j++) {
            sql_add(l->s, " AND ");
            sql_add(l->s, l->keys[j]->column);
            sql_add(l->s, j < i ? " = " : l->descending[j] ? " < " : " > ");
            sql_add(l->s, "(SELECT ");
            sql_add(l->s, l->keys[j]->column);
            sql_add(l->s, " FROM instances WHERE uuid = ?)", T(marker));
        }
        sql_add(l->s, ")");
    }
    sql_add(l->s, ")");
    return true;
}

static void order_by(struct list *l)
{
    for (size_t i = 0; i < l->n_keys; i++) {
        sql_add(l->s, i ? ", " : " ORDER BY ");
        sql_add(l->s, l->keys[i]->column);
        sql_add(l->s, l->descending[i] ? " DESC" : " ASC");
    }
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* A field as the original's database would have written it. */
static const char *text_of(struct ctx *c, const struct attr *a, const struct instance *inst)
{
    char text[TIME_TEXT_SIZE];

    if (a->kind == KIND_TIME) {
        utc_time at = *FIELD(utc_time, inst, a);

        return at.us ? ctx_strndup(c, time_write(text, at, TIME_SPACE_MICRO), 19) : NULL;
    }
    if (a->kind == KIND_BOOL) {
        bool set = *FIELD(bool, inst, a);

        return strcmp(a->name, "config_drive") == 0 ? set ? "True" : "" : set ? "1" : "0";
    }
    return record_field_text(c, a, inst);
}

static bool has_address(struct ctx *c, const struct instance *inst, GRegex *regex, int64_t version)
{
    json_t *address, *list;
    const char *label;
    size_t i;

    json_t *parsed = json_of(c, inst->addresses);

    json_object_foreach(parsed, label, list)
        json_array_foreach(list, i, address)
            if (json_get_int(address, "version", 0) == version && text_equal(json_get_string(address, "OS-EXT-IPS:type"), "fixed") &&
                g_regex_match(regex, json_get_string(address, "addr"), 0, NULL))
                return true;
    return false;
}

static bool row_matches(struct ctx *c, const struct list *l, const struct instance *inst)
{
    for (size_t i = 0; i < l->n_matchers; i++) {
        const char *text = text_of(c, l->matchers[i].attr, inst);

        if (!text || !l->matchers[i].regex || !g_regex_match(l->matchers[i].regex, text, 0, NULL))
            return false;
    }
    return (!l->ip || has_address(c, inst, l->ip, 4)) && (!l->ip6 || has_address(c, inst, l->ip6, 6));
}

static struct instance **servers_of_query(struct ctx *c, struct list *l, bool detail, size_t *ret_n)
{
    int64_t limit = page_limit(l->query);
    struct instance **page = ctx_new_n(c, struct instance *, limit + 1);

    l->s = sql_new(c);
    sql_add(l->s, "SELECT ");
    record_columns(&l->s->text, instance_list_attrs(), "");
    sql_add(l->s, " FROM instances WHERE 1 = 1");
    if (!conditions(c, l, detail) || !order(c, l) || !after_marker(c, l))
        return NULL;
    order_by(l);
    if (!l->n_matchers && !l->ip && !l->ip6)
        sql_add(l->s, " LIMIT ?", I(limit));
    *ret_n = 0;
    if (l->none || !limit)
        return page;
    struct rows *r = sql_query(l->s);
    while ((int64_t)*ret_n < limit && db_next(r)) {
        struct instance *inst = ctx_new(c, struct instance);

        record_from_row(r, instance_list_attrs(), inst, 0);
        if (row_matches(c, l, inst))
            page[(*ret_n)++] = inst;
    }
    db_rows_end(r);
    return failed(c) ? NULL : page;
}

/* About what a server takes in an answer: room is made once. */
#define DETAIL_SIZE 2048
#define BRIEF_SIZE 256

static void write_brief(struct ctx *c, struct out *o, const struct instance *inst)
{
    out_object(o, NULL);
    out_string(o, "id", inst->uuid);
    out_string(o, "name", inst->name);
    write_links(c, o, "servers", inst->uuid);
    out_end_object(o);
}

static void write_servers(struct ctx *c, struct out *o, struct instance **page, size_t n, bool detail)
{
    struct server_view v = {};

    if (detail && n)
        v = server_view_of(c, page, n);
    v.in_list = true;
    for (size_t i = 0; i < n; i++) {
        if (!detail) {
            write_brief(c, o, page[i]);
            continue;
        }
        out_object(o, NULL);
        server_write(c, o, &v, page[i]);
        out_end_object(o);
    }
}

static bool servers_answer(struct ctx *c, struct request *rq, struct reply *rp, bool detail)
{
    struct list l = { .query = schema_query(c, rq, "servers.index_query") };
    size_t n = 0;
    struct instance **page = l.query ? servers_of_query(c, &l, detail, &n) : NULL;
    struct out o;

    if (!page)
        return false;
    buf_reserve(&rp->body, n * (detail ? DETAIL_SIZE : BRIEF_SIZE));
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "servers");
    write_servers(c, &o, page, n, detail);
    out_end_array(&o);
    write_next(c, rq, &o, "servers_links", detail ? "servers/detail" : "servers", l.query, n, n ? page[n - 1]->uuid : NULL);
    out_end_object(&o);
    return !failed(c);
}

bool servers_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    return servers_answer(c, rq, rp, false);
}

bool servers_detail(struct ctx *c, struct request *rq, struct reply *rp)
{
    return servers_answer(c, rq, rp, true);
}
