/* Which nodes are asked, in which order: what sorting_method, the affinities and their policies say. Four nodes, two regions, two replicas. */
#include "oslo/base/text.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"
#include "swift/ring/builder.h"
#include "swift/swift.h"

#include <string.h>
#include <unistd.h>

#define NODES 4

const struct service *const services[] = { &swift, NULL };

static const struct proxy_options options = { .request_node_count = (char *)(uintptr_t)"2 * replicas", .timing_expiry = 300, .error_suppression_limit = 10,
                                              .error_suppression_interval = 60 };
static struct ring_file *rings;

static void make_ring(struct ctx *c, const char *path)
{
    static const char *const ips[NODES] = { "10.0.1.1", "10.0.1.2", "10.0.2.1", "10.0.2.2" };
    struct builder *b = builder_new(c, 4, 2, 0);
    struct rebalanced done;
    struct ring *ring;

    for (int i = 0; i < NODES; i++) {
        struct ring_device d = { .id = -1, .region = i / 2 + 1, .zone = i % 2 + 1, .ip = (char *)(uintptr_t)ips[i], .port = 6200, .device = (char *)(uintptr_t)"sda",
                                 .replication_ip = (char *)(uintptr_t)ips[i], .replication_port = 6200, .weight = 100, .meta = (char *)(uintptr_t)"" };

        g_assert_cmpint(builder_add(c, b, &d), >=, 0);
    }
    g_assert_true(builder_rebalance(c, b, 1795350000, 1, &done));
    ring = builder_ring(c, b);
    g_assert_true(ring_save(c, ring, path));
    ring_unref(ring);
    builder_free(b);
}

static bool configure(struct ctx *c, const char *text)
{
    const struct conf *conf = conf_parse(c, "proxy-server.conf", text);

    fault_clear(c);
    return policy_options_configure(c, conf, "app:proxy-server", 0.5);
}

/* Region and zone of all that are asked: "11 21 12 22". */
static const char *order(struct ctx *c, struct nodes *n)
{
    const char *text = "";
    struct node node;

    while (nodes_next(c, n, &node)) {
        text = ctx_printf(c, "%s%s%d%d", text, *text ? " " : "", node.device->region, node.device->zone);
        g_assert_true((node.index >= 0) == (node.handoff_index < 0));
        if (node.index >= 0)
            g_assert_true(n->primaries[node.index] == node.device);
    }
    return text;
}

static void begin(struct ctx *c, struct nodes *n, const char *object, enum nodes_use use)
{
    nodes_init(c, n, STORAGE_OBJECT, rings, "a", "c", object, policy_by_index(1), use);
}

static const char *reads(struct ctx *c, const char *object)
{
    struct nodes n;

    begin(c, &n, object, NODES_READ);
    return order(c, &n);
}

/* Each of them once, whatever the order. */
static void assert_all(const char *text)
{
    static const char *const names[NODES] = { "11", "12", "21", "22" };

    g_assert_cmpuint(strlen(text), ==, 3 * NODES - 1);
    for (int i = 0; i < NODES; i++)
        g_assert_nonnull(strstr(text, names[i]));
}

static void test_affinity(void)
{
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_true(configure(&c, "[app:proxy-server]\nsorting_method = affinity\nread_affinity = r1=2\n"
                            "[proxy-server:policy:1]\nread_affinity = r2z1=2 , r2z2=3\n"));
    for (int i = 0; i < 50; i++) {
        const char *text = reads(&c, ctx_printf(&c, "o%d", i));

        assert_all(text);
        g_assert_cmpint(text[0], ==, '2');           /* its replica of that region, before the other */
        g_assert_cmpint(text[3], ==, '1');
    }
    g_assert_cmpint(policy_options_priority(policy_options(NULL), &(struct ring_device){ .region = 1 }), ==, 2);
    g_assert_cmpint(policy_options_priority(policy_options(policy_by_index(1)), &(struct ring_device){ .region = 2, .zone = 2 }), ==, 3);
    g_assert_cmpint(policy_options_priority(policy_options(policy_by_index(1)), &(struct ring_device){ .region = 2, .zone = 3 }), ==, (int64_t)1 << 32);
    ctx_clear(&c);
}

static void test_timing(void)
{
    struct nodes n;
    struct ctx c;

    ctx_init(&c, NULL, "");
    g_assert_true(configure(&c, "[app:proxy-server]\n[proxy-server:policy:1]\nsorting_method = timing\n"));
    begin(&c, &n, "o", NODES_WRITE);
    const struct ring_device *fast = n.primaries[0], *slow = n.primaries[1];
    node_took(fast, 3000);
    node_took(slow, 90000);
    for (int i = 0; i < 20; i++) {
        begin(&c, &n, "o", NODES_READ);
        g_assert_true(n.first[0].device == fast && n.first[0].index == 0);
    }
    node_took(fast, 200000);
    for (int i = 0; i < 20; i++) {
        begin(&c, &n, "o", NODES_READ);
        g_assert_true(n.first[0].device == slow && n.first[0].index == 1);
    }
    ctx_clear(&c);
}

