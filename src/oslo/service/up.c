/* up, the roles, down and status. A running process holds a lock on <state_dir>/<name>.pid, which says its pid and where its APIs
 * are: a second start sees the lock, and a pid without one is of a process that was killed. `nacre up` is called nacre; a role's
 * process bears its role's name, unless it is given one.
 */
#include "oslo/base/log.h"
#include "oslo/privsep/privsep.h"
#include "oslo/service/commands.h"
#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

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

static const char *process_name = "nacre";
static const char *const *process_roles;     /* NULL: all */

static int start(struct ctx *, const struct arguments *);
static int pid_file_open(struct ctx *);
static bool pid_file_lock(int fd);
static char **names_running(struct ctx *);
static int running_pid(struct ctx *, const char *name, const char **ret_where);
static int run_house(struct ctx *, const struct arguments *, int pid_file);
static int in_background(struct ctx *, const struct arguments *, int pid_file);
static void say_ready(void);
static char *where(struct ctx *);
static bool wait_for_end(struct ctx *, const char *name, int pid);
static bool after_down(struct ctx *);
static bool leave_host(struct ctx *);
static bool remove_state(struct ctx *);

int command_up(struct ctx *c, const struct arguments *arguments)
{
    if (arguments->roles)
        process_roles = (const char *const *)text_split(c, arguments->roles, ',');
    return start(c, arguments);
}

int command_role(struct ctx *c, const struct arguments *arguments)
{
    const char **one = ctx_new_n(c, const char *, 2);

    one[0] = arguments->command;
    process_roles = one;
    process_name = arguments->command;
    return start(c, arguments);
}

static int start(struct ctx *c, const struct arguments *arguments)
{
    const char *const *of_services = arguments->services ? (const char *const *)text_split(c, arguments->services, ',') : NULL;

    if (arguments->name)
        process_name = arguments->name;
    if (strpbrk(process_name, "/.") || !service_configure(c, arguments->config_file) || !roles_run(c, process_roles, of_services))
        return failed(c) ? 1 : !fail(c, BAD_REQUEST, "the name of a process is one plain word");
    if (g_mkdir_with_parents(common_options->state_dir, 0711))
        return !fail(c, STATE_DIR_FAILED, common_options->state_dir, g_strerror(errno));
    int pid = running_pid(c, process_name, NULL), pid_file = pid_file_open(c);
    if (pid_file < 0)
        return 1;
    if (pid) {
        printf("%s is already running (process %d)\n", process_name, pid);
        close(pid_file);
        return 0;
    }
    return arguments->foreground ? run_house(c, arguments, pid_file) : in_background(c, arguments, pid_file);
}

/* All are asked to end before any is waited for. */
int command_down(struct ctx *c, const struct arguments *arguments)
{
    if (!service_configure(c, arguments->config_file))
        return 1;
    char **names = names_running(c);
    bool any = *names != NULL;
    for (char **name = names; *name; name++)
        kill(running_pid(c, *name, NULL), SIGTERM);
    for (char **name = names; *name; name++) {
        int pid = running_pid(c, *name, NULL);

        if (pid && !wait_for_end(c, *name, pid))
            return 1;
    }
    if (!leave_host(c) || !after_down(c))
        return 1;
    if (arguments->purge && !remove_state(c))
        return 1;
    puts(arguments->purge ? "nacre is stopped and removed" : any ? "nacre is stopped" : "nacre is not running");
    return 0;
}

int command_status(struct ctx *c, const struct arguments *arguments)
{
    if (!service_configure(c, arguments->config_file))
        return 1;
    char **names = names_running(c);
    if (!*names) {
        puts("nacre is not running");
        return 3;
    }
    for (; *names; names++) {
        const char *apis = "";
        int pid = running_pid(c, *names, &apis);

        printf("%s is running (process %d), state in %s\n%s", *names, pid, common_options->state_dir, apis);
    }
    return 0;
}

/* --- the pid file -------------------------------------------------------------------------------------------- */

