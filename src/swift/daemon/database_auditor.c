/* Databases of accounts and containers are opened and asked for what they are: one that cannot say is quarantined, and replication brings it
 * back. */
#include "swift/daemon/daemon.h"

#include "oslo/base/log.h"
#include "swift/broker/broker.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPORT_SECONDS 3600

struct auditor_options { double accounts_per_second, containers_per_second; };

#define O(name, text) ATTR(struct auditor_options, name, 0, .unset = "200", .help = text)
static const struct attr options[] = {
    O(accounts_per_second, "Accounts looked at in a second."),
    O(containers_per_second, "Containers looked at in a second."),
    {}
};

struct audit {
    const struct round *round;
    enum broker_kind kind;
    struct pace pace;
    int64_t passed, failed;
};

static const char *word(const struct audit *a)
{
    return a->kind == BROKER_ACCOUNT ? "account" : "container";
}

/* What an account has is what it has by policy. */
static bool sums_fit(struct ctx *c, struct broker *b, const struct broker_info *info)
{
    struct policy_count *counts, sum = {};
    size_t n;

    if (!broker_policy_counts(c, b, &counts, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        sum.container_count += counts[i].container_count;
        sum.object_count += counts[i].object_count;
        sum.bytes_used += counts[i].bytes_used;
    }
    if (sum.container_count == info->container_count && sum.object_count == info->object_count && sum.bytes_used == info->bytes_used)
        return true;
    return fail(c, 500, "InvalidAccountInfo", "its totals are not the sums of those by policy");
}

static bool audit_one(struct ctx *c, const struct audit *a, const char *path)
{
    struct broker *b = broker_open_file(c, a->kind, path);
    struct broker_info info;
    bool well = b && !broker_is_deleted(c, b, &info) && !failed(c);

    well = well ? a->kind == BROKER_CONTAINER || sums_fit(c, b, &info) : !failed(c);
    broker_done(b);
    return well;
}

static bool visit(struct ctx *c, void *data, const char *dir)
{
    struct audit *a = data;
    const char *path = broker_newest_file(c, dir, strrchr(dir, '/') + 1);

    if (access(path, F_OK))
        return true;
    if (audit_one(c, a, path)) {
        a->passed++;
    } else {
        a->failed++;
        log_error(c, "%s: %s: %s", a->round->daemon->name, path, c->fault.message ? c->fault.message : "?");
    }
    return a->round->by_hand || pace_wait(&a->pace, 1);
}

/* What has been counted since the last report, once an hour. */
struct counted { time_t since; int64_t passed, failed; };

static bool run(struct ctx *c, const struct round *round, enum broker_kind kind, struct counted *counted)
{
    const struct auditor_options *o = round->options;
    struct audit a = { .round = round, .kind = kind };
    time_t begun = time(NULL);
    json_t *said = json_object();

    a.pace.per_second = kind == BROKER_ACCOUNT ? o->accounts_per_second : o->containers_per_second;
    for (const char *const *device = round->devices; *device && !daemon_stops(); device++)
        drive_walk(c, ctx_printf(c, "%s/%ss", round_device_path(c, *device), word(&a)), 2, visit, &a);
    counted->since = counted->since ? counted->since : begun;
    counted->passed += a.passed;
    counted->failed += a.failed;
    json_object_set_new(said, ctx_printf(c, "%s_auditor_pass_completed", word(&a)), json_real(difftime(time(NULL), begun)));
    if (round->by_hand || begun - counted->since >= REPORT_SECONDS) {
        json_object_set_new(said, ctx_printf(c, "%s_audits_since", word(&a)), json_real((double)counted->since));
        json_object_set_new(said, ctx_printf(c, "%s_audits_passed", word(&a)), json_integer(counted->passed));
        json_object_set_new(said, ctx_printf(c, "%s_audits_failed", word(&a)), json_integer(counted->failed));
        *counted = (struct counted){ .since = begun };
    }
    recon_dump(c, round, said);
    return true;
}

static bool run_accounts(struct ctx *c, const struct round *round)
{
    static struct counted counted;

    return run(c, round, BROKER_ACCOUNT, &counted);
}

static bool run_containers(struct ctx *c, const struct round *round)
{
    static struct counted counted;

    return run(c, round, BROKER_CONTAINER, &counted);
}

const struct daemon account_auditor = { .name = "account-auditor", .kind = STORAGE_ACCOUNT, .interval = 1800, .run = run_accounts, .options = options,
                                        .options_size = sizeof(struct auditor_options) };
const struct daemon container_auditor = { .name = "container-auditor", .kind = STORAGE_CONTAINER, .interval = 1800, .run = run_containers,
                                          .options = options, .options_size = sizeof(struct auditor_options) };