static void test_writes(void)
{
    struct ctx c;
    struct nodes n;

    ctx_init(&c, NULL, "");
    g_assert_true(configure(&c, "[app:proxy-server]\n[proxy-server:policy:1]\nwrite_affinity = r1, r7z2\n"));
    for (int i = 0; i < 50; i++) {
        const char *object = ctx_printf(&c, "o%d", i), *text;

        begin(&c, &n, object, NODES_WRITE);
        nodes_local_first(&c, &n);
        text = order(&c, &n);
        assert_all(text);
        g_assert_true(text[0] == '1' && text[3] == '1');
        begin(&c, &n, object, NODES_WRITE);
        g_assert_cmpuint(nodes_add_local_handoffs(&c, &n), ==, 1);           /* in place of the replica that is elsewhere */
        g_assert_true(n.n_first == 3 && n.first[2].index < 0 && n.first[2].device->region == 1);
        assert_all(order(&c, &n));
    }
    g_assert_true(configure(&c, "[app:proxy-server]\nwrite_affinity = r1\nwrite_affinity_node_count = 1\nwrite_affinity_handoff_delete_count = 2\n"));
    begin(&c, &n, "o", NODES_WRITE);
    nodes_local_first(&c, &n);
    g_assert_cmpuint(n.n_first, ==, 2);              /* one of them is a primary */
    g_assert_cmpint(n.first[0].device->region, ==, 1);
    begin(&c, &n, "o", NODES_WRITE);
    g_assert_cmpuint(nodes_add_local_handoffs(&c, &n), ==, 1);               /* there are no two */
    g_assert_true(configure(&c, "[app:proxy-server]\n"));
    begin(&c, &n, "o", NODES_WRITE);
    g_assert_cmpuint(nodes_add_local_handoffs(&c, &n), ==, 0);
    g_assert_cmpuint(n.at_once, ==, 1);
    ctx_clear(&c);
}

/* A node that is full does not count among those that may be asked. */
static void test_full(void)
{
    struct nodes n;
    struct node node;
    struct ctx c;
    int asked = 0;

    ctx_init(&c, NULL, "");
    g_assert_true(configure(&c, "[app:proxy-server]\nconcurrent_gets = yes\n"));
    begin(&c, &n, "o", NODES_READ);
    g_assert_cmpuint(n.at_once, ==, 2);
    n.limit = 1;
    for (; nodes_next(&c, &n, &node); asked++)
        if (!asked)
            node_is_full(&node);
    g_assert_cmpint(asked, ==, 2);
    ctx_clear(&c);
}

static void test_malformed(void)
{
    static const char *const wrong[] = { "sorting_method = best", "read_affinity = r1", "read_affinity = r1z=2", "read_affinity = r1z1=2,", "read_affinity = z1=2",
                                         "write_affinity = r1=2", "write_affinity = r", "write_affinity_node_count = 2 * x",
                                         "write_affinity_node_count = many", "write_affinity_handoff_delete_count = x", "[proxy-server:policy:7]" };
    struct ctx c;

    ctx_init(&c, NULL, "");
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_false(configure(&c, ctx_printf(&c, "[app:proxy-server]\n%s\n", wrong[i])));
    g_assert_true(configure(&c, "[app:proxy-server]\nSorting_method = TIMING\nwrite_affinity_node_count = 3\nread_affinity =\n"));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    static struct swift_options own = { .storage_ip = (char *)(uintptr_t)"10.9.9.9" };
    static const struct common_options common;
    g_autofree char *dir = g_dir_make_tmp("test_swift_nodes_XXXXXX", NULL), *path = g_strdup_printf("%s/object-1.ring.gz", dir);
    struct ctx c;
    int result;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, "");
    common_options = &common;
    service_state_add(&swift)->options = &own;
    proxy_options = &options;
    hash_path_configure("a", "b");
    make_ring(&c, path);
    g_assert_true(policies_configure(&c, conf_parse(&c, "swift.conf", "[storage-policy:0]\nname = zero\ndefault = yes\n[storage-policy:1]\nname = one\n"), NULL));
    rings = ring_file_open(&c, path);
    g_test_add_func("/nodes/affinity", test_affinity);
    g_test_add_func("/nodes/timing", test_timing);
    g_test_add_func("/nodes/writes", test_writes);
    g_test_add_func("/nodes/malformed", test_malformed);
    g_test_add_func("/nodes/full", test_full);
    result = g_test_run();
    ctx_clear(&c);
    unlink(path);
    rmdir(dir);
    return result;
}
