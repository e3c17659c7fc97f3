/* OS-OAUTH1 consumers: programs registered to ask users for access. Their secret is told once, when they are made. */
#include "keystone/api/api.h"

struct consumer {
    char *id, *description, *secret;
    raw_json extra;
};
static const struct attr consumer_attrs[] = {
    ATTR(struct consumer, id,          SORT),
    ATTR(struct consumer, description, CREATE | UPDATE | NULLABLE),
    ATTR(struct consumer, secret,      HIDDEN | SECRET),
    ATTR(struct consumer, extra,       CREATE | UPDATE | HIDDEN),
    {}
};

static bool consumer_check(struct ctx *c, struct change *ch)
{
    struct consumer *one = ch->now;

    if (ch->old && asked(ch, "secret"))
        return fail(c, VALIDATION, "Cannot change consumer secret");
    if (!ch->old)
        one->secret = uuid_new_hex(c);
    return true;
}

static void consumer_write(struct ctx *c, struct out *o, const void *record, bool in_list)
{
    const struct consumer *one = record;

    write_extra(c, o, one->extra);
    write_self(c, o, "OS-OAUTH1/consumers", one->id);
}

static bool create(struct ctx *c, struct request *request, struct reply *reply)
{
    const struct resource *r = request->route->data;
    json_t *object = keystone_body(c, r, request, NULL);
    struct consumer *one = object ? rest_insert(c, r, object) : NULL;
    struct out o = { .to = &reply->body };
    struct record_view view = {};

    if (!one)
        return false;
    reply->has_body = true;
    reply->status = 201;
    out_object(&o, NULL);
    out_object(&o, "consumer");
    record_write(&o, consumer_attrs, one, &view);
    out_string(&o, "secret", one->secret);
    consumer_write(c, &o, one, false);
    out_end_object(&o);
    out_end_object(&o);
    return true;
}

const struct resource consumer_resource = {
    .name = "consumer", .plural = "consumers", .path = "/OS-OAUTH1/consumers", .size = sizeof(struct consumer), .attrs = consumer_attrs,
    .flags = NO_BULK, .create = create, .show = keystone_show, .list = keystone_list, .update = keystone_update, .remove = keystone_remove,
    .check = consumer_check, .write = consumer_write,
};
