/* Access control lists of S3: as documents, as headers, canned, as system metadata, and (without s3_acl) as Swift's own. */
#include "swift/middleware/s3api/s3.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const permissions[] = { "FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP", NULL };

static const struct group { enum s3_grantee kind; const char *name, *uri; } groups[] = {
    { GRANTEE_AUTHENTICATED_USERS, "AuthenticatedUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers" },
    { GRANTEE_ALL_USERS, "AllUsers", "http://acs.amazonaws.com/groups/global/AllUsers" },
    { GRANTEE_LOG_DELIVERY, "LogDelivery", "http://acs.amazonaws.com/groups/s3/LogDelivery" },
};

/* Who a row of a canned list grants something to. */
enum canned_to { TO_OWNER, TO_BUCKET_OWNER, TO_ALL, TO_AUTHENTICATED, TO_LOG };
static const struct canned { const char *name; struct { const char *permission; enum canned_to to; } grants[3]; } canned_lists[] = {
    { "private", { { "FULL_CONTROL", TO_OWNER } } },
    { "public-read", { { "READ", TO_ALL }, { "FULL_CONTROL", TO_OWNER } } },
    { "public-read-write", { { "READ", TO_ALL }, { "WRITE", TO_ALL }, { "FULL_CONTROL", TO_OWNER } } },
    { "authenticated-read", { { "READ", TO_AUTHENTICATED }, { "FULL_CONTROL", TO_OWNER } } },
    { "bucket-owner-read", { { "READ", TO_BUCKET_OWNER }, { "FULL_CONTROL", TO_OWNER } } },
    { "bucket-owner-full-control", { { "FULL_CONTROL", TO_OWNER }, { "FULL_CONTROL", TO_BUCKET_OWNER } } },
    { "log-delivery-write", { { "WRITE", TO_LOG }, { "READ_ACP", TO_LOG }, { "FULL_CONTROL", TO_OWNER } } },
};

static const struct group *group_by_uri(const char *uri)
{
    for (size_t i = 0; uri && i < G_N_ELEMENTS(groups); i++)
        if (!strcmp(groups[i].uri, uri))
            return &groups[i];
    return NULL;
}

static const struct group *group_by_kind(enum s3_grantee kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
        if (groups[i].kind == kind)
            return &groups[i];
    return NULL;
}

/* --- building one -------------------------------------------------------------------------------------------- */

static struct s3_acl *acl_new(struct ctx *c, const char *owner, size_t room)
{
    struct s3_acl *acl = ctx_new(c, struct s3_acl);

    *acl = (struct s3_acl){ owner, owner, ctx_new_n(c, struct s3_grant, room + 1), 0 };
    return acl;
}

static void grant_user(struct s3_acl *acl, const char *user, const char *permission)
{
    acl->grants[acl->n_grants++] = (struct s3_grant){ GRANTEE_USER, user, permission };
}

static void grant_group(struct s3_acl *acl, enum s3_grantee kind, const char *permission)
{
    acl->grants[acl->n_grants++] = (struct s3_grant){ kind, NULL, permission };
}

static const char *permission_named(struct ctx *c, const char *text)
{
    for (size_t i = 0; text && permissions[i]; i++)
        if (!strcasecmp(permissions[i], text))
            return permissions[i];
    return NULL;
}

static bool add_canned(struct s3_acl *acl, const char *name, const char *bucket_owner, const char *owner)
{
    for (size_t i = 0; i < G_N_ELEMENTS(canned_lists); i++) {
        const struct canned *list = &canned_lists[i];

        if (strcmp(list->name, name))
            continue;
        for (size_t k = 0; k < G_N_ELEMENTS(list->grants) && list->grants[k].permission; k++)
            switch (list->grants[k].to) {
            case TO_OWNER: grant_user(acl, owner, list->grants[k].permission); break;
            case TO_BUCKET_OWNER: grant_user(acl, bucket_owner, list->grants[k].permission); break;
            case TO_ALL: grant_group(acl, GRANTEE_ALL_USERS, list->grants[k].permission); break;
            case TO_AUTHENTICATED: grant_group(acl, GRANTEE_AUTHENTICATED_USERS, list->grants[k].permission); break;
            case TO_LOG: grant_group(acl, GRANTEE_LOG_DELIVERY, list->grants[k].permission); break;
            }
        return true;
    }
    return false;
}

