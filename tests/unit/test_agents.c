/* Neutron's agents on the Linux bridge data path, with packets: a plugin made of canned answers on the other end of the RPC, network
 * namespaces in place of guests. All of it in network and mount namespaces of this process: the host is not touched. Needs root.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "neutron/agent/agent.h"
#include "neutron/rpc/dhcp.h"
#include "neutron/rpc/l2.h"
#include "neutron/rpc/l3.h"
#include "neutron/rpc/metadata.h"
#include "neutron/rpc/reports.h"
#include "oslo/privsep/privsep.h"

#define INNER   "1a000000-0000-4000-8000-000000000001"
#define OUTER   "2b000000-0000-4000-8000-000000000002"
#define SUBNET  "3c000000-0000-4000-8000-000000000003"
#define ROUTER  "4d000000-0000-4000-8000-000000000004"
#define ONE     "51111111-1100-4000-8000-000000000005"
#define TWO     "52222222-2200-4000-8000-000000000006"
#define DHCP    "5d000000-0000-4000-8000-000000000007"
#define INSIDE  "5e000000-0000-4000-8000-000000000008"
#define GATEWAY "5f000000-0000-4000-8000-000000000009"
#define GROUP   "6a000000-0000-4000-8000-00000000000a"
#define FLOAT   "7f000000-0000-4000-8000-00000000000b"

static json_t *ports;                /* id -> port as the API shows it */
static json_t *rules;                /* of the one group */
static json_t *router;               /* NULL: deleted */
static bool network_there = true;
static json_t *statuses;             /* what was told of floating IPs */
static int up, down, ready;

/* ---- the plugin ---------------------------------------------------------------------------------------------- */

static json_t *find(const char *device)
{
    const char *id;
    json_t *port;

    json_object_foreach(ports, id, port)
        if (strcmp(id, device) == 0 || (g_str_has_prefix(device, "tap") && strncmp(id, device + 3, 11) == 0))
            return port;
    return NULL;
}

static bool report_state(struct ctx *c, json_t *args, json_t **ret)
{
    g_assert_nonnull(json_get_string(json_object_get(json_object_get(args, "agent_state"), "agent_state"), "agent_type"));
    *ret = json_string("alive");
    return true;
}

static bool details(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *device;
    size_t i;

    *ret = json_array();
    json_array_foreach(json_object_get(args, "devices"), i, device) {
        json_t *port = find(json_string_value(device)), *one = json_pack("{s:O}", "device", device);

        if (port) {
            json_object_update(one, port);
            json_object_set(one, "port_id", json_object_get(port, "id"));
            json_object_set_new(one, "mtu", json_integer(1450));
        }
        json_array_append_new(*ret, one);
    }
    return true;
}

static bool update_list(struct ctx *c, json_t *args, json_t **ret)
{
    up += (int)json_array_size(json_object_get(args, "devices_up"));
    down += (int)json_array_size(json_object_get(args, "devices_down"));
    *ret = json_pack("{s:O, s:[], s:[], s:[]}", "devices_up", json_object_get(args, "devices_up"), "failed_devices_up", "devices_down", "failed_devices_down");
    return true;
}

static bool network_details(struct ctx *c, json_t *args, json_t **ret)
{
    bool outer = text_equal(json_get_string(args, "network"), OUTER);

    *ret = json_pack("{s:O, s:s, s:s?}", "id", json_object_get(args, "network"), "provider:network_type", outer ? "flat" : "vxlan",
                     "provider:physical_network", outer ? "public" : NULL);
    return true;
}

