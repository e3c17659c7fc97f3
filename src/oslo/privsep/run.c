/* Running a command. The child is made by posix_spawn (no copy of this process's memory), in a process group of its own so
 * that all it started can be killed when its time is up; its three streams are served by one poll loop.
 */
#include "oslo/base/inject.h"
#include "oslo/privsep/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oslo/base/text.h"
#include "oslo/trace/trace.h"

extern char **environ;

enum { DEFAULT_TIMEOUT_US = 60000000, OUTPUT_MAX = 16 << 20, CHUNK = 65536 };

#define COMMAND_FAILED   500, "ProcessExecutionError", "Unexpected error while running command: %s exited with %d"
#define COMMAND_MISSING  500, "ProcessExecutionError", "Cannot run %s: %s"
#define COMMAND_SLOW     504, "Timeout", "%s did not end in time"

static bool spawn(struct process *, pid_t *ret_pid, int ret_fds[3]);
static bool serve(struct process *, int fds[3], int pidfd, int64_t deadline);
static void feed(struct process *, struct pollfd *, size_t *sent);
static void drain(struct pollfd *, struct buf *);

bool run_argv(struct ctx *c, struct run *run, const char *const argv[])
{
    struct run none = {};
    struct process p = { .argv = argv };

    if (inject(c, INJECT_COMMAND))
        return false;
    struct span *span = span_begin(c, SPAN_COMMAND, "%s %s %s %s", argv[0], argv[1] ?: "", argv[1] && argv[2] ? argv[2] : "",
                                   argv[1] && argv[2] && argv[3] ? argv[3] : "");
    bool ok;

    run = run ?: &none;
    p.input = run->input;
    p.input_size = run->input && !run->input_size ? strlen(run->input) : run->input_size;
    p.timeout_us = run->timeout_us;
    p.unwanted = run->unwanted;
    process_run(&p);
    ok = run_judge(c, run, &p);
    span_end(c, span, ok ? 0 : run->exit_code);
    return ok;
}

bool run_judge(struct ctx *c, struct run *run, struct process *p)
{
    const char *name = p->argv[0];

    run->exit_code = p->end == PROCESS_ENDED ? p->exit_code : 127;
    run->output = p->output.data ? ctx_strndup(c, p->output.data, p->output.len) : ctx_strdup(c, "");
    run->error = p->error.data ? ctx_strndup(c, p->error.data, p->error.len) : ctx_strdup(c, "");
    buf_clear(&p->output);
    buf_clear(&p->error);
    if (p->end == PROCESS_NOT_STARTED)
        return fail(c, COMMAND_MISSING, name, g_strerror(p->exit_code));
    if (p->end == PROCESS_TIMED_OUT)
        return fail(c, COMMAND_SLOW, name);
    if (p->exit_code == 0 || run->quiet)
        return true;
    fail(c, COMMAND_FAILED, name, p->exit_code);
    if (!c->fault.detail)
        c->fault.detail = run->error;
    return false;
}

void process_run(struct process *p)
{
    int64_t deadline = clock_mono_us() + (p->timeout_us ?: DEFAULT_TIMEOUT_US);
    int fds[3], pidfd, status = 0;
    pid_t pid;

    if (!spawn(p, &pid, fds)) {
        p->end = PROCESS_NOT_STARTED;
        p->exit_code = errno;
        return;
    }
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    p->end = serve(p, fds, pidfd, deadline) ? PROCESS_ENDED : PROCESS_TIMED_OUT;
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (pidfd >= 0)
        close(pidfd);
    if (p->end == PROCESS_TIMED_OUT)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ret_fds: where to write its input and to read its output and error. */
static bool spawn(struct process *p, pid_t *ret_pid, int ret_fds[3])
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, code = errno;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, defaults;

    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
        code = errno;
    } else {
        sigemptyset(&none);
        sigfillset(&defaults);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, in[0], 0);
        posix_spawn_file_actions_adddup2(&files, out[1], 1);
        posix_spawn_file_actions_adddup2(&files, err[1], 2);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &defaults);
        code = p->path ? posix_spawn(ret_pid, p->path, &files, &attr, (char *const *)(uintptr_t)p->argv, environ)
                       : posix_spawnp(ret_pid, p->argv[0], &files, &attr, (char *const *)(uintptr_t)p->argv, environ);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attr);
    }
    int mine[] = { in[1], out[0], err[0] }, theirs[] = { in[0], out[1], err[1] };
    for (int i = 0; i < 3; i++) {
        if (theirs[i] >= 0)
            close(theirs[i]);
        ret_fds[i] = mine[i];
        if (code && mine[i] >= 0)
            close(mine[i]);
        else if (!code)
            fcntl(mine[i], F_SETFL, O_NONBLOCK);
    }
    errno = code;
    return code == 0;
}

/* Waits for one of its streams, or its end. False: its time is up. */
static bool await(const struct process *p, struct pollfd polled[4], int64_t deadline)
{
    int64_t left;

    while ((left = deadline - clock_mono_us()) > 0 && !(p->unwanted && p->unwanted()))
        if (poll(polled, 4, (int)(MIN(left, p->unwanted ? G_USEC_PER_SEC : left) / 1000) + 1) != 0)
            return true;
    return false;
}

/* Until the process has ended (what it left running in the background may keep the streams open). */
static bool serve(struct process *p, int fds[3], int pidfd, int64_t deadline)
{
    size_t sent = 0;
    struct pollfd polled[] = { { fds[0], POLLOUT, 0 }, { fds[1], POLLIN, 0 }, { fds[2], POLLIN, 0 }, { pidfd, POLLIN, 0 } };
    bool ended = false, in_time = true;

    while (!ended && in_time) {
        if (polled[0].fd >= 0 && sent == p->input_size) {
            close(polled[0].fd);
            polled[0].fd = -1;
        }
        in_time = await(p, polled, deadline);
        if (!in_time)
            break;
        ended = pidfd >= 0 ? polled[3].revents != 0 : polled[1].fd < 0 && polled[2].fd < 0;
        if (polled[0].revents)
            feed(p, &polled[0], &sent);
        drain(&polled[1], &p->output);
        drain(&polled[2], &p->error);
    }
    for (int i = 0; i < 3; i++)
        fds[i] = polled[i].fd;
    return in_time;
}

static void feed(struct process *p, struct pollfd *f, size_t *sent)
{
    ssize_t n = write(f->fd, (const char *)p->input + *sent, p->input_size - *sent);

    if (n > 0)
        *sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        *sent = p->input_size;           /* it does not read on: its exit code will tell */
}

static void drain(struct pollfd *f, struct buf *to)
{
    char chunk[CHUNK];
    ssize_t n;

    if (f->fd < 0)
        return;
    while ((n = read(f->fd, chunk, sizeof(chunk))) > 0)
        if (to->len < OUTPUT_MAX)
            buf_add(to, chunk, MIN((size_t)n, OUTPUT_MAX - to->len));
    if (n == 0) {
        close(f->fd);
        f->fd = -1;
    }
}
