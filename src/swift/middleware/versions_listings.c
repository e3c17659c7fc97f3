/* Listings with versions: of a container (?versions), and of an account, whose containers count their hidden ones. */
#include "swift/middleware/versions.h"

#include "swift/accept.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"

#include <string.h>

static const char *query_of(struct ctx *c, const struct pair *pairs)
{
    struct buf b = { 0 };

    buf_puts(&b, "format=json");
    for (; pairs->name; pairs++)
        if (pairs->value) {
            buf_printf(&b, "&%s=", pairs->name);
            name_quote_to(&b, pairs->value, "");
        }
    const char *query = ctx_strdup(c, b.data);
    buf_clear(&b);
    return query;
}

/* --- the versions of a container ------------------------------------------------------------------------------------ */

struct versions_listing {
    struct ctx *c;
    const struct swift_request *request;
    const char *hidden;
    json_t *rows;                    /* of the answer */
    GHashTable *current;             /* "name of the version" to the row of the link to it */
    GHashTable *has_latest;          /* names of objects */
    GHashTable *subdirs;
};

static bool refuse(struct ctx *c, struct swift_response *response, int status, const char *message)
{
    response_clear(response);
    response_error(c, response, status, message);
    return false;
}

/* Where the hidden listing begins. *ret NULL: at its beginning. */
static bool read_marker(struct ctx *c, const struct swift_request *r, const char **ret, struct swift_response *response)
{
    const char *marker = request_param(r, "marker"), *version = request_param(r, "version_marker");
    struct timestamp when;

    *ret = NULL;
    if (version && !marker)
        return refuse(c, response, 400, "version_marker param requires marker");
    if (version && strcmp(version, "null")) {
        if (!timestamp_parse(version, &when))
            return refuse(c, response, 400, "invalid version_marker param");
        *ret = versions_object_name(c, marker, when);
    } else if (version) {
        *ret = marker;
    } else if (marker) {
        *ret = ctx_printf(c, RESERVED "%s" RESERVED ":", marker);    /* right behind all of its times */
    }
    return true;
}

/* The container's own rows: links to versions, and objects from before it had any. */
static void take_primary(struct versions_listing *l, json_t *primary)
{
    json_t *row;
    size_t i;

    json_array_foreach(primary, i, row) {
        const char *name = row_name(l->c, row, "name"), *subdir = row_name(l->c, row, "subdir"), *path = row_name(l->c, row, "symlink_path"), *slash;

        if (!name) {
            if (subdir)
                g_hash_table_add(l->subdirs, (char *)subdir);
        } else if (json_is_true(json_object_get(row, "version_symlink")) && path) {
            path = name_decode(l->c, path, strlen(path), false);
            slash = path ? strstr(path, ctx_printf(l->c, "/%s/", l->hidden)) : NULL;
            if (slash)
                g_hash_table_insert(l->current, (char *)slash + strlen(l->hidden) + 2, row);
        } else {
            json_t *own = json_copy(row);

            json_object_set_new(own, "version_id", json_string("null"));
            json_object_set_new(own, "is_latest", json_true());
            json_array_append_new(l->rows, own);
            g_hash_table_add(l->has_latest, (char *)name);
        }
    }
}

static void take_version(struct versions_listing *l, json_t *row)
{
    const char *full = row_name(l->c, row, "name"), *subdir = row_name(l->c, row, "subdir"), *name;
    const char *type = json_string_value(json_object_get(row, "content_type"));
    struct timestamp when;
    bool latest;

    if (!full) {
        size_t mark = strlen(RESERVED);

        if (subdir && !strncmp(subdir, RESERVED, mark))
            g_hash_table_add(l->subdirs, ctx_strndup(l->c, subdir + mark, strstr(subdir + mark, RESERVED) ? (size_t)(strstr(subdir + mark, RESERVED) - subdir - mark)
                                                                                                           : strlen(subdir + mark)));
        return;
    }
    if (!versions_split(l->c, full, &name, &when))
        return;
    latest = g_hash_table_remove(l->current, full) || (type && !strcmp(type, DELETE_MARKER_TYPE) && !g_hash_table_contains(l->has_latest, name));
    if (latest)
        g_hash_table_add(l->has_latest, (char *)name);
    json_object_set_new(row, "name", name_as_json(l->c, name));
    json_object_set_new(row, "version_id", json_string(timestamp_text(l->c, when)));
    json_object_set_new(row, "is_latest", json_boolean(latest));
    json_array_append(l->rows, row);
}