static bool group_info(struct ctx *c, json_t *args, json_t **ret)
{
    json_t *devices = json_object(), *members = json_array(), *port;
    const json_t *device;
    const char *id;
    size_t i;

    json_object_foreach(ports, id, port)
        if (json_array_size(json_object_get(port, "security_groups")))
            json_array_append_new(members, json_pack("[O,O]", json_object_get(json_array_get(json_object_get(port, "fixed_ips"), 0), "ip_address"),
                                                     json_object_get(port, "mac_address")));
    json_array_foreach(json_object_get(args, "devices"), i, device) {
        json_t *one = json_deep_copy(find(json_string_value(device)));

        json_object_set_new(one, "fixed_ips", json_pack("[O]", json_object_get(json_array_get(json_object_get(one, "fixed_ips"), 0), "ip_address")));
        json_object_set_new(one, "security_group_source_groups", json_pack("[s]", GROUP));
        json_object_set_new(devices, json_string_value(device), one);
    }
    *ret = json_pack("{s:{s:O}, s:{s:{s:o, s:[]}}, s:o}", "security_groups", GROUP, rules, "sg_member_ips", GROUP, "IPv4", members, "IPv6", "devices", devices);
    return true;
}

static json_t *subnet(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:[s], s:[{s:s, s:s}]}", "id", SUBNET, "network_id", INNER, "cidr", "10.9.0.0/24", "gateway_ip",
                     "10.9.0.1", "enable_dhcp", 1, "ip_version", 4, "dns_nameservers", "9.9.9.9", "host_routes", "destination", "10.77.0.0/16",
                     "nexthop", "10.9.0.12");
}

static json_t *network_info(void)
{
    json_t *list = json_array(), *port;
    const char *id;

    json_object_foreach(ports, id, port)
        if (text_equal(json_get_string(port, "network_id"), INNER))
            json_array_append(list, port);
    return json_pack("{s:s, s:s, s:b, s:i, s:[o], s:o}", "id", INNER, "tenant_id", "t", "admin_state_up", 1, "mtu", 1450, "subnets", subnet(), "ports", list);
}

static bool active_networks(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = network_there ? json_pack("[o]", network_info()) : json_array();
    return true;
}

static bool one_network(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = network_there ? network_info() : NULL;
    return true;
}

static json_t *add_port(const char *id, const char *network, const char *ip, int bits, const char *mac, const char *owner, const char *device)
{
    json_t *port = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:[{s:s, s:s, s:i}], s:[], s:[]}", "id", id, "network_id", network, "mac_address",
                             mac, "device_owner", owner, "device_id", device, "status", "DOWN", "admin_state_up", 1, "project_id", "tenant-1", "fixed_ips",
                             "subnet_id", SUBNET, "ip_address", ip, "prefixlen", bits, "security_groups", "allowed_address_pairs");

    json_object_set_new(ports, id, port);
    return port;
}

static bool create_dhcp_port(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *asked = json_object_get(json_object_get(args, "port"), "port");

    g_assert_true(g_str_has_prefix(json_get_string(asked, "device_id"), "dhcp"));
    g_assert_cmpstr(json_get_string(json_array_get(json_object_get(asked, "fixed_ips"), 0), "subnet_id"), ==, SUBNET);
    *ret = json_incref(add_port(DHCP, INNER, "10.9.0.2", 24, "fa:16:3e:00:00:02", "network:dhcp", json_get_string(asked, "device_id")));
    return true;
}

static bool dhcp_ready(struct ctx *c, json_t *args, json_t **ret)
{
    ready += (int)json_array_size(json_object_get(args, "port_ids"));
    return true;
}

static bool get_ports(struct ctx *c, json_t *args, json_t **ret)
{
    const json_t *filters = json_object_get(args, "filters");
    const char *ip = json_string_value(json_array_get(json_object_get(json_object_get(filters, "fixed_ips"), "ip_address"), 0)), *id;
    json_t *port;

    g_assert_cmpstr(json_string_value(json_array_get(json_object_get(filters, "network_id"), 0)), ==, INNER);
    *ret = json_array();
    json_object_foreach(ports, id, port)
        if (text_equal(json_get_string(json_array_get(json_object_get(port, "fixed_ips"), 0), "ip_address"), ip))
            json_array_append(*ret, port);
    return true;
}

static bool router_ids(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = router ? json_pack("[s]", ROUTER) : json_array();
    return true;
}

