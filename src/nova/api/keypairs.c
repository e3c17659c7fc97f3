/* /os-keypairs: the key pairs of a user. */
#include "nova/api/api.h"

#include "nova/api/keys.h"
#include "nova/model/instance.h"
#include "nova/model/quota.h"

#include <string.h>

struct keypair {
    int64_t id;
    char *user_id, *name, *type, *fingerprint, *public_key;
    utc_time created_at;
};

static const struct attr keypair_attrs[] = {
    ATTR(struct keypair, id,          0),
    ATTR(struct keypair, user_id,     0),
    ATTR(struct keypair, name,        0),
    ATTR(struct keypair, type,        0),
    ATTR(struct keypair, fingerprint, 0),
    ATTR(struct keypair, public_key,  0),
    ATTR(struct keypair, created_at,  0),
    {}
};

/* Whose key pairs the request is about, if the rule lets the requester. NULL with 403. */
static const char *user_of(struct ctx *c, const char *asked, const char *rule)
{
    const char *user = c->version >= V(2, 10) && asked ? asked : c->who.user_id;

    return policy_check(c, rule, USER_TARGET(user)) ? user : NULL;
}

static const char *user_of_query(struct ctx *c, struct request *rq, const char *schema, const char *rule, json_t **ret_query)
{
    json_t *query = schema_query(c, rq, schema), *users = json_object_get(query, "user_id");

    *ret_query = query;
    return query ? user_of(c, json_string_value(json_array_get(users, 0)), rule) : NULL;
}

static struct keypair *keypair_get(struct ctx *c, const char *user, const char *name)
{
    struct sql *s = sql_new(c);
    struct keypair *k = ctx_new(c, struct keypair);
    struct rows *r;
    bool found;

    sql_add(s, "SELECT ");
    record_columns(&s->text, keypair_attrs, "");
    sql_add(s, " FROM keypairs WHERE user_id = ? AND name = ?", T(user), T(name));
    r = sql_query(s);
    found = db_next(r);
    if (found)
        record_from_row(r, keypair_attrs, k, 0);
    db_rows_end(r);
    return found || failed(c) ? k : fail_null(c, KEYPAIR_NOT_FOUND, name, user);
}

static void write_keypair(struct ctx *c, struct out *o, const struct keypair *k)
{
    out_string(o, "name", k->name);
    out_string(o, "public_key", k->public_key);
    out_string(o, "fingerprint", k->fingerprint);
}

static bool keypairs_list(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query;
    const char *user = user_of_query(c, rq, "keypairs.index_query", RULE("os-keypairs:index"), &query), *marker, *last = NULL;
    struct sql *s = sql_new(c);
    struct out o;
    size_t n = 0;

    if (!user)
        return false;
    marker = query_last(query, "marker");
    if (marker && !keypair_get(c, user, marker)) {
        fault_clear(c);
        return fail(c, MARKER_NOT_FOUND, marker);
    }
    sql_add(s, "SELECT name, public_key, fingerprint, type FROM keypairs WHERE user_id = ?", T(user));
    if (marker)
        sql_add(s, " AND name > ?", T(marker));
    sql_add(s, " ORDER BY name");
    if (c->version >= V(2, 35))
        sql_add(s, " LIMIT ?", I(page_limit(query)));
    o = answer(rp);
    out_object(&o, NULL);
    out_array(&o, "keypairs");
    for (struct rows *r = sql_query(s); db_next(r); n++) {
        const struct keypair k = { .name = db_text(r, 0), .public_key = db_text(r, 1), .fingerprint = db_text(r, 2) };

        out_object(&o, NULL);
        out_object(&o, "keypair");
        write_keypair(c, &o, &k);
        if (c->version >= V(2, 2))
            out_string(&o, "type", db_text(r, 3));
        out_end_object(&o);
        out_end_object(&o);
        last = k.name;
    }
    out_end_array(&o);
    if (c->version >= V(2, 35))
        write_next(c, rq, &o, "keypairs_links", "os-keypairs", query, n, last);
    out_end_object(&o);
    return !failed(c);
}

