/* Storage policies, as swift.conf says them. */
#include "swift/policy.h"

#include "oslo/base/text.h"
#include "oslo/service/options.h"
#include "swift/message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "storage-policy:"

#define NAME_CHARS "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* As texts: what is wrong with them is said in the original's words. */
struct policy_options {
    char *name, *aliases, *policy_type, *default_, *deprecated, *diskfile_module;
    char *ec_type, *ec_num_data_fragments, *ec_num_parity_fragments, *ec_object_segment_size, *ec_duplication_factor;
};

static const struct { const char *name; size_t at; bool erasure; } rows[] = {
    { "name", offsetof(struct policy_options, name) },
    { "aliases", offsetof(struct policy_options, aliases) },
    { "policy_type", offsetof(struct policy_options, policy_type) },
    { "default", offsetof(struct policy_options, default_) },
    { "deprecated", offsetof(struct policy_options, deprecated) },
    { "diskfile_module", offsetof(struct policy_options, diskfile_module) },
    { "ec_type", offsetof(struct policy_options, ec_type), true },
    { "ec_num_data_fragments", offsetof(struct policy_options, ec_num_data_fragments), true },
    { "ec_num_parity_fragments", offsetof(struct policy_options, ec_num_parity_fragments), true },
    { "ec_object_segment_size", offsetof(struct policy_options, ec_object_segment_size), true },
    { "ec_duplication_factor", offsetof(struct policy_options, ec_duplication_factor), true },
};

static GPtrArray *policies;          /* struct storage_policy, by index; written while the process starts */