static int pid_file_open(struct ctx *c)
{
    const char *path = ctx_printf(c, "%s/%s.pid", common_options->state_dir, process_name);
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
static int running_pid(struct ctx *c, const char *name, const char **ret_where)
{
    const char *path = ctx_printf(c, "%s/%s.pid", common_options->state_dir, name);
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

/* Of every process of this state directory that runs; NULL-terminated. */
static char **names_running(struct ctx *c)
{
    GDir *dir = g_dir_open(common_options->state_dir, 0, NULL);
    GPtrArray *found = ctx_own(c, g_ptr_array_new(), (void (*)(void *))(void *)g_ptr_array_unref);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        char *name = g_str_has_suffix(file, ".pid") ? ctx_strndup(c, file, strlen(file) - strlen(".pid")) : NULL;

        if (name && running_pid(c, name, NULL))
            g_ptr_array_add(found, name);
    }
    if (dir)
        g_dir_close(dir);
    g_ptr_array_add(found, NULL);
    return (char **)found->pdata;
}

/* --- up ------------------------------------------------------------------------------------------------------ */

static int run_house(struct ctx *c, const struct arguments *arguments, int pid_file)
{
    const char *pid = ctx_printf(c, "%d\n%s", (int)getpid(), where(c));

    if (!pid_file_lock(pid_file))
        return !fail(c, STATE_DIR_FAILED, process_name, "another one runs on this directory");
    if (ftruncate(pid_file, 0) || pwrite(pid_file, pid, strlen(pid), 0) < 0)
        return !fail(c, STATE_DIR_FAILED, process_name, g_strerror(errno));
    if (!common_options->sim && role_on_host() && !privsep_start())
        log_warning(c, "no privileged helper: what needs root is not done");
    trace_name(process_name, common_options->host);
    int status = service_main(arguments->config_file, say_ready);
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
            g_setenv("NACRE_DEFAULT_LOG_FILE", ctx_printf(c, "%s/%s.log", common_options->state_dir, process_name), TRUE);
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
        fprintf(stderr, "nacre: it did not start; see %s/%s.log\n", common_options->state_dir, process_name);
        return 1;
    }
    close(ends[0]);
    printf("%s is up (process %d), state in %s\n%s", process_name, (int)child, common_options->state_dir, where(c));
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
        if (services[i]->type && service_serves(services[i]))
            text = ctx_printf(c, "%s  %-10s %s\n", text, services[i]->name, service_url(c, services[i]));
    return text;
}

/* --- down ---------------------------------------------------------------------------------------------------- */

static bool wait_for_end(struct ctx *c, const char *name, int pid)
{
    int64_t until = clock_mono_us() + (common_options->drain_timeout + 30) * G_USEC_PER_SEC;

    while (clock_mono_us() < until) {
        if (running_pid(c, name, NULL) != pid)
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

/* What was started for this cloud beside it (its database, its broker) is ended by the program that whoever started it left. */
static bool after_down(struct ctx *c)
{
    const char *program = ctx_printf(c, "%s/after-down", common_options->state_dir);
    struct stat st;
    int status = 0;

    /* Only our own file: the state directory may have been made by somebody else. */
    if (stat(program, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
        return true;
    pid_t child = fork();
    if (!child) {
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    return (child > 0 && waitpid(child, &status, 0) == child && !status) || fail(c, 500, "NotStopped", "%s failed", program);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    return remove(path);
}

/* Only of a directory that is ours: it has a pid file of ours. */
static bool remove_state(struct ctx *c)
{
    static const char *const own_names[] = { "nacre", "api", "conductor", "neutron-rpc", "compute", "object", "network", NULL };
    const char *dir = common_options->state_dir;

    bool ours = false;
    for (const char *const *name = own_names; *name; name++)
        ours |= !access(ctx_printf(c, "%s/%s.pid", dir, *name), F_OK);
    if (!ours)
        return true;
    return !nftw(dir, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) || fail(c, STATE_DIR_FAILED, dir, g_strerror(errno));
}