/* Links whose version is not listed: it may be on its way. */
static void take_broken(struct versions_listing *l)
{
    static const char *const kept[] = { "content_type", "bytes", "hash", "last_modified" };
    GHashTableIter i;
    gpointer full, link;

    g_hash_table_iter_init(&i, l->current);
    while (g_hash_table_iter_next(&i, &full, &link)) {
        json_t *row = json_object();
        const char *name;
        struct timestamp when;

        if (!versions_split(l->c, full, &name, &when)) {
            json_decref(row);
            continue;
        }
        json_object_set_new(row, "name", name_as_json(l->c, name));
        json_object_set_new(row, "is_latest", json_boolean(!g_hash_table_contains(l->has_latest, name)));
        json_object_set_new(row, "version_id", json_string(timestamp_text(l->c, when)));
        for (size_t k = 0; k < G_N_ELEMENTS(kept); k++)
            json_object_set(row, kept[k], json_object_get(link, kept[k]));
        json_array_append_new(l->rows, row);
        g_hash_table_add(l->has_latest, (char *)name);
    }
}

static void take_subdirs(struct versions_listing *l)
{
    GHashTableIter i;
    gpointer name;

    g_hash_table_iter_init(&i, l->subdirs);
    while (g_hash_table_iter_next(&i, &name, NULL))
        json_array_append_new(l->rows, json_pack("{s:o}", "subdir", name_as_json(l->c, name)));
}

static bool hidden_listing(struct versions_listing *l, const struct step *step, struct swift_response *response)
{
    const struct swift_request *r = l->request;
    const char *prefix = request_param(r, "prefix"), *delimiter = request_param(r, "delimiter"), *marker;
    struct swift_request *get = versions_request(l->c, r, "GET", l->hidden, NULL);
    struct swift_response hidden = RESPONSE_EMPTY;
    json_t *rows, *row;
    size_t i;

    if (delimiter && (strpbrk(delimiter, "0123456789.") || strstr(delimiter, RESERVED)))
        return refuse(l->c, response, 400, "invalid delimiter param");
    if (!read_marker(l->c, r, &marker, response))
        return false;
    const struct pair pairs[] = { { "prefix", prefix ? ctx_printf(l->c, RESERVED "%s", prefix) : "" }, { "marker", marker ? marker : "" },
                                  { "limit", request_param(r, "limit") }, { "delimiter", delimiter ? delimiter : "" },
                                  { "reverse", request_param(r, "reverse") }, {} };
    request_set_query(l->c, get, query_of(l->c, pairs));
    step_next(l->c, step, get, &hidden);
    if (hidden.status / 100 != 2 && hidden.status != 404) {
        response_clear(response);
        *response = hidden;
        return false;
    }
    rows = versions_read_listing(l->c, &hidden);
    json_array_foreach(rows, i, row)
        take_version(l, row);
    return true;
}