static bool sync_routers(struct ctx *c, json_t *args, json_t **ret)
{
    *ret = router ? json_pack("[O]", router) : json_array();
    return true;
}

static bool fip_statuses(struct ctx *c, json_t *args, json_t **ret)
{
    json_object_update(statuses, json_object_get(args, "fip_statuses"));
    return true;
}

static const struct rpc_method plugin_methods[] = {
    { REPORTS_REPORT_STATE, report_state }, { L2_GET_DEVICES_DETAILS_LIST, details }, { L2_UPDATE_DEVICE_LIST, update_list },
    { L2_GET_NETWORK_DETAILS, network_details }, { SG_INFO_FOR_DEVICES, group_info }, { DHCP_GET_ACTIVE_NETWORKS_INFO, active_networks },
    { DHCP_GET_NETWORK_INFO, one_network }, { DHCP_CREATE_PORT, create_dhcp_port }, { DHCP_READY_ON_PORTS, dhcp_ready }, { METADATA_GET_PORTS, get_ports },
    { L3_GET_ROUTER_IDS, router_ids }, { L3_SYNC_ROUTERS, sync_routers }, { L3_UPDATE_FLOATINGIP_STATUSES, fip_statuses }, {}
};
static const struct rpc_endpoint plugin_endpoints[] = { { .version = "1.99", .methods = plugin_methods }, {} };
static const struct rpc_server plugin_servers[] = {
    { .exchange = "neutron", .topic = TOPIC_PLUGIN, .endpoints = plugin_endpoints, .threads = 2 },
    { .exchange = "neutron", .topic = TOPIC_REPORTS, .endpoints = plugin_endpoints, .threads = 1 },
    { .exchange = "neutron", .topic = TOPIC_L3_PLUGIN, .endpoints = plugin_endpoints, .threads = 1 },
};

/* ---- the stage ----------------------------------------------------------------------------------------------- */

static struct common_options options = { .host = (char *)(uintptr_t)"host1" };

static void rounds(void)
{
    const struct worker *const workers[] = { &dhcp_agent_worker, &l3_agent_worker, &l2_agent_worker };

    for (size_t i = 0; i < G_N_ELEMENTS(workers); i++) {
        struct ctx c;

        ctx_init(&c, NULL, NULL);
        if (!workers[i]->run(&c))
            g_error("%s: %s %s", workers[i]->name, c.fault.message, c.fault.detail ?: "");
        ctx_clear(&c);
    }
}

static void cast(const char *topic, const char *version, const char *server, const char *method, json_t *args)
{
    struct target t = { .exchange = "neutron", .topic = topic, .version = version, .server = server, .fanout = server == NULL };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(rpc_cast(&c, &t, method, args));
    json_decref(args);
    ctx_clear(&c);
    usleep(50000);
    rounds();
}

static int sh(const char *format, ...) G_GNUC_PRINTF(1, 2);
static char said[4096];

static int sh(const char *format, ...)
{
    g_autofree char *text = NULL;
    struct run run = { .quiet = true, .timeout_us = 120000000 };
    struct ctx c;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    ctx_init(&c, NULL, NULL);
    run_argv(&c, &run, (const char *const[]){ "sh", "-c", text, NULL });
    g_snprintf(said, sizeof(said), "%s%s", run.output, run.error);
    ctx_clear(&c);
    return run.exit_code;
}

/* What was cast a moment ago may not have been taken yet: it is looked again. False: it has been long enough. */
static bool again(int *times)
{
    g_usleep(100000);
    rounds();
    return ++*times < 100;
}

#define NS "ip netns exec "
#define OK(...) do { for (int n = 0; sh(__VA_ARGS__) != 0;) if (!again(&n)) g_error("%s: %s", #__VA_ARGS__, said); } while (0)
#define NO(...) do { for (int n = 0; sh(__VA_ARGS__) == 0;) if (!again(&n)) g_error("should fail: %s: %s", #__VA_ARGS__, said); } while (0)

