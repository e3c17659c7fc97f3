/* See provider.h. */
#include "keystone/federation/provider.h"

#include <string.h>

#define MINUTE_US INT64_C(60000000)

bool idp_get(struct ctx *c, const char *id, struct idp *ret_idp)
{
    struct rows *rows = db_query(c, "SELECT id, domain_id, enabled, remote_ids, authorization_ttl FROM identity_providers WHERE id = $1", T(id));

    if (!db_next(rows))
        return fail(c, NO_SUCH, "Identity Provider", id);
    int64_t ttl = db_int(rows, 4);
    *ret_idp = (struct idp){
        .id = db_text(rows, 0), .domain_id = db_text(rows, 1), .enabled = db_bool(rows, 2), .remote_ids = json_of(c, (raw_json){ db_text(rows, 3) }),
        .ttl_us = (ttl ? ttl : keystone_options()->default_authorization_ttl) * MINUTE_US,
    };
    db_rows_end(rows);
    return true;
}

bool idp_use(struct ctx *c, const char *id, struct idp *ret_idp)
{
    return idp_get(c, id, ret_idp) && (ret_idp->enabled || fail(c, NOT_AUTHORIZED_PLAIN));
}

bool protocol_get(struct ctx *c, const char *idp_id, const char *id, struct protocol *ret_protocol)
{
    struct rows *rows = db_query(c, "SELECT p.id, p.mapping_id, p.remote_id_attribute, m.rules FROM federation_protocols p"
                                 " LEFT JOIN mappings m ON m.id = p.mapping_id WHERE p.idp_id = $1 AND p.id = $2", T(idp_id), T(id));
    const char *fallback = keystone_options()->remote_id_attribute;

    if (!db_next(rows))
        return fail(c, NO_PROTOCOL, id, idp_id);
    *ret_protocol = (struct protocol){
        .id = db_text(rows, 0), .mapping_id = db_text(rows, 1), .remote_id_attribute = db_is_null(rows, 2) ? fallback : db_text(rows, 2),
        .rules = json_of(c, (raw_json){ db_text(rows, 3) }),
    };
    db_rows_end(rows);
    return true;
}

bool protocol_mapped(struct ctx *c, const struct protocol *p)
{
    return json_is_array(p->rules) || fail(c, NO_SUCH, "mapping", p->mapping_id);
}

const char *idp_by_remote_id(struct ctx *c, const char *remote_id)
{
    const char *id = db_get_text(c, "SELECT idp_id FROM idp_remote_ids WHERE remote_id = $1", T(remote_id));

    return id || failed(c) ? id : fail_null(c, NO_SUCH, "Identity Provider", remote_id);
}

bool idp_has_remote_id(const struct idp *p, const char *remote_id)
{
    const json_t *item;
    size_t i;

    json_array_foreach(p->remote_ids, i, item)
        if (text_equal(json_string_value(item), remote_id))
            return true;
    return false;
}

bool mapped_groups_judge(struct ctx *c, const char *mapping_id, const char *const *group_ids)
{
    for (const char *const *id = group_ids; *id; id++)
        if (!db_count(c, "SELECT count(*) FROM user_groups WHERE id = $1", T(*id)))
            return fail(c, MAPPED_GROUP_NOT_FOUND, *id, mapping_id);
    return !failed(c);
}
