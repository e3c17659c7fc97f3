/* nacre ring. FILE is a .builder (the original's); rebalance and write_ring write the .ring.gz beside it. A .ring.gz in its stead is taken
 * over: the builder beside it is made from it. */
#include "swift/ring/command.h"

#include "oslo/base/text.h"
#include "swift/ring/composite_command.h"
#include "swift/ring/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE 400, "ValueError", "usage: nacre ring FILE %s"

struct session {
    struct builder *b;
    const char *path;                /* of the builder */
    char **words;                    /* behind the command */
    int n;
    int status;
};

/* "t.builder" and "t.ring.gz" */
static const char *ring_path(struct ctx *c, const char *builder)
{
    const char *stem = g_str_has_suffix(builder, ".builder") ? ctx_strndup(c, builder, strlen(builder) - 8) : builder;

    return ctx_printf(c, "%s.ring.gz", stem);
}

/* --- devices on the command line --------------------------------------------------------------------------------------------------- */

static const char *take(struct ctx *c, const char **at, const char *stop)
{
    size_t n = strcspn(*at, stop);
    const char *text = ctx_strndup(c, *at, n);

    *at += n;
    return text;
}

/* An address, in brackets where it is IPv6, and ":port". */
static bool take_address(struct ctx *c, const char **at, char **ret_ip, int *ret_port)
{
    char *end;

    if (**at == '[') {
        ++*at;
        *ret_ip = (char *)(uintptr_t)take(c, at, "]");
        *at += **at == ']';
    } else {
        *ret_ip = (char *)(uintptr_t)take(c, at, ":");
    }
    if (!**ret_ip || **at != ':')
        return false;
    *ret_port = (int)strtol(*at + 1, &end, 10);
    *at = end;
    return *ret_port > 0 && *ret_port < 65536;
}

/* "r1z2-10.0.0.1:6200R10.1.0.1:6300/sda_meta" */
bool ring_parse_device(struct ctx *c, const char *text, struct ring_device *d)
{
    const char *at = text;
    char *end;

    *d = (struct ring_device){ .id = -1, .region = 1 };
    if (*at == 'r') {
        d->region = (int)strtol(at + 1, &end, 10);
        at = end;
    }
    if (*at++ != 'z')
        return false;
    d->zone = (int)strtol(at, &end, 10);
    at = end;
    if (*at++ != '-' || !take_address(c, &at, &d->ip, &d->port))
        return false;
    if (*at == 'R' && (at++, !take_address(c, &at, &d->replication_ip, &d->replication_port)))
        return false;
    if (*at++ != '/')
        return false;
    d->device = (char *)(uintptr_t)take(c, &at, "_");
    d->meta = ctx_strdup(c, *at ? at + 1 : "");
    return *d->device != '\0';
}

/* "d3", or a device as it was added (any part of it may be left out from the end). -1: none is meant. */
static int find_device(struct ctx *c, const struct builder *b, const char *text)
{
    struct ring_device d;
    int64_t id;

    if (*text == 'd' && text_to_int(text + 1, &id))
        return (size_t)id < b->n_devs && b->devs[id] ? (int)id : -1;
    if (!ring_parse_device(c, text, &d))
        return -1;
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        if (m && m->d.region == d.region && m->d.zone == d.zone && !strcmp(m->d.ip, d.ip) && m->d.port == d.port && !strcmp(m->d.device, d.device))
            return (int)i;
    }
    return -1;
}

static bool number(const char *text, double *ret)
{
    char *end;

    *ret = g_ascii_strtod(text, &end);
    if (*end == '%' && !end[1]) {
        *ret /= 100;
        end++;
    }
    return end != text && !*end && *ret >= 0;
}

/* While the part power is being increased, nothing may move. */
static bool stays(struct session *s, const char *verb)
{
    if (s->b->next_part_power <= 0)
        return true;
    printf("Partition power increase in progress. You need to finish the increase first before %s.\n", verb);
    s->status = 2;
    return false;
}

/* --- commands ---------------------------------------------------------------------------------------------------------------------- */