static bool keypair_show(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query;
    const char *user = user_of_query(c, rq, "keypairs.show_query", RULE("os-keypairs:show"), &query);
    const struct keypair *k = user ? keypair_get(c, user, request_arg(rq, "name")) : NULL;
    char time[TIME_TEXT_SIZE];
    struct out o;

    if (!k || failed(c))
        return false;
    o = answer(rp);
    out_object(&o, NULL);
    out_object(&o, "keypair");
    write_keypair(c, &o, k);
    out_string(&o, "user_id", k->user_id);
    out_string(&o, "created_at", time_write(time, (utc_time){ k->created_at.us / 1000000 * 1000000 }, TIME_ISO_MICRO));
    out_bool(&o, "deleted", false);
    out_null(&o, "deleted_at");
    out_int(&o, "id", k->id);
    out_null(&o, "updated_at");
    if (c->version >= V(2, 2))
        out_string(&o, "type", k->type);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

static bool quota_left(struct ctx *c, const char *user)
{
    struct quota_set set;

    if (!quota_limits(c, c->who.project_id, user, &set))
        return false;
    return set.limit[QUOTA_KEY_PAIRS] < 0 ||
           db_count(c, "SELECT count(*) FROM keypairs WHERE user_id = $1", T(user)) < set.limit[QUOTA_KEY_PAIRS] || fail(c, KEYPAIR_LIMIT);
}

static bool keypair_insert(struct ctx *c, struct keypair *k)
{
    if (!quota_left(c, k->user_id))
        return false;
    if (db_count(c, "SELECT count(*) FROM keypairs WHERE user_id = $1 AND name = $2", T(k->user_id), T(k->name)))
        return fail(c, KEYPAIR_EXISTS, k->name);
    k->id = counter_next(c, "keypairs");
    k->created_at = utc_now();
    return record_insert(c, "keypairs", keypair_attrs, k);
}

/* Imported where the body has a key, else made here. */
static bool material_of(struct ctx *c, const json_t *asked, const struct keypair *k, struct key_material *ret_key)
{
    bool ssh = strcmp(k->type, "ssh") == 0;

    ret_key->public_key = ctx_strdup(c, json_get_string(asked, "public_key"));
    if (!ret_key->public_key)
        return quota_left(c, k->user_id) && (ssh ? ssh_key_make(c, ret_key) : x509_key_make(c, k->user_id, ret_key));
    ret_key->fingerprint = ssh ? ssh_fingerprint(c, ret_key->public_key) : x509_fingerprint(c, ret_key->public_key);
    return ret_key->fingerprint != NULL;
}

static void answer_created(struct ctx *c, struct reply *rp, const struct keypair *k, const char *private_key)
{
    struct out o = answer(rp);

    out_object(&o, NULL);
    out_object(&o, "keypair");
    if (private_key)
        out_string(&o, "private_key", private_key);
    if (c->version >= V(2, 2))
        out_string(&o, "type", k->type);
    write_keypair(c, &o, k);
    out_string(&o, "user_id", k->user_id);
    out_end_object(&o);
    out_end_object(&o);
}

static bool keypair_create(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *body = schema_body(c, rq, "keypairs.create"), *asked = json_object_get(body, "keypair");
    const char *user = body ? user_of(c, json_get_string(asked, "user_id"), RULE("os-keypairs:create")) : NULL;
    const char *type = json_get_string(asked, "type");
    struct key_material key = {};
    struct keypair k;

    if (!user)
        return false;
    k = (struct keypair){ .user_id = ctx_strdup(c, user), .name = g_strstrip(ctx_strdup(c, json_get_string(asked, "name"))),
                          .type = ctx_strdup(c, type ? type : "ssh") };
    if (!material_of(c, asked, &k, &key))
        return false;
    k.public_key = key.public_key;
    k.fingerprint = key.fingerprint;
    if (!db_begin(c) || !tx_done(c, keypair_insert(c, &k)))
        return false;
    answer_created(c, rp, &k, key.private_key);
    rp->status = c->version >= V(2, 2) ? 201 : 200;
    return true;
}

static bool keypair_delete(struct ctx *c, struct request *rq, struct reply *rp)
{
    json_t *query;
    const char *user = user_of_query(c, rq, "keypairs.show_query", RULE("os-keypairs:delete"), &query);
    const struct keypair *k = user ? keypair_get(c, user, request_arg(rq, "name")) : NULL;

    rp->status = c->version >= V(2, 2) ? 204 : 202;
    return k && !failed(c) && db_begin(c) && tx_done(c, db_exec(c, "DELETE FROM keypairs WHERE id = $1", I(k->id)));
}

/* The rules are asked by the handlers: they are about the user whose key pairs they are. */
const struct route nova_keypair_routes[] = {
    { "GET", "os-keypairs", keypairs_list, .flags = ROUTE_NO_POLICY },
    { "POST", "os-keypairs", keypair_create, .flags = ROUTE_NO_POLICY },
    { "GET", "os-keypairs/{name}", keypair_show, .flags = ROUTE_NO_POLICY },
    { "DELETE", "os-keypairs/{name}", keypair_delete, .flags = ROUTE_NO_POLICY | ROUTE_EMPTY },
    {}
};
