/* The privileged helper: what it runs and refuses, namespaces, sockets, many threads. Without root there is little to test. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/privsep/privsep.h"

static char netns[40];

static void test_without(void)
{
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_false(PRIV(&c, "ip", "link"));
    g_assert_cmpint(c.fault.status, ==, 503);
    ctx_clear(&c);
}

static void test_refused(void)
{
    static const char *const refused[][6] = {
        { "sh", "-c", "true" }, { "ip", "netns", "exec", "x", "sh" }, { "ip", "netns", "ex", "x", "sh" }, { "ip", "-b", "/etc/passwd" },
        { "ovs-ofctl", "add-flows", "unix:/x", "/etc/passwd" }, { "ovs-ofctl", "snoop", "unix:/x" }, { "ovs-vsctl", "add-br", "x" },
        { "ovs-vsctl", "--db=unix:/x", "emer-reset" }, { "ovs-vsctl", "--db=unix:/x", "set", "x", "--", "add-br" },
        { "ip", "-batch", "/etc/passwd" }, { "nft", "-f", "/etc/shadow" }, { "/sbin/ip", "link" },
    };
    struct run batch = { .input = "netns exec x sh\n" };
    struct ctx c;

    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        ctx_init(&c, NULL, NULL);
        g_assert_false(privsep_run(&c, NULL, NULL, refused[i]));
        g_assert_nonnull(strstr(c.fault.message, "not permitted"));
        ctx_clear(&c);
    }
    ctx_init(&c, NULL, NULL);
    g_assert_false(privsep_run(&c, &batch, NULL, (const char *const[]){ "ip", "-batch", "-", NULL }));
    fault_clear(&c);
    g_assert_false(PRIV(&c, "sysctl", "-w", "kernel.hostname=x"));
    fault_clear(&c);
    g_assert_false(PRIV_IN(&c, "../../proc/1/ns/net", "ip", "link"));
    ctx_clear(&c);
}

static void test_namespace(void)
{
    struct run run = { .input = "link add nacre0 type bridge\naddr add 192.0.2.1/24 dev nacre0\nlink set nacre0 up\nlink set lo up\n" };
    struct run show = {}, host = { .quiet = true };
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(privsep_run(&c, &run, netns, (const char *const[]){ "ip", "-batch", "-", NULL }));
    g_assert_true(privsep_run(&c, &show, netns, (const char *const[]){ "ip", "-o", "addr", "show", "dev", "nacre0", NULL }));
    g_assert_nonnull(strstr(show.output, "192.0.2.1/24"));
    g_assert_true(privsep_run(&c, &host, NULL, (const char *const[]){ "ip", "link", "show", "nacre0", NULL }));
    g_assert_cmpint(host.exit_code, !=, 0);
    g_assert_true(PRIV_IN(&c, netns, "sysctl", "-w", "net.ipv4.ip_forward=1"));
    run = (struct run){ .input = "table ip t {\n}\n" };
    g_assert_true(privsep_run(&c, &run, netns, (const char *const[]){ "nft", "-f", "-", NULL }));
    g_assert_false(PRIV_IN(&c, netns, "nft", "list", "table", "ip", "none"));
    g_assert_nonnull(strstr(c.fault.detail, "No such file"));
    fault_clear(&c);
    g_assert_false(PRIV_IN(&c, "no-such-netns", "ip", "link"));
    ctx_clear(&c);
}

static void test_socket(void)
{
    struct privsep_socket listening = { .netns = netns, .family = AF_INET, .type = SOCK_STREAM, .address = "192.0.2.1", .port = 9697, .backlog = 8 };
    struct privsep_socket calling = { .netns = netns, .family = AF_INET, .type = SOCK_STREAM };
    struct privsep_socket wrong = { .netns = netns, .family = AF_INET, .type = SOCK_DGRAM, .address = "198.51.100.1", .port = 67 };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9697) };
    struct ctx c;
    int server, client;

    ctx_init(&c, NULL, NULL);
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    server = privsep_socket(&c, &listening);
    client = privsep_socket(&c, &calling);
    g_assert_cmpint(server, >=, 0);
    g_assert_cmpint(client, >=, 0);
    g_assert_cmpint(connect(client, (void *)&to, sizeof(to)), ==, 0);
    close(client);
    close(server);
    g_assert_cmpint(privsep_socket(&c, &wrong), ==, -1);
    g_assert_nonnull(strstr(c.fault.message, "198.51.100.1"));
    ctx_clear(&c);
}

static void *many(void *data)
{
    for (int i = 0; i < 20; i++) {
        struct run run = {};
        struct ctx c;

        ctx_init(&c, NULL, NULL);
        g_assert_true(privsep_run(&c, &run, netns, (const char *const[]){ "ip", "-o", "link", NULL }));
        g_assert_nonnull(strstr(run.output, "LOOPBACK"));
        ctx_clear(&c);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[8];
    int64_t began = clock_mono_us();

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, many, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    g_test_message("%d us a command", (int)((clock_mono_us() - began) / 160));
}

int main(int argc, char **argv)
{
    int status;
    bool root;
    struct ctx c;

    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, NULL);
    g_assert_false(privsep_available());
    g_assert_false(PRIV(&c, "ip", "link"));
    fault_clear(&c);
    root = privsep_start();
    g_snprintf(netns, sizeof(netns), "nacre-test-%d", (int)getpid());
    if (root && PRIV(&c, "ip", "netns", "add", netns)) {
        g_test_add_func("/privsep/refused", test_refused);
        g_test_add_func("/privsep/namespace", test_namespace);
        g_test_add_func("/privsep/socket", test_socket);
        g_test_add_func("/privsep/threads", test_threads);
    } else {
        g_test_add_func("/privsep/without", test_without);
    }
    fault_clear(&c);
    status = g_test_run();
    if (root)
        PRIV(&c, "ip", "netns", "del", netns);
    ctx_clear(&c);
    privsep_stop();
    return status;
}
