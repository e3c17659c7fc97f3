/* The helper: waits on the control socket and serves each request on a thread of its own, which may enter a network namespace
 * without troubling the others. It ends when the program does (the control socket closes).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oslo/privsep/run.h"
#include "oslo/privsep/wire.h"

enum { AT_ONCE = 16, STACK = 512 << 10, STRINGS_MAX = 512 };

static sem_t room;

struct work {
    struct wire_request head;
    const char *strings[STRINGS_MAX];                /* NULL-terminated */
    char *text, *input;
};

static void *serve(void *fd);
static bool work_read(int fd, struct work *);
static void run_command(int fd, struct work *);
static void make_socket(int fd, struct work *);

void helper_main(int control)
{
    pthread_attr_t attr;
    int fd;
    char byte;

    prctl(PR_SET_NAME, "nacre-privsep");
    setsid();
    for (int s = 1; s < NSIG; s++)
        signal(s, s == SIGINT || s == SIGTERM || s == SIGHUP || s == SIGPIPE ? SIG_IGN : SIG_DFL);
    sem_init(&room, 0, AT_ONCE);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    while (wire_receive_fd(control, &fd, &byte, 1)) {
        pthread_t thread;

        if (fd < 0)
            continue;
        while (sem_wait(&room) < 0)
            ;
        if (pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd) != 0) {
            close(fd);
            sem_post(&room);
        }
    }
    _exit(0);
}

static void *serve(void *data)
{
    int fd = (int)(intptr_t)data;
    struct work *w = calloc(1, sizeof(*w));

    if (w && work_read(fd, w)) {
        if (w->head.kind == WIRE_COMMAND)
            run_command(fd, w);
        else if (w->head.kind == WIRE_SOCKET)
            make_socket(fd, w);
    }
    if (w) {
        free(w->text);
        free(w->input);
    }
    free(w);
    close(fd);
    sem_post(&room);
    return NULL;
}

static bool work_read(int fd, struct work *w)
{
    size_t n = 0;

    if (!wire_read(fd, &w->head, sizeof(w->head)) || w->head.text_size > WIRE_TEXT_MAX || w->head.input_size > WIRE_INPUT_MAX)
        return false;
    w->text = calloc(1, w->head.text_size + 1);
    w->input = calloc(1, w->head.input_size + 1);
    if (!w->text || !w->input || !wire_read(fd, w->text, w->head.text_size) || !wire_read(fd, w->input, w->head.input_size))
        return false;
    for (char *s = w->text; s < w->text + w->head.text_size && n < STRINGS_MAX - 1; s += strlen(s) + 1)
        w->strings[n++] = s;
    return n >= 2;
}

/* The calling thread's network namespace from here on; "" is the host's. */
static int enter(const char *netns)
{
    char path[128];
    int fd, code;

    if (!netns[0])
        return 0;
    if (strchr(netns, '/') || netns[0] == '.')
        return EPERM;
    snprintf(path, sizeof(path), "/run/netns/%s", netns);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    code = setns(fd, CLONE_NEWNET) < 0 ? errno : 0;
    close(fd);
    return code;
}

static void answer(int fd, int given, const struct process *p)
{
    struct wire_reply reply = { (int32_t)p->end, p->exit_code, p->output.len, p->error.len };

    if (wire_send_fd(fd, given, &reply, sizeof(reply)) && wire_write(fd, p->output.data, p->output.len))
        wire_write(fd, p->error.data, p->error.len);
}

static void run_command(int fd, struct work *w)
{
    const char *const *argv = w->strings + 1;
    struct process p = { .path = command_allowed(argv), .argv = argv, .input = w->input, .input_size = w->head.input_size,
                         .timeout_us = w->head.timeout_us };
    int code = p.path && command_input_allowed(argv[0], w->input) ? enter(w->strings[0]) : EPERM;

    if (code) {
        p.end = PROCESS_NOT_STARTED;
        p.exit_code = code;
    } else if (p.path[0]) {
        process_run(&p);
    } else {
        code = command_sysctl(argv);
        p.exit_code = code ? 1 : 0;
        if (code)
            buf_printf(&p.error, "%s", strerror(code));
    }
    answer(fd, -1, &p);
    buf_clear(&p.output);
    buf_clear(&p.error);
}

/* ---- sockets ------------------------------------------------------------------------------------------------ */

static bool on(int fd, int level, int option)
{
    return setsockopt(fd, level, option, &(int){ 1 }, sizeof(int)) == 0;
}

static bool bind_address(int fd, const struct wire_request *r, const char *address)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)r->port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)r->port) };

    if (r->family == AF_INET)
        return (!address[0] || inet_pton(AF_INET, address, &v4.sin_addr) == 1) && bind(fd, (void *)&v4, sizeof(v4)) == 0;
    return (!address[0] || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) && bind(fd, (void *)&v6, sizeof(v6)) == 0;
}

static bool bind_packet(int fd, const struct wire_request *r, const char *device)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)r->protocol),
                              .sll_ifindex = (int)if_nametoindex(device) };

    return to.sll_ifindex && bind(fd, (void *)&to, sizeof(to)) == 0;
}

static bool set_up(int fd, const struct wire_request *r, const char *address, const char *device)
{
    if (r->family == AF_PACKET)
        return bind_packet(fd, r, device);
    return on(fd, SOL_SOCKET, SO_REUSEADDR) && (!r->broadcast || on(fd, SOL_SOCKET, SO_BROADCAST)) &&
           (!r->packet_info || on(fd, IPPROTO_IP, IP_PKTINFO)) &&
           (!device[0] || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) == 0) &&
           ((!address[0] && !r->port) || bind_address(fd, r, address)) && (!r->backlog || listen(fd, r->backlog) == 0);
}

static void make_socket(int fd, struct work *w)
{
    const struct wire_request *r = &w->head;
    struct process p = { .end = PROCESS_ENDED };
    bool known = w->strings[2] && (r->family == AF_INET || r->family == AF_INET6 || r->family == AF_PACKET);
    int made = -1;

    p.exit_code = known ? enter(w->strings[0]) : EINVAL;
    if (!p.exit_code) {
        made = socket(r->family, r->type | SOCK_CLOEXEC, r->family == AF_PACKET ? htons((uint16_t)r->protocol) : r->protocol);
        if (made < 0 || !set_up(made, r, w->strings[1], w->strings[2]))
            p.exit_code = errno ?: EINVAL;
    }
    answer(fd, p.exit_code ? -1 : made, &p);
    if (made >= 0)
        close(made);
}
