/* What a guest is given: the XML of its domain, its metadata by path, its network data, the files of its config drive. */
#include "nova/metadata/metadata.h"
#include "nova/nova.h"
#include "nova/options.h"
#include "nova/virt/libvirt/libvirt.h"

#include "oslo/base/text.h"
#include "oslo/service/service.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define UUID "0b60433a-5ecc-4f1c-b886-51f00b0b3e73"
#define VIFS "[{\"id\": \"5aaa704d-b0aa\", \"address\": \"fa:16:3e:00:00:11\", \"type\": \"bridge\", \"devname\": \"tap5aaa704d-b0\", \"mtu\": 1450," \
    " \"tag\": \"front\", \"network\": {\"id\": \"79d21d6f\", \"label\": \"n1\", \"bridge\": \"brq79d21d6f\"}," \
    " \"ips\": [{\"address\": \"10.9.0.11\", \"version\": 4, \"subnet_id\": \"s4\", \"floating_ips\": [\"172.24.4.5\"]}]}]"

static struct instance inst = {
    .number = 26, .uuid = (char *)(uintptr_t)UUID, .name = (char *)(uintptr_t)"web & <more>", .hostname = (char *)(uintptr_t)"web",
    .project_id = (char *)(uintptr_t)"p1", .reservation_id = (char *)(uintptr_t)"r-1", .flavor_name = (char *)(uintptr_t)"m1.tiny",
    .image_ref = (char *)(uintptr_t)"84e1a3f0-0000", .vcpus = 2, .memory_mb = 128, .swap_mb = 64, .key_name = (char *)(uintptr_t)"k",
    .key_data = (char *)(uintptr_t)"ssh-ed25519 AAAA me", .user_data = (char *)(uintptr_t)"IyEvYmluL3NoCg==", .network_info = { (char *)(uintptr_t)VIFS },
    .metadata = { (char *)(uintptr_t)"{\"role\": \"front\"}" }, .security_groups = { (char *)(uintptr_t)"[{\"name\": \"default\"}, {\"name\": \"web\"}]" },
    .request = { (char *)(uintptr_t)"{\"files\": [{\"path\": \"/etc/motd\", \"contents\": \"aGVsbG8=\"}]}" },
};

/* --- the domain ------------------------------------------------------------------------------------------------ */

static struct domain domain_of(struct ctx *c)
{
    static const struct domain_disk disks[] = { { "/i/disk", "qcow2", "vda" }, { "/i/disk.config", "raw", "vdb", .readonly = true }, {} };

    return (struct domain){ .inst = &inst, .name = "instance-0000001a", .vifs = json_of(c, inst.network_info), .image = ctx_json(c, json_object()),
                            .disks = disks, .console_log = "/i/console.log", .console_socket = "/i/serial", .virt_type = "qemu",
                            .cpu_model = "Nehalem", .machine = "q35", .vnc_listen = "127.0.0.1" };
}

static void test_domain(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct domain d = domain_of(&c);
    const char *xml = domain_xml(&c, &d);
    for (const char *const *part = (const char *const[]){
             "<domain type='qemu'>", "<uuid>" UUID "</uuid>", "<memory unit='MiB'>128</memory>", "<vcpu>2</vcpu>", "machine='q35'",
             "<entry name='product'>OpenStack Nova</entry>", "<tb-cache unit='MiB'>32</tb-cache>", "<source file='/i/disk'/><target dev='vda' bus='virtio'/>",
             "dev='vdb' bus='virtio'/><readonly/>", "<mac address='fa:16:3e:00:00:11'/><target dev='tap5aaa704d-b0' managed='no'/>",
             "<mtu size='1450'/>", "<log file='/i/console.log' append='on'/>", "listen='127.0.0.1'", NULL }; *part; part++)
        if (!strstr(xml, *part))
            g_error("%s is not in %s", *part, xml);
    g_assert_null(strstr(xml, "<kernel>"));
    d.kernel = "/i/a&b";
    g_assert_nonnull(strstr(domain_xml(&c, &d), "<kernel>/i/a&amp;b</kernel>"));
    d.virt_type = "kvm";
    d.cpu_model = NULL;
    g_assert_nonnull(strstr(domain_xml(&c, &d), "<cpu mode='host-model'"));
    g_assert_null(strstr(domain_xml(&c, &d), "tb-cache"));
    ctx_clear(&c);
}