static bool run_add(struct ctx *c, struct session *s)
{
    if (!s->n || s->n % 2)
        return fail(c, USAGE, "add [r<region>]z<zone>-<ip>:<port>[R<r_ip>:<r_port>]/<device>[_<meta>] <weight> ...");
    if (!stays(s, "adding devices"))
        return true;
    for (int i = 0; i < s->n; i += 2) {
        struct ring_device d;

        if (!ring_parse_device(c, s->words[i], &d) || !number(s->words[i + 1], &d.weight))
            return fail(c, USAGE, ctx_printf(c, "add: %s %s is no device with its weight", s->words[i], s->words[i + 1]));
        int id = builder_add(c, s->b, &d);
        if (id < 0)
            return false;
        printf("Device d%dr%dz%d-%s:%dR%s:%d/%s_\"%s\" with %.1f weight got id %d\n", id, d.region, d.zone, d.ip, d.port,
               d.replication_ip ? d.replication_ip : d.ip, d.replication_port ? d.replication_port : d.port, d.device, d.meta, d.weight, id);
    }
    return true;
}

static bool run_set_weight(struct ctx *c, struct session *s)
{
    double weight;

    for (int i = 0; i + 1 < s->n; i += 2) {
        int id = find_device(c, s->b, s->words[i]);

        if (id < 0 || !number(s->words[i + 1], &weight))
            return fail(c, USAGE, ctx_printf(c, "set_weight: %s %s is no device with its weight", s->words[i], s->words[i + 1]));
        if (!builder_set_weight(c, s->b, id, weight))
            return false;
        printf("d%d weight set to %.1f\n", id, weight);
    }
    return s->n >= 2 || fail(c, USAGE, "set_weight <device> <weight> ...");
}

static bool run_remove(struct ctx *c, struct session *s)
{
    if (s->n && !stays(s, "removing devices"))
        return true;
    for (int i = 0; i < s->n; i++) {
        int id = find_device(c, s->b, s->words[i]);

        if (id < 0 || !builder_remove(c, s->b, id))
            return fail(c, USAGE, ctx_printf(c, "remove: there is no device %s", s->words[i]));
        printf("d%d marked for removal and will be removed next rebalance.\n", id);
    }
    return s->n || fail(c, USAGE, "remove <device> ...");
}

static bool run_set_number(struct ctx *c, struct session *s, const char *name, double *ret)
{
    return (s->n == 1 && number(s->words[0], ret)) || fail(c, USAGE, ctx_printf(c, "%s <number>", name));
}

static bool run_set_overload(struct ctx *c, struct session *s)
{
    double value;

    if (!run_set_number(c, s, "set_overload", &value))
        return false;
    builder_set_overload(s->b, value);
    printf("The overload factor is now %.2f%% (%.6f)\n", value * 100, value);
    return true;
}

static bool run_set_replicas(struct ctx *c, struct session *s)
{
    double value;

    if (!run_set_number(c, s, "set_replicas", &value) || value < 1 || value >= REPLICAS_MOST)
        return fail(c, USAGE, "set_replicas <number>");
    builder_set_replicas(s->b, value);
    printf("The replica count is now %.6f.\nThe change will take effect after the next rebalance.\n", value);
    return true;
}

static bool run_set_min_part_hours(struct ctx *c, struct session *s)
{
    double value;

    if (!run_set_number(c, s, "set_min_part_hours", &value))
        return false;
    builder_set_min_part_hours(s->b, (int)value);
    printf("The minimum number of hours before a partition can be reassigned is now set to %d\n", (int)value);
    return true;
}

static bool run_pretend(struct ctx *c, struct session *s)
{
    builder_pretend_min_part_hours_passed(s->b);
    return true;
}

static bool run_write_ring(struct ctx *c, struct session *s)
{
    struct ring *ring = builder_ring(c, s->b);
    bool well = ring_save(c, ring, ring_path(c, s->path));

    ring_unref(ring);
    return well;
}

