/* Sets of flows, their difference, and its way to the switch. */
#include "neutron/agent/ovs/flows.h"

#include <string.h>

#include "oslo/base/text.h"
#include "oslo/privsep/privsep.h"

static const char SEPARATOR[] = " actions=";

void flows_init(struct flows *f)
{
    f->actions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void flows_clear(struct flows *f)
{
    g_clear_pointer(&f->actions, g_hash_table_unref);
}

/* "conjunction(8,1/2)" is one of several actions already? */
static bool has_action(const char *all, const char *one)
{
    const char *at = strstr(all, one);

    return at && (at == all || at[-1] == ',') && (at[strlen(one)] == ',' || !at[strlen(one)]);
}

void flow(struct flows *f, const char *format, ...)
{
    va_list args;
    char *text, *actions, *old;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    actions = strstr(text, SEPARATOR);
    *actions = '\0';
    actions += strlen(SEPARATOR);
    old = g_hash_table_lookup(f->actions, text);
    if (old && g_str_has_prefix(old, "conjunction(") && g_str_has_prefix(actions, "conjunction(")) {
        if (!has_action(old, actions))
            g_hash_table_insert(f->actions, g_strdup(text), g_strconcat(old, ",", actions, NULL));
    } else {
        g_hash_table_insert(f->actions, g_strdup(text), g_strdup(actions));
    }
    g_free(text);
}

void flows_difference(struct buf *to, const struct flows *old, const struct flows *now)
{
    GHashTableIter i;
    void *match, *actions;

    g_hash_table_iter_init(&i, now->actions);
    while (g_hash_table_iter_next(&i, &match, &actions))
        if (!old || !text_equal(g_hash_table_lookup(old->actions, match), actions))
            buf_printf(to, "cookie=" FLOW_COOKIE ",%s%s%s\n", (char *)match, SEPARATOR, (char *)actions);
    if (!old)
        return;
    g_hash_table_iter_init(&i, old->actions);
    while (g_hash_table_iter_next(&i, &match, NULL))
        if (!g_hash_table_contains(now->actions, match))
            buf_printf(to, "delete_strict %s\n", (char *)match);
}

static char *target(struct ctx *c, const char *rundir, const char *bridge)
{
    return ctx_printf(c, "unix:%s/%s.mgmt", rundir, bridge);
}

bool flows_push(struct ctx *c, struct flow_bridge *b, const char *rundir, struct flows *wanted, bool whole)
{
    const struct flows *old = b->loaded.actions ? &b->loaded : NULL;
    struct buf lines = {};
    struct run run = {};
    bool ok = true;

    flows_difference(&lines, old, wanted);
    if (old || !whole)
        buf_add(&lines, b->more.data, b->more.len);
    run.input = lines.data;
    run.input_size = lines.len;
    if (lines.len > 0)
        ok = privsep_run(c, &run, NULL, (const char *const[]){ "ovs-ofctl", "-O", "OpenFlow15", "--bundle", !old && whole ? "replace-flows" : "add-flows",
                                                               target(c, rundir, b->name), "-", NULL });
    buf_clear(&lines);
    if (ok)
        buf_clear(&b->more);
    if (ok && (old || whole)) {
        flows_clear(&b->loaded);
        b->loaded = *wanted;
        wanted->actions = NULL;
    }
    return ok;
}

void flow_bridge_forget(struct flow_bridge *b)
{
    flows_clear(&b->loaded);
}

void flow_bridge_clear(struct flow_bridge *b)
{
    flows_clear(&b->loaded);
    buf_clear(&b->more);
    g_clear_pointer(&b->name, g_free);
}

bool flow_bridge_lost(struct ctx *c, const struct flow_bridge *b, const char *rundir, int canary_table, bool *ret_lost)
{
    struct run run = {};

    if (!privsep_run(c, &run, NULL, (const char *const[]){ "ovs-ofctl", "-O", "OpenFlow15", "dump-aggregate", target(c, rundir, b->name),
                                                           ctx_printf(c, "table=%d", canary_table), NULL }))
        return false;
    *ret_lost = strstr(run.output, "flow_count=0") != NULL;
    return true;
}
