/* What daemons of databases share: whose policy is a container's, databases that go only when nothing came, work by several hands. */
#include "swift/broker/broker.h"
#include "swift/daemon/crew.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/rsync.h"
#include "swift/daemon/updater_limit.h"
#include "swift/name.h"
#include "swift/tools/drive_audit.h"

#include <glib/gstdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char *folder;

static struct timestamp at(int64_t seconds)
{
    return (struct timestamp){ .raw = seconds * 100000 };
}

/* --- policies ------------------------------------------------------------------------------------------------------- */

static void test_policies(void)
{
    static const struct { const char *what; int64_t mine[4], theirs[4]; int first; } known[] = {         /* put, deleted, status changed, objects */
        { "the older of two that live", { 10, 0, 10, 0 }, { 11, 0, 11, 0 }, -1 },
        { "the one that lives", { 10, 20, 20, 0 }, { 15, 0, 30, 0 }, 1 },
        { "of two that were deleted the one deleted last", { 10, 20, 20, 0 }, { 10, 30, 30, 0 }, 1 },
        { "one with objects is not deleted", { 10, 20, 20, 1 }, { 5, 30, 30, 0 }, -1 },
        { "the one that was made again", { 10, 0, 5, 0 }, { 30, 20, 30, 0 }, 1 },
        { "of two made again the older", { 30, 20, 30, 0 }, { 40, 20, 40, 0 }, -1 },
        { "but not one made before the last delete", { 30, 20, 30, 0 }, { 50, 40, 50, 0 }, 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        const int64_t *m = known[i].mine, *t = known[i].theirs;
        struct policy_view mine = { 0, at(m[0]), at(m[1]), at(m[2]), m[3] }, theirs = { 1, at(t[0]), at(t[1]), at(t[2]), t[3] };
        int said = policy_view_compare(&mine, &theirs), turned = policy_view_compare(&theirs, &mine);

        g_test_message("%s", known[i].what);
        g_assert_cmpint((said > 0) - (said < 0), ==, known[i].first);
        g_assert_cmpint((turned > 0) - (turned < 0), ==, -known[i].first);
    }
}

/* --- databases ------------------------------------------------------------------------------------------------------ */

static struct broker *make(struct ctx *c, const char *name)
{
    struct broker_place p = { .kind = BROKER_CONTAINER, .device = "sda", .device_path = ctx_printf(c, "%s/sda", folder), .partition = 3, .account = "a",
                              .container = name };

    g_mkdir_with_parents(p.device_path, 0700);
    g_assert_true(broker_create(c, &p, at(1000), 0, NULL));
    return broker_open(c, &p);
}

static void put(struct ctx *c, struct broker *b, const char *name, int policy)
{
    struct broker_row row = { .name = name, .created_at = "0000001000.00000", .size = 1, .content_type = "text/plain", .etag = "x", .policy_index = policy };

    g_assert_true(broker_put_row(c, b, &row));
}

static void test_erase(void)
{
    struct broker_info info;
    struct broker *b;
    struct ctx c;
    bool erased;

    ctx_init(&c, NULL, "req-test");
    b = make(&c, "goes");
    put(&c, b, "one", 0);
    g_assert_true(broker_info(&c, b, &info));
    put(&c, b, "two", 0);
    g_assert_true(broker_erase(&c, b, info.max_row, &erased) && !erased);
    g_assert_true(!access(broker_path(b), F_OK));
    g_assert_true(broker_info(&c, b, &info) && info.object_count == 2);
    g_assert_true(broker_erase(&c, b, info.max_row, &erased) && erased);
    g_assert_true(access(broker_path(b), F_OK));
    g_assert_true(access(ctx_printf(&c, "%s/sda/containers/3", folder), F_OK));
    broker_done(b);
    ctx_clear(&c);
}

static void test_misplaced(void)
{
    struct broker_row *rows;
    struct broker *b;
    struct ctx c;
    size_t n;

    ctx_init(&c, NULL, "req-test");
    b = make(&c, "mixed");
    put(&c, b, "right", 0);
    put(&c, b, "wrong", 1);
    put(&c, b, "wrong too", 1);
    g_assert_true(broker_misplaced_since(&c, b, -1, 10, &rows, &n) && n == 2);
    g_assert_true(broker_has_many_policies(&c, b));
    g_assert_cmpstr(rows[0].name, ==, "wrong");
    g_assert_true(broker_misplaced_since(&c, b, rows[0].rowid, 10, &rows, &n) && n == 1);
    g_assert_true(broker_set_policy(&c, b, 1, at(2000)) && broker_misplaced_since(&c, b, -1, 10, &rows, &n) && n == 1);
    g_assert_cmpstr(rows[0].name, ==, "right");
    broker_done(b);
    ctx_clear(&c);
}

/* A file that is no database is taken out of the way. */
static void test_damaged(void)
{
    struct broker_info info;
    struct broker *b;
    char *path;
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    b = make(&c, "damaged");
    path = g_strdup(broker_path(b));
    broker_done(b);
    brokers_close();
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    b = broker_open_file(&c, BROKER_CONTAINER, path);
    g_assert_false(b && broker_info(&c, b, &info));
    g_assert_true(failed(&c));
    g_assert_true(access(path, F_OK));
    g_assert_true(!access(ctx_printf(&c, "%s/sda/quarantined/containers/%s", folder, hash_path_hex(&c, "a", "damaged", NULL)), F_OK));
    broker_done(b);
    g_free(path);
    ctx_clear(&c);
}

/* --- the rest ------------------------------------------------------------------------------------------------------- */

static void test_rsync_module(void)
{
    struct ring_device d = { .ip = (char *)(uintptr_t)"10.0.0.1", .port = 6201, .replication_ip = (char *)(uintptr_t)"fd00::1", .replication_port = 6301,
                             .device = (char *)(uintptr_t)"sda", .region = 1, .zone = 2 };
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    g_assert_cmpstr(rsync_module(&c, "{replication_ip}::container", &d), ==, "[fd00::1]::container");
    g_assert_cmpstr(rsync_module(&c, "rsync://{ip}:{port}/{device}_r{region}z{zone}/", &d), ==, "rsync://10.0.0.1:6201/sda_r1z2");
    g_assert_null(rsync_module(&c, "{nothing}::account", &d));
    g_assert_true(failed(&c));
    ctx_clear(&c);
}

static void add(struct ctx *c, void *data)
{
    _Atomic int64_t *sum = data;

    *sum += (int64_t)strlen(ctx_printf(c, "%d", 1));
}

static void test_crew(void)
{
    for (int64_t hands = 1; hands < 9; hands += 7) {
        _Atomic int64_t sum = 0;
        struct crew *crew;
        struct ctx c;

        ctx_init(&c, NULL, "req-test");
        crew = crew_new(&c, hands);
        for (int i = 0; i < 1000; i++)
            crew_do(crew, add, &sum);
        crew_end(crew);
        g_assert_cmpint(sum, ==, 1000);
        crew_end(crew_new(&c, hands));       /* nothing to do */
        ctx_clear(&c);
    }
}

/* Two a day: the second of a container waits, the newest of those that wait is the first to go, the oldest is left where there are too many. */
static void test_update_limit(void)
{
    struct update_limit *l = update_limit_new(2.0 / 86400, 1000, 2, g_free);
    struct update_counts counts;
    char *item;

    item = g_strdup("first");
    g_assert_true(update_limit_allows(l, "a", "busy", item));
    g_free(item);
    g_assert_false(update_limit_allows(l, "a", "busy", g_strdup("second")));
    g_assert_false(update_limit_allows(l, "a", "busy", g_strdup("third")));
    g_assert_false(update_limit_allows(l, "a", "busy", g_strdup("fourth")));
    counts = update_limit_counts(l);
    g_assert_cmpint(counts.deferrals, ==, 3);
    g_assert_cmpint(counts.skips, ==, 3);
    g_assert_null(update_limit_drain(l, 0));
    update_limit_free(l);

    l = update_limit_new(1000, 1, 10, g_free);
    for (int i = 0; i < 10; i++) {
        item = g_strdup_printf("%d", i);
        if (update_limit_allows(l, "a", "b", item))
            g_free(item);
    }
    counts = update_limit_counts(l);
    for (int64_t left = counts.deferrals; left; left--) {
        item = update_limit_drain(l, G_MAXINT64);
        g_assert_nonnull(item);
        g_free(item);
    }
    g_assert_null(update_limit_drain(l, G_MAXINT64));
    g_assert_cmpint(update_limit_counts(l).skips, ==, 0);
    g_assert_cmpint(update_limit_counts(l).drains, ==, counts.deferrals);
    update_limit_free(l);

    l = update_limit_new(0, 1, 0, g_free);
    for (int i = 0; i < 10; i++)
        g_assert_true(update_limit_allows(l, "a", "b", NULL));
    update_limit_free(l);
}

static int errors_of(const struct drive_log *l, const char *device)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(l->errors, device));
}