static bool run_rebalance(struct ctx *c, struct session *s)
{
    struct rebalanced done = {};
    bool changed = s->b->changed;
    int64_t seed = 1;

    if (!stays(s, "rebalancing"))
        return true;
    if (s->n)
        text_to_int(s->words[0], &seed);
    if (!builder_rebalance(c, s->b, clock_us() / G_USEC_PER_SEC, (uint64_t)seed, &done) || !builder_validate(c, s->b))
        return false;
    if (!done.moved && !done.removed && !changed) {
        printf("No partitions could be reassigned.\n");
        s->status = 1;
        return true;
    }
    printf("Reassigned %" G_GINT64_FORMAT " (%.2f%%) partitions. Balance is now %.2f.  Dispersion is now %.2f\n", done.moved,
           100.0 * (double)done.moved / (double)s->b->parts, done.balance, done.dispersion);
    return run_write_ring(c, s);
}

/* What was not done is said, and the exit status tells of it. */
static bool say_done(struct session *s, bool done, const char *no)
{
    if (!done) {
        printf("%s\n", no);
        s->status = 2;
    }
    return done;
}

static bool run_prepare(struct ctx *c, struct session *s)
{
    const char *slash = strrchr(s->path, '/');

    if (say_done(s, strstr(slash ? slash : s->path, "object") != NULL, "Partition power increase is only supported for object rings.") &&
        say_done(s, builder_prepare_increase(s->b), "Ring is already prepared for partition power increase."))
        printf("The next partition power is now %d.\nThe change will take effect after the next write_ring.\n"
               "Once all nodes have the ring, existing data is linked there by the relinker (nacre swift object-relinker relink), before the increase.\n",
               s->b->next_part_power);
    return true;
}

static bool run_increase(struct ctx *c, struct session *s)
{
    if (say_done(s, builder_increase(s->b, clock_us() / G_USEC_PER_SEC),
                 "Ring partition power cannot be increased. Either the ring was not prepared yet, or this operation has already run."))
        printf("The partition power is now %d.\nThe change will take effect after the next write_ring.\n", s->b->part_power);
    return true;
}

static bool run_cancel(struct ctx *c, struct session *s)
{
    if (say_done(s, builder_cancel_increase(s->b), "Ring partition power increase cannot be canceled."))
        printf("The next partition power is now %d.\nThe change will take effect after the next write_ring.\n"
               "Once all nodes have the ring, the links are removed by the relinker (nacre swift object-relinker cleanup).\n", s->b->next_part_power);
    return true;
}

static bool run_finish(struct ctx *c, struct session *s)
{
    if (say_done(s, builder_finish_increase(s->b), "Ring partition power increase cannot be finished."))
        printf("The change will take effect after the next write_ring.\n");
    return true;
}

static bool run_validate(struct ctx *c, struct session *s)
{
    return builder_validate(c, s->b);
}

static bool run_dispersion(struct ctx *c, struct session *s)
{
    printf("Dispersion is %.6f, Balance is %.6f, Overload is %0.2f%%\n", builder_dispersion(s->b), builder_balance(s->b), s->b->overload * 100);
    return true;
}

static bool run_show(struct ctx *c, struct session *s)
{
    const struct builder *b = s->b;

    printf("%s, build version %" G_GINT64_FORMAT ", id %s\n%zu partitions, %.6f replicas, %.2f balance, %.2f dispersion\n", s->path, b->version,
           b->id ? b->id : "(not assigned)", b->parts, b->replicas, b->n_rows ? builder_balance(b) : 0, b->dispersion);
    printf("The minimum number of hours before a partition can be reassigned is %d\nThe overload factor is %.2f%% (%.6f)\n", b->min_part_hours,
           b->overload * 100, b->overload);
    printf("Devices:   id region zone ip address:port replication ip:port  name weight partitions flags meta\n");
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        if (m)
            printf("        %5zu %6d %4d %15s:%-5d %15s:%-5d %5s %6.2f %10" G_GINT64_FORMAT " %s %s\n", i, m->d.region, m->d.zone, m->d.ip, m->d.port,
                   m->d.replication_ip, m->d.replication_port, m->d.device, m->d.weight, m->parts, m->removed ? "DEL" : "   ", m->d.meta);
    }
    if (b->next_part_power == b->part_power + 1)
        printf("\nPreparing increase of partition power (%d -> %d)\nRun \"nacre swift object-relinker relink\" on all nodes before moving on to "
               "increase_partition_power.\n", b->part_power, b->next_part_power);
    else if (b->next_part_power > 0)
        printf("\nIncreased partition power (%d -> %d)\nRun \"nacre swift object-relinker cleanup\" on all nodes before moving on to "
               "finish_increase_partition_power.\n", b->part_power, b->next_part_power);
    return true;
}

