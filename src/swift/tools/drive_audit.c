/* drive-audit: which drives there are, which of them have failed, what becomes of them. */
#include "swift/tools/drive_audit.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/privsep/run.h"
#include "swift/conf.h"
#include "swift/daemon/daemon.h"
#include "swift/tools/tools.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTION "drive-audit"
#define FSTAB "/etc/fstab"

struct audit_options {
    char *device_dir, *log_file_pattern, *recon_cache_path;
    int64_t minutes, error_limit;
    bool unmount_failed_device;
};

static const struct attr option_attrs[] = {
    ATTR(struct audit_options, device_dir, 0, .unset = "", .help = "Where drives are mounted; [swift] devices when empty."),
    ATTR(struct audit_options, log_file_pattern, 0, .unset = "/var/log/kern.*[!.][!g][!z]", .help = "The kernel's logs."),
    ATTR(struct audit_options, recon_cache_path, 0, .unset = "", .help = "Where it leaves what swift-recon reads; [swift] recon_cache_path when empty."),
    ATTR(struct audit_options, minutes, 0, .min = 0, .unset = "60", .help = "How old errors may be."),
    ATTR(struct audit_options, error_limit, 0, .min = 0, .unset = "1", .help = "So many of them are too many."),
    ATTR(struct audit_options, unmount_failed_device, 0, .unset = "true", .help = "A drive with too many is unmounted, and its line in /etc/fstab a comment."),
    {}
};

/* --- drives ------------------------------------------------------------------------------------------------------------------------- */

struct drive { char *mount_point, *kernel_device; };

/* Splits a line at blanks; how many pieces, of at most room. */
static size_t pieces_of(char *line, char **to, size_t room)
{
    size_t n = 0;
    char *save = NULL;

    for (char *piece = strtok_r(line, " \t\n", &save); piece && n < room; piece = strtok_r(NULL, " \t\n", &save))
        to[n++] = piece;
    return n;
}

/* The kernel's name of the device with those numbers, of the ctx. NULL: it knows none. */
static const char *kernel_device(struct ctx *c, dev_t device)
{
    FILE *file = fopen("/proc/partitions", "re");
    char *line = NULL, *pieces[4];
    const char *found = NULL;
    size_t room = 0;

    while (file && !found && getline(&line, &room, file) > 0)
        if (pieces_of(line, pieces, 4) == 4 && strtoul(pieces[0], NULL, 10) == major(device) && strtoul(pieces[1], NULL, 10) == minor(device))
            found = ctx_strdup(c, pieces[3]);
    free(line);
    if (file)
        fclose(file);
    return found;
}

static void add_drive(struct ctx *c, GArray *drives, const char *block_device, const char *mount_point)
{
    struct drive d = { .mount_point = ctx_strdup(c, mount_point) };
    struct stat st;

    if (stat(block_device, &st) || !S_ISBLK(st.st_mode)) {
        log_error(c, "drive-audit: %s (mounted at %s) is no block device", block_device, mount_point);
        return;
    }
    d.kernel_device = (char *)(uintptr_t)kernel_device(c, st.st_rdev);
    g_array_append_val(drives, d);
}

static GArray *find_drives(struct ctx *c, const char *dir)
{
    GArray *drives = ctx_own(c, g_array_new(FALSE, FALSE, sizeof(struct drive)), (void (*)(void *))(void *)g_array_unref);
    FILE *file = fopen("/proc/mounts", "re");
    char *line = NULL, *pieces[2];
    size_t room = 0;

    while (file && getline(&line, &room, file) > 0)
        if (pieces_of(line, pieces, 2) == 2 && g_str_has_prefix(pieces[1], dir))
            add_drive(c, drives, pieces[0], pieces[1]);
    free(line);
    if (file)
        fclose(file);
    return drives;
}

/* --- logs --------------------------------------------------------------------------------------------------------------------------- */

static bool take_patterns(struct ctx *c, struct drive_log *l, const struct conf *conf)
{
    for (const struct pair *p = conf_section(conf, SECTION); p->name; p++)
        if (g_str_has_prefix(p->name, "regex_pattern_") && !drive_log_pattern(c, l, p->value))
            return false;
    if (!l->patterns->len)
        drive_log_usual_patterns(c, l);
    return true;
}

static int newest_first(const void *a, const void *b)
{
    struct stat x = {}, y = {};

    stat(*(char *const *)a, &x);
    stat(*(char *const *)b, &y);
    return (x.st_mtime < y.st_mtime) - (x.st_mtime > y.st_mtime);
}