static void read_log(struct drive_log *l, const char *text, bool goes_on)
{
    g_assert_true(drive_log_read(l, text, strlen(text)) == goes_on);
}

/* From the end to what is too old, over a turn of the year; lines without a time are none. */
static void test_drive_log(void)
{
    struct tm tm = { .tm_year = 126, .tm_mday = 1, .tm_min = 10, .tm_isdst = -1 };       /* 2026-01-01 00:10 */
    struct drive_log l;
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    g_assert_true(drive_log_init(&c, &l, mktime(&tm), 60));
    drive_log_usual_patterns(&c, &l);
    read_log(&l, "Dec 31 22:00:00 host kernel: error on sdc1\nDec 31 23:30:00 host kernel: sdb: i/o error\nnonsense error sdd\n"
             "Jan  1 00:01:00 host kernel: error: sdb\n2026-01-01T00:02:00+00:00 host error sdaa9\n\nJan  1 00:05:00 host kernel: sde is fine", false);
    g_assert_cmpint(errors_of(&l, "sdb"), ==, 2);
    g_assert_cmpint(errors_of(&l, "sdaa9"), ==, 1);
    g_assert_cmpuint(g_hash_table_size(l.errors), ==, 2);
    drive_log_clear(&l);

    g_assert_true(drive_log_init(&c, &l, mktime(&tm), 60));
    g_assert_true(drive_log_pattern(&c, &l, "broken (nvme\\dn\\d)"));
    g_assert_false(drive_log_pattern(&c, &l, "broken ("));
    read_log(&l, "Jan  1 00:00:30 h broken nvme0n1\nJan  1 00:00:40 h [    0.000000] Linux\nJan  1 00:01:00 h broken nvme1n1 broken nvme1n1\n", false);
    g_assert_cmpint(errors_of(&l, "nvme1n1"), ==, 2);
    g_assert_cmpint(errors_of(&l, "nvme0n1"), ==, 0);
    read_log(&l, "", true);
    drive_log_clear(&l);
    ctx_clear(&c);
}

