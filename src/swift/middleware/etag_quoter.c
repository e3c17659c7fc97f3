/* etag_quoter: ETags in double quotes, as RFC 9110 has them, where the account, the container or the configuration says so. */
#include "swift/middleware/middlewares.h"

#include <string.h>

struct etag_quoter_options { bool enable_by_default; };

static const struct attr option_rows[] = {
    ATTR(struct etag_quoter_options, enable_by_default, 0, .unset = "false", .help = "Where neither container nor account says anything."),
    {}
};

static bool open_etag_quoter(struct ctx *c, struct step *step)
{
    info_register("etag_quoter", json_pack("{s:b}", "enable_by_default", ((const struct etag_quoter_options *)step->options)->enable_by_default), false);
    return true;
}

/* The header of clients is system metadata inside. */
static void serve_flag(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *level = r->container ? "Container" : "Account";
    const char *header = ctx_printf(c, "X-%s-Rfc-Compliant-Etags", level), *meta = ctx_printf(c, "X-%s-Sysmeta-Rfc-Compliant-Etags", level);
    const char *removed = request_get(r, ctx_printf(c, "X-Remove-%s-Rfc-Compliant-Etags", level)), *value = request_get(r, header);

    if (value)
        headers_set(c, &r->headers, meta, *value ? header_true(&r->headers, header) ? "True" : "False" : "");
    if (removed && *removed)
        headers_set(c, &r->headers, meta, "");
    step_next(c, step, r, response);
    value = response_get(response, meta);
    if (value)
        headers_set(c, &response->headers, header, value);
}

static bool wanted(struct ctx *c, const struct step *step, const struct swift_request *r)
{
    const struct container_info *container = container_info(c, r, r->account, r->container);
    const struct account_info *account;

    if (container->status / 100 != 2)
        return false;
    if (headers_get(&container->sysmeta, "rfc-compliant-etags"))
        return header_true(&container->sysmeta, "rfc-compliant-etags");
    account = account_info(c, r, r->account);
    if (account->status / 100 != 2)
        return false;
    if (headers_get(&account->sysmeta, "rfc-compliant-etags"))
        return header_true(&account->sysmeta, "rfc-compliant-etags");
    return ((const struct etag_quoter_options *)step->options)->enable_by_default;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *etag;

    if (r->account && !r->object) {
        serve_flag(c, step, r, response);
        return;
    }
    bool quote = r->object && wanted(c, step, r);
    step_next(c, step, r, response);
    etag = quote ? response_get(response, "ETag") : NULL;
    if (etag && !((g_str_has_prefix(etag, "\"") || g_str_has_prefix(etag, "W/\"")) && g_str_has_suffix(etag, "\"")))
        headers_printf(c, &response->headers, "ETag", "\"%s\"", etag);
}

const struct middleware middleware_etag_quoter = {
    .name = "etag_quoter", .options = option_rows, .options_size = sizeof(struct etag_quoter_options), .open = open_etag_quoter, .run = run,
};
