/* The program's side of privsep: asks the helper, one socket pair a request. */
#include "oslo/privsep/privsep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oslo/privsep/wire.h"
#include "oslo/trace/trace.h"

#define NO_HELPER 503, "ServiceUnavailable", "%s needs the privileged helper, which %s"

static int control = -1;             /* set before threads start */
static pid_t helper;

bool privsep_start(void)
{
    int pair[2];

    if (control >= 0)
        return true;
    if (geteuid() != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    helper = fork();
    if (helper == 0) {
        if (pair[1] != 3) {
            dup2(pair[1], 3);
            fcntl(3, F_SETFD, FD_CLOEXEC);
        }
        close_range(4, ~0U, 0);
        helper_main(3);
    }
    close(pair[1]);
    if (helper < 0) {
        close(pair[0]);
        return false;
    }
    control = pair[0];
    return true;
}

void privsep_stop(void)
{
    if (control < 0)
        return;
    close(control);
    control = -1;
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
        ;
}

bool privsep_available(void)
{
    return control >= 0;
}

/* Hands the request to the helper; what is left to read from is returned, -1 with a fault. */
static int ask(struct ctx *c, const char *what, const struct wire_request *head, const struct buf *text, const void *input)
{
    int pair[2];

    if (control < 0) {
        fail(c, NO_HELPER, what, "is not running (the program was not started as root)");
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        fail(c, NO_HELPER, what, g_strerror(errno));
        return -1;
    }
    bool ok = wire_send_fd(control, pair[1], "", 1);
    close(pair[1]);
    if (ok && wire_write(pair[0], head, sizeof(*head)) && wire_write(pair[0], text->data, text->len) &&
        wire_write(pair[0], input, head->input_size))
        return pair[0];
    close(pair[0]);
    fail(c, NO_HELPER, what, "is gone");
    return -1;
}

static void add_string(struct buf *text, const char *s)
{
    buf_add(text, s ?: "", s ? strlen(s) + 1 : 1);
}

static bool read_into(int fd, struct buf *to, size_t n)
{
    buf_reserve(to, n + 1);
    if (!wire_read(fd, to->data, n))
        return false;
    to->len = n;
    to->data[n] = 0;
    return true;
}

static bool command(struct ctx *c, struct run *run, const char *netns, const char *const argv[])
{
    struct wire_request head = { .kind = WIRE_COMMAND, .timeout_us = run->timeout_us };
    struct wire_reply reply;
    struct process p = { .argv = argv };
    struct buf text = {};
    int fd;

    head.input_size = run->input ? run->input_size ?: strlen(run->input) : 0;
    add_string(&text, netns);
    for (int i = 0; argv[i]; i++)
        add_string(&text, argv[i]);
    head.text_size = (uint32_t)text.len;
    fd = ask(c, argv[0], &head, &text, run->input);
    buf_clear(&text);
    if (fd < 0)
        return false;
    bool ok = wire_read(fd, &reply, sizeof(reply)) && read_into(fd, &p.output, reply.output_size) &&
              read_into(fd, &p.error, reply.error_size);
    close(fd);
    if (!ok) {
        buf_clear(&p.output);
        buf_clear(&p.error);
        return fail(c, NO_HELPER, argv[0], "did not answer");
    }
    p.end = (enum process_end)reply.end;
    p.exit_code = reply.exit_code;
    return run_judge(c, run, &p);
}

bool privsep_run(struct ctx *c, struct run *run, const char *netns, const char *const argv[])
{
    struct run none = {};
    struct span *span = span_begin(c, SPAN_COMMAND, "%s%s%s %s %s %s", netns ?: "", netns ? ": " : "", argv[0], argv[1] ?: "",
                                   argv[1] && argv[2] ? argv[2] : "", argv[1] && argv[2] && argv[3] ? argv[3] : "");
    bool ok;

    run = run ?: &none;
    ok = command(c, run, netns, argv);
    span_end(c, span, ok ? 0 : run->exit_code ?: 1);
    return ok;
}

int privsep_socket(struct ctx *c, const struct privsep_socket *s)
{
    struct wire_request head = {
        .kind = WIRE_SOCKET, .family = s->family, .type = s->type, .protocol = s->protocol, .port = s->port, .backlog = s->backlog,
        .broadcast = s->broadcast, .packet_info = s->packet_info,
    };
    struct wire_reply reply = {};
    struct buf text = {};
    int fd, made = -1;

    add_string(&text, s->netns);
    add_string(&text, s->address);
    add_string(&text, s->device);
    head.text_size = (uint32_t)text.len;
    fd = ask(c, "a socket", &head, &text, NULL);
    buf_clear(&text);
    if (fd < 0)
        return -1;
    if (!wire_receive_fd(fd, &made, &reply, sizeof(reply)))
        fail(c, NO_HELPER, "a socket", "did not answer");
    else if (made < 0)
        fail(c, 500, "SocketError", "Cannot open a socket on %s port %d in %s: %s", s->address ?: s->device ?: "*", s->port,
             s->netns ?: "the host", g_strerror(reply.exit_code));
    close(fd);
    return made;
}