static void plug_guest(const char *id, const char *name, const char *mac)
{
    OK("ip netns add %s && ip link add tap%.11s mtu 1450 type veth peer name eth0 mtu 1450 address %s netns %s && ip -n %s link set eth0 up && ip -n %s link set lo up",
       name, id, mac, name, name, name);
    OK("ip link show brq%.11s || ip link add brq%.11s type bridge; ip link set tap%.11s master brq%.11s up", INNER, INNER, id, INNER);
}

static void private_stage(void)
{
    g_assert_cmpint(unshare(CLONE_NEWNET | CLONE_NEWNS), ==, 0);
    g_assert_cmpint(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
    g_assert_cmpint(mount("sysfs", "/sys", "sysfs", 0, NULL), ==, 0);
    mkdir("/run/netns", 0755);
    g_assert_cmpint(mount("tmpfs", "/run/netns", "tmpfs", 0, NULL), ==, 0);
    g_assert_cmpint(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), ==, 0);
}

/* ---- what must hold ------------------------------------------------------------------------------------------ */

static void test_ports_come_up(void)
{
    plug_guest(ONE, "one", "fa:16:3e:00:00:11");
    plug_guest(TWO, "two", "fa:16:3e:00:00:12");
    rounds();
    rounds();
    g_assert_cmpint(up, >=, 3);          /* two guests and the DHCP port */
    g_assert_cmpint(ready, >=, 2);
    OK("ip netns list | grep qdhcp-" INNER);
}

static void lease(const char *guest)
{
    OK("cat > /tmp/udhcpc <<'E'\n#!/bin/sh\n[ \"$1\" = bound ] || exit 0\nip addr add $ip/$mask dev eth0\necho \"$ip $mask $router $dns $mtu $hostname $domain $lease $staticroutes\" > /tmp/lease\n"
       "set -- $staticroutes\nwhile [ $# -ge 2 ]; do ip route add $1 via $2; shift 2; done\nE\nchmod +x /tmp/udhcpc");
    OK(NS "%s busybox udhcpc -i eth0 -n -q -f -t 4 -T 1 -s /tmp/udhcpc -O staticroutes -O mtu -O hostname -O domain", guest);
}

static void test_dhcp(void)
{
    lease("one");
    OK("cat /tmp/lease");
    g_assert_nonnull(strstr(said, "10.9.0.11 24"));
    g_assert_nonnull(strstr(said, "9.9.9.9"));
    g_assert_nonnull(strstr(said, " 1450 "));
    g_assert_nonnull(strstr(said, "host-10-9-0-11"));
    g_assert_nonnull(strstr(said, "86400"));
    g_assert_nonnull(strstr(said, "10.77.0.0/16 10.9.0.12"));
    g_assert_nonnull(strstr(said, "169.254.169.254/32 10.9.0.2"));
    g_assert_nonnull(strstr(said, "0.0.0.0/0 10.9.0.1"));
    lease("two");
    /* A stranger's MAC gets nothing. */
    OK("ip netns add stranger && ip link add tapstranger01 type veth peer name eth0 netns stranger && ip -n stranger link set eth0 up && ip link set tapstranger01 master brq%.11s up", INNER);
    NO(NS "stranger busybox udhcpc -i eth0 -n -q -f -t 2 -T 1 -s /tmp/udhcpc");
    OK("ip link del tapstranger01; ip netns del stranger");
}

static void listen_on(const char *guest, int port)
{
    OK(NS "%s sh -c 'setsid socat TCP-LISTEN:%d,fork,reuseaddr SYSTEM:\"echo hello\" >/dev/null 2>&1 &' && sleep 0.2", guest, port);
}

static void set_rules(const char *text)
{
    json_t *more = json_loads(text, 0, NULL);

    g_assert_nonnull(more);
    json_decref(rules);
    rules = json_loads("[{\"direction\": \"egress\", \"ethertype\": \"IPv4\"}, {\"direction\": \"egress\", \"ethertype\": \"IPv6\"}]", 0, NULL);
    json_array_extend(rules, more);
    json_decref(more);
    cast(TOPIC_SECURITY_GROUP_UPDATE, SG_NOTIFIER_VERSION, NULL, SG_RULE_UPDATED, json_pack("{s:[s]}", "security_groups", GROUP));
}

