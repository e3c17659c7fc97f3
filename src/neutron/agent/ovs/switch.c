/* Reading the monitored tables, and the operations of RFC 7047 that change them. */
#include "neutron/agent/ovs/switch.h"

#include <stdlib.h>
#include <string.h>

#include "neutron/agent/ovs/ovsdb.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"

enum { PATIENCE_US = 15000000 };

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct reading { struct ctx *c; GArray *ports; };

static const char *kept(struct ctx *c, const char *text)
{
    return ctx_strdup(c, text);
}

static void read_port(struct reading *r, const char *bridge, const json_t *port, const json_t *interface)
{
    const json_t *ids = json_object_get(interface, "external_ids"), *noted = json_object_get(port, "other_config");
    const json_t *ofport = ovsdb_set_at(json_object_get(interface, "ofport"), 0), *tag = ovsdb_set_at(json_object_get(port, "tag"), 0);
    struct ctx *c = r->c;
    struct switch_port p = {
        .bridge = kept(c, bridge), .name = kept(c, json_string_value(json_object_get(port, "name"))),
        .type = kept(c, json_string_value(json_object_get(interface, "type"))) ?: "", .iface_id = kept(c, ovsdb_map_get(ids, "iface-id")),
        .mac = kept(c, ovsdb_map_get(ids, "attached-mac")), .peer = kept(c, ovsdb_map_get(json_object_get(interface, "options"), "peer")),
        .ofport = json_is_integer(ofport) ? (int)json_integer_value(ofport) : -1, .tag = (int)json_integer_value(tag),
        .net_uuid = kept(c, ovsdb_map_get(noted, "net_uuid")), .network_type = kept(c, ovsdb_map_get(noted, "network_type")),
        .physical_network = kept(c, ovsdb_map_get(noted, "physical_network")),
        .segmentation_id = kept(c, ovsdb_map_get(noted, "segmentation_id")), .noted_tag = atoi(ovsdb_map_get(noted, "tag") ?: "0"),
    };

    if (p.name)
        g_array_append_val(r->ports, p);
}

static void read_all(json_t *tables, void *data)
{
    const json_t *ports = json_object_get(tables, "Port"), *interfaces = json_object_get(tables, "Interface"), *one;
    const char *uuid;
    json_t *bridge;

    json_object_foreach(json_object_get(tables, "Bridge"), uuid, bridge) {
        const json_t *members = json_object_get(bridge, "ports");

        for (size_t i = 0; (one = ovsdb_set_at(members, i)); i++) {
            const json_t *port = json_object_get(ports, ovsdb_uuid(one) ?: "");
            const json_t *interface = json_object_get(interfaces, ovsdb_uuid(ovsdb_set_at(json_object_get(port, "interfaces"), 0)) ?: "");

            read_port(data, json_string_value(json_object_get(bridge, "name")), port, interface);
        }
    }
}

static void array_free(void *array)
{
    g_array_free(array, TRUE);
}

struct switch_port *switch_ports(struct ctx *c, size_t *ret_n)
{
    struct reading r = { c, ctx_own(c, g_array_new(FALSE, FALSE, sizeof(struct switch_port)), array_free) };

    ovsdb_look(read_all, &r);
    *ret_n = r.ports->len;
    return (struct switch_port *)(void *)r.ports->data;
}

const struct switch_port *switch_port_find(const struct switch_port *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* The row of a table by its name. */
struct search { const char *table, *name; char *uuid; };

static void search_in(json_t *tables, void *data)
{
    struct search *s = data;
    const char *uuid;
    json_t *row;

    json_object_foreach(json_object_get(tables, s->table), uuid, row)
        if (!s->uuid && text_equal(json_string_value(json_object_get(row, "name")), s->name))
            s->uuid = g_strdup(uuid);
}

static char *uuid_of(struct ctx *c, const char *table, const char *name)
{
    struct search s = { table, name, NULL };

    ovsdb_look(search_in, &s);
    return ctx_own(c, s.uuid, g_free);
}

bool switch_bridge_there(const char *name)
{
    struct search s = { "Bridge", name, NULL };
    bool there;

    ovsdb_look(search_in, &s);
    there = s.uuid != NULL;
    g_free(s.uuid);
    return there;
}

struct capability { struct ctx *c; const char *column; GPtrArray *list; };

static void read_capability(json_t *tables, void *data)
{
    struct capability *r = data;
    const json_t *one;
    const char *uuid;
    json_t *row;

    json_object_foreach(json_object_get(tables, "Open_vSwitch"), uuid, row)
        for (size_t i = 0; (one = ovsdb_set_at(json_object_get(row, r->column), i)); i++)
            g_ptr_array_add(r->list, ctx_strdup(r->c, json_string_value(one)));
}

char **switch_capabilities(struct ctx *c, const char *column)
{
    struct capability r = { c, column, ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref) };

    ovsdb_look(read_capability, &r);
    g_ptr_array_add(r.list, NULL);
    return (char **)r.list->pdata;
}

