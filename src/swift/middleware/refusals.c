/* name_check, read_only, crossdomain: middlewares that answer some requests themselves and let the others pass. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/name.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* --- name_check ------------------------------------------------------------------------------------------------------ */

struct name_check_options { char *forbidden_chars, *forbidden_regexp; int64_t maximum_length; };

#define OPTION(type, member, otherwise, text) ATTR(struct type, member, 0, .unset = otherwise, .help = text)
static const struct attr name_check_rows[] = {
    OPTION(name_check_options, forbidden_chars, "'\"`<>", "Characters no path may have."),
    OPTION(name_check_options, forbidden_regexp, "/\\./|/\\.\\./|/\\.$|/\\.\\.$", "What no path may match (POSIX, extended); empty: nothing."),
    OPTION(name_check_options, maximum_length, "255", "Characters a path may have."),
    {}
};

static bool open_name_check(struct ctx *c, struct step *step)
{
    const struct name_check_options *o = step->options;

    if (*o->forbidden_regexp) {
        regex_t *compiled = g_new0(regex_t, 1);

        if (regcomp(compiled, o->forbidden_regexp, REG_EXTENDED | REG_NOSUB)) {
            g_free(compiled);
            return fail(c, PIPELINE_INVALID, "name_check: forbidden_regexp is no regular expression");
        }
        step->state = compiled;
    }
    info_register("name_check", json_pack("{s:s, s:I, s:s}", "forbidden_chars", o->forbidden_chars, "maximum_length", o->maximum_length, "forbidden_regexp",
                                          o->forbidden_regexp), false);
    return true;
}

static void close_name_check(struct step *step)
{
    if (step->state)
        regfree(step->state);
    g_free(step->state);
}

static void run_name_check(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct name_check_options *o = step->options;

    if (strpbrk(r->path, o->forbidden_chars))
        response_error(c, response, 400, ctx_printf(c, "Object/Container/Account name contains forbidden chars from %s", o->forbidden_chars));
    else if ((int64_t)name_length(r->path) > o->maximum_length)
        response_error(c, response, 400, ctx_printf(c, "Object/Container/Account name longer than the allowed maximum %lld", (long long)o->maximum_length));
    else if (step->state && !regexec(step->state, r->path, 0, NULL, 0))
        response_error(c, response, 400,
                       ctx_printf(c, "Object/Container/Account name contains a forbidden substring from regular expression %s", o->forbidden_regexp));
    else
        step_next(c, step, r, response);
}

const struct middleware middleware_name_check = {
    .name = "name_check", .options = name_check_rows, .options_size = sizeof(struct name_check_options), .open = open_name_check, .run = run_name_check,
    .close = close_name_check,
};

/* --- read_only --------------------------------------------------------------------------------------------------------- */

struct read_only_options { bool read_only, allow_deletes; };

static const struct attr read_only_rows[] = {
    OPTION(read_only_options, read_only, "false", "Nothing is written; accounts may say otherwise of themselves."),
    OPTION(read_only_options, allow_deletes, "false", "DELETE is allowed all the same."),
    {}
};

static bool open_read_only(struct ctx *c, struct step *step)
{
    if (((const struct read_only_options *)step->options)->read_only)
        info_register("read_only", json_object(), false);
    return true;
}

static bool account_read_only(struct ctx *c, const struct read_only_options *o, const struct swift_request *r)
{
    const char *account = !strcmp(r->method, "COPY") ? request_get(r, "Destination-Account") : NULL;
    const struct account_info *info = account_info(c, r, account && *account ? account : r->account);
    const char *said = headers_get(&info->sysmeta, "read-only");

    return said && *said ? header_true(&info->sysmeta, "read-only") : o->read_only;
}

static void run_read_only(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const char *const writes[] = { "COPY", "POST", "PUT", NULL };
    const struct read_only_options *o = step->options;
    bool write = text_in(r->method, writes) || (!o->allow_deletes && !strcmp(r->method, "DELETE"));

    if (write && r->account && account_read_only(c, o, r))
        response_error(c, response, 405, "Writes are disabled for this account.");
    else
        step_next(c, step, r, response);
}

const struct middleware middleware_read_only = {
    .name = "read_only", .options = read_only_rows, .options_size = sizeof(struct read_only_options), .open = open_read_only, .run = run_read_only,
};

/* --- crossdomain --------------------------------------------------------------------------------------------------------- */

struct crossdomain_options { char *cross_domain_policy; };

static const struct attr crossdomain_rows[] = {
    OPTION(crossdomain_options, cross_domain_policy, "<allow-access-from domain=\"*\" secure=\"false\" />", "The elements of the policy."),
    {}
};

static bool open_crossdomain(struct ctx *c, struct step *step)
{
    info_register("crossdomain", json_object(), false);
    return true;
}

static void run_crossdomain(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct crossdomain_options *o = step->options;

    if (strcmp(r->path, "/crossdomain.xml") || strcmp(r->method, "GET"))
        step_next(c, step, r, response);
    else
        response_text(c, response, 200, "application/xml",
                      ctx_printf(c, "<?xml version=\"1.0\"?>\n<!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\" >\n"
                                    "<cross-domain-policy>\n%s\n</cross-domain-policy>", o->cross_domain_policy));
}

const struct middleware middleware_crossdomain = {
    .name = "crossdomain", .options = crossdomain_rows, .options_size = sizeof(struct crossdomain_options), .open = open_crossdomain, .run = run_crossdomain,
};