#define REACH "two timeout 5 socat -t3 -T3 - TCP:10.9.0.11:8000 </dev/null | grep hello"

static void test_security_groups(void)
{
    listen_on("one", 8000);
    NO(NS "two ping -c1 -W1 10.9.0.11");
    NO(NS REACH);
    set_rules("[{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"icmp\", \"source_ip_prefix\": \"10.9.0.0/24\"}]");
    OK(NS "two ping -c1 -W1 10.9.0.11");
    NO(NS REACH);
    set_rules("[{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"tcp\", \"port_range_min\": 7990, \"port_range_max\": 8010, \"remote_group_id\": \"" GROUP "\"}]");
    OK(NS REACH);
    NO(NS "two ping -c1 -W1 10.9.0.11");
    /* Replies pass whatever the rules say; a rule taken back ends new connections only for what is not tracked. */
    set_rules("[{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"tcp\", \"port_range_min\": 1, \"port_range_max\": 2}]");
    NO(NS REACH);
    set_rules("[{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"icmp\"}, {\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"tcp\"}]");
    OK(NS REACH);
}

/* What the API lets through must load, all of it at once; what does not load closes its own port and no other. */
static void test_odd_rules(void)
{
    set_rules("[{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"icmp\"}, {\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"tcp\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"255\"}, {\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"0\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"icmp\", \"port_range_min\": 255, \"port_range_max\": 255},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"icmp\", \"port_range_min\": 8},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"protocol\": \"ipv6-icmp\", \"port_range_min\": 128, \"port_range_max\": 0},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"protocol\": \"icmp\"}, {\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"protocol\": \"1\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"ipv6-icmp\"}, {\"direction\": \"egress\", \"ethertype\": \"IPv4\", \"protocol\": \"vrrp\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"sctp\", \"port_range_min\": 1, \"port_range_max\": 65535},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"udplite\", \"port_range_min\": 7, \"port_range_max\": 7},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"protocol\": \"dccp\", \"port_range_min\": 7, \"port_range_max\": 9},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"source_ip_prefix\": \"0.0.0.0/0\", \"protocol\": \"udp\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"source_ip_prefix\": \"::/0\", \"protocol\": \"udp\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"source_ip_prefix\": \"10.9.0.7/24\", \"protocol\": \"udp\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"source_ip_prefix\": \"::ffff:10.0.0.0/104\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv4\", \"remote_group_id\": \"00000000-0000-4000-8000-00000000dead\"},"
              "{\"direction\": \"ingress\", \"ethertype\": \"IPv6\", \"remote_group_id\": \"" GROUP "\", \"protocol\": \"tcp\"}]");
    OK(NS "two ping -c1 -W1 10.9.0.11");
    json_object_set_new(json_object_get(ports, TWO), "allowed_address_pairs",
                        json_loads("[{\"ip_address\": \"0.0.0.0/0\"}, {\"ip_address\": \"10.9.0.0/24\"}, {\"ip_address\": \"10.9.0.12\"}, {\"ip_address\": \"10.9.0.130/25\"},"
                                   " {\"ip_address\": \"::/0\"}, {\"ip_address\": \"fd00::/8\", \"mac_address\": \"FA:16:3E:00:00:13\"}, {\"ip_address\": \"::ffff:1.2.3.4\"}]", 0, NULL));
    cast(TOPIC_PORT_UPDATE, "1.0", NULL, L2_PORT_UPDATE, json_pack("{s:O}", "port", json_object_get(ports, TWO)));
    OK(NS "two ping -c1 -W1 10.9.0.11");
    OK("ip -n two addr add 10.9.0.77/24 dev eth0 && " NS "two ping -c1 -W1 -I 10.9.0.77 10.9.0.11; ip -n two addr del 10.9.0.77/24 dev eth0");
    /* Not even the API lets this through. */
    json_object_set_new(json_object_get(ports, TWO), "allowed_address_pairs", json_pack("[{s:s}]", "ip_address", "not-an-address"));
    cast(TOPIC_PORT_UPDATE, "1.0", NULL, L2_PORT_UPDATE, json_pack("{s:O}", "port", json_object_get(ports, TWO)));
    NO(NS "two ping -c1 -W1 10.9.0.11");
    OK(NS "one busybox arping -c1 -w1 -I eth0 10.9.0.2");
    json_object_set_new(json_object_get(ports, TWO), "allowed_address_pairs", json_array());
    cast(TOPIC_PORT_UPDATE, "1.0", NULL, L2_PORT_UPDATE, json_pack("{s:O}", "port", json_object_get(ports, TWO)));
    OK(NS "two ping -c1 -W1 10.9.0.11");
}

