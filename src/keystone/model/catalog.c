/* The catalog of a token: enabled services and endpoints, the ids of user and project put into the addresses. Where
 * endpoints or groups of them are associated with the project, it sees those alone.
 */
#include "keystone/model/model.h"

#include <string.h>

struct substitutions {
    const char *user_id, *project_id;
};

/* $(project_id)s or %(project_id)s becomes the id. NULL: the address needs what is not known here. */
static char *url_of(struct ctx *c, const char *url, const struct substitutions *with)
{
    GString *text = g_string_new(NULL);
    bool known = true;

    while (*url && known) {
        const char *end = (url[0] == '$' || url[0] == '%') && url[1] == '(' ? strstr(url, ")s") : NULL;

        if (!end) {
            g_string_append_c(text, *url++);
            continue;
        }
        g_autofree char *name = g_strndup(url + 2, (gsize)(end - url - 2));
        const char *value = !strcmp(name, "project_id") || !strcmp(name, "tenant_id") ? with->project_id
            : !strcmp(name, "user_id") ? with->user_id : NULL;
        known = value != NULL;
        g_string_append(text, value ? value : "");
        url = end + 2;
    }
    char *copy = known ? ctx_strdup(c, text->str) : NULL;
    g_string_free(text, TRUE);
    return copy;
}

/* Does a project have endpoints of its own? Their ids, or NULL for "sees all". */
static GHashTable *endpoints_of_project(struct ctx *c, const char *project_id)
{
    GHashTable *ids = NULL;
    struct rows *rows;

    if (!project_id)
        return NULL;
    rows = db_query(c, "SELECT endpoint_id FROM project_endpoints WHERE project_id = $1"
                    " UNION SELECT e.id FROM project_endpoint_groups p JOIN endpoint_groups g ON g.id = p.endpoint_group_id"
                    " JOIN endpoints e ON COALESCE(g.filters ->> 'interface', e.interface) = e.interface"
                    " AND COALESCE(g.filters ->> 'service_id', e.service_id) = e.service_id"
                    " AND COALESCE(g.filters ->> 'region_id', e.region_id, '') = COALESCE(e.region_id, '')"
                    " WHERE p.project_id = $1", T(project_id));
    while (db_next(rows)) {
        if (!ids)
            ids = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), (void (*)(void *))g_hash_table_unref);
        g_hash_table_add(ids, db_text(rows, 0));
    }
    return ids;
}

static void endpoint_write(struct out *o, struct rows *rows, const char *url)
{
    out_object(o, NULL);
    out_string(o, "id", db_text(rows, 3));
    out_string(o, "interface", db_text(rows, 4));
    out_string(o, "region_id", db_text(rows, 5));
    out_string(o, "url", url);
    out_string(o, "region", db_text(rows, 5));
    out_end_object(o);
}

static void service_end(struct out *o, const char *id, const char *type, const char *name)
{
    out_end_array(o);
    out_string(o, "id", id);
    out_string(o, "type", type);
    out_string(o, "name", name ? name : "");
    out_end_object(o);
}

bool catalog_write(struct ctx *c, struct out *o, const char *key, const char *user_id, const char *project_id)
{
    const struct substitutions with = { user_id, project_id };
    GHashTable *only = endpoints_of_project(c, project_id);
    const char *id = NULL, *type = NULL, *name = NULL;
    struct rows *rows = db_query(c, "SELECT s.id, s.type, s.name, e.id, e.interface, e.region_id, e.url FROM services s"
                                 " LEFT JOIN endpoints e ON e.service_id = s.id AND e.enabled = $1 WHERE s.enabled = $1"
                                 " ORDER BY s.id, e.id", B(true));

    out_array(o, key);
    while (db_next(rows)) {
        const char *service = db_text(rows, 0), *endpoint = db_text(rows, 3), *url;

        if (!id || strcmp(id, service)) {
            if (id)
                service_end(o, id, type, name);
            id = service;
            type = db_text(rows, 1);
            name = db_text(rows, 2);
            out_object(o, NULL);
            out_array(o, "endpoints");
        }
        if (endpoint && (!only || g_hash_table_contains(only, endpoint)) && (url = url_of(c, db_text(rows, 6), &with)))
            endpoint_write(o, rows, url);
    }
    if (id)
        service_end(o, id, type, name);
    out_end_array(o);
    return !failed(c);
}