static void test_reading_xml(void)
{
    static const char xml[] = "<domain><model>A</model><graphics type='vnc' port='5901' autoport='yes'><listen port='1'/></graphics></domain>";
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_cmpstr(xml_attribute(&c, xml, "graphics", "port"), ==, "5901");
    g_assert_null(xml_attribute(&c, xml, "graphics", "passwd"));
    g_assert_null(xml_attribute(&c, xml, "video", "port"));
    g_assert_cmpstr(xml_text(&c, xml, "model"), ==, "A");
    ctx_clear(&c);
}

/* --- metadata -------------------------------------------------------------------------------------------------- */

static struct metadata metadata(struct ctx *c)
{
    json_t *subnets = ctx_json(c, json_pack("[{s:s, s:b, s:s, s:s, s:[s]}]", "id", "s4", "enable_dhcp", 1, "cidr", "10.9.0.0/24", "gateway_ip", "10.9.0.1",
                                            "dns_nameservers", "9.9.9.9"));
    struct metadata m = { .inst = &inst, .hostname = "web.novalocal", .user_data = (char *)(uintptr_t)"#!/bin/sh\n", .user_data_size = 10,
                          .vifs = json_of(c, inst.network_info), .vendor_data = ctx_json(c, json_pack("{s:s}", "who", "us")),
                          .files = ctx_json(c, json_pack("[{s:s, s:s}]", "path", "/etc/motd", "content_path", "/content/0000")) };

    m.network_data = network_data(c, m.vifs, subnets);
    return m;
}

static void check_body(struct ctx *c, const struct metadata *m, const char *path, const char *expected)
{
    struct metadata_body body = {};
    bool found = metadata_lookup(c, m, path, &body);

    if (found != (expected != NULL))
        g_error("%s: %s", path, found ? "there is something" : "nothing is there");
    if (found) {
        g_autofree char *text = g_strndup(body.bytes, body.size);

        if (strcmp(text, expected))
            g_error("%s is \"%s\", not \"%s\"", path, text, expected);
    }
}

static void test_ec2(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct metadata m = metadata(&c);
    check_body(&c, &m, "/latest", "meta-data/\nuser-data");
    check_body(&c, &m, "/latest/meta-data/", "ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\ninstance-action\n"
               "instance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/\npublic-hostname\npublic-ipv4\npublic-keys/\nreservation-id\nsecurity-groups");
    check_body(&c, &m, "/2009-04-04/meta-data/instance-id", "i-0000001a");
    check_body(&c, &m, "/latest/meta-data/local-ipv4", "10.9.0.11");
    check_body(&c, &m, "/latest/meta-data/public-ipv4", "172.24.4.5");
    check_body(&c, &m, "/latest/meta-data/security-groups", "default\nweb");
    check_body(&c, &m, "/latest/meta-data/public-keys/", "0=k");
    check_body(&c, &m, "/latest/meta-data/public-keys/0/", "openssh-key");
    check_body(&c, &m, "/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me");
    check_body(&c, &m, "/latest/meta-data/block-device-mapping/swap", "/dev/vdb");
    check_body(&c, &m, "/ec2/latest/meta-data/placement/availability-zone", "nova");
    check_body(&c, &m, "/latest/user-data", "#!/bin/sh\n");
    check_body(&c, &m, "/1.0/meta-data/public-ipv4", NULL);
    check_body(&c, &m, "/latest/meta-data/unheard-of", NULL);
    check_body(&c, &m, "/1999-01-01/meta-data", NULL);
    ctx_clear(&c);
}

