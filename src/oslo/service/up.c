/* up, down and status. The running process holds a lock on <state_dir>/nacre.pid, which says its pid and where its APIs are: a
 * second `up` sees the lock, and a pid without one is of a process that was killed.
 */
#include "oslo/base/log.h"
#include "oslo/privsep/privsep.h"
#include "oslo/service/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR_FAILED 500, "StateDirUnusable", "%s: %s"
#define NOT_STOPPED      500, "NotStopped", "process %d does not end"

static int ready_pipe = -1;

static int pid_file_open(struct ctx *);
static bool pid_file_lock(int fd);
static int running_pid(struct ctx *, const char **ret_where);
static int run_house(struct ctx *, const struct arguments *, int pid_file);
static int in_background(struct ctx *, const struct arguments *, int pid_file);
static void say_ready(void);
static char *where(struct ctx *);
static bool wait_for_end(struct ctx *, int pid);
static bool leave_host(struct ctx *);
static bool remove_state(struct ctx *);

int command_up(struct ctx *c, const struct arguments *arguments)
{
    if (!service_configure(c, arguments->config_file))
        return 1;
    if (g_mkdir_with_parents(common_options->state_dir, 0711))
        return !fail(c, STATE_DIR_FAILED, common_options->state_dir, g_strerror(errno));
    int pid = running_pid(c, NULL), pid_file = pid_file_open(c);
    if (pid_file < 0)
        return 1;
    if (pid) {
        printf("nacre is already running (process %d)\n", pid);
        close(pid_file);
        return 0;
    }
    return arguments->foreground ? run_house(c, arguments, pid_file) : in_background(c, arguments, pid_file);
}

int command_down(struct ctx *c, const struct arguments *arguments)
{
    if (!service_configure(c, arguments->config_file))
        return 1;
    int pid = running_pid(c, NULL);
    if (pid && !kill(pid, SIGTERM) && !wait_for_end(c, pid))
        return 1;
    if (!leave_host(c))
        return 1;
    if (arguments->purge && !remove_state(c))
        return 1;
    puts(arguments->purge ? "nacre is stopped and removed" : pid ? "nacre is stopped" : "nacre is not running");
    return 0;
}

int command_status(struct ctx *c, const struct arguments *arguments)
{
    if (!service_configure(c, arguments->config_file))
        return 1;
    const char *apis = "";
    int pid = running_pid(c, &apis);
    if (!pid) {
        puts("nacre is not running");
        return 3;
    }
    printf("nacre is running (process %d), state in %s\n%s", pid, common_options->state_dir, apis);
    return 0;
}

/* --- the pid file -------------------------------------------------------------------------------------------- */

static int pid_file_open(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/nacre.pid", common_options->state_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        fail(c, STATE_DIR_FAILED, path, g_strerror(errno));
    return fd;
}

/* A record lock: it goes with this process, whatever its children keep open. */
static bool pid_file_lock(int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return !fcntl(fd, F_SETLK, &lock);
}

/* 0 when none runs. ret_where, if asked for: its endpoints, a line each. */
static int running_pid(struct ctx *c, const char **ret_where)
{
    const char *path = ctx_printf(c, "%s/nacre.pid", common_options->state_dir);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[4096] = "";

    if (fd < 0)
        return 0;
    bool held = !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
    ssize_t n = held ? pread(fd, text, sizeof(text) - 1, 0) : 0;
    close(fd);
    const char *rest = strchr(text, '\n');
    if (ret_where)
        *ret_where = ctx_strdup(c, rest ? rest + 1 : "");
    return n > 0 ? atoi(text) : held ? (int)lock.l_pid : 0;
}

/* --- up ------------------------------------------------------------------------------------------------------ */

