/* GET /v3/OS-REVOKE/events: what ended tokens before their time, for services that judge tokens themselves. */
#include "keystone/api/api.h"

static void event_write(struct out *o, struct rows *rows)
{
    static const char *const names[] = { "user_id", "role_id", "domain_id", "project_id", "audit_id", "audit_chain_id", "OS-TRUST:trust_id" };

    out_object(o, NULL);
    for (int i = 0; i < (int)G_N_ELEMENTS(names); i++)
        if (!db_is_null(rows, i))
            out_string(o, names[i], db_text(rows, i));
    if (!db_is_null(rows, 7))
        out_time(o, "expires_at", (utc_time){ db_int(rows, 7) });
    out_time(o, "issued_before", (utc_time){ db_int(rows, 8) });
    out_time(o, "revoked_at", (utc_time){ db_int(rows, 9) });
    out_end_object(o);
}

static bool list(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *since_text = request_query(request, "since");
    struct out o = { .to = &reply->body, .times = keystone_style.times };
    utc_time since = { 0 };

    if (since_text && !time_parse(since_text, &since))
        return fail(c, VALIDATION, ctx_printf(c, "invalidate date format %s", since_text));
    struct rows *rows = db_query(c, "SELECT user_id, role_id, domain_id, project_id, audit_id, audit_chain_id, trust_id, expires_at, issued_before,"
                                 " revoked_at FROM revocation_events WHERE revoked_at >= $1 ORDER BY revoked_at", I(since.us));
    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, "events");
    while (db_next(rows))
        event_write(&o, rows);
    out_end_array(&o);
    write_list_links(c, &o, request);
    out_end_object(&o);
    return !failed(c);
}

static bool no_certificates(struct ctx *c, struct request *request, struct reply *reply)
{
    return fail(c, 410, "Gone", "This API is no longer available due to the removal of support for PKI tokens.");
}

const struct route revocation_routes[] = {
    { "GET", "/v3/OS-SIMPLE-CERT/ca", no_certificates, .flags = ROUTE_OPEN },
    { "GET", "/v3/OS-SIMPLE-CERT/certificates", no_certificates, .flags = ROUTE_OPEN },
    { "GET", "/v3/OS-REVOKE/events", list, .policy = "identity:list_revoke_events" },
    {}
};