static void test_openstack(void)
{
    struct metadata_body body;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct metadata m = metadata(&c);
    check_body(&c, &m, "/openstack/latest", "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json");
    check_body(&c, &m, "/openstack/2012-08-10", "meta_data.json\nuser_data");
    check_body(&c, &m, "/openstack/latest/vendor_data2.json", "{\"static\": {\"who\": \"us\"}}");
    check_body(&c, &m, "/openstack/content/0000", "hello");
    check_body(&c, &m, "/openstack/2012-08-10/vendor_data.json", NULL);
    check_body(&c, &m, "/openstack/latest/unheard_of", NULL);
    g_assert_true(metadata_lookup(&c, &m, "/openstack/latest/meta_data.json", &body));
    json_t *meta = json_read(&c, body.bytes, body.size);
    g_assert_cmpstr(json_get_string(meta, "uuid"), ==, UUID);
    g_assert_cmpstr(json_get_string(meta, "name"), ==, "web & <more>");
    g_assert_cmpstr(json_get_string(json_object_get(meta, "meta"), "role"), ==, "front");
    g_assert_cmpstr(json_get_string(json_object_get(meta, "public_keys"), "k"), ==, "ssh-ed25519 AAAA me");
    g_assert_cmpstr(json_get_string(json_array_get(json_object_get(meta, "devices"), 0), "mac"), ==, "fa:16:3e:00:00:11");
    g_assert_cmpuint(strlen(json_get_string(meta, "random_seed")), ==, 684);
    ctx_clear(&c);
}

static void test_network_data(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    json_t *vifs = json_of(&c, inst.network_info), *subnet = ctx_json(&c, json_pack("{s:s, s:b, s:s, s:s, s:[s], s:[{s:s, s:s}]}", "id", "s4",
        "enable_dhcp", 0, "cidr", "10.9.0.0/23", "gateway_ip", "10.9.0.1", "dns_nameservers", "9.9.9.9", "host_routes", "destination", "10.8.0.0/16",
        "nexthop", "10.9.0.2"));
    json_t *data = network_data(&c, vifs, ctx_json(&c, json_pack("[O]", subnet)));
    json_t *network = json_array_get(json_object_get(data, "networks"), 0), *link = json_array_get(json_object_get(data, "links"), 0);
    g_assert_cmpstr(json_get_string(network, "type"), ==, "ipv4");
    g_assert_cmpstr(json_get_string(network, "netmask"), ==, "255.255.254.0");
    g_assert_cmpstr(json_get_string(json_array_get(json_object_get(network, "routes"), 1), "netmask"), ==, "255.255.0.0");
    g_assert_cmpint(json_get_int(link, "mtu", 0), ==, 1450);
    g_assert_cmpstr(json_get_string(json_array_get(json_object_get(data, "services"), 0), "address"), ==, "9.9.9.9");
    json_object_set_new(subnet, "enable_dhcp", json_true());
    data = network_data(&c, vifs, ctx_json(&c, json_pack("[O]", subnet)));
    g_assert_cmpstr(json_get_string(json_array_get(json_object_get(data, "networks"), 0), "type"), ==, "ipv4_dhcp");
    g_assert_true(json_is_null(json_object_get(json_array_get(json_object_get(data, "links"), 0), "mtu")));
    g_assert_cmpuint(json_object_size(network_data(&c, ctx_json(&c, json_array()), vifs)), ==, 0);
    ctx_clear(&c);
}

static void note_file(void *data, const char *path, const char *bytes, size_t size)
{
    g_hash_table_insert(data, g_strdup(path), g_strndup(bytes, size));
}

static void test_config_drive(void)
{
    g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    struct metadata m = metadata(&c);
    metadata_each_file(&c, &m, note_file, files);
    for (const char *const *path = (const char *const[]){
             "openstack/latest/meta_data.json", "openstack/latest/user_data", "openstack/latest/network_data.json", "openstack/latest/vendor_data.json",
             "openstack/latest/vendor_data2.json", "openstack/2012-08-10/meta_data.json", "openstack/content/0000", "ec2/latest/meta-data.json",
             "ec2/2009-04-04/user-data", NULL }; *path; path++)
        if (!g_hash_table_lookup(files, *path))
            g_error("%s is not there", *path);
    g_assert_null(g_hash_table_lookup(files, "openstack/2012-08-10/vendor_data.json"));
    g_assert_null(g_hash_table_lookup(files, "openstack/latest/password"));
    g_assert_null(strstr(g_hash_table_lookup(files, "ec2/latest/meta-data.json"), "_name"));
    ctx_clear(&c);
}

