/* get-nodes: where an item is to be found. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/policy.h"
#include "swift/swift.h"

#include <string.h>
#include <unistd.h>

#define MOST_NODES 4096

/* --- locations ------------------------------------------------------------------------------------------------------------------------ */

struct found { const struct ring_device *device; bool handoff; };

static size_t find_nodes(struct ctx *c, const struct ring *ring, uint32_t partition, bool all, struct found *to)
{
    const struct ring_device *primaries[256], *d;
    size_t n = ring_primaries(ring, partition, primaries, G_N_ELEMENTS(primaries)), most = all ? MOST_NODES : n * 2;
    struct ring_walk walk;

    for (size_t i = 0; i < n; i++)
        to[i] = (struct found){ primaries[i], false };
    ring_walk_init(c, &walk, ring, partition);
    while (n < most && (d = ring_walk_next(c, &walk)))
        to[n++] = (struct found){ d, true };
    return n;
}

static void say_curl(struct ctx *c, const struct found *f, uint32_t partition, const char *target, int policy_index)
{
    bool v6 = strchr(f->device->ip, ':') != NULL;

    say("curl -g -I -XHEAD \"http://%s%s%s:%d/%s/%u/%s\"", v6 ? "[" : "", f->device->ip, v6 ? "]" : "", f->device->port, f->device->device, partition,
        name_quote(c, target, "/"));
    if (policy_index >= 0)
        say(" -H \"X-Backend-Storage-Policy-Index: %d\"", policy_index);
    say(" --path-as-is%s\n", f->handoff ? " # [Handoff]" : "");
}

void say_locations(struct ctx *c, const struct ring *ring, const struct location *l)
{
    struct found *nodes = ctx_new_n(c, struct found, MOST_NODES + 1);
    const char *target = l->account, *hash = NULL, *dir;
    uint8_t digest[16];
    uint32_t partition = (uint32_t)l->partition;
    size_t n;

    if (l->container)
        target = ctx_printf(c, "%s/%s%s%s", l->account, l->container, l->object ? "/" : "", l->object ? l->object : "");
    if (l->partition < 0) {
        hash_path(l->account, l->container, l->object, digest);
        partition = ring_partition(ring, digest);
        hash = hash_path_hex(c, l->account, l->container, l->object);
    }
    n = find_nodes(c, ring, partition, l->all, nodes);
    say("Partition\t%u\nHash     \t%s\n\n", partition, hash ? hash : "None");
    for (size_t i = 0; i < n; i++)
        say("Server:Port Device\t%s:%d %s%s\n", nodes[i].device->ip, nodes[i].device->port, nodes[i].device->device,
            nodes[i].handoff ? "\t [Handoff]" : "");
    say("\n\n");
    for (size_t i = 0; i < n; i++)
        say_curl(c, &nodes[i], partition, target ? target : "None", l->policy_index);
    say("\n\nUse your own device location of servers:\nsuch as \"export DEVICE=/srv/node\"\n");
    dir = hash ? ctx_printf(c, "%s/%u/%s/%s", l->data_dir, partition, hash + 29, hash) : ctx_printf(c, "%s/%u", l->data_dir, partition);
    for (size_t i = 0; i < n; i++)
        say("ssh %s \"ls -lah ${DEVICE:-/srv/node*}/%s/%s\"%s\n", nodes[i].device->ip, nodes[i].device->device, dir, nodes[i].handoff ? " # [Handoff]" : "");
    say("\nnote: `/srv/node*` is used as default value of `devices`, the real value is set in the config file on each storage node.\n");
}

/* --- the command ---------------------------------------------------------------------------------------------------------------------- */

/* "account/container/object" in one word, or in several. */
static void split(struct ctx *c, char **words, bool quoted, struct location *l)
{
    const char *names[3] = {};
    size_t n = 0;

    for (; *words && n < 3; words++)
        names[n++] = quoted ? name_decode(c, *words, strlen(*words), false) : *words;
    if (n == 1) {
        char *at = ctx_strdup(c, names[0]);

        while (*at == '/')
            at++;
        for (size_t k = strlen(at); k && at[k - 1] == '/'; k--)
            at[k - 1] = '\0';
        names[0] = at;
        for (n = 1; n < 3 && (at = strchr(at, '/')); n++) {
            *at++ = '\0';
            names[n] = at;
        }
    }
    l->account = names[0];
    l->container = names[1];
    l->object = names[2];
}