static void test_spoofing(void)
{
    OK(NS "two ping -c1 -W1 10.9.0.11");
    OK("ip -n two addr add 10.9.0.77/24 dev eth0");
    NO(NS "two ping -c1 -W1 -I 10.9.0.77 10.9.0.11");
    NO(NS "two busybox arping -c 2 -w 2 -I eth0 -s 10.9.0.77 10.9.0.11");
    OK("ip -n two addr del 10.9.0.77/24 dev eth0");
    OK("ip -n two link set eth0 address fa:16:3e:00:00:99");
    NO(NS "two ping -c1 -W1 10.9.0.11");
    OK("ip -n two link set eth0 address fa:16:3e:00:00:12");
    OK("sleep 0.3; " NS "two ping -c3 -i0.3 -W1 10.9.0.11");
    /* Allowed address pairs open what was closed. */
    json_object_set_new(json_object_get(ports, TWO), "allowed_address_pairs", json_pack("[{s:s, s:s}]", "mac_address", "fa:16:3e:00:00:12", "ip_address", "10.9.0.77"));
    cast(TOPIC_PORT_UPDATE, "1.0", NULL, L2_PORT_UPDATE, json_pack("{s:O}", "port", json_object_get(ports, TWO)));
    OK("ip -n two addr add 10.9.0.77/24 dev eth0 && " NS "two ping -c1 -W1 -I 10.9.0.77 10.9.0.11; ip -n two addr del 10.9.0.77/24 dev eth0");
}

static json_t *gw_port(void)
{
    json_t *port = json_deep_copy(json_object_get(ports, GATEWAY));

    json_object_set_new(port, "subnets", json_pack("[{s:s, s:s, s:s}]", "id", "s", "cidr", "172.31.9.0/24", "gateway_ip", "172.31.9.1"));
    json_object_set_new(port, "extra_subnets", json_array());
    return port;
}

static void make_router(bool snat, bool floating)
{
    json_t *inside = json_deep_copy(json_object_get(ports, INSIDE));

    json_object_set_new(inside, "subnets", json_pack("[o]", subnet()));
    json_decref(router);
    router = json_pack("{s:s, s:b, s:o, s:b, s:[o], s:[], s:[]}", "id", ROUTER, "admin_state_up", 1, "gw_port", gw_port(), "enable_snat", snat, "_interfaces", inside,
                       "_floatingips", "routes");
    if (floating)
        json_array_append_new(json_object_get(router, "_floatingips"), json_pack("{s:s, s:s, s:s, s:s}", "id", FLOAT, "floating_ip_address", "172.31.9.50",
                                                                                  "fixed_ip_address", "10.9.0.11", "status", "DOWN"));
    cast(TOPIC_L3_AGENT, "1.1", "host1", L3_ROUTERS_UPDATED, json_pack("{s:[s]}", "routers", ROUTER));
    rounds();
}