/* --- waiting, with the driver that libvirt has for tests ---------------------------------------------------------- */

static struct nova_options options;

static int how(virConnectPtr from, virDomainPtr domain, int event, int detail, void *data)
{
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        atomic_store((_Atomic int *)data, detail);
    return 0;
}

/* A guest that is asked to end is waited for, and not cut off. */
static void test_stop(void)
{
    static char there[] = "6695eb01-f6a4-8304-79aa-97f2502e193f";
    _Atomic int detail = -1;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(libvirt_driver.open(&c));
    uint64_t seen = libvirt_events();
    virConnectDomainEventRegisterAny(libvirt_connection(), NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(how), &detail, NULL);
    g_assert_true(libvirt_driver.change(&c, &(struct instance){ .uuid = there }, NULL, GUEST_STOP));
    g_assert_cmpint(virDomainIsActive(domain_find(&c, &(struct instance){ .uuid = there })), ==, 0);
    while (libvirt_events() == seen || atomic_load(&detail) < 0)
        libvirt_wait_event(seen, clock_mono_us() + 1000000);
    g_assert_cmpint(atomic_load(&detail), ==, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
    ctx_clear(&c);
    libvirt_driver.close();
}

/* Two hosts on one directory: what one has taken over the other does not remove, nor the first what it is to give back. */
static void test_shared_files(void)
{
    static struct common_options hosts[] = { { .host = (char *)(uintptr_t)"one" }, { .host = (char *)(uintptr_t)"two" } };
    g_autofree char *directory = g_dir_make_tmp("nacre-test-XXXXXX", NULL), *own = g_strconcat(directory, "/" UUID, NULL);
    g_autofree char *disk = g_strconcat(own, "/disk", NULL);
    const struct common_options *before = common_options;
    struct instance small = inst;
    struct domain domain;
    struct ctx c;

    small.swap_mb = 0;
    options.instances_path = directory;
    ctx_init(&c, &nova, NULL);
    g_assert_cmpint(g_mkdir(own, 0700), ==, 0);
    g_assert_true(g_file_set_contents(disk, "bytes", -1, NULL));
    for (int round = 0; round < 2; round++) {
        common_options = &hosts[0];
        small.host = hosts[0].host;
        g_assert_true(disks_make(&c, &small, NULL, &domain));
        common_options = &hosts[1];
        small.host = hosts[1].host;
        g_assert_true(disks_make(&c, &small, NULL, &domain));
        common_options = &hosts[0];              /* comes back */
        g_assert_true(disks_remove(&c, &small));
        g_assert_true(g_file_test(disk, G_FILE_TEST_EXISTS));
        common_options = &hosts[1];              /* gives up */
        small.host = hosts[0].host;
        if (round == 0)
            g_assert_true(disks_remove(&c, &small));
        g_assert_true(g_file_test(disk, G_FILE_TEST_EXISTS));
    }
    small.host = hosts[1].host;
    g_assert_true(disks_remove(&c, &small));
    g_assert_false(g_file_test(own, G_FILE_TEST_EXISTS));
    g_assert_true(disks_remove(&c, &small));
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    options.instances_path = NULL;
    common_options = before;
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    options.libvirt_uri = (char *)(uintptr_t)"test:///default";
    options.virt_type = (char *)(uintptr_t)"qemu";
    options.shutdown_timeout = 60;
    service_state_add(&nova)->options = &options;
    g_test_add_func("/guest/domain", test_domain);
    g_test_add_func("/guest/xml", test_reading_xml);
    g_test_add_func("/guest/metadata/ec2", test_ec2);
    g_test_add_func("/guest/metadata/openstack", test_openstack);
    g_test_add_func("/guest/metadata/network", test_network_data);
    g_test_add_func("/guest/metadata/config-drive", test_config_drive);
    g_test_add_func("/guest/shared-files", test_shared_files);
    g_test_add_func("/guest/stop", test_stop);
    return g_test_run();
}