/* --- system metadata --------------------------------------------------------------------------------------------- */

const struct s3_acl *s3_acl_decode(struct s3_request *s, const struct swift_response *response, const char *prefix)
{
    const char *text = s3_sysmeta(s->c, response, prefix, "acl");
    json_t *tree = text && *text ? ctx_json(s->c, json_loads(text, 0, NULL)) : NULL, *grants, *grant;
    struct s3_acl *acl;
    size_t i;

    if (text && *text && !tree)
        goto broken;
    if (!json_is_object(tree))
        return acl_new(s->c, NULL, 0);
    grants = json_object_get(tree, "Grant");
    acl = acl_new(s->c, s3_member(tree, "Owner"), json_array_size(grants));
    json_array_foreach(grants, i, grant) {
        const char *grantee = s3_member(grant, "Grantee"), *permission = permission_named(s->c, s3_member(grant, "Permission"));
        const struct group *group = NULL;

        if (!grantee || !permission)
            goto broken;
        for (size_t k = 0; k < G_N_ELEMENTS(groups); k++)
            if (!strcmp(groups[k].name, grantee))
                group = &groups[k];
        if (group)
            grant_group(acl, group->kind, permission);
        else
            grant_user(acl, grantee, permission);
    }
    return acl;
broken:
    s3_fail(s, S3_INTERNAL, NULL, NULL);
    return NULL;
}

const char *s3_acl_encode(struct ctx *c, const struct s3_acl *acl)
{
    json_t *grants = json_array(), *tree = ctx_json(c, json_pack("{s:s?, s:o}", "Owner", acl->owner_id, "Grant", grants));

    for (size_t i = 0; i < acl->n_grants; i++) {
        const struct group *group = group_by_kind(acl->grants[i].kind);

        json_array_append_new(grants, json_pack("{s:s, s:s?}", "Permission", acl->grants[i].permission, "Grantee", group ? group->name : acl->grants[i].user));
    }
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENSURE_ASCII);
    const char *kept = ctx_strdup(c, text);
    free(text);
    return kept;
}

/* --- headers --------------------------------------------------------------------------------------------------------- */

/* `id="alice"`, `uri="http://..."` */
static bool add_grantee(struct s3_request *s, struct s3_acl *acl, const char *text, const char *permission)
{
    const char *equals = strchr(text, '=');

    if (!equals)
        return s3_fail(s, S3_INVALID_REQUEST, NULL, NULL);
    char *type = g_ascii_strdown(ctx_strndup(s->c, text, (size_t)(equals - text)), -1);
    char *value = ctx_strdup(s->c, equals + 1);
    ctx_own(s->c, type, g_free);
    g_strstrip(g_strdelimit(value, "\"'", ' '));
    if (!strcmp(type, "id")) {
        grant_user(acl, value, permission);
    } else if (!strcmp(type, "uri")) {
        const struct group *group = group_by_uri(value);

        if (!group)
            return s3_fail(s, S3_INVALID_ARGUMENT, "Invalid group uri", "ArgumentName", "uri", "ArgumentValue", value, NULL);
        grant_group(acl, group->kind, permission);
    } else if (!strcmp(type, "emailaddress")) {
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    } else {
        return s3_fail(s, S3_INVALID_ARGUMENT, "Argument format not recognized", "ArgumentName", type, "ArgumentValue", value, NULL);
    }
    return true;
}