static void test_router(void)
{
    add_port(INSIDE, INNER, "10.9.0.1", 24, "fa:16:3e:00:00:01", "network:router_interface", ROUTER);
    add_port(GATEWAY, OUTER, "172.31.9.2", 24, "fa:16:3e:00:01:02", "network:router_gateway", ROUTER);
    make_router(false, false);
    OK(NS "one ping -c1 -W1 10.9.0.1");
    NO(NS "one ping -c1 -W1 172.31.9.1");            /* no SNAT: the host has no way back */
    make_router(true, false);
    OK(NS "one ping -c1 -W1 172.31.9.1");
    NO("ping -c1 -W1 172.31.9.50");
    make_router(true, true);
    OK("ping -c1 -W1 172.31.9.50");
    OK("timeout 5 socat -t3 -T3 - TCP:172.31.9.50:8000 </dev/null | grep hello");
    OK(NS "two timeout 5 socat -t3 -T3 - TCP:172.31.9.50:8000 </dev/null | grep hello");         /* from a neighbour: hairpin */
    g_assert_cmpstr(json_get_string(statuses, FLOAT), ==, "ACTIVE");
    make_router(true, false);
    NO("ping -c1 -W1 172.31.9.50");
    g_assert_cmpstr(json_get_string(statuses, FLOAT), ==, "DOWN");
    make_router(true, true);
}

static void test_metadata(void)
{
    /* In Nova's place: says back who it was told is asking. */
    OK("printf '#!/bin/sh\\nsed -E \"/^.?$/q\" > /tmp/asked\\nprintf \"HTTP/1.1 200 OK\\\\r\\\\nContent-Length: 3\\\\r\\\\n\\\\r\\\\nyes\"\\n' > /tmp/nova && chmod +x /tmp/nova");
    OK("(setsid socat TCP-LISTEN:8775,bind=127.0.0.1,fork,reuseaddr EXEC:/tmp/nova >/dev/null 2>&1 &) ; sleep 0.3; cat /tmp/nova");
    OK(NS "one timeout 30 busybox wget -qO- http://169.254.169.254/latest/meta-data/ | grep yes");
    OK("cat /tmp/asked");
    g_assert_nonnull(strstr(said, "X-Instance-ID: instance-1"));
    g_assert_nonnull(strstr(said, "X-Tenant-ID: tenant-1"));
    g_assert_nonnull(strstr(said, "X-Forwarded-For: 10.9.0.11"));
    g_assert_nonnull(strstr(said, "X-Instance-ID-Signature: "));
    /* By the router too, and headers of the guest's own do not get through. */
    OK("ip -n two route del 169.254.169.254; rm -f /tmp/asked");
    OK(NS "two timeout 30 sh -c 'printf \"GET /x HTTP/1.1\\r\\nHost: h\\r\\nX-Instance-ID: instance-1\\r\\n\\r\\n\" | socat -t20 -T20 - TCP:169.254.169.254:80 | grep yes'");
    OK("cat /tmp/asked");
    g_assert_nonnull(strstr(said, "X-Instance-ID: instance-2"));
    g_assert_null(strstr(said, "instance-1"));
}

static void agents(bool start)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    if (start && !agents_start(&c))
        g_error("%s", c.fault.message);
    if (!start)
        agents_stop();
    ctx_clear(&c);
}

/* The data path goes on while the agents are away, and their return disturbs nothing. */
static void test_restart(void)
{
    OK("(setsid " NS "two ping -i0.05 -c60 -W10 10.9.0.11 > /tmp/ping 2>&1 &) ; sleep 0.5");
    agents(false);
    OK("sleep 0.3");
    agents(true);
    rounds();
    OK("sleep 3; grep ' 0%% packet loss' /tmp/ping");
    OK("ping -c1 -W1 172.31.9.50");
}

static void test_unplug(void)
{
    OK("ip link del tap%.11s", TWO);
    rounds();
    g_assert_cmpint(down, ==, 1);
    OK("nft list table bridge nacre_ports");
    g_assert_null(strstr(said, "tap52222222"));
}