/* ---- changing ------------------------------------------------------------------------------------------------ */

struct progress { int64_t taken; };

static void read_progress(json_t *tables, void *data)
{
    const char *uuid;
    json_t *row;

    json_object_foreach(json_object_get(tables, "Open_vSwitch"), uuid, row)
        ((struct progress *)data)->taken = json_integer_value(json_object_get(row, "cur_cfg"));
}

/* Runs the operations (stolen) under a new number of the configuration, and waits until ovs-vswitchd has taken that over. */
static bool change(struct ctx *c, json_t *operations)
{
    int64_t deadline = clock_mono_us() + PATIENCE_US, wanted;
    struct progress at = {};
    const json_t *results;

    json_array_append_new(operations, json_pack("{s:s, s:s, s:[], s:[[s, s, i]]}", "op", "mutate", "table", "Open_vSwitch", "where", "mutations",
                                                "next_cfg", "+=", 1));
    json_array_append_new(operations, json_pack("{s:s, s:s, s:[], s:[s]}", "op", "select", "table", "Open_vSwitch", "where", "columns", "next_cfg"));
    if (!(results = ovsdb_transact(c, operations)))
        return false;
    wanted = json_integer_value(json_object_get(json_array_get(json_object_get(json_array_get(results, json_array_size(results) - 1), "rows"), 0), "next_cfg"));
    for (ovsdb_look(read_progress, &at); at.taken < wanted; ovsdb_look(read_progress, &at))
        if (!ovsdb_wait(deadline))
            return fail(c, OVSDB_UNAVAILABLE, "ovs-vswitchd", "it does not take the change over");
    return true;
}

/* The guard of what makes something: nobody has made it meanwhile. */
static json_t *absent(const char *table, const char *name)
{
    return json_pack("{s:s, s:s, s:i, s:o, s:[s], s:s, s:[]}", "op", "wait", "table", table, "timeout", 0, "where", ovsdb_where("name", name),
                     "columns", "name", "until", "==", "rows");
}

static json_t *insert(const char *table, const char *name, json_t *row)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "op", "insert", "table", table, "uuid-name", name, "row", row);
}

static json_t *named(const char *name)
{
    return json_pack("[s, s]", "named-uuid", name);
}

static json_t *mutate(const char *table, json_t *where, const char *column, const char *mutator, json_t *value)
{
    return json_pack("{s:s, s:s, s:o, s:[[s, s, o]]}", "op", "mutate", "table", table, "where", where, "mutations", column, mutator, value);
}

bool switch_bridge_make(struct ctx *c, const char *name, const char *datapath_type)
{
    if (switch_bridge_there(name))
        return true;
    return change(c, json_pack("[o, o, o, o, o]", absent("Bridge", name),
        insert("Interface", "interface", json_pack("{s:s, s:s}", "name", name, "type", "internal")),
        insert("Port", "port", json_pack("{s:s, s:o}", "name", name, "interfaces", named("interface"))),
        insert("Bridge", "bridge", json_pack("{s:s, s:s, s:s, s:o}", "name", name, "datapath_type", datapath_type, "fail_mode", "secure",
                                             "ports", named("port"))),
        mutate("Open_vSwitch", json_array(), "bridges", "insert", named("bridge"))));
}

