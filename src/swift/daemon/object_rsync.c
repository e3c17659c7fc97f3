/* Suffixes of a partition sent by the rsync program to another node's rsync daemon. */
#include "swift/daemon/object_replicator.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "oslo/privsep/run.h"
#include "swift/daemon/rsync.h"

#include <string.h>
#include <unistd.h>

/* What it says of each file is for the log; of new directories nothing is said. */
static void log_output(struct ctx *c, const struct object_replicator_options *o, const char *text, bool well)
{
    for (char *save = NULL, *line = strtok_r(ctx_strdup(c, text), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (g_str_has_prefix(line, "cd+") || (*line == '<' && !o->log_rsync_transfers))
            continue;
        if (well)
            log_debug(c, "swift: rsync: %s", line);
        else
            log_error(c, "swift: rsync: %s", line);
    }
}

static void log_failure(struct ctx *c, const struct object_replicator_options *o, const char *line)
{
    int64_t most = o->rsync_error_log_line_length;

    log_error(c, "swift: %.*s", most > 0 ? (int)MIN(most, G_MAXINT) : -1, line);
}

static bool run(struct ctx *c, const struct object_replicator_options *o, const char *const *argv, const char *to)
{
    struct run r = { .timeout_us = o->rsync_timeout * G_USEC_PER_SEC, .quiet = true, .unwanted = daemon_stops };
    bool ended = run_argv(c, &r, argv);

    if (!ended) {
        log_failure(c, o, ctx_printf(c, "rsync to %s: %s", to, c->fault.message));
        fault_clear(c);
        return false;
    }
    log_output(c, o, r.output, !r.exit_code);
    log_output(c, o, r.error, !r.exit_code);
    if (r.exit_code)
        log_failure(c, o, ctx_printf(c, "rsync to %s ended with %d", to, r.exit_code));
    return !r.exit_code;
}

/* The suffixes that are there yet. */
static size_t add_paths(struct ctx *c, const struct replication *r, const char *const *suffixes, const char **argv)
{
    size_t n = 0;

    for (; *suffixes; suffixes++) {
        const char *path = ctx_printf(c, "%s/%s", r->dir, *suffixes);

        if (!access(path, F_OK))
            argv[n++] = path;
    }
    return n;
}

bool rsync_push(struct ctx *c, const struct replication *r, const struct ring_device *to, const char *const *suffixes)
{
    const struct object_replicator_options *o = r->pass->options;
    const char *const head[] = { "rsync", "--recursive", "--whole-file", "--human-readable", "--xattrs", "--itemize-changes", "--ignore-existing",
                                 ctx_printf(c, "--timeout=%s", o->rsync_io_timeout), ctx_printf(c, "--contimeout=%s", o->rsync_io_timeout),
                                 ctx_printf(c, "--bwlimit=%s", o->rsync_bwlimit),
                                 "--exclude=.*.[0-9a-zA-Z][0-9a-zA-Z][0-9a-zA-Z][0-9a-zA-Z][0-9a-zA-Z][0-9a-zA-Z]" };
    const char *module = rsync_module(c, o->rsync_module, to), **argv, *where;
    size_t n = G_N_ELEMENTS(head), paths, most = 0;

    if (!module) {
        log_error(c, "swift: %s", c->fault.message);
        fault_clear(c);
        return false;
    }
    while (suffixes[most])
        most++;
    argv = ctx_new_n(c, const char *, n + most + 3);
    memcpy(argv, head, sizeof(head));
    if (o->rsync_compress && r->own->region != to->region)
        argv[n++] = "--compress";
    paths = add_paths(c, r, suffixes, argv + n);
    where = ctx_printf(c, "%s/%s/%s/%u", module, to->device, policy_dir(c, "objects", r->policy), r->partition);
    argv[n + paths] = where;
    return paths && run(c, o, argv, where);
}
