/* s3token: who signed a request to the S3 API, by Keystone's word (POST /v3/s3tokens). s3api has left the signature and what was signed; the
 * project that the access key belongs to takes the key's place in the path, and authtoken has nothing left to ask.
 */
#include "swift/middleware/middlewares.h"

#include "oslo/auth/auth.h"
#include "oslo/base/text.h"
#include "oslo/client/client.h"
#include "swift/middleware/s3api/auth.h"

#include <string.h>

struct s3token_options {
    char *reseller_prefix;
    bool delay_auth_decision;
};

#define OPTION(member, otherwise, text) ATTR(struct s3token_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(reseller_prefix, "AUTH", "What the names of accounts begin with."),
    OPTION(delay_auth_decision, "false", "Requests whose signature is wrong go on, as nobody's."),
    {}
};

static void refuse(struct ctx *c, struct swift_response *response, bool unreachable)
{
    response_text(c, response, unreachable ? 400 : 401, "text/xml",
                  ctx_printf(c, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Error>\r\n  <Code>%s</Code>\r\n  <Message>%s</Message>\r\n</Error>\r\n",
                             unreachable ? "InvalidURI" : "AccessDenied", unreachable ? "Could not parse the specified URI" : "Access denied"));
}

/* The signer; NULL: nobody, and *ret_unreachable says whether Keystone could not be asked. */
static const struct identity *ask(struct ctx *c, const struct s3_auth *auth, const char *access, bool *ret_unreachable)
{
    struct identity *who = ctx_new(c, struct identity);
    json_t *body = ctx_json(c, json_pack("{s:{s:s, s:s, s:s}}", "credentials", "access", access, "token",
                                         base64url_write(c, auth->string_to_sign, strlen(auth->string_to_sign)), "signature", auth->signature));
    struct call call = { .type = "identity", .method = "POST", .path = "/s3tokens", .body = body, .as_service = true };

    *ret_unreachable = false;
    if (!client_call(c, &call)) {
        *ret_unreachable = call.status == 0;
        fault_clear(c);
        return NULL;
    }
    auth_identity_read(c, json_object_get(call.reply, "token"), who);
    *ret_unreachable = !who->project_id;
    return who->project_id ? who : NULL;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct s3token_options *options = step->options;
    const struct s3_auth *auth = s3_auth_of(r);
    bool unreachable;

    if (!auth || !r->account) {
        step_next(c, step, r, response);
        return;
    }
    const char *colon = strchr(auth->access_key, ':');           /* <access>:<project>: to another's account, if its owner lets */
    const char *access = colon ? ctx_strndup(c, auth->access_key, (size_t)(colon - auth->access_key)) : auth->access_key;
    const struct identity *who = ask(c, auth, access, &unreachable);
    if (!who && !options->delay_auth_decision) {
        refuse(c, response, unreachable);
        return;
    }
    if (who) {
        size_t n = strlen(options->reseller_prefix);
        const char *between = n && options->reseller_prefix[n - 1] != '_' ? "_" : "";

        r->env->who = who;
        r->env->user = who->user_name;
        request_set_path(c, r, ctx_printf(c, "%s%s%s", options->reseller_prefix, between, colon ? colon + 1 : who->project_id), r->container, r->object);
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_s3token = {
    .name = "s3token", .options = option_rows, .options_size = sizeof(struct s3token_options), .run = run,
};
