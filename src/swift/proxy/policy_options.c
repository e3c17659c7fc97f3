/* Reading them, and what an affinity says of a device. */
#include "swift/proxy/policy_options.h"

#include "oslo/base/text.h"
#include "oslo/service/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define O(name, default, text) ATTR(struct policy_options, name, 0, .unset = default, .help = text)

static const struct attr option_attrs[] = {
    O(sorting_method, "shuffle", "The order of nodes for reads: shuffle, timing or affinity."),
    O(read_affinity, "", "Which regions and zones come first, as r1z1=100, r2=200."),
    O(write_affinity, "", "Which regions and zones uploads go to, as r1, r2z2."),
    O(write_affinity_node_count, "2 * replicas", "How many nodes there they go to first."),
    O(write_affinity_handoff_delete_count, "auto", "Handoffs there that deletions go to as well."),
    O(rebalance_missing_suppression_count, "1", "404s that do not count, as the ring may have changed."),
    O(concurrent_gets, "false", "Other nodes are asked while one takes its time."),
    ATTR(struct policy_options, concurrency_timeout, 0, .unset = "-1", .help = "Seconds it may take before they are; conn_timeout when below 0."),
    O(concurrent_ec_extra_requests, "0", "Fragments that are asked for beyond those needed."),
    {}
};

static struct policy_options *by_default, **by_position;
static bool by_timing;

/* --- reading ---------------------------------------------------------------------------------------------------- */

static bool take_number(const char **at, char letter, int64_t *ret)
{
    char *end;

    if (letter && *(*at)++ != letter)
        return false;
    if (!g_ascii_isdigit(**at))
        return false;
    *ret = g_ascii_strtoll(*at, &end, 10);
    *at = end;
    return true;
}

/* "r1z2=100"; without "=100" where none is wanted. */
static bool read_locality(const char *at, bool with_priority, struct locality *l)
{
    int64_t region, zone = -1, priority = 0;

    if (!take_number(&at, 'r', &region) || (*at == 'z' && !take_number(&at, 'z', &zone)) || (with_priority && !take_number(&at, '=', &priority)))
        return false;
    *l = (struct locality){ (int)region, zone ? (int)zone : -1, priority };
    return !*at;
}

static int by_priority(const void *a, const void *b)
{
    const struct locality *x = a, *y = b;

    return (x->priority > y->priority) - (x->priority < y->priority);
}

/* How many; -1: it is malformed. */
static int read_affinity(struct ctx *c, const char *text, bool with_priority, struct locality ret[64])
{
    g_auto(GStrv) pieces = g_strsplit(text, ",", -1);
    int n = 0;

    if (!*g_strstrip(ctx_strdup(c, text)))
        return 0;
    for (char **piece = pieces; *piece; piece++)
        if (n == 64 || !read_locality(g_strstrip(*piece), with_priority, &ret[n++]))
            return -1;
    if (with_priority)
        qsort(ret, (size_t)n, sizeof(*ret), by_priority);
    return n;
}

/* "2 * replicas", "7". */
static bool read_node_count(const char *text, struct policy_options *o)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
    const char *kept[4] = {};
    int n = 0;

    for (char **word = words; *word; word++)
        if (**word && n < 4)
            kept[n++] = *word;
    o->per_replica = n == 3;
    return (n == 1 || (n == 3 && !strcmp(kept[1], "*") && !g_ascii_strcasecmp(kept[2], "replicas"))) && text_to_int(kept[0], &o->write_nodes);
}

static bool refuse(struct ctx *c, const char *section, const char *name, const char *value, const char *why)
{
    return fail(c, OPTION_INVALID, "proxy-server.conf", section, name, value, why);
}

