/* ratelimit: how many changes an account, a container and a listing bear in a second. Who comes too fast waits; who would wait too long is told so.
 * What has been used up is a time in the cache, of all proxies together: each request moves it on, and waits until it is there.
 *
 *     container_ratelimit_<objects> = <requests a second>       from that many objects on; between two of them in proportion
 *     container_listing_ratelimit_<objects> = ...               the same for its listings
 */
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/cache.h"
#include "swift/faults.h"
#include "swift/quick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLACKLIST_PAUSE_S 1

struct ratelimit_options {
    double account_ratelimit, max_sleep_time_seconds, log_sleep_time_seconds;
    int64_t clock_accuracy, rate_buffer_seconds;
    char *account_whitelist, *account_blacklist;
};

#define OPTION(member, otherwise, text) ATTR(struct ratelimit_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(account_ratelimit, "0", "Containers made and deleted in a second; 0: any number."),
    OPTION(max_sleep_time_seconds, "60", "Who would have to wait that long is refused."),
    OPTION(log_sleep_time_seconds, "0", "Who has to wait longer is logged; 0: nobody."),
    ATTR(struct ratelimit_options, clock_accuracy, 0, .min = 1, .unset = "1000", .help = "Parts of a second the times are kept in."),
    OPTION(rate_buffer_seconds, "5", "Seconds of silence that may be made up for."),
    OPTION(account_whitelist, "", "Accounts that are not limited."),
    OPTION(account_blacklist, "", "Accounts that are refused."),
    {}
};

struct limit { int64_t size; double rate; };

struct ratelimit { GArray *containers, *listings; };         /* struct limit, by size */

/* --- limits -------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const struct limit *x = a, *y = b;

    return x->size < y->size ? -1 : x->size > y->size;
}

static GArray *read_limits(struct ctx *c, const struct step *step, const char *prefix)
{
    GArray *limits = g_array_new(false, true, sizeof(struct limit));

    for (const struct pair *p = conf_section(step->conf, step->section); p->name; p++) {
        struct limit limit;
        char *end = NULL;

        if (!g_str_has_prefix(p->name, prefix))
            continue;
        limit.rate = g_ascii_strtod(p->value, &end);
        if (!text_to_int(p->name + strlen(prefix), &limit.size) || !*p->value || *end) {
            g_array_unref(limits);
            return fail_null(c, PIPELINE_INVALID, ctx_printf(c, "ratelimit: %s = %s", p->name, p->value));
        }
        g_array_append_val(limits, limit);
    }
    g_array_sort(limits, by_size);
    return limits;
}

static const struct limit *limit_at(const GArray *limits, unsigned i)
{
    return &g_array_index(limits, struct limit, i);
}

/* 0: any number. */
static double rate_of(const GArray *limits, int64_t size)
{
    unsigned i = 0;

    while (i < limits->len && size >= limit_at(limits, i)->size)
        i++;
    if (!size || !i)
        return 0;
    const struct limit *low = limit_at(limits, i - 1), *high = i < limits->len ? limit_at(limits, i) : NULL;
    return high ? low->rate + (double)(size - low->size) * (high->rate - low->rate) / (double)(high->size - low->size) : low->rate;
}

static json_t *limits_json(const GArray *limits)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < limits->len; i++)
        json_array_append_new(list, json_pack("[I, f]", limit_at(limits, i)->size, limit_at(limits, i)->rate));
    return list;
}

static bool open_ratelimit(struct ctx *c, struct step *step)
{
    const struct ratelimit_options *o = step->options;
    struct ratelimit *r = g_new0(struct ratelimit, 1);

    step->state = r;
    quick_forbid();
    if (!(r->containers = read_limits(c, step, "container_ratelimit_")) || !(r->listings = read_limits(c, step, "container_listing_ratelimit_")))
        return false;
    info_register("ratelimit", json_pack("{s:f, s:f, s:o, s:o}", "account_ratelimit", o->account_ratelimit, "max_sleep_time_seconds",
                                         o->max_sleep_time_seconds, "container_ratelimits", limits_json(r->containers), "container_listing_ratelimits",
                                         limits_json(r->listings)), false);
    return true;
}

static void close_ratelimit(struct step *step)
{
    struct ratelimit *r = step->state;

    if (r && r->containers)
        g_array_unref(r->containers);
    if (r && r->listings)
        g_array_unref(r->listings);
    g_free(r);
}

/* --- waiting ------------------------------------------------------------------------------------------------------------ */

