/* See receipt.h. A receipt is Fernet's, as the original's: user, methods, end; from a key repository of its own. */
#include "keystone/auth/receipt.h"

#include <string.h>

#include "keystone/model/model.h"
#include "keystone/token/payload.h"
#include "keystone/token/ring.h"

#define SECOND_US INT64_C(1000000)
#define NO_RECEIPT 401, "ReceiptNotFound", "Could not find auth receipt: %s."

bool receipt_take(struct ctx *c, const struct request *request, const char *user_id, unsigned *methods)
{
    const char *text = request_header(request, RECEIPT_HEADER);
    struct receipt receipt;
    int64_t issued;
    void *bytes;
    size_t n;

    if (!text || !*text)
        return true;
    if (!ring_open(c, RING_RECEIPTS, text, &bytes, &n, &issued))
        return false;
    if (!bytes || !receipt_read(c, bytes, n, &receipt) || clock_us() >= receipt.expires_s * SECOND_US || strcmp(receipt.user_id, user_id))
        return fail(c, NO_RECEIPT, text);
    *methods |= receipt.methods;
    return true;
}

/* -- what is asked of a user --------------------------------------------------------------------------------------- */

/* The methods of a rule that are on; 0: it is no rule. */
static unsigned rule_methods(const json_t *rule)
{
    unsigned methods = 0;
    const json_t *name;
    size_t i;

    json_array_foreach(rule, i, name) {
        if (!json_is_string(name))
            return 0;
        if (auth_method_on(json_string_value(name)))
            methods |= auth_method_of(json_string_value(name));
    }
    return methods;
}

/* The rules that are in force for the user: NULL where there are none. */
static const json_t *rules_of(struct ctx *c, const char *user_id)
{
    const char *text = db_get_text(c, "SELECT options FROM users WHERE id = $1", T(user_id));
    const json_t *options = text ? json_of(c, (raw_json){ (char *)text }) : NULL;
    const json_t *rules = json_object_get(options, "multi_factor_auth_rules");

    return json_array_size(rules) && !json_is_false(json_object_get(options, "multi_factor_auth_enabled")) ? rules : NULL;
}

/* -- the answer ---------------------------------------------------------------------------------------------------- */

static void user_write(struct out *o, struct rows *rows)
{
    out_object(o, "user");
    out_string(o, "id", db_text(rows, 0));
    out_string(o, "name", db_text(rows, 1));
    out_object(o, "domain");
    out_string(o, "id", db_text(rows, 2));
    out_string(o, "name", db_text(rows, 3));
    out_end_object(o);
    out_end_object(o);
}

/* The rules that what was given already belongs to. */
static void required_write(struct out *o, const json_t *rules, unsigned methods)
{
    const json_t *rule, *name;
    size_t i, at;

    out_array(o, "required_auth_methods");
    json_array_foreach(rules, i, rule) {
        if (!(rule_methods(rule) & methods))
            continue;
        out_array(o, NULL);
        json_array_foreach(rule, at, name)
            if (auth_method_on(json_string_value(name)))
                out_string(o, NULL, json_string_value(name));
        out_end_array(o);
    }
    out_end_array(o);
}

static bool answer(struct ctx *c, const struct receipt *receipt, const json_t *rules, struct reply *reply)
{
    int64_t now = clock_us() / SECOND_US * SECOND_US;
    struct out o = { .to = &reply->body, .times = TIME_ISO_MICRO_Z };
    struct buf packed = {};
    struct rows *rows;

    receipt_write(receipt, &packed);
    const char *text = ring_seal(c, RING_RECEIPTS, now / SECOND_US, packed.data, packed.len);
    buf_clear(&packed);
    rows = text ? db_query(c, "SELECT u.id, u.name, d.id, d.name FROM users u JOIN projects d ON d.id = u.domain_id WHERE u.id = $1",
                           T(receipt->user_id)) : NULL;
    if (!rows || !db_next(rows))
        return false;
    reply->status = 401;
    reply->has_body = true;
    reply_header(c, reply, RECEIPT_HEADER, text);
    out_object(&o, NULL);
    out_object(&o, "receipt");
    out_array(&o, "methods");
    auth_methods_write(&o, receipt->methods);
    out_end_array(&o);
    user_write(&o, rows);
    out_time(&o, "expires_at", (utc_time){ receipt->expires_s * SECOND_US });
    out_time(&o, "issued_at", (utc_time){ now });
    out_end_object(&o);
    required_write(&o, rules, receipt->methods);
    out_end_object(&o);
    db_rows_end(rows);
    return true;
}

bool methods_suffice(struct ctx *c, const char *user_id, unsigned methods, struct reply *reply)
{
    const json_t *rules = rules_of(c, user_id), *rule;
    struct receipt receipt = { user_id, methods, clock_us() / SECOND_US + keystone_options()->receipt_expiration };
    bool any = false;
    size_t i;

    json_array_foreach(rules, i, rule) {
        if (!json_array_size(rule))
            continue;
        any = true;
        if ((rule_methods(rule) & ~methods) == 0)
            return true;
    }
    if (!any || failed(c))
        return !failed(c);
    answer(c, &receipt, rules, reply);
    return false;
}
