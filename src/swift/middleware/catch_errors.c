/* catch_errors: every request has a transaction id, and every answer names it. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>

struct catch_errors_options { char *trans_id_suffix; };

static const struct attr option_rows[] = {
    ATTR(struct catch_errors_options, trans_id_suffix, 0, .unset = "", .help = "What follows the time in transaction ids, to tell clusters apart."),
    {}
};

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct catch_errors_options *options = step->options;
    const char *extra = request_get(r, "X-Trans-Id-Extra"), *suffix = options->trans_id_suffix;

    if (extra && *extra)
        suffix = ctx_printf(c, "%s-%.32s", suffix, extra);
    r->env->trans_id = ctx_printf(c, "tx%.21s-%010llx%s", uuid_new_hex(c), (unsigned long long)(clock_us() / 1000000), name_quote(c, suffix, "/"));
    step_next(c, step, r, response);
    headers_set(c, &response->headers, "X-Trans-Id", r->env->trans_id);
    headers_set(c, &response->headers, "X-Openstack-Request-Id", r->env->trans_id);
}

const struct middleware middleware_catch_errors = {
    .name = "catch_errors", .options = option_rows, .options_size = sizeof(struct catch_errors_options), .run = run,
};