/* --- the command ---------------------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; bool (*run)(struct ctx *, struct session *); bool saves; } commands[] = {
    { "add", run_add, true }, { "set_weight", run_set_weight, true }, { "remove", run_remove, true }, { "rebalance", run_rebalance, true },
    { "set_overload", run_set_overload, true }, { "set_replicas", run_set_replicas, true }, { "set_min_part_hours", run_set_min_part_hours, true },
    { "pretend_min_part_hours_passed", run_pretend, true }, { "write_ring", run_write_ring, false }, { "validate", run_validate, false },
    { "dispersion", run_dispersion, false }, { "show", run_show, false }, { "prepare_increase_partition_power", run_prepare, true },
    { "increase_partition_power", run_increase, true }, { "cancel_increase_partition_power", run_cancel, true },
    { "finish_increase_partition_power", run_finish, true },
};

static bool create(struct ctx *c, struct session *s)
{
    double power, replicas, hours;

    if (s->n != 3 || !number(s->words[0], &power) || !number(s->words[1], &replicas) || !number(s->words[2], &hours))
        return fail(c, USAGE, "create <part_power> <replicas> <min_part_hours>");
    if (!access(s->path, F_OK))
        return fail(c, USAGE, ctx_printf(c, "create: %s is there already", s->path));
    s->b = builder_new(c, (int)power, replicas, (int)hours);
    return s->b && builder_save(c, s->b, s->path);
}

static bool load(struct ctx *c, struct session *s)
{
    struct ring *ring;

    if (!g_str_has_suffix(s->path, ".ring.gz")) {
        s->b = builder_load(c, s->path);
        return s->b != NULL;
    }
    ring = ring_load(c, s->path);
    s->path = ctx_printf(c, "%.*s.builder", (int)strlen(s->path) - 8, s->path);
    if (ring && access(s->path, F_OK))
        s->b = builder_from_ring(c, ring, 1);
    else if (ring)
        s->b = builder_load(c, s->path);
    ring_unref(ring);
    return s->b != NULL;
}

static bool run(struct ctx *c, struct session *s, const char *name)
{
    if (!strcmp(name, "create"))
        return create(c, s);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(name, commands[i].name))
            return load(c, s) && commands[i].run(c, s) && (!commands[i].saves || s->status || builder_save(c, s->b, s->path));
    return fail(c, USAGE, "create|add|set_weight|remove|rebalance|set_overload|set_replicas|set_min_part_hours|pretend_min_part_hours_passed|"
                "write_ring|validate|dispersion|prepare_increase_partition_power|increase_partition_power|cancel_increase_partition_power|"
                "finish_increase_partition_power|show|compose");
}

int command_ring(struct ctx *c, const struct arguments *a)
{
    const char *command = a->n_words > 1 ? a->words[1] : "show";
    struct session s = { .path = a->n_words ? a->words[0] : NULL, .words = a->words + 2, .n = MAX(a->n_words - 2, 0) };
    bool well;

    if (s.path && is_composite(s.path, command))
        return command_composite(c, s.path, command, a->n_words > 1 ? s.words : a->words + 1);
    well = s.path ? run(c, &s, command) : fail(c, USAGE, "COMMAND ...");

    builder_free(s.b);
    if (well)
        return s.status;
    fprintf(stderr, "nacre: %s\n", c->fault.message);
    return 2;
}