static int run_house(struct ctx *c, const struct arguments *arguments, int pid_file)
{
    const char *pid = ctx_printf(c, "%d\n%s", (int)getpid(), where(c));

    if (!pid_file_lock(pid_file))
        return !fail(c, STATE_DIR_FAILED, "nacre.pid", "another nacre runs on this directory");
    if (ftruncate(pid_file, 0) || pwrite(pid_file, pid, strlen(pid), 0) < 0)
        return !fail(c, STATE_DIR_FAILED, "nacre.pid", g_strerror(errno));
    if (!common_options->sim && !privsep_start())
        log_warning(c, "no privileged helper: what needs root is not done");
    const char *const *roles = arguments->roles ? (const char *const *)text_split(c, arguments->roles, ',') : NULL;
    int status = service_main(arguments->config_file, roles, say_ready);
    privsep_stop();
    close(pid_file);
    return status;
}

/* The child goes on; the parent waits until it is ready or gone. */
static int in_background(struct ctx *c, const struct arguments *arguments, int pid_file)
{
    int ends[2], status = 1;
    char byte;

    if (pipe2(ends, O_CLOEXEC))
        return !fail(c, INTERNAL_ERROR, g_strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return !fail(c, INTERNAL_ERROR, g_strerror(errno));
    if (!child) {
        close(ends[0]);
        ready_pipe = ends[1];
        setsid();
        if (!g_getenv("NACRE_DEFAULT_LOG_FILE") && !common_options->log_file)
            g_setenv("NACRE_DEFAULT_LOG_FILE", ctx_printf(c, "%s/nacre.log", common_options->state_dir), TRUE);
        int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, STDIN_FILENO);
        dup2(nowhere, STDOUT_FILENO);
        close(nowhere);
        int status_of_house = run_house(c, arguments, pid_file);
        if (failed(c))
            fprintf(stderr, "nacre: %s\n", c->fault.message);
        exit(status_of_house);
    }
    close(ends[1]);
    close(pid_file);
    if (read(ends[0], &byte, 1) != 1) {
        waitpid(child, &status, 0);
        fprintf(stderr, "nacre: it did not start; see %s/nacre.log\n", common_options->state_dir);
        return 1;
    }
    close(ends[0]);
    printf("nacre is up (process %d), state in %s\n%s", (int)child, common_options->state_dir, where(c));
    return 0;
}

/* Every API answers. From here on nobody reads the starter's standard error. */
static void say_ready(void)
{
    if (ready_pipe < 0)
        return;
    int nowhere = open("/dev/null", O_RDWR);

    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
    if (write(ready_pipe, "", 1) != 1)
        log_warning(NULL, "whoever started this is gone");
    close(ready_pipe);
    ready_pipe = -1;
}

static char *where(struct ctx *c)
{
    char *text = ctx_strdup(c, "");

    for (size_t i = 0; services[i]; i++)
        if (services[i]->type)
            text = ctx_printf(c, "%s  %-10s %s\n", text, services[i]->name, service_url(c, services[i]));
    return text;
}

/* --- down ---------------------------------------------------------------------------------------------------- */

static bool wait_for_end(struct ctx *c, int pid)
{
    int64_t until = clock_mono_us() + (common_options->drain_timeout + 30) * G_USEC_PER_SEC;

    while (clock_mono_us() < until) {
        if (running_pid(c, NULL) != pid)
            return true;
        usleep(20000);
    }
    return fail(c, NOT_STOPPED, pid);
}

/* Each service takes off the host what it left running there. */
static bool leave_host(struct ctx *c)
{
    bool any = false;

    for (size_t i = 0; services[i]; i++)
        any |= services[i]->leave != NULL;
    if (!any || common_options->sim || access(common_options->state_dir, F_OK))
        return true;
    privsep_start();
    for (size_t i = 0; services[i]; i++) {
        struct ctx own;

        if (!services[i]->leave)
            continue;
        ctx_init(&own, services[i], NULL);
        if (!services[i]->leave(&own))
            fail(c, 500, "LeaveFailed", "%s: %s", services[i]->name, own.fault.message ? own.fault.message : "?");
        ctx_clear(&own);
    }
    privsep_stop();
    return !failed(c);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    return remove(path);
}

/* Only of a directory that is ours: it has our pid file. */
static bool remove_state(struct ctx *c)
{
    const char *dir = common_options->state_dir;

    if (access(ctx_printf(c, "%s/nacre.pid", dir), F_OK))
        return true;
    return !nftw(dir, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) || fail(c, STATE_DIR_FAILED, dir, g_strerror(errno));
}