static size_t count_grantees(const struct headers *headers)
{
    size_t n = 3;                        /* as many as a canned list has */

    for (size_t i = 0; i < headers->n; i++)
        if (!strncasecmp(headers->pairs[i].name, "x-amz-grant-", 12))
            for (const char *at = headers->pairs[i].value; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                n++;
    return n;
}

bool s3_acl_from_headers(struct s3_request *s, const char *bucket_owner, const char *object_owner, bool as_private, const struct s3_acl **ret)
{
    const struct headers *headers = &s->client->headers;
    const char *owner = object_owner ? object_owner : bucket_owner, *canned = headers_get(headers, "x-amz-acl");
    struct s3_acl *acl = acl_new(s->c, owner, count_grantees(headers));

    for (size_t i = 0; i < headers->n; i++) {
        if (strncasecmp(headers->pairs[i].name, "x-amz-grant-", 12))
            continue;
        const char *permission = permission_named(s->c, g_strdelimit(ctx_strdup(s->c, headers->pairs[i].name + 12), "-", '_'));
        char **grantees = text_split(s->c, headers->pairs[i].value, ',');

        for (size_t k = 0; permission && grantees[k]; k++)
            if (!add_grantee(s, acl, grantees[k], permission))
                return false;
    }
    if (canned && acl->n_grants)
        return s3_fail(s, S3_INVALID_REQUEST, "Specifying both Canned ACLs and Header Grants is not allowed", NULL);
    if (canned && !add_canned(acl, canned, bucket_owner, owner))
        return s3_fail(s, S3_INVALID_ARGUMENT, NULL, "ArgumentName", "x-amz-acl", "ArgumentValue", canned, NULL);
    if (!acl->n_grants && as_private)
        add_canned(acl, "private", bucket_owner, owner);
    *ret = acl->n_grants ? acl : NULL;
    return true;
}

/* --- documents --------------------------------------------------------------------------------------------------------- */

static bool add_grant_node(struct s3_request *s, struct s3_acl *acl, s3_node *node)
{
    s3_node *grantee = xml_child(node, "Grantee");
    const char *type = xml_xsi_type(s->c, grantee), *permission = permission_named(s->c, xml_value(s->c, xml_child(node, "Permission")));

    if (!xml_is(node, "Grant") || !xml_only(node, "!Grantee", "!Permission", NULL) || !type || !permission)
        return s3_fail(s, S3_MALFORMED_ACL, NULL, NULL);
    if (!strcmp(type, "CanonicalUser")) {
        const char *id = xml_value(s->c, xml_child(grantee, "ID"));

        if (!xml_only(grantee, "!ID", "DisplayName", NULL))
            return s3_fail(s, S3_MALFORMED_ACL, NULL, NULL);
        grant_user(acl, id ? id : "", permission);
    } else if (!strcmp(type, "Group")) {
        const char *uri = xml_value(s->c, xml_child(grantee, "URI"));
        const struct group *group = group_by_uri(uri);

        if (!group)
            return s3_fail(s, S3_INVALID_ARGUMENT, "Invalid group uri", "ArgumentName", "uri", "ArgumentValue", uri, NULL);
        grant_group(acl, group->kind, permission);
    } else if (!strcmp(type, "AmazonCustomerByEmail")) {
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    } else {
        return s3_fail(s, S3_MALFORMED_ACL, NULL, NULL);
    }
    return true;
}

bool s3_acl_from_xml(struct s3_request *s, const char *text, size_t n, const struct s3_acl **ret)
{
    s3_node *root = xml_read(s->c, text, n, "AccessControlPolicy"), *owner = xml_child(root, "Owner"), *list = xml_child(root, "AccessControlList");
    const char *id = xml_value(s->c, xml_child(owner, "ID")), *name = xml_value(s->c, xml_child(owner, "DisplayName"));
    struct s3_acl *acl;
    size_t rows = 0;

    if (!root || !xml_only(root, "!Owner", "!AccessControlList", NULL) || !xml_only(owner, "!ID", "DisplayName", NULL))
        return s3_fail(s, S3_MALFORMED_ACL, NULL, NULL);
    for (s3_node *node = xml_first(list); node; node = xml_next(node))
        rows++;
    acl = acl_new(s->c, id, rows);
    acl->owner_name = name ? name : id;
    for (s3_node *node = xml_first(list); node; node = xml_next(node))
        if (!add_grant_node(s, acl, node))
            return false;
    *ret = acl;
    return true;
}

void s3_acl_write(struct ctx *c, const struct s3_acl *acl, struct swift_response *response)
{
    struct xml x = { 0 };

    xml_begin(&x, "AccessControlPolicy");
    xml_open(&x, "Owner");
    s3_xml_text(&x, "ID", acl->owner_id);
    s3_xml_text(&x, "DisplayName", acl->owner_name);
    xml_close(&x);
    xml_open(&x, "AccessControlList");
    for (size_t i = 0; i < acl->n_grants; i++) {
        const struct group *group = group_by_kind(acl->grants[i].kind);

        xml_open(&x, "Grant");
        xml_open_with(&x, "Grantee", group ? " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\""
                                           : " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"");
        if (group) {
            s3_xml_text(&x, "URI", group->uri);
        } else {
            s3_xml_text(&x, "ID", acl->grants[i].user);
            s3_xml_text(&x, "DisplayName", acl->grants[i].user);
        }
        xml_close(&x);
        s3_xml_text(&x, "Permission", acl->grants[i].permission);
        xml_close(&x);
    }
    xml_close(&x);
    xml_end(c, &x, response, HTML_TYPE);
}

/* --- judging --------------------------------------------------------------------------------------------------------------- */

static bool holds(const struct s3_grant *grant, const char *user)
{
    const char *colon = user ? strchr(user, ':') : NULL;

    switch (grant->kind) {
    case GRANTEE_USER: return text_equal(grant->user, user);
    case GRANTEE_LOG_DELIVERY: return user && !strcmp(colon ? colon + 1 : user, ".log_delivery");
    case GRANTEE_AUTHENTICATED_USERS: case GRANTEE_ALL_USERS: return true;       /* whoever has signed */
    }
    return false;
}

static bool owns(const struct s3_request *s, const struct s3_acl *acl, const char *user)
{
    return acl->owner_id ? text_equal(acl->owner_id, user) : s->options->allow_no_owner;
}

bool s3_acl_owned(struct s3_request *s, const struct s3_acl *acl, const char *user)
{
    return owns(s, acl, user) || s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
}

bool s3_acl_allows(struct s3_request *s, const struct s3_acl *acl, const char *user, const char *permission)
{
    if (owns(s, acl, user))
        return true;
    for (size_t i = 0; text_in(permission, permissions) && i < acl->n_grants; i++)
        if (holds(&acl->grants[i], user) && (!strcmp(acl->grants[i].permission, "FULL_CONTROL") || !strcmp(acl->grants[i].permission, permission)))
            return true;
    return s3_fail(s, S3_ACCESS_DENIED, NULL, NULL);
}

/* --- Swift's own -------------------------------------------------------------------------------------------------------------- */

static const struct { const char *name, *read, *write; } as_swift[] = {
    { "public-read", ".r:*,.rlistings", NULL },
    { "public-read-write", ".r:*,.rlistings", ".r:*" },
    { "private", ".", "." },
    { "bucket-owner-full-control", ".", "." },           /* Swift has no lists of objects: as near as it gets */
    { "bucket-owner-read", ".", "." },
};

/* The canned list a document comes nearest to; "unsupported". */
static const char *canned_like(struct s3_request *s, const char *text, size_t n)
{
    s3_node *root = xml_read(s->c, text, n, "AccessControlPolicy");
    const char *canned = "unknown";

    for (s3_node *node = xml_first(xml_child(root, "AccessControlList")); node; node = xml_next(node)) {
        const char *type = xml_xsi_type(s->c, xml_child(node, "Grantee")), *permission = xml_value(s->c, xml_child(node, "Permission"));
        bool group = text_equal(type, "Group"), public_write = !strcmp(canned, "public-read-write");

        if (text_equal(permission, "FULL_CONTROL") && text_equal(type, "CanonicalUser") && strcmp(canned, "public-read") && !public_write)
            canned = "private";
        else if (text_equal(permission, "READ") && group && !public_write)
            canned = "public-read";
        else if (text_equal(permission, "WRITE") && group)
            canned = "public-read-write";
        else
            canned = "unsupported";
    }
    return canned;
}

bool s3_acl_to_swift(struct s3_request *s, const char *canned, const char *text, size_t n)
{
    const char *name = canned ? canned : canned_like(s, text, n);

    if (!strcmp(name, "authenticated-read") || !strcmp(name, "log-delivery-write"))
        return s3_fail(s, S3_NOT_IMPLEMENTED, NULL, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(as_swift); i++)
        if (!strcmp(as_swift[i].name, name)) {
            headers_set(s->c, &s->client->headers, "X-Container-Read", as_swift[i].read);
            if (as_swift[i].write)
                headers_set(s->c, &s->client->headers, "X-Container-Write", as_swift[i].write);
            return true;
        }
    if (canned)
        return s3_fail(s, S3_INVALID_ARGUMENT, NULL, "ArgumentName", "x-amz-acl", "ArgumentValue", canned, NULL);
    return s3_fail(s, S3_MALFORMED_ACL, NULL, NULL);
}
