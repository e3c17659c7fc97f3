/* Storage policies, as swift.conf says them. */
#include "swift/policy.h"

#include "oslo/base/text.h"
#include "oslo/service/options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "storage-policy:"

struct policy_options {
    char *name, *aliases, *policy_type, *diskfile_module, *ec_type;
    bool is_default, deprecated;
    int64_t ec_num_data_fragments, ec_num_parity_fragments, ec_duplication_factor, ec_object_segment_size;
};

static const struct attr policy_attrs[] = {
    ATTR(struct policy_options, name, 0, .help = "Its name."),
    ATTR(struct policy_options, aliases, 0, .unset = "", .help = "Further names, with commas between."),
    ATTR(struct policy_options, policy_type, 0, .unset = "replication", ONE_OF("replication", "erasure_coding"), .help = "How its objects are kept."),
    ATTR(struct policy_options, diskfile_module, 0, .unset = "egg:swift#replication.fs", .help = "How its objects lie on the disk."),
    ATTR(struct policy_options, deprecated, 0, .unset = "false", .help = "No new containers."),
    ATTR(struct policy_options, ec_type, 0, .help = "The erasure code's library."),
    ATTR(struct policy_options, ec_num_data_fragments, 0, .unset = "0", .help = "Fragments with data."),
    ATTR(struct policy_options, ec_num_parity_fragments, 0, .unset = "0", .help = "Fragments beside them."),
    ATTR(struct policy_options, ec_duplication_factor, 0, .unset = "1", .help = "Copies of each fragment."),
    ATTR(struct policy_options, ec_object_segment_size, 0, .unset = "1048576", .help = "Bytes that are encoded at a time."),
    {}
};

static GPtrArray *policies;          /* struct storage_policy, by index; written while the process starts */

static int by_index(const void *a, const void *b)
{
    return (*(struct storage_policy *const *)a)->index - (*(struct storage_policy *const *)b)->index;
}

static const char *ring_name(struct ctx *c, int index)
{
    return index ? ctx_printf(c, "object-%d.ring.gz", index) : "object.ring.gz";
}

static bool policy_add(struct ctx *c, int index, const struct policy_options *o, bool is_default, const char *dir)
{
    struct storage_policy *policy = g_new0(struct storage_policy, 1);

    policy->index = index;
    policy->name = g_strdup(o->name ? o->name : index ? ctx_printf(c, "policy-%d", index) : "Policy-0");
    policy->aliases = *o->aliases ? g_strdup_printf("%s, %s", policy->name, o->aliases) : g_strdup(policy->name);
    policy->is_default = is_default;
    policy->deprecated = o->deprecated;
    policy->type = !strcmp(o->policy_type, "erasure_coding") ? POLICY_ERASURE : POLICY_REPLICATION;
    policy->diskfile_module = o->diskfile_module;
    policy->ec_type = o->ec_type;
    policy->ec_data = (int)o->ec_num_data_fragments;
    policy->ec_parity = (int)o->ec_num_parity_fragments;
    policy->ec_duplication = (int)o->ec_duplication_factor;
    policy->ec_segment = o->ec_object_segment_size;
    g_ptr_array_add(policies, policy);
    policy->ring = dir ? ring_file_open(c, ctx_printf(c, "%s/%s", dir, ring_name(c, index))) : NULL;
    return policy->ring || !dir;
}

static bool read_section(struct ctx *c, const struct conf *conf, const char *section, const char *dir)
{
    const struct policy_options *o;
    const char *is_default = conf_get(conf, section, "default");
    int64_t index;

    if (!text_to_int(section + strlen(PREFIX), &index) || index < 0 || index > 9999 || policy_by_index((int)index))
        return fail(c, OPTIONS_UNREADABLE, "swift.conf", ctx_printf(c, "[%s]: not an index of its own", section));
    o = conf_options(c, conf, section, policy_attrs, sizeof(*o));
    return o && policy_add(c, (int)index, o, is_default && text_in(is_default, (const char *const[]){ "yes", "true", "1", "on", "t", "y", NULL }), dir);
}

bool policies_configure(struct ctx *c, const struct conf *conf, const char *swift_dir)
{
    static const struct policy_options plain = { .aliases = (char *)(uintptr_t)"", .policy_type = (char *)(uintptr_t)"replication",
                                                 .diskfile_module = (char *)(uintptr_t)"egg:swift#replication.fs" };
    bool any = false;

    policies = g_ptr_array_new();
    for (const char *const *name = conf_sections(conf); *name; name++)
        if (g_str_has_prefix(*name, PREFIX) && !read_section(c, conf, *name, swift_dir))
            return false;
    if (!policies->len && !policy_add(c, 0, &plain, true, swift_dir))
        return false;
    qsort(policies->pdata, policies->len, sizeof(void *), by_index);
    for (guint i = 0; i < policies->len; i++)
        any = any || policy_at(i)->is_default;
    if (!any)
        ((struct storage_policy *)policies->pdata[0])->is_default = true;
    return true;
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

static bool has_name(const struct storage_policy *policy, const char *name)
{
    g_auto(GStrv) names = g_strsplit(policy->aliases, ",", -1);

    for (char **each = names; *each; each++)
        if (!strcasecmp(g_strstrip(*each), name))
            return true;
    return false;
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
