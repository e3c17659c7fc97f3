/* How the networking API speaks: error bodies, the words for wrong values, links between pages, conditions, common filters. */
#include "neutron/neutron.h"

#include <string.h>

/* --- values as Python prints them ----------------------------------------------------------------------------- */

static void python_write(struct buf *to, const json_t *value, bool quoted)
{
    const char *key;
    json_t *member;
    size_t i;

    switch (json_typeof(value)) {
    case JSON_NULL:
        buf_puts(to, "None");
        break;
    case JSON_TRUE: case JSON_FALSE:
        buf_puts(to, json_is_true(value) ? "True" : "False");
        break;
    case JSON_INTEGER:
        buf_int(to, json_integer_value(value));
        break;
    case JSON_REAL:
        buf_printf(to, "%g", json_real_value(value));
        break;
    case JSON_STRING:
        buf_printf(to, quoted ? "'%s'" : "%s", json_string_value(value));
        break;
    case JSON_ARRAY:
        buf_putc(to, '[');
        json_array_foreach(value, i, member) {
            buf_puts(to, i ? ", " : "");
            python_write(to, member, true);
        }
        buf_putc(to, ']');
        break;
    case JSON_OBJECT:
        buf_putc(to, '{');
        i = 0;
        json_object_foreach((json_t *)(uintptr_t)value, key, member) {
            buf_printf(to, "%s'%s': ", i++ ? ", " : "", key);
            python_write(to, member, true);
        }
        buf_putc(to, '}');
        break;
    }
}

char *python_text(struct ctx *c, const json_t *value)
{
    struct buf text = { 0 };
    char *copy;

    python_write(&text, value ? value : json_null(), false);
    copy = ctx_strdup(c, text.data ? text.data : "");
    buf_clear(&text);
    return copy;
}

char *python_keys(struct ctx *c, const json_t *object)
{
    struct buf text = { 0 };
    const char *key;
    json_t *value;
    char *copy;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        buf_printf(&text, "%s'%s'", text.len ? ", " : "{", key);
    buf_puts(&text, text.len ? "}" : "set()");
    copy = ctx_strdup(c, text.data);
    buf_clear(&text);
    return copy;
}

bool invalid_member(struct ctx *c, const char *name, const char *format, ...)
{
    va_list args;
    char *reason;

    va_start(args, format);
    reason = ctx_vprintf(c, format, args);
    va_end(args);
    return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Invalid input for %s. Reason: %s.", name, reason));
}

bool invalid_input(struct ctx *c, const char *format, ...)
{
    va_list args;
    char *reason;

    va_start(args, format);
    reason = ctx_vprintf(c, format, args);
    va_end(args);
    return fail(c, INVALID_INPUT, reason);
}

/* --- wrong values --------------------------------------------------------------------------------------------- */

static const struct { const char *format, *reason; } format_reasons[] = {
    { "uuid", "'%s' is not a valid UUID" }, { "uuid_like", "'%s' is not a valid UUID" }, { "mac", "'%s' is not a valid MAC address" },
    { "ip", "'%s' is not a valid IP address" }, { "cidr", "'%s' is not a valid IP subnet" }, {}
};

static bool wrong_format(struct ctx *c, const struct invalid *wrong, const char *value)
{
    const char *format = wrong->attr->format ? wrong->attr->format->name : "";

    for (size_t i = 0; format_reasons[i].format; i++)
        if (!strcmp(format, format_reasons[i].format))
            return invalid_member(c, wrong->name, format_reasons[i].reason, value);
    return invalid_member(c, wrong->name, "'%s' is not a valid input", value);
}

static bool wrong_type(struct ctx *c, const struct invalid *wrong, const char *value)
{
    switch (wrong->attr->kind) {
    case KIND_BOOL: case KIND_OPT_BOOL:
        return invalid_input(c, "'%s' cannot be converted to boolean", value);
    case KIND_INT: case KIND_OPT_INT:
        return invalid_input(c, "'%s' is not an integer", value);
    default:
        if (wrong->attr->format)
            return wrong_format(c, wrong, value);
        return invalid_member(c, wrong->name, "'%s' is not a valid string", value);
    }
}