static void test_nothing_stays(void)
{
    struct ctx c;

    json_decref(router);
    router = NULL;
    cast(TOPIC_L3_AGENT, "1.1", NULL, L3_ROUTER_DELETED, json_pack("{s:s}", "router_id", ROUTER));
    NO("ip netns list | grep qrouter");
    network_there = false;
    cast(TOPIC_PORT_DELETE, "1.0", NULL, L2_PORT_DELETE, json_pack("{s:s}", "port_id", ONE));
    NO("ip -n one link show eth0 | grep -q LOWER_UP && " NS "one ping -c1 -W1 10.9.0.2");
    OK("ip link del tap%.11s", ONE);
    json_object_del(ports, ONE);
    cast(TOPIC_DHCP_AGENT, "1.0", "host1", DHCP_NETWORK_DELETE_END, json_pack("{s:{s:s}}", "payload", "network_id", INNER));
    NO("ip netns list | grep qdhcp");
    cast(TOPIC_NETWORK_DELETE, "1.0", NULL, L2_NETWORK_DELETE, json_pack("{s:s}", "network_id", INNER));
    NO("ip link show brq%.11s", INNER);
    OK("ip link show br-ex");
    agents(false);
    ctx_init(&c, NULL, NULL);
    g_assert_true(agents_leave(&c));
    g_assert_true(agents_leave(&c));
    ctx_clear(&c);
    NO("ip -o link | grep -E 'brq|br-ex|tap'");
    NO("nft list tables | grep nacre");
    OK("ls -R /tmp/state/network");
    g_assert_null(strstr(said, "q"));
}

int main(int argc, char **argv)
{
    struct rpc_listener *listeners[10];
    const struct rpc_server *const agent_servers[] = {
        &l2_port_update_server, &l2_port_delete_server, &l2_network_update_server, &l2_network_delete_server, &l2_security_group_server, &dhcp_agent_server,
        &l3_agent_server,
    };
    struct ctx c;
    int status;

    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    if (geteuid() != 0) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    private_stage();
    g_assert_true(privsep_start());
    options.state_dir = g_strdup("/tmp/state");
    mkdir("/tmp/state", 0700);
    common_options = &options;
    ports = json_object();
    statuses = json_object();
    rules = json_loads("[{\"direction\": \"egress\", \"ethertype\": \"IPv4\"}]", 0, NULL);
    json_array_append_new(json_object_get(add_port(ONE, INNER, "10.9.0.11", 24, "fa:16:3e:00:00:11", "compute:nova", "instance-1"), "security_groups"), json_string(GROUP));
    json_array_append_new(json_object_get(add_port(TWO, INNER, "10.9.0.12", 24, "fa:16:3e:00:00:12", "compute:nova", "instance-2"), "security_groups"), json_string(GROUP));
    ctx_init(&c, NULL, NULL);
    sh("ip link set lo up");
    for (int i = 0; i < 3; i++)
        listeners[i] = rpc_listen(&c, &plugin_servers[i], NULL, "host1");
    for (int i = 0; i < 7; i++)
        listeners[3 + i] = rpc_listen(&c, agent_servers[i], NULL, "host1");
    agents(true);
    g_test_add_func("/agents/ports_come_up", test_ports_come_up);
    g_test_add_func("/agents/dhcp", test_dhcp);
    g_test_add_func("/agents/security_groups", test_security_groups);
    g_test_add_func("/agents/odd_rules", test_odd_rules);
    g_test_add_func("/agents/spoofing", test_spoofing);
    g_test_add_func("/agents/router", test_router);
    g_test_add_func("/agents/metadata", test_metadata);
    g_test_add_func("/agents/restart", test_restart);
    g_test_add_func("/agents/unplug", test_unplug);
    g_test_add_func("/agents/nothing_stays", test_nothing_stays);
    status = g_test_run();
    for (int i = 0; i < 10; i++)
        rpc_stop(listeners[i]);
    transports_close();
    ctx_clear(&c);
    privsep_stop();
    return status;
}