/* All files of the pattern, until one is too old. */
static bool read_logs(struct ctx *c, struct drive_log *l, const char *pattern)
{
    glob_t files = {};
    bool well = true, goes_on = true;

    glob(pattern, 0, NULL, &files);
    if (files.gl_pathc)
        qsort(files.gl_pathv, files.gl_pathc, sizeof(*files.gl_pathv), newest_first);
    for (size_t i = 0; well && goes_on && i < files.gl_pathc; i++) {
        GMappedFile *file = g_mapped_file_new(files.gl_pathv[i], FALSE, NULL);

        well = file || fail(c, BAD_REQUEST, ctx_printf(c, "Unable to open %s", files.gl_pathv[i]));
        goes_on = file && (!g_mapped_file_get_contents(file) || drive_log_read(l, g_mapped_file_get_contents(file), g_mapped_file_get_length(file)));
        if (file)
            g_mapped_file_unref(file);
    }
    globfree(&files);
    return well;
}

/* --- what becomes of a drive --------------------------------------------------------------------------------------------------------- */

bool fstab_comment(const char *path, const char *mount_point)
{
    g_autofree char *text = NULL, *beside = g_strdup_printf("%s.new", path);
    g_autoptr(GString) made = g_string_new(NULL);
    gsize n;

    if (!g_file_get_contents(path, &text, &n, NULL)) {
        errno = EIO;
        return false;
    }
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        g_autofree char *copy = g_strndup(line, strcspn(line, "\n"));
        char *pieces[3];

        if (*line != '#' && pieces_of(copy, pieces, 3) == 3 && !strcmp(pieces[1], mount_point))
            g_string_append_c(made, '#');
        g_string_append_len(made, line, (gssize)(strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')));
    }
    return g_file_set_contents_full(beside, made->str, (gssize)made->len, G_FILE_SET_CONTENTS_DURABLE, 0644, NULL) && !rename(beside, path);
}

static void take_away(struct ctx *c, const char *mount_point)
{
    struct run quiet = { .quiet = true };

    if (!run_argv(c, &quiet, (const char *const[]){ "umount", "-fl", mount_point, NULL }) || quiet.exit_code)
        log_error(c, "drive-audit: %s cannot be unmounted: %s", mount_point, quiet.error ? quiet.error : "?");
    fault_clear(c);
    log_info(c, "drive-audit: commenting out %s from " FSTAB, mount_point);
    if (!fstab_comment(FSTAB, mount_point))
        log_error(c, "drive-audit: " FSTAB ": %s", g_strerror(errno));
}

/* How many errors it has, where they are too many; 0. */
static int judge(struct ctx *c, const struct audit_options *o, const struct drive_log *l, const struct drive *d, int *unmounted)
{
    int n = d->kernel_device ? GPOINTER_TO_INT(g_hash_table_lookup(l->errors, d->kernel_device)) : 0;

    if (!n || n < o->error_limit)
        return 0;
    if (o->unmount_failed_device) {
        log_info(c, "drive-audit: unmounting %s with %d errors", d->mount_point, n);
        take_away(c, d->mount_point);
        ++*unmounted;
    } else {
        log_info(c, "drive-audit: detected %s with %d errors (device not unmounted)", d->mount_point, n);
    }
    return n;
}

static void judge_all(struct ctx *c, const struct audit_options *o, const struct drive_log *l, const GArray *drives)
{
    json_t *said = json_object();
    int total = 0, unmounted = 0;

    for (guint i = 0; i < drives->len; i++) {
        const struct drive *d = &g_array_index(drives, struct drive, i);
        int n = judge(c, o, l, d, &unmounted);

        json_object_set_new(said, d->mount_point, json_integer(n));
        total += n;
    }
    json_object_set_new(said, "drive_audit_errors", json_integer(total));
    recon_merge(c, *o->recon_cache_path ? o->recon_cache_path : swift_options()->recon_cache_path, "drive", said);
    if (!unmounted)
        log_info(c, "drive-audit: no drives were unmounted");
    else if (g_file_test("/run/systemd/system", G_FILE_TEST_IS_DIR))
        RUN(c, "systemctl", "daemon-reload");
    fault_clear(c);
}

int tool_drive_audit(struct ctx *c, char **words)
{
    const struct audit_options *o;
    const struct conf *conf;
    struct drive_log log;
    GArray *drives;
    bool well;

    if (!*words || words[1])
        return tool_usage(c, "drive-audit");
    if (access(*words, R_OK)) {
        fail(c, BAD_REQUEST, ctx_printf(c, "Unable to read config file %s", *words));
        return 1;
    }
    if (!(conf = conf_load(c, *words)) || !(o = conf_options(c, conf, SECTION, option_attrs, sizeof(*o))))
        return 1;
    drives = find_drives(c, *o->device_dir ? o->device_dir : storage_devices_dir());
    if (!drives->len)
        log_error(c, "drive-audit: no devices found");
    well = drive_log_init(c, &log, (time_t)(clock_us() / G_USEC_PER_SEC), o->minutes) && take_patterns(c, &log, conf) && read_logs(c, &log, o->log_file_pattern);
    if (well)
        judge_all(c, o, &log, drives);
    drive_log_clear(&log);
    return !well;
}
