/* See federated_users.h. */
#include "keystone/api/federated_users.h"

#include <string.h>

/* -- judging ------------------------------------------------------------------------------------------------------- */

static bool protocols_judge(struct ctx *c, const char *idp_id, const json_t *protocols)
{
    const json_t *protocol;
    size_t i;

    json_array_foreach(protocols, i, protocol) {
        const char *id = json_get_string(protocol, "protocol_id");

        if (!db_count(c, "SELECT count(*) FROM federation_protocols WHERE idp_id = $1 AND id = $2", T(idp_id), T(id)))
            return !failed(c) && fail(c, VALIDATION, ctx_printf(c, "Could not find federated protocol %s for Identity Provider: %s.", id, idp_id));
    }
    return true;
}

bool federated_judge(struct ctx *c, const json_t *federated)
{
    const json_t *item;
    size_t i;

    json_array_foreach(federated, i, item) {
        const char *idp_id = json_get_string(item, "idp_id");

        if (!db_count(c, "SELECT count(*) FROM identity_providers WHERE id = $1", T(idp_id)))
            return !failed(c) && fail(c, VALIDATION, ctx_printf(c, "Could not find Identity Provider: %s", idp_id));
        if (!protocols_judge(c, idp_id, json_object_get(item, "protocols")))
            return false;
    }
    return true;
}

/* -- storing and showing ------------------------------------------------------------------------------------------- */

bool federated_store(struct ctx *c, const char *user_id, const char *name, const json_t *federated)
{
    const json_t *item, *protocol;
    size_t i, k;

    if (!json_array_size(federated))
        return true;
    if (!db_exec(c, "DELETE FROM federated_users WHERE user_id = $1", T(user_id)))
        return false;
    json_array_foreach(federated, i, item)
        json_array_foreach(json_object_get(item, "protocols"), k, protocol) {
            const char *idp_id = json_get_string(item, "idp_id"), *protocol_id = json_get_string(protocol, "protocol_id"),
                *unique_id = json_get_string(protocol, "unique_id");

            if (db_count(c, "SELECT count(*) FROM federated_users WHERE idp_id = $1 AND protocol_id = $2 AND unique_id = $3",
                         T(idp_id), T(protocol_id), T(unique_id)))
                return fail(c, STORE_CONFLICT, "federated_user", "Duplicate entry");
            if (!db_exec(c, "INSERT INTO federated_users (idp_id, protocol_id, unique_id, user_id, display_name) VALUES ($1, $2, $3, $4, $5)",
                         T(idp_id), T(protocol_id), T(unique_id), T(user_id), T(name)))
                return false;
        }
    return true;
}

void federated_write(struct ctx *c, struct out *o, const char *user_id)
{
    struct rows *rows = db_query(c, "SELECT idp_id, protocol_id, unique_id FROM federated_users WHERE user_id = $1 ORDER BY idp_id, protocol_id, unique_id",
                                 T(user_id));
    const char *open = NULL;

    while (db_next(rows)) {
        const char *idp_id = db_text(rows, 0);

        if (!open)
            out_array(o, "federated");
        if (!text_equal(open, idp_id)) {
            if (open) {
                out_end_array(o);
                out_end_object(o);
            }
            out_object(o, NULL);
            out_string(o, "idp_id", idp_id);
            out_array(o, "protocols");
            open = idp_id;
        }
        out_object(o, NULL);
        out_string(o, "protocol_id", db_text(rows, 1));
        out_string(o, "unique_id", db_text(rows, 2));
        out_end_object(o);
    }
    if (!open)
        return;
    out_end_array(o);
    out_end_object(o);
    out_end_array(o);
}

bool federated_filter(struct ctx *c, const char *name, const char *const *values, struct sql *s, bool *ret_taken)
{
    static const struct { const char *name, *sql; } filters[] = {
        { "idp_id", " AND t.id IN (SELECT user_id FROM federated_users WHERE idp_id = ?)" },
        { "protocol_id", " AND t.id IN (SELECT user_id FROM federated_users WHERE protocol_id = ?)" },
        { "unique_id", " AND t.id IN (SELECT user_id FROM federated_users WHERE unique_id = ?)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++)
        if (!strcmp(filters[i].name, name)) {
            sql_add(s, filters[i].sql, T(values[0]));
            *ret_taken = true;
        }
    return true;
}