void versions_list(struct ctx *c, const struct step *step, struct swift_request *r, const char *hidden, json_t *primary, struct swift_response *response)
{
    static const char *const json_only[] = { "application/json", NULL };
    const char *accept = request_get(r, "Accept");
    bool malformed;
    struct versions_listing l = { c, r, hidden, ctx_json(c, json_array()), g_hash_table_new(g_str_hash, g_str_equal), g_hash_table_new(g_str_hash, g_str_equal),
                                  g_hash_table_new(g_str_hash, g_str_equal) };

    r->env->middleware[SLOT_LISTING] = NULL;             /* in JSON only */
    if (!accept_best(c, accept, json_only, &malformed)) {
        refuse(c, response, 406, NULL);
    } else {
        take_primary(&l, primary);
        if (hidden_listing(&l, step, response)) {
            take_broken(&l);
            take_subdirs(&l);
            versions_write_listing(c, l.rows, word_true(request_param(r, "reverse")), versions_limit(r, constraints->container_listing_limit), response);
        }
    }
    g_hash_table_destroy(l.current);
    g_hash_table_destroy(l.has_latest);
    g_hash_table_destroy(l.subdirs);
}

/* --- the containers of an account ----------------------------------------------------------------------------------------- */

/* The hidden containers of those that are listed, by the names of these. */
static json_t *hidden_containers(struct ctx *c, const struct step *step, const struct swift_request *r)
{
    static const char *const moved[] = { "marker", "end_marker" };
    const char *prefix = request_param(r, "prefix");
    struct swift_request *get = versions_request(c, r, "GET", NULL, NULL);
    struct swift_response response = RESPONSE_EMPTY;
    struct pair pairs[8] = { { "prefix", prefix ? versions_container_name(c, prefix) : RESERVED "versions" RESERVED } };
    size_t n = 1;

    if (!pairs[0].value)
        pairs[0].value = prefix;
    for (size_t i = 0; i < G_N_ELEMENTS(moved); i++) {
        const char *value = request_param(r, moved[i]), *hidden = value ? versions_container_name(c, value) : NULL;

        pairs[n++] = (struct pair){ moved[i], hidden ? hidden : value };
    }
    pairs[n++] = (struct pair){ "limit", request_param(r, "limit") };
    pairs[n++] = (struct pair){ "delimiter", request_param(r, "delimiter") };
    pairs[n++] = (struct pair){ "reverse", request_param(r, "reverse") };
    request_set_query(c, get, query_of(c, pairs));
    step_next(c, step, get, &response);
    return versions_read_listing(c, &response);
}

void versions_of_account(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const char mark[] = RESERVED "versions" RESERVED;
    struct headers headers;
    json_t *rows, *hidden, *row;
    GHashTable *by_name;
    size_t i;

    step_next(c, step, r, response);
    if (strcmp(r->method, "GET") || response->status / 100 != 2)
        return;
    hidden = hidden_containers(c, step, r);
    if (!json_array_size(hidden))
        return;
    headers = response->headers;
    int status = response->status;
    rows = versions_read_listing(c, response);
    response->status = status;
    response->headers = headers;
    if (!rows)
        return;
    by_name = g_hash_table_new(g_str_hash, g_str_equal);
    json_array_foreach(hidden, i, row) {
        const char *name = row_name(c, row, "name");

        if (name && g_str_has_prefix(name, mark))
            g_hash_table_insert(by_name, (char *)name + strlen(mark), row);
    }
    json_array_foreach(rows, i, row) {
        const char *name = row_name(c, row, "name");
        json_t *versions = name ? g_hash_table_lookup(by_name, name) : NULL;

        if (!versions)
            continue;
        json_object_set_new(row, "bytes", json_integer(json_integer_value(json_object_get(row, "bytes")) + json_integer_value(json_object_get(versions, "bytes"))));
        g_hash_table_remove(by_name, name);
    }
    GHashTableIter left;
    gpointer name, orphan;
    g_hash_table_iter_init(&left, by_name);
    while (g_hash_table_iter_next(&left, &name, &orphan)) {          /* whose container has gone: shown, so that it can be cleaned up */
        json_object_set_new(orphan, "name", name_as_json(c, name));
        json_object_set_new(orphan, "count", json_integer(0));
        json_array_append(rows, orphan);
    }
    g_hash_table_destroy(by_name);
    versions_write_listing(c, rows, word_true(request_param(r, "reverse")), versions_limit(r, constraints->account_listing_limit), response);
}