static bool wrong(struct ctx *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool wrong(struct ctx *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(c, OPTIONS_UNREADABLE, "swift.conf", ctx_printf(c, "Invalid Storage Policy Configuration (%s)", ctx_vprintf(c, format, args)));
    va_end(args);
    return false;
}

/* As Python shows it. */
static const char *shown(struct ctx *c, const char *text)
{
    return text ? ctx_printf(c, "'%s'", text) : "None";
}

static int by_index(const void *a, const void *b)
{
    return (*(struct storage_policy *const *)a)->index - (*(struct storage_policy *const *)b)->index;
}

static const char *ring_name(struct ctx *c, int index)
{
    return index ? ctx_printf(c, "object-%d.ring.gz", index) : "object.ring.gz";
}

/* --- names ------------------------------------------------------------------------------------------------------------------------- */

static bool name_is_well(struct ctx *c, const struct storage_policy *p, const char *name, char **before)
{
    if (!*name)
        return wrong(c, "Invalid name '', for index %d", p->index);
    if (name[strspn(name, NAME_CHARS)])
        return wrong(c, "Names are used as HTTP headers, and can not reliably contain any characters not in '%s'. Invalid name %s, for index %d",
                     NAME_CHARS, shown(c, name), p->index);
    if (!strcasecmp(name, "Policy-0") && p->index)
        return wrong(c, "The name Policy-0 is reserved for policy index 0. Invalid name %s, for index %d", shown(c, name), p->index);
    for (; *before; before++)
        if (!strcasecmp(*before, name))
            return wrong(c, "The name %s is already assigned to this policy., for index %d", name, p->index);
    return true;
}

/* Its name and, with commas between, all it has. */
static bool take_names(struct ctx *c, struct storage_policy *p, const char *name, const char *aliases)
{
    char **more = text_split(c, aliases ? aliases : "", ','), **names = ctx_new_n(c, char *, g_strv_length(more) + 2);
    size_t n = 0;

    name = name ? name : "";
    if (!name_is_well(c, p, name, names))
        return false;
    names[n++] = ctx_strdup(c, name);
    for (; *more; more++) {
        if (!**more || !strcmp(*more, name))
            continue;
        if (!name_is_well(c, p, *more, names))
            return false;
        names[n++] = *more;
    }
    p->name = g_strdup(name);
    p->aliases = g_strjoinv(", ", names);
    return true;
}

/* --- erasure codes ----------------------------------------------------------------------------------------------------------------- */

static bool positive(const char *text, int64_t most, int64_t *ret)
{
    return text && text_to_int(text, ret) && *ret > 0 && *ret <= most;
}

static bool take_code(struct ctx *c, struct storage_policy *p, const struct policy_options *o)
{
    const char *segment = o->ec_object_segment_size ? o->ec_object_segment_size : "1048576", *copies = o->ec_duplication_factor ? o->ec_duplication_factor : "1";
    int64_t data, parity, duplication;

    if (!o->ec_type)
        return wrong(c, "Missing ec_type");
    if (!erasure_has_type(o->ec_type))
        return wrong(c, "Wrong ec_type %s for policy %s, should be one of \"%s\"", o->ec_type, p->name, erasure_types(c));
    if (!positive(o->ec_num_data_fragments, INT32_MAX, &data))
        return wrong(c, "Invalid ec_num_data_fragments %s, for index %d", shown(c, o->ec_num_data_fragments), p->index);
    if (!positive(o->ec_num_parity_fragments, INT32_MAX, &parity))
        return wrong(c, "Invalid ec_num_parity_fragments %s, for index %d", shown(c, o->ec_num_parity_fragments), p->index);
    if (!positive(segment, INT32_MAX / 2, &p->ec_segment))
        return wrong(c, "Invalid ec_object_segment_size %s, for index %d", shown(c, segment), p->index);
    if (!strcmp(o->ec_type, "isa_l_rs_vand") && parity >= 5 && !p->deprecated)
        return wrong(c, "Storage policy %s uses an EC configuration known to harm data durability. This policy MUST be deprecated.", p->name);
    p->erasure = erasure_code(c, o->ec_type, (int)data, (int)parity);
    if (!p->erasure) {
        const char *why = c->fault.message;

        fault_clear(c);
        return wrong(c, "Error creating EC policy (%s), for index %d", why, p->index);
    }
    if (!positive(copies, INT32_MAX, &duplication))
        return wrong(c, "Config option must be an positive int number, not \"%s\".", copies);
    p->ec_type = o->ec_type;
    p->ec_data = (int)data;
    p->ec_parity = (int)parity;
    p->ec_duplication = (int)duplication;
    return true;
}

static bool ring_fits(struct ctx *c, const struct storage_policy *p)
{
    double has = ring_replicas(ring_get(c, p->ring));
    int needed = policy_fragments(p) * p->ec_duplication;

    return p->type != POLICY_ERASURE || has == needed ||
           wrong(c, "EC ring for policy %s needs to be configured with exactly %d replicas. Got %g.", p->name, needed, has);
}

static void policy_free(void *data)
{
    struct storage_policy *p = data;

    g_free((char *)(uintptr_t)p->name);
    g_free((char *)(uintptr_t)p->aliases);
    g_free(p);
}

/* --- sections ---------------------------------------------------------------------------------------------------------------------- */

static bool policy_add(struct ctx *c, int index, const struct policy_options *o, const char *dir)
{
    struct storage_policy *p = g_new0(struct storage_policy, 1);
    bool erasure = o->policy_type && !strcmp(o->policy_type, "erasure_coding");

    p->index = index;
    p->type = erasure ? POLICY_ERASURE : POLICY_REPLICATION;
    p->is_default = word_true(o->default_);
    p->deprecated = word_true(o->deprecated);
    p->diskfile_module = o->diskfile_module ? o->diskfile_module : erasure ? "egg:swift#erasure_coding.fs" : "egg:swift#replication.fs";
    g_ptr_array_add(policies, p);
    if (!take_names(c, p, o->name, o->aliases))
        return false;
    if (p->deprecated && p->is_default)
        return wrong(c, "Deprecated policy can not be default.  Invalid config, for index %d", index);
    if (erasure && !take_code(c, p, o))
        return false;
    p->ring = dir ? ring_file_open(c, ctx_printf(c, "%s/%s", dir, ring_name(c, index))) : NULL;
    return !dir || (p->ring && ring_fits(c, p));
}

static bool read_options(struct ctx *c, const struct pair *option, const char *index, struct policy_options *o)
{
    bool erasure = false;

    for (const struct pair *p = option; p->name; p++)
        erasure = erasure || (!strcmp(p->name, "policy_type") && !strcmp(p->value, "erasure_coding"));
    for (; option->name; option++) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(rows) && (strcmp(rows[i].name, option->name) || (rows[i].erasure && !erasure)))
            i++;
        if (i == G_N_ELEMENTS(rows))
            return wrong(c, "Invalid option %s in storage-policy section, for index '%s'", shown(c, option->name), index);
        *(const char **)((char *)o + rows[i].at) = option->value;
    }
    if (o->policy_type && !erasure && strcmp(o->policy_type, "replication"))
        return wrong(c, "Invalid type, for index %s", shown(c, o->policy_type));
    return true;
}