static bool wrong_body(struct ctx *c, const struct resource *r, const struct invalid *wrong)
{
    if (wrong->attr)
        return fail(c, HTTP_BAD_REQUEST, "'project_id' and 'tenant_id' do not match");
    if (!r || !wrong->name)
        return fail(c, HTTP_BAD_REQUEST, "Body contains invalid data");
    if (json_is_array(wrong->value) && !json_array_size(wrong->value) && !strcmp(wrong->name, r->plural))
        return fail(c, HTTP_BAD_REQUEST, "Resources required");
    if (!wrong->value)
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Unable to find '%s' in request body", r->name));
    return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Object '%s' contains invalid data", r->name));
}

static bool neutron_invalid(struct ctx *c, const struct resource *r, const struct invalid *wrong)
{
    const char *value = python_text(c, wrong->value);

    switch (wrong->why) {
    case IS_MISSING:
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Failed to parse request. Required attribute '%s' not specified", wrong->name));
    case IS_READ_ONLY:
        if (wrong->attr->flags & OWNER && wrong->verb == VERB_CREATE)
            return fail(c, HTTP_BAD_REQUEST, "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges");
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, wrong->verb == VERB_CREATE ? "Attribute '%s' not allowed in POST" :
                                                    "Cannot update read-only attribute %s", wrong->name));
    case IS_UNKNOWN:
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "Unrecognized attribute(s) '%s'", wrong->name));
    case WRONG_TYPE: case IS_NULL:
        return wrong_type(c, wrong, value);
    case WRONG_FORMAT:
        return wrong_format(c, wrong, value);
    case NOT_A_CHOICE:
        return invalid_member(c, wrong->name, "%s is not in valid_values", value);
    case TOO_LONG:
        return invalid_member(c, wrong->name, "'%s' exceeds maximum length of %" G_GINT64_FORMAT, value, wrong->attr->max);
    case TOO_SHORT:
        return invalid_member(c, wrong->name, "'%s' Blank strings are not permitted", value);
    case TOO_SMALL:
        return invalid_member(c, wrong->name, "'%s' should be non-negative", value);
    case TOO_LARGE:
        return invalid_member(c, wrong->name, "'%s' is too large - must be no larger than '%" G_GINT64_FORMAT "'", value, wrong->attr->max);
    case BAD_FILTER: {
        const struct attr *a = r ? attr_find_json(r->attrs, wrong->name) : NULL;
        bool boolean = a && (a->kind == KIND_BOOL || a->kind == KIND_OPT_BOOL);

        return invalid_input(c, boolean ? "'%s' cannot be converted to boolean" : "'%s' is not an integer", value);
    }
    case UNKNOWN_FILTER:
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "['%s'] is invalid attribute for filtering", wrong->name));
    case BAD_LIMIT:
        return fail(c, BAD_RESOURCE_REQUEST, "limit", ctx_printf(c, "Limit must be an integer 0 or greater and not '%s'", value));
    case BAD_MARKER:
        return fail(c, BAD_RESOURCE_REQUEST, "marker", ctx_printf(c, "Marker '%s' could not be found", value));
    case BAD_SORT_KEY:
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "['%s'] is invalid attribute for sort_keys", value));
    case BAD_SORT_DIR:
        return fail(c, HTTP_BAD_REQUEST, ctx_printf(c, "['%s'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'", value));
    case BAD_BODY:
        return wrong_body(c, r, wrong);
    case NOT_WRONG:
        break;
    }
    return fail(c, HTTP_BAD_REQUEST, "Body contains invalid data");
}

/* --- faults --------------------------------------------------------------------------------------------------- */

