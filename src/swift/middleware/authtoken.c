/* authtoken: X-Auth-Token becomes an identity by Keystone's word (oslo/auth), for keystoneauth to judge by. */
#include "swift/middleware/middlewares.h"

#include "oslo/auth/auth.h"

#include <string.h>

struct authtoken_options {
    bool delay_auth_decision;
};

static const struct attr option_rows[] = {
    ATTR(struct authtoken_options, delay_auth_decision, 0, .unset = "false", .help = "Requests without a good token go on, as nobody's."),
    {}
};

static void refuse(struct ctx *c, int status, struct swift_response *response)
{
    if (status == 401) {
        response_text(c, response, 401, "text/html; charset=UTF-8", "Authentication required");
        headers_set(c, &response->headers, "Www-Authenticate", auth_challenge(c));
    } else {
        response_error(c, response, 503, NULL);
    }
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct authtoken_options *options = step->options;
    struct request asked = { .method = r->method, .path = r->path, .raw_path = r->raw_path, .headers = r->headers.pairs, .query_text = "" };

    if (r->env->who || !asked.headers) {                 /* s3token has asked already */
        step_next(c, step, r, response);
        return;
    }
    if (request_get(r, "X-Auth-Token") && auth_request(c, &asked)) {
        struct identity *who = ctx_new(c, struct identity);

        *who = c->who;
        r->env->who = who;
        r->env->user = who->user_name;
    } else {
        int status = failed(c) ? c->fault.status : 401;

        fault_clear(c);
        if (status != 401 || !options->delay_auth_decision) {
            refuse(c, status, response);
            return;
        }
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_authtoken = {
    .name = "authtoken", .options = option_rows, .options_size = sizeof(struct authtoken_options), .run = run,
};