/* Which kind of directory it is in; warns when the ring is another kind's. */
static const char *data_dir(struct ctx *c, const struct location *l, const char *ring_name)
{
    const char *dash = g_str_has_prefix(ring_name, "object") ? strchr(ring_name, '-') : NULL;
    const char *kind = l->object ? "object" : l->container ? "container" : l->account ? "account" : ring_name;

    if (l->object || (!l->account && dash))
        return dash ? ctx_printf(c, "objects-%s", dash + 1) : "objects";
    if (l->container && strcmp(ring_name, "container"))
        say("Warning: account/container specified but ring not named \"container\"\n");
    else if (l->account && !l->container && strcmp(ring_name, "account"))
        say("Warning: account specified but ring not named \"account\"\n");
    return ctx_printf(c, "%ss", kind);
}

static struct ring *open_ring(struct ctx *c, char ***words, const char *policy_name, const char **ret_name, int *ret_policy)
{
    const struct storage_policy *policy = policy_name ? policy_by_name(policy_name) : NULL;
    g_autofree char *base = NULL;

    *ret_policy = -1;
    if (policy_name && !policy)
        return fail_null(c, BAD_REQUEST, ctx_printf(c, "ERROR: No policy named %s", name_repr(c, policy_name)));
    if (policy) {
        *ret_policy = policy->index;
        *ret_name = policy->index ? ctx_printf(c, "object-%d", policy->index) : "object";
        return ring_load(c, ctx_printf(c, "%s/%s.ring.gz", swift_dir(), *ret_name));
    }
    if (!**words || !g_str_has_suffix(**words, ".ring.gz"))
        return fail_null(c, BAD_REQUEST, "ERROR: Need to specify policy_name or <ring.gz>");
    if (access(**words, F_OK))
        return fail_null(c, BAD_REQUEST, "ERROR: Ring file does not exist");
    base = g_path_get_basename(**words);
    *ret_name = ctx_strndup(c, base, strlen(base) - strlen(".ring.gz"));
    return ring_load(c, *(*words)++);
}

int tool_get_nodes(struct ctx *c, char **words)
{
    const char *partition = NULL, *policy = NULL, *ring_name = "";
    bool all = false, quoted = false;
    const struct tool_option options[] = { { 'a', "all", &all, NULL }, { 'p', "partition", NULL, &partition }, { 'P', "policy-name", NULL, &policy },
                                           { 'Q', "quoted", &quoted, NULL }, {} };
    struct location l = { .partition = -1 };
    struct ring *ring;

    if (!tool_options(c, words, options) || !(ring = open_ring(c, &words, policy, &ring_name, &l.policy_index)))
        return 1;
    ring = ctx_own(c, ring, (void (*)(void *))(void *)ring_unref);
    split(c, words, quoted, &l);
    l.all = all;
    if (partition && (!text_to_int(partition, &l.partition) || l.partition < 0 || (size_t)l.partition >= ring->parts))
        return !fail(c, BAD_REQUEST, ctx_printf(c, "ERROR: no such partition: %s", partition));
    if (!l.account && !partition)
        return !fail(c, BAD_REQUEST, "ERROR: No target specified");
    l.data_dir = data_dir(c, &l, ring_name);
    if (!policy && g_str_has_prefix(ring_name, "object-") && l.object)
        l.policy_index = atoi(ring_name + 7);
    if (l.account)
        say("\nAccount  \t%s\n", name_quote(c, l.account, "/"));
    if (l.container)
        say("Container\t%s\n", name_quote(c, l.container, "/"));
    if (l.object)
        say("Object   \t%s\n\n\n", name_quote(c, l.object, "/"));
    say_locations(c, ring, &l);
    return 0;
}