static bool read_section(struct ctx *c, const struct conf *conf, const char *section, const char *dir)
{
    const char *text = section + strlen(PREFIX);
    struct policy_options o = {};
    int64_t index;

    if (!text_to_int(text, &index) || index < 0 || index > 9999)
        return wrong(c, "Invalid index, for index '%s'", text);
    if (policy_by_index((int)index))
        return wrong(c, "Duplicate index %d conflicts with %s", (int)index, policy_by_index((int)index)->name);
    return read_options(c, conf_section(conf, section), text, &o) && policy_add(c, (int)index, &o, dir);
}

/* --- all of them --------------------------------------------------------------------------------------------------------------------- */

static bool has_name(const struct storage_policy *policy, const char *name)
{
    g_auto(GStrv) names = g_strsplit(policy->aliases, ",", -1);

    for (char **each = names; *each; each++)
        if (!strcasecmp(g_strstrip(*each), name))
            return true;
    return false;
}

static bool names_differ(struct ctx *c, guint i)
{
    char **names = text_split(c, policy_at(i)->aliases, ',');

    for (; *names; names++)
        for (guint k = 0; k < i; k++)
            if (has_name(policy_at(k), *names))
                return wrong(c, "Duplicate name %s conflicts with %s", policy_at(i)->name, policy_at(k)->name);
    return true;
}

static bool fit_together(struct ctx *c)
{
    struct storage_policy *by_default = NULL;
    bool enabled = false;

    for (guint i = 0; i < policies->len; i++) {
        struct storage_policy *p = policies->pdata[i];

        if (!names_differ(c, i))
            return false;
        if (p->is_default && by_default)
            return wrong(c, "Duplicate default %s conflicts with %s", p->name, by_default->name);
        by_default = p->is_default ? p : by_default;
        enabled = enabled || !p->deprecated;
    }
    if (!policy_by_index(0))
        return wrong(c, "You must specify a storage policy section for policy index 0 in order to define multiple policies");
    if (!enabled)
        return wrong(c, "Unable to find policy that's not deprecated!");
    if (!by_default && policies->len > 1)
        return wrong(c, "Unable to find default policy");
    if (!by_default)
        ((struct storage_policy *)policies->pdata[0])->is_default = true;
    return true;
}

bool policies_configure(struct ctx *c, const struct conf *conf, const char *swift_dir)
{
    static const struct policy_options plain = { .name = (char *)(uintptr_t)"Policy-0" };

    g_clear_pointer(&policies, g_ptr_array_unref);
    policies = g_ptr_array_new_with_free_func(policy_free);
    for (const char *const *name = conf_sections(conf); *name; name++)
        if (g_str_has_prefix(*name, PREFIX) && !read_section(c, conf, *name, swift_dir))
            return false;
    if (!policies->len && !policy_add(c, 0, &plain, swift_dir))
        return false;
    qsort(policies->pdata, policies->len, sizeof(void *), by_index);
    return fit_together(c);
}

size_t policies_count(void)
{
    return policies->len;
}

const struct storage_policy *policy_at(size_t position)
{
    return policies->pdata[position];
}

const struct storage_policy *policy_by_index(int index)
{
    for (guint i = 0; i < policies->len; i++)
        if (policy_at(i)->index == index)
            return policy_at(i);
    return NULL;
}

const struct storage_policy *policy_by_name(const char *name)
{
    for (guint i = 0; i < policies->len; i++)
        if (has_name(policy_at(i), name))
            return policy_at(i);
    return NULL;
}

const struct storage_policy *policy_default(void)
{
    for (guint i = 0; i < policies->len; i++)
        if (policy_at(i)->is_default)
            return policy_at(i);
    return NULL;
}

char *policy_dir(struct ctx *c, const char *base, const struct storage_policy *policy)
{
    return policy && policy->index ? ctx_printf(c, "%s-%d", base, policy->index) : ctx_strdup(c, base);
}

int quorum_of(int replicas)
{
    return (replicas + 1) / 2;
}

int policy_quorum(const struct storage_policy *policy, int replicas)
{
    if (policy->type == POLICY_ERASURE)
        return (policy->ec_data + 1) * policy->ec_duplication;
    return quorum_of(replicas);
}