static const struct { const char *name; int status; const char *type, *format; } not_found_faults[] = {
    { "network", NETWORK_NOT_FOUND }, { "subnet", SUBNET_NOT_FOUND }, { "port", PORT_NOT_FOUND }, { "subnetpool", SUBNETPOOL_NOT_FOUND },
    { "address_scope", ADDRESS_SCOPE_NOT_FOUND }, { "address_group", ADDRESS_GROUP_NOT_FOUND }, { "router", ROUTER_NOT_FOUND },
    { "floatingip", FLOATING_IP_NOT_FOUND }, { "security_group", SECURITY_GROUP_NOT_FOUND },
    { "security_group_rule", SG_RULE_NOT_FOUND }, { "agent", AGENT_NOT_FOUND }, { "flavor", FLAVOR_NOT_FOUND },
    { "service_profile", PROFILE_NOT_FOUND }, {}
};

static bool neutron_not_found(struct ctx *c, const struct resource *r, const char *id)
{
    for (size_t i = 0; not_found_faults[i].name; i++)
        if (!strcmp(not_found_faults[i].name, r->name))
            return fail(c, not_found_faults[i].status, not_found_faults[i].type, not_found_faults[i].format, id);
    if (!strcmp(r->name, "rbac_policy"))
        return fail(c, RBAC_NOT_FOUND, "unknown", id);
    return fail(c, HTTP_NOT_FOUND);
}

static bool neutron_forbidden(struct ctx *c, const char *rule)
{
    const char *colon = strchr(rule, ':');

    if (!colon)
        return fail(c, FORBIDDEN, ctx_printf(c, "rule:%s is disallowed by policy", rule));
    return fail(c, FORBIDDEN, ctx_printf(c, "(rule:%.*s and rule:%s) is disallowed by policy", (int)(colon - rule), rule, rule));
}

static void neutron_error(struct ctx *c, struct request *request, struct reply *reply)
{
    struct out o = { .to = &reply->body };

    reply->status = c->fault.status;
    reply->has_body = true;
    out_object(&o, NULL);
    if (c->fault.status == 401) {
        out_object(&o, "error");
        out_int(&o, "code", 401);
        out_string(&o, "title", "Unauthorized");
        out_string(&o, "message", c->fault.message);
    } else {
        bool broken = c->fault.status == 500 && (!c->fault.type || strstr("InternalError DBError", c->fault.type));

        out_object(&o, "NeutronError");
        out_string(&o, "type", broken ? "HTTPInternalServerError" : c->fault.type);
        out_string(&o, "message", broken ? "Request Failed: internal server error while processing your request." : c->fault.message);
        out_string(&o, "detail", "");
    }
    out_end_object(&o);
    out_end_object(&o);
}

/* --- conditions and filters ----------------------------------------------------------------------------------- */

/* If-Match: revision_number=3 */
static bool neutron_precondition(struct ctx *c, const struct resource *r, struct request *request, const void *record)
{
    const char *header = request_header(request, "If-Match");
    const struct attr *a = attr_find(r->attrs, "revision_number");
    int64_t wanted;

    if (!header || !a)
        return true;
    if (!g_str_has_prefix(header, "revision_number=") || !text_to_int(header + strlen("revision_number="), &wanted))
        return fail(c, BAD_RESOURCE_REQUEST, "if-match", "Revision number etag must be in the format of revision_number=<int>");
    if (wanted == *FIELD(int64_t, record, a))
        return true;
    return fail(c, REVISION_MISMATCH, ctx_printf(c, "%" G_GINT64_FORMAT, wanted), ctx_printf(c, "%" G_GINT64_FORMAT, *FIELD(int64_t, record, a)));
}

/* The tags of a row are a JSON list of strings: a tag is in it where its quoted text is. */
static const char *tag_pattern(struct ctx *c, const char *tag)
{
    struct buf quoted = { 0 }, pattern = { 0 };
    char *copy;

    out_escaped(&quoted, tag);
    buf_putc(&pattern, '%');
    for (const char *at = quoted.data; *at; at++) {
        if (strchr("%_\\", *at))
            buf_putc(&pattern, '\\');
        buf_putc(&pattern, *at);
    }
    buf_putc(&pattern, '%');
    copy = ctx_strdup(c, pattern.data);
    buf_clear(&quoted);
    buf_clear(&pattern);
    return copy;
}

static const struct { const char *name, *joined; bool not; } tag_filters[] = {
    { "tags", " AND ", false }, { "tags-any", " OR ", false }, { "not-tags", " AND ", true }, { "not-tags-any", " OR ", true }, {}
};