static bool understand(struct ctx *c, const char *section, struct policy_options *o, double conn_timeout)
{
    static const char *const methods[] = { "shuffle", "timing", "affinity", NULL };
    int read = read_affinity(c, o->read_affinity, true, o->read), write = read_affinity(c, o->write_affinity, false, o->write);
    size_t method = 0;

    while (methods[method] && g_ascii_strcasecmp(methods[method], o->sorting_method))
        method++;
    if (!methods[method])
        return refuse(c, section, "sorting_method", o->sorting_method, ": must be one of shuffle, timing, affinity");
    if (read < 0)
        return refuse(c, section, "read_affinity", o->read_affinity, "");
    if (write < 0)
        return refuse(c, section, "write_affinity", o->write_affinity, "");
    if (!read_node_count(o->write_affinity_node_count, o))
        return refuse(c, section, "write_affinity_node_count", o->write_affinity_node_count, "");
    o->handoff_deletes = -1;
    if (g_ascii_strcasecmp(o->write_affinity_handoff_delete_count, "auto") && !text_to_int(o->write_affinity_handoff_delete_count, &o->handoff_deletes))
        return refuse(c, section, "write_affinity_handoff_delete_count", o->write_affinity_handoff_delete_count, "");
    o->sorting = (enum sorting)method;
    o->n_read = (size_t)read;
    o->n_write = (size_t)write;
    by_timing = by_timing || o->sorting == SORT_TIMING;
    if (o->concurrency_timeout < 0)
        o->concurrency_timeout = conn_timeout;
    return true;
}

static struct policy_options *read_section(struct ctx *c, const struct conf *conf, const char *section, const char *base, double conn_timeout)
{
    struct policy_options *o = conf_options_over(c, conf, section, base, option_attrs, sizeof(*o));

    return o && understand(c, section, o, conn_timeout) ? o : NULL;
}

bool policy_options_configure(struct ctx *c, const struct conf *conf, const char *base, double conn_timeout)
{
    const char *prefix = ctx_printf(c, "%s:policy:", strchr(base, ':') ? strchr(base, ':') + 1 : base);

    by_timing = false;
    g_free(by_position);
    by_position = g_new0(struct policy_options *, policies_count() + 1);
    if (!(by_default = read_section(c, conf, base, base, conn_timeout)))
        return false;
    for (const char *const *section = conf_sections(conf); *section; section++) {
        const struct storage_policy *policy;
        int64_t index;

        if (!g_str_has_prefix(*section, prefix))
            continue;
        if (!text_to_int(*section + strlen(prefix), &index) || !(policy = policy_by_index((int)index)))
            return fail(c, OPTIONS_UNREADABLE, "proxy-server.conf", ctx_printf(c, "[%s]: there is no such policy", *section));
        for (size_t i = 0; i < policies_count(); i++)
            if (policy_at(i) == policy && !(by_position[i] = read_section(c, conf, *section, base, conn_timeout)))
                return false;
    }
    return true;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

const struct policy_options *policy_options(const struct storage_policy *policy)
{
    static const struct policy_options unread = { .rebalance_missing_suppression_count = 1, .handoff_deletes = -1 };

    for (size_t i = 0; policy && by_position && i < policies_count(); i++)
        if (policy_at(i) == policy && by_position[i])
            return by_position[i];
    return by_default ? by_default : &unread;
}

bool policy_options_sort_by_timing(void)
{
    return by_timing;
}

static bool lies_in(const struct ring_device *d, const struct locality *l)
{
    return d->region == l->region && (l->zone < 0 || d->zone == l->zone);
}

int64_t policy_options_priority(const struct policy_options *o, const struct ring_device *d)
{
    for (size_t i = 0; i < o->n_read; i++)
        if (lies_in(d, &o->read[i]))
            return o->read[i].priority;
    return o->n_read ? (int64_t)1 << 32 : 0;
}

bool policy_options_is_local(const struct policy_options *o, const struct ring_device *d)
{
    for (size_t i = 0; i < o->n_write; i++)
        if (lies_in(d, &o->write[i]))
            return true;
    return false;
}
