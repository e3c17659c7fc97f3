/* The connection to libvirt: one for the process, with a thread for its events. By default the embedded QEMU driver, whose
 * files are under state_dir/libvirt; guests run on when the process ends and are found again by the next.
 */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "nova/virt/virt.h"
#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/messaging/wait.h"
#include "oslo/service/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static virConnectPtr connection;             /* set once, before virt_open returns */
static pthread_t event_thread;
static bool events_end;                      /* atomic */
static int timer = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t happened;
static uint64_t n_events;                    /* guarded by lock, and said with happened */

enum { EVENT_MAY_BE_LOST_US = 1000000 };

static const char qemu_conf_root[] = "user = \"root\"\ngroup = \"root\"\n";
static const char qemu_conf[] =
    "security_driver = \"none\"\n"
    "dynamic_ownership = 0\n"
    "remember_owner = 0\n"
    "namespaces = []\n"
    "cgroup_controllers = []\n"
    "stdio_handler = \"file\"\n"
    "seccomp_sandbox = 0\n";

virConnectPtr libvirt_connection(void)
{
    return connection;
}

bool libvirt_fail(struct ctx *c, const char *what)
{
    const char *why = virGetLastErrorMessage();

    return fail(c, LIBVIRT_ERROR, ctx_printf(c, "%s: %s", what, why ? why : "unknown error"));
}

static void domain_release(void *domain)
{
    virDomainFree(domain);
}

virDomainPtr domain_own(struct ctx *c, virDomainPtr domain)
{
    return domain ? ctx_own(c, domain, domain_release) : NULL;
}

virDomainPtr domain_find(struct ctx *c, const struct instance *inst)
{
    return domain_own(c, virDomainLookupByUUIDString(connection, inst->uuid));
}

/* A /dev/kvm that opens proves nothing: software-only ones exist, on which a guest never ends booting. */
bool libvirt_has_kvm(void)
{
    const char *asked = nova_options()->virt_type;
    g_autofree char *cpus = NULL;
    int fd, vm = -1;

    if (strcmp(asked, "auto"))
        return !strcmp(asked, "kvm");
    if (!g_file_get_contents("/proc/cpuinfo", &cpus, NULL, NULL) || (!strstr(cpus, " vmx ") && !strstr(cpus, " svm ")))
        return false;
    fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        vm = ioctl(fd, KVM_CREATE_VM, 0);
        close(fd);
    }
    if (vm >= 0)
        close(vm);
    return vm >= 0;
}

/* --- opening ------------------------------------------------------------------------------------------------- */

static void quiet(void *data, virErrorPtr error)
{
}

static char *embedded_uri(struct ctx *c)
{
    const char *root = ctx_printf(c, "%s/libvirt", common_options->state_dir);
    const char *conf = ctx_printf(c, "%s/etc/qemu.conf", root);
    g_autofree char *text = g_strconcat(geteuid() ? "" : qemu_conf_root, qemu_conf, NULL);

    if (g_mkdir_with_parents(ctx_printf(c, "%s/etc", root), 0711) || !g_file_set_contents(conf, text, -1, NULL))
        return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "%s: %s", conf, g_strerror(errno)));
    setenv("LIBVIRT_LOG_OUTPUTS", ctx_printf(c, "3:file:%s/libvirt.log", root), 0);
    return ctx_printf(c, "qemu:///embed?root=%s", root);
}

/* Threads that libvirt made while the process was pinned get their CPUs back. */
static void unpin(const cpu_set_t *all)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;

    while (tasks && (task = readdir(tasks)))
        if (atoi(task->d_name) > 0)
            sched_setaffinity(atoi(task->d_name), sizeof *all, all);
    if (tasks)
        closedir(tasks);
}

/* On hosts whose CPUs differ in CPUID the driver drops its cache of what QEMU can, unless it looks from one CPU only. */
static virConnectPtr open_pinned(const char *uri)
{
    cpu_set_t all, one;
    virConnectPtr opened;
    int first = 0;

    if (sched_getaffinity(0, sizeof all, &all))
        return virConnectOpen(uri);
    while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    sched_setaffinity(0, sizeof one, &one);
    opened = virConnectOpen(uri);
    unpin(&all);
    return opened;
}

static void count_event(void)
{
    pthread_mutex_lock(&lock);
    n_events++;
    pthread_cond_broadcast(&happened);
    pthread_mutex_unlock(&lock);
}

static int on_lifecycle(virConnectPtr from, virDomainPtr domain, int event, int detail, void *data)
{
    count_event();
    virt_guest_changed();
    return 0;
}

static void on_device_removed(virConnectPtr from, virDomainPtr domain, const char *alias, void *data)
{
    count_event();
}

uint64_t libvirt_events(void)
{
    uint64_t n;

    pthread_mutex_lock(&lock);
    n = n_events;
    pthread_mutex_unlock(&lock);
    return n;
}

void libvirt_wait_event(uint64_t seen, int64_t until)
{
    int64_t end = MIN(until, clock_mono_us() + EVENT_MAY_BE_LOST_US);

    pthread_mutex_lock(&lock);
    while (n_events == seen && cond_wait_until(&happened, &lock, end) == 0)
        ;
    pthread_mutex_unlock(&lock);
}

static void on_timer(int id, void *data)
{
}

static void *run_events(void *data)
{
    while (!__atomic_load_n(&events_end, __ATOMIC_ACQUIRE))
        if (virEventRunDefaultImpl() < 0)
            sleep(1);
    return NULL;
}

bool libvirt_open(struct ctx *c)
{
    static bool registered;          /* of the one thread that opens */
    const char *uri = nova_options()->libvirt_uri;

    if (!uri || !*uri)
        uri = embedded_uri(c);
    if (!uri)
        return false;
    virSetErrorFunc(NULL, quiet);
    if (!registered) {
        cond_init_mono(&happened);
        if (virEventRegisterDefaultImpl() < 0)
            return libvirt_fail(c, "libvirt's events");
        timer = virEventAddTimeout(1000, on_timer, NULL, NULL);        /* so that the loop looks whether it should end */
        if (pthread_create(&event_thread, NULL, run_events, NULL))
            return fail(c, HYPERVISOR_UNAVAILABLE, common_options->host);
        registered = true;
    }
    connection = open_pinned(uri);
    if (!connection)
        return libvirt_fail(c, uri);
    virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), NULL, NULL);
    virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device_removed), NULL, NULL);
    log_info(c, "libvirt %s: guests run under %s", uri, libvirt_has_kvm() ? "kvm" : "qemu");
    return true;
}

void libvirt_close(void)
{
    __atomic_store_n(&events_end, true, __ATOMIC_RELEASE);
    virEventUpdateTimeout(timer, 0);
    pthread_join(event_thread, NULL);
    virConnectClose(connection);
    connection = NULL;
}

/* Every guest of this state directory is cut off; its definition goes as well, the files stay until the purge. */
bool libvirt_leave(struct ctx *c)
{
    const char *root = ctx_printf(c, "%s/libvirt", common_options->state_dir);
    virDomainPtr *domains = NULL;
    int n;

    if (access(root, F_OK) || (!connection && !libvirt_open(c)))
        return !failed(c);
    n = virConnectListAllDomains(connection, &domains, 0);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        struct instance inst = { .uuid = uuid };

        if (!virDomainGetUUIDString(domains[i], uuid) && !access(instance_path(c, &inst, NULL), F_OK) && virDomainIsActive(domains[i]) == 1)
            virDomainDestroy(domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
    libvirt_close();
    return true;
}
