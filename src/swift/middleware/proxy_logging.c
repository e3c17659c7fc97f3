/* proxy-logging: one line a request, in the original's order of fields. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/log.h"
#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>

struct proxy_logging_options { int64_t reveal_sensitive_prefix; };

static const struct attr option_rows[] = {
    ATTR(struct proxy_logging_options, reveal_sensitive_prefix, 0, .unset = "16", .help = "Characters of a token that are shown; 0: none."),
    {}
};

static const char *field(struct ctx *c, const char *value)
{
    return value && *value ? name_quote(c, value, "/") : "-";
}

/* Signatures and keys in the query are not shown. */
static const char *shown_query(struct ctx *c, const struct swift_request *r)
{
    static const char *const secret[] = { "temp_url_sig", "Signature", "X-Amz-Signature", NULL };

    for (const struct pair *p = r->query; p->name; p++)
        if (text_in(p->name, secret))
            return "...";
    return r->query_text;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct proxy_logging_options *options = step->options;
    const char *token = request_get(r, "X-Auth-Token"), *query;
    int64_t began = r->env->pause ? r->env->pause->began : clock_us();

    if (r->env->middleware[SLOT_LOG]) {                  /* it stands twice in the pipeline: the outer one writes */
        step_next(c, step, r, response);
        return;
    }
    query = shown_query(c, r);
    const char *path = r->path, *method = r->method;
    r->env->middleware[SLOT_LOG] = (void *)step;
    step_next(c, step, r, response);
    r->env->middleware[SLOT_LOG] = NULL;
    if (r->env->pause && r->env->pause->until)
        return;
    int64_t tenths = (clock_us() - began + 50) / 100;    /* of a millisecond */
    log_info(c, "%s %s %s %s%s%s %d %s %s %s %s %d.%04d", field(c, r->env->remote), field(c, r->env->user), method, name_quote(c, path, "/"),
             *query ? "?" : "", query, response->status, field(c, request_get(r, "User-Agent")),
             token ? ctx_printf(c, "%.*s...", (int)MIN((size_t)options->reveal_sensitive_prefix, strlen(token) / 2), token) : "-",
             field(c, r->env->trans_id), field(c, r->env->source), (int)(tenths / 10000), (int)(tenths % 10000));
}

const struct middleware middleware_proxy_logging = {
    .name = "proxy_logging", .options = option_rows, .options_size = sizeof(struct proxy_logging_options), .run = run,
};
