/* The scheduler's questions: each filter on hosts that pass and hosts that do not, extra specs, the order of the weighers. */
#include "nova/scheduler/scheduler.h"

#include <string.h>

static void test_extra_specs(void)
{
    static const struct { const char *value, *requirement; bool matches; } rows[] = {
        { "1", "1", true },             { "1", "", false },             { "", "1", false },           { "3", "= 2", true },
        { "123", "= 123", true },       { "124", "= 123", true },       { "34", "= 234", false },     { "34", "=", false },
        { "123", "== 123", true },      { "124", "== 123", false },     { "12", "!= 124", true },     { "124", "!= 124", false },
        { "124", ">= 124", true },      { "123", ">= 124", false },     { "1", "<= 2", true },        { "3", "<= 2", false },
        { "abc", "s== abc", true },     { "abc", "s== abcd", false },   { "abc", "s!= abcd", true },  { "abc", "s< abd", true },
        { "abd", "s> abc", true },      { "abc", "s<= abc", true },     { "abc", "s>= abd", false },  { "12 11 10 9", "<in> 11", true },
        { "12 10 9", "<in> 11", false },{ "12", "<or> 11 <or> 12", true }, { "13", "<or> 11 <or> 12", false }, { "12", "<or> 12", true },
        { "aes mmx", "<all-in> aes mmx", true }, { "aes", "<all-in> aes mmx", false }, { "x", "<all-in>", false },
        { "word", "= 2", false },       { "x86", "unknown x86", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (extra_spec_match(rows[i].value, rows[i].requirement) != rows[i].matches)
            g_error("\"%s\" against \"%s\" should be %d", rows[i].value, rows[i].requirement, rows[i].matches);
}

/* --- filters --------------------------------------------------------------------------------------------------- */

static const struct compute_node node = {
    .host = (char *)(uintptr_t)"h1", .hypervisor_hostname = (char *)(uintptr_t)"n1", .hypervisor_type = (char *)(uintptr_t)"QEMU",
    .vcpus = 8, .memory_mb = 4096, .cpu_info = { (char *)(uintptr_t)"{\"arch\": \"x86_64\", \"topology\": {\"cores\": 4}, \"features\": [\"aes\"]}" },
    .supported_instances = { (char *)(uintptr_t)"[[\"x86_64\", \"qemu\", \"hvm\"]]" },
};

struct asking {
    struct ctx c;
    struct instance inst;
    struct request_spec spec;
    struct host_state host;
    struct service_row service;
};

static void asking_init(struct asking *a)
{
    *a = (struct asking){ .inst = { .uuid = (char *)(uintptr_t)"u1", .project_id = (char *)(uintptr_t)"p1" } };
    ctx_init(&a->c, NULL, NULL);
    a->service.last_seen_up = utc_now();
    a->spec = (struct request_spec){ .inst = &a->inst, .max_server_per_host = 1 };
    a->host = (struct host_state){ .node = &node, .service = &a->service, .zone = "nova", .free_memory_mb = 1024 };
    a->spec.image = ctx_json(&a->c, json_object());
    a->spec.extra_specs = ctx_json(&a->c, json_object());
    a->host.aggregates = ctx_json(&a->c, json_pack("[{s:i, s:{s:s, s:s}}]", "id", 1, "metadata", "ssd", "true,yes", "filter_tenant_id", "p1,p2"));
    a->spec.group_hosts = ctx_own(&a->c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
}

static bool passes(struct asking *a, const char *name)
{
    for (const struct filter *f = filters; f->name; f++)
        if (!strcmp(f->name, name))
            return f->passes(&a->c, &a->spec, &a->host);
    g_error("there is no %s", name);
}

static void test_compute(void)
{
    struct asking a;

    asking_init(&a);
    g_assert_true(passes(&a, "ComputeFilter"));
    a.service.disabled = true;
    g_assert_false(passes(&a, "ComputeFilter"));
    a.service.disabled = false;
    a.service.last_seen_up.us -= 2 * SERVICE_DOWN_TIME_US;
    g_assert_false(passes(&a, "ComputeFilter"));
    a.host.service = NULL;
    g_assert_false(passes(&a, "ComputeFilter"));
    ctx_clear(&a.c);
}

static void test_zone(void)
{
    struct asking a;

    asking_init(&a);
    g_assert_true(passes(&a, "AvailabilityZoneFilter"));
    a.spec.zone = "nova";
    g_assert_true(passes(&a, "AvailabilityZoneFilter"));
    a.spec.zone = "moon";
    g_assert_false(passes(&a, "AvailabilityZoneFilter"));
    ctx_clear(&a.c);
}

static void test_image(void)
{
    struct asking a;

    asking_init(&a);
    g_assert_true(passes(&a, "ImagePropertiesFilter"));
    json_object_set_new(a.spec.image, "hw_architecture", json_string("amd64"));
    json_object_set_new(a.spec.image, "img_hv_type", json_string("QEMU"));
    g_assert_true(passes(&a, "ImagePropertiesFilter"));
    json_object_set_new(a.spec.image, "hw_vm_mode", json_string("xen"));
    g_assert_false(passes(&a, "ImagePropertiesFilter"));
    ctx_clear(&a.c);
}

static bool capable(struct asking *a, const char *key, const char *value)
{
    json_object_clear(a->spec.extra_specs);
    json_object_set_new(a->spec.extra_specs, key, json_string(value));
    return passes(a, "ComputeCapabilitiesFilter");
}

static void test_capabilities(void)
{
    struct asking a;

    asking_init(&a);
    g_assert_true(capable(&a, "capabilities:cpu_info:topology:cores", ">= 4"));
    g_assert_false(capable(&a, "capabilities:cpu_info:topology:cores", ">= 5"));
    g_assert_true(capable(&a, "capabilities:cpu_info:features", "<in> aes"));
    g_assert_false(capable(&a, "capabilities:unheard_of", "1"));
    g_assert_true(capable(&a, "unheard_of", "1"));
    g_assert_false(capable(&a, "free_ram_mb", ">= 2048"));
    g_assert_true(capable(&a, "hw:cpu_policy", "dedicated"));
    ctx_clear(&a.c);
}

static void test_aggregates(void)
{
    struct asking a;

    asking_init(&a);
    json_object_set_new(a.spec.extra_specs, "aggregate_instance_extra_specs:ssd", json_string("true"));
    g_assert_true(passes(&a, "AggregateInstanceExtraSpecsFilter"));
    json_object_set_new(a.spec.extra_specs, "gpu", json_string("true"));
    g_assert_false(passes(&a, "AggregateInstanceExtraSpecsFilter"));
    g_assert_true(passes(&a, "AggregateMultiTenancyIsolation"));
    a.inst.project_id = (char *)(uintptr_t)"p3";
    g_assert_false(passes(&a, "AggregateMultiTenancyIsolation"));
    json_object_set_new(a.spec.image, "ssd", json_string("no"));
    g_assert_false(passes(&a, "AggregateImagePropertiesIsolation"));
    ctx_clear(&a.c);
}

static void test_groups(void)
{
    struct asking a;

    asking_init(&a);
    a.spec.group_policy = "affinity";
    g_assert_true(passes(&a, "ServerGroupAffinityFilter"));
    g_hash_table_insert(a.spec.group_hosts, (char *)(uintptr_t)"h2", GSIZE_TO_POINTER(1));
    g_assert_false(passes(&a, "ServerGroupAffinityFilter"));
    a.spec.group_policy = "anti-affinity";
    g_assert_true(passes(&a, "ServerGroupAntiAffinityFilter"));
    g_hash_table_insert(a.spec.group_hosts, (char *)(uintptr_t)"h1", GSIZE_TO_POINTER(1));
    g_assert_false(passes(&a, "ServerGroupAntiAffinityFilter"));
    a.spec.max_server_per_host = 2;
    g_assert_true(passes(&a, "ServerGroupAntiAffinityFilter"));
    ctx_clear(&a.c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scheduler/extra-specs", test_extra_specs);
    g_test_add_func("/scheduler/filters/compute", test_compute);
    g_test_add_func("/scheduler/filters/zone", test_zone);
    g_test_add_func("/scheduler/filters/image", test_image);
    g_test_add_func("/scheduler/filters/capabilities", test_capabilities);
    g_test_add_func("/scheduler/filters/aggregates", test_aggregates);
    g_test_add_func("/scheduler/filters/groups", test_groups);
    return g_test_run();
}