bool switch_bridge_remove(struct ctx *c, const char *name)
{
    const char *uuid = uuid_of(c, "Bridge", name);

    return !uuid || change(c, json_pack("[o]", mutate("Open_vSwitch", json_array(), "bridges", "delete", json_pack("[s, s]", "uuid", uuid))));
}

static bool same_map(const json_t *have, const char *const *wanted)
{
    for (size_t i = 0; wanted && wanted[i]; i += 2)
        if (wanted[i + 1] && !text_equal(ovsdb_map_get(have, wanted[i]), wanted[i + 1]))
            return false;
    return true;
}

/* Does the interface of that name have these options and ids? */
struct fitting { const struct switch_plan *plan; bool there, fits; };

static void read_fitting(json_t *tables, void *data)
{
    struct fitting *f = data;
    const char *uuid;
    json_t *row;

    json_object_foreach(json_object_get(tables, "Interface"), uuid, row)
        if (text_equal(json_string_value(json_object_get(row, "name")), f->plan->name)) {
            f->there = true;
            f->fits = text_equal(json_string_value(json_object_get(row, "type")), f->plan->type ?: "") &&
                      same_map(json_object_get(row, "options"), f->plan->options) &&
                      same_map(json_object_get(row, "external_ids"), f->plan->external_ids);
        }
}

bool switch_port_make(struct ctx *c, const struct switch_plan *plan)
{
    struct fitting f = { .plan = plan };
    const struct switch_port *list, *old;
    json_t *row, *operations;
    size_t n;

    ovsdb_look(read_fitting, &f);
    list = switch_ports(c, &n);
    old = switch_port_find(list, n, plan->name);
    if (old && f.fits && strcmp(old->bridge, plan->bridge) == 0)
        return true;
    if (old && !switch_port_remove(c, plan->name))
        return false;
    row = json_pack("{s:s, s:o}", "name", plan->name, "interfaces", named("interface"));
    if (plan->tag)
        json_object_set_new(row, "tag", json_integer(plan->tag));
    operations = json_pack("[o, o, o, o]", absent("Port", plan->name),
        insert("Interface", "interface", json_pack("{s:s, s:s, s:o, s:o}", "name", plan->name, "type", plan->type ?: "", "options", ovsdb_map(plan->options),
                                                   "external_ids", ovsdb_map(plan->external_ids))),
        insert("Port", "port", row), mutate("Bridge", ovsdb_where("name", plan->bridge), "ports", "insert", named("port")));
    return change(c, operations);
}

bool switch_port_remove(struct ctx *c, const char *name)
{
    const char *uuid = uuid_of(c, "Port", name);
    const struct switch_port *p;
    size_t n;

    if (!uuid)
        return true;
    p = switch_ports(c, &n);
    p = switch_port_find(p, n, name);
    return !p || change(c, json_pack("[o]", mutate("Bridge", ovsdb_where("name", p->bridge), "ports", "delete", json_pack("[s, s]", "uuid", uuid))));
}

bool switch_wire(struct ctx *c, const struct switch_wiring *list, size_t n)
{
    static const char *const keys[] = { "net_uuid", "network_type", "physical_network", "segmentation_id", "tag" };
    json_t *operations = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct switch_wiring *w = &list[i];
        json_t *old = json_array();

        for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
            json_array_append_new(old, json_string(keys[k]));
        json_array_append_new(operations, json_pack("{s:s, s:s, s:o, s:{s:i}}", "op", "update", "table", "Port", "where", ovsdb_where("name", w->port),
                                                    "row", "tag", w->tag));
        json_array_append_new(operations, mutate("Port", ovsdb_where("name", w->port), "other_config", "delete", json_pack("[s, o]", "set", old)));
        if (w->net_uuid)
            json_array_append_new(operations, mutate("Port", ovsdb_where("name", w->port), "other_config", "insert", ovsdb_map((const char *const[]){
                "net_uuid", w->net_uuid, "network_type", w->network_type, "tag", ctx_printf(c, "%d", w->tag), "physical_network", w->physical_network ?: "None",
                "segmentation_id", w->segmentation_id, NULL })));
    }
    if (n > 0)
        return change(c, operations);
    json_decref(operations);
    return true;
}