static void test_fstab(void)
{
    g_autofree char *path = g_strdup_printf("%s/fstab", folder), *text = NULL;

    g_assert_true(g_file_set_contents(path, "# drives\n/dev/sdb1 /srv/node/sdb1 xfs noatime 0 0\n/dev/sdc1\t/srv/node/sdc1\txfs\n#/dev/sdb1 /srv/node/sdb1 xfs\nlast",
                                      -1, NULL));
    g_assert_true(fstab_comment(path, "/srv/node/sdb1"));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "# drives\n#/dev/sdb1 /srv/node/sdb1 xfs noatime 0 0\n/dev/sdc1\t/srv/node/sdc1\txfs\n#/dev/sdb1 /srv/node/sdb1 xfs\nlast");
    g_assert_false(fstab_comment("/nowhere/fstab", "/srv/node/sdb1"));
}

static void *nice_thread(void *wrong)
{
    char most[] = "19", idle[] = "IOPRIO_CLASS_IDLE", none[] = "", much[] = "40", other[] = "IOPRIO_CLASS_OTHER";
    struct ctx c;

    ctx_init(&c, NULL, "req-test");
    g_assert_null(priority_set(&c, &(struct daemon_settings){ .nice_priority = most, .ionice_class = idle, .ionice_priority = none }));
    *(int *)wrong = getpriority(PRIO_PROCESS, 0);        /* of this thread alone */
    g_assert_nonnull(priority_set(&c, &(struct daemon_settings){ .nice_priority = much, .ionice_class = none, .ionice_priority = none }));
    g_assert_nonnull(priority_set(&c, &(struct daemon_settings){ .nice_priority = none, .ionice_class = other, .ionice_priority = none }));
    ctx_clear(&c);
    return NULL;
}

static void test_priority(void)
{
    int before = getpriority(PRIO_PROCESS, 0), there = -1;
    pthread_t thread;

    g_assert_cmpint(pthread_create(&thread, NULL, nice_thread, &there), ==, 0);
    pthread_join(thread, NULL);
    g_assert_cmpint(there, ==, 19);
    g_assert_cmpint(getpriority(PRIO_PROCESS, 0), ==, before);
}

int main(int argc, char **argv)
{
    g_autofree char *remove = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    hash_path_configure("", "suffix");
    folder = g_dir_make_tmp("nacre-test-XXXXXX", NULL);
    g_test_add_func("/swift/daemons/policies", test_policies);
    g_test_add_func("/swift/daemons/erase", test_erase);
    g_test_add_func("/swift/daemons/misplaced", test_misplaced);
    g_test_add_func("/swift/daemons/damaged", test_damaged);
    g_test_add_func("/swift/daemons/rsync_module", test_rsync_module);
    g_test_add_func("/swift/daemons/crew", test_crew);
    g_test_add_func("/swift/daemons/update_limit", test_update_limit);
    g_test_add_func("/swift/daemons/priority", test_priority);
    g_test_add_func("/swift/daemons/drive_log", test_drive_log);
    g_test_add_func("/swift/daemons/fstab", test_fstab);
    status = g_test_run();
    brokers_close();
    remove = g_strdup_printf("rm -rf %s", folder);
    if (system(remove))
        status++;
    g_free(folder);
    return status;
}
