/* Answers: one record in its envelope, or a page with what the style writes beside it. */
#include "oslo/rest/rest.h"

#include <string.h>

/* Which POLICY members may be shown: asked once per owner, as rules speak of the owner at most. */
struct shown {
    struct ctx *c;
    const struct resource *r;
    const char *rule;
    const void *record;
    const struct attr *owner;
    const char *asked_for;           /* the owner the answers below hold for */
    bool known;
    guint64 allowed, asked;          /* by position in the table */
};

static bool attr_shown(void *data, const struct attr *a)
{
    struct shown *s = data;
    const char *owner = s->owner ? *FIELD(char *, s->record, s->owner) : NULL;
    guint64 bit = (guint64)1 << MIN(a - s->r->attrs, 63);
    const char *rule;

    if (!(a->flags & POLICY))
        return true;
    if (!s->known || !text_equal(owner, s->asked_for)) {
        s->asked = s->allowed = 0;
        s->asked_for = owner;
        s->known = true;
    }
    if (!(s->asked & bit)) {
        rule = ctx_printf(s->c, "%s:%s", s->rule, attr_json(a));
        if (!policy_exists(s->c, rule) || policy_allows(s->c, rule, TARGET_RECORD(s->r->attrs, s->record)))
            s->allowed |= bit;
        s->asked |= bit;
    }
    return (s->allowed & bit) != 0;
}

static const char *const *fields_of(struct ctx *c, const struct request *request)
{
    const char **fields;
    size_t n = 0;

    if (!style_of(c)->fields_param)
        return NULL;
    for (const struct pair *q = request->query; q && q->name; q++)
        n += !strcmp(q->name, "fields") && *q->value;
    if (!n)
        return NULL;
    fields = ctx_new_n(c, const char *, n + 1);
    n = 0;
    for (const struct pair *q = request->query; q && q->name; q++)
        if (!strcmp(q->name, "fields") && *q->value)
            fields[n++] = q->value;
    return fields;
}

static void members_write(struct ctx *c, struct out *o, struct shown *shown, const void *record, const struct record_view *view)
{
    const struct resource *r = shown->r;
    const char *alias = style_of(c)->owner_alias;

    shown->record = record;
    record_write(o, r->attrs, record, view);
    if (alias && shown->owner && (!view->fields || text_in(alias, view->fields)))
        out_string(o, alias, *FIELD(char *, record, shown->owner));
    if (r->write)
        r->write(c, o, record, view->in_list);
}

static struct shown shown_of(struct ctx *c, const struct resource *r)
{
    return (struct shown){ .c = c, .r = r, .rule = resource_rule(c, r, "get"), .owner = resource_owner(r) };
}

void rest_write(struct ctx *c, const struct resource *r, struct request *request, const void *record, struct reply *reply)
{
    struct out o = { .to = &reply->body, .times = style_of(c)->times };
    struct shown shown = shown_of(c, r);
    struct record_view view = { .version = c->version, .fields = fields_of(c, request), .show = shown.rule ? attr_shown : NULL, .data = &shown };

    reply->has_body = true;
    out_object(&o, NULL);
    if (style_of(c)->envelope)
        out_object(&o, r->name);
    members_write(c, &o, &shown, record, &view);
    if (style_of(c)->envelope)
        out_end_object(&o);
    out_end_object(&o);
}

void rest_write_page(struct ctx *c, const struct page *page, struct reply *reply)
{
    const struct resource *r = page->resource;
    struct out o = { .to = &reply->body, .times = style_of(c)->times };
    struct shown shown = shown_of(c, r);
    struct record_view view = { .version = c->version, .in_list = true, .fields = fields_of(c, page->request),
        .show = shown.rule ? attr_shown : NULL, .data = &shown };

    reply->has_body = true;
    out_object(&o, NULL);
    out_array(&o, r->plural);
    for (size_t i = 0; i < page->n; i++) {
        out_object(&o, NULL);
        members_write(c, &o, &shown, page->records[i], &view);
        out_end_object(&o);
    }
    out_end_array(&o);
    if (style_of(c)->list_members)
        style_of(c)->list_members(c, page, &o);
    out_end_object(&o);
}
