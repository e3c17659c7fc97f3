/* By an OAuth 1.0 access token: a request signed with the consumer's and the token's secrets. */
#include "keystone/auth/oauth1.h"

#include <string.h>

#include "keystone/auth/attempt.h"

bool oauth1_of_request(struct ctx *c, const struct request *request, struct oauth1 *ret_oauth)
{
    const char *header = request_header(request, "Authorization");

    if (!header)
        return fail(c, INTERNAL_ERROR, "No Authorization headers found, cannot proceed with OAuth related calls.");
    return oauth1_read(c, header, ret_oauth) || fail(c, INTERNAL_ERROR, "Malformed authorization header");
}

bool oauth1_judge(struct ctx *c, const struct oauth1 *o, unsigned needs)
{
    const char *error, *wrong = oauth1_wrong(c, o, needs, clock_us() / SECOND_US, &error);

    return !wrong || fail(c, VALIDATION, ctx_printf(c, "Validation failed with errors: %s, detail message is: %s.", error, wrong));
}

bool oauth1_by_consumer(struct ctx *c, const struct oauth1 *o, const struct request *request, const struct pair *query, const char *token_secret)
{
    const char *secret = db_get_text(c, "SELECT secret FROM consumers WHERE id = $1", T(o->consumer_key));
    const char *url = ctx_printf(c, "%s%s", request->scheme_host, request->raw_path);
    bool right = oauth1_signed(c, o, url, query, secret ? secret : "", token_secret);

    return right && secret && !failed(c);
}

bool auth_by_oauth1(struct ctx *c, struct attempt *a, const json_t *method)
{
    struct oauth1 o;
    const char *error, *secret;
    struct rows *rows;

    if (!oauth1_of_request(c, a->request, &o))
        return false;
    if (!o.token || !*o.token)
        return fail(c, EXPECTING, "oauth_token", "request");
    rows = db_query(c, "SELECT secret, authorizing_user_id, project_id, expires_at FROM access_tokens WHERE id = $1", T(o.token));
    if (!db_next(rows))
        return failed(c) ? false : fail(c, NOT_FOUND, "Access token not found");
    secret = db_text(rows, 0);
    const char *user_id = db_text(rows, 1), *project_id = db_text(rows, 2);
    bool ended = !db_is_null(rows, 3) && clock_us() > db_int(rows, 3);
    db_rows_end(rows);
    if (ended || oauth1_wrong(c, &o, 0, clock_us() / SECOND_US, &error) || !oauth1_id_is(o.token) ||
        !oauth1_by_consumer(c, &o, a->request, NULL, secret))
        return unauthorized(c);
    a->payload.version = PAYLOAD_OAUTH;
    a->payload.access_token_id = ctx_strdup(c, o.token);
    a->payload.project_id = project_id;
    return attempt_user(c, a, user_id);
}