/* How long one more has to wait, in seconds; negative: too long. */
static double wait_of(struct ctx *c, const struct ratelimit_options *o, const char *key, double rate)
{
    int64_t accuracy = o->clock_accuracy, now = llround((double)clock_us() / 1e6 * (double)accuracy), each = llround((double)accuracy / rate), running, wait = 0;

    if (!cache_add(c, key, each, &running))
        return 0;
    if (now - running > o->rate_buffer_seconds * accuracy)
        cache_set_number(c, key, now + each);
    else
        wait = MAX(running - now - each, 0);
    if (o->max_sleep_time_seconds * (double)accuracy - (double)wait > (double)accuracy * 0.01)
        return (double)wait / (double)accuracy;
    cache_add(c, key, -each, &running);
    return -1;
}

static bool pass(struct ctx *c, const struct ratelimit_options *o, struct swift_request *r, const char *key, double rate, struct swift_response *response)
{
    double seconds;

    if (request_has_waited(r))
        return true;
    seconds = rate > 0 ? wait_of(c, o, key, rate) : 0;
    if (seconds < 0) {
        log_error(c, "swift: 498 for %s to %s: it would have to wait too long", r->method, r->path);
        response_text(c, response, 498, "text/html; charset=UTF-8", "Slow down");
        return false;
    }
    if (o->log_sleep_time_seconds > 0 && seconds > o->log_sleep_time_seconds)
        log_warning(c, "swift: %s waits %.3f s for its rate", r->path, seconds);
    return seconds <= 0 || request_wait(c, r, seconds, response);
}

static int64_t size_of(struct ctx *c, const struct swift_request *r)
{
    const char *count = container_info(c, r, r->account, r->container)->object_count;
    int64_t size = 0;

    return count && text_to_int(count, &size) ? size : 0;
}

/* --- a request ---------------------------------------------------------------------------------------------------------- */

static bool pass_all(struct ctx *c, const struct step *step, struct swift_request *r, const char *global, struct swift_response *response)
{
    static const char *const changes[] = { "PUT", "DELETE", "POST", "COPY", NULL };
    const struct ratelimit_options *o = step->options;
    const struct ratelimit *limits = step->state;
    bool change = text_in(r->method, changes);
    double rate;

    if (o->account_ratelimit > 0 && r->container && !r->object && (!strcmp(r->method, "PUT") || !strcmp(r->method, "DELETE")) &&
        !pass(c, o, r, ctx_printf(c, "ratelimit/%s", r->account), o->account_ratelimit, response))
        return false;
    if (r->object && change && limits->containers->len &&
        !pass(c, o, r, ctx_printf(c, "ratelimit/%s/%s", r->account, r->container), rate_of(limits->containers, size_of(c, r)), response))
        return false;
    if (r->container && !r->object && !strcmp(r->method, "GET") && limits->listings->len &&
        !pass(c, o, r, ctx_printf(c, "ratelimit_listing/%s/%s", r->account, r->container), rate_of(limits->listings, size_of(c, r)), response))
        return false;
    rate = global && change ? g_ascii_strtod(global, NULL) : 0;
    return !(rate > 0) || pass(c, o, r, ctx_printf(c, "ratelimit/global-write/%s", r->account), rate, response);
}

static bool listed(struct ctx *c, const char *account, const char *list, const char *global, const char *word)
{
    return text_equal(global, word) || text_in(account, (const char *const *)text_split(c, list, ','));
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct ratelimit_options *o = step->options;
    const char *global;

    if (!r->account || !version_is_valid(r->version) || r->env->middleware[SLOT_RATE]) {
        step_next(c, step, r, response);
        return;
    }
    r->env->middleware[SLOT_RATE] = (void *)(uintptr_t)step;         /* it may stand twice in the pipeline */
    global = headers_get(&account_info(c, r, r->account)->sysmeta, "global-write-ratelimit");
    if (listed(c, r->account, o->account_whitelist, global, "WHITELIST")) {
        step_next(c, step, r, response);
    } else if (listed(c, r->account, o->account_blacklist, global, "BLACKLIST")) {
        log_error(c, "swift: 497: %s is blacklisted", r->account);
        if (request_has_waited(r) || request_wait(c, r, BLACKLIST_PAUSE_S, response))
            response_text(c, response, 497, "text/html; charset=UTF-8", "Your account has been blacklisted");
    } else if (pass_all(c, step, r, global, response)) {
        step_next(c, step, r, response);
    }
}

const struct middleware middleware_ratelimit = {
    .name = "ratelimit", .options = option_rows, .options_size = sizeof(struct ratelimit_options), .open = open_ratelimit, .run = run,
    .close = close_ratelimit,
};