static void tags_add(struct ctx *c, struct sql *sql, size_t row, const char *const *values)
{
    bool first = true;

    sql_add(sql, tag_filters[row].not ? " AND NOT (" : " AND (");
    for (; *values; values++)
        for (char **tag = text_split(c, *values, ','); *tag; tag++, first = false)
            sql_add(sql, ctx_printf(c, "%st.tags LIKE ? ESCAPE '\\'", first ? "" : tag_filters[row].joined), T(tag_pattern(c, *tag)));
    sql_add(sql, first ? "1 = 1)" : ")");
}

static bool neutron_filter(struct ctx *c, const struct resource *r, const char *name, const char *const *values, struct sql *sql, bool *ret_taken)
{
    utc_time since;

    if (attr_find(r->attrs, "tags"))
        for (size_t i = 0; tag_filters[i].name; i++)
            if (!strcmp(name, tag_filters[i].name)) {
                tags_add(c, sql, i, values);
                *ret_taken = true;
                return true;
            }
    if (!strcmp(name, "changed_since") && attr_find(r->attrs, "updated_at")) {
        if (!time_parse(values[0], &since))
            return fail(c, 400, "InvalidInput", "Invalid input for operation: The input %s must be in the following format: YYYY-MM-DDTHH:MM:SS[Z].", values[0]);
        sql_add(sql, " AND t.updated_at >= ?", I(since.us));
        *ret_taken = true;
    }
    return true;
}

/* --- links between pages -------------------------------------------------------------------------------------- */

static char *page_link(struct ctx *c, const struct page *page, const char *marker, bool previous)
{
    struct buf href = { 0 };
    char *copy;

    buf_printf(&href, "%s%s?", page->request->scheme_host ? page->request->scheme_host : "", page->request->raw_path);
    for (const struct pair *q = page->request->query; q && q->name; q++)
        if (strcmp(q->name, "marker") && strcmp(q->name, "page_reverse")) {
            g_autofree char *value = g_uri_escape_string(q->value, NULL, false);

            buf_printf(&href, "%s=%s&", q->name, value);
        }
    if (marker)
        buf_printf(&href, "marker=%s%s", marker, previous ? "&" : "");
    buf_puts(&href, previous ? "page_reverse=True" : "");
    copy = ctx_strdup(c, href.data);
    buf_clear(&href);
    return copy;
}

static void link_write(struct out *o, const char *rel, const char *href)
{
    out_object(o, NULL);
    out_string(o, "rel", rel);
    out_string(o, "href", href);
    out_end_object(o);
}

static void neutron_links(struct ctx *c, const struct page *page, struct out *o)
{
    const struct resource *r = page->resource;
    const struct attr *key = attr_find(r->attrs, r->key ? r->key : "id");
    bool whole = (int64_t)page->n >= page->limit;
    const char *first, *last;

    if (!page->limit || !key)
        return;
    first = page->n ? *FIELD(char *, page->records[0], key) : NULL;
    last = page->n ? *FIELD(char *, page->records[page->n - 1], key) : NULL;
    out_array(o, ctx_printf(c, "%s_links", r->plural));
    if (whole || page->reverse)
        link_write(o, "next", page_link(c, page, last, false));
    if (whole || !page->reverse)
        link_write(o, "previous", page_link(c, page, first, true));
    out_end_array(o);
}

static bool neutron_quota(struct ctx *c, const struct resource *r, const char *project_id, int64_t n)
{
    return quota_check(c, r->quota, project_id, n);
}

const struct rest_style neutron_style = {
    .envelope = true,
    .times = TIME_ISO_Z,
    .fields_param = true,
    .owner_scoped = true,
    .owner_alias = "tenant_id",
    .unknown_filter_is_error = true,
    .error = neutron_error,
    .invalid = neutron_invalid,
    .not_found = neutron_not_found,
    .forbidden = neutron_forbidden,
    .precondition = neutron_precondition,
    .quota = neutron_quota,
    .filter = neutron_filter,
    .list_members = neutron_links,
};
