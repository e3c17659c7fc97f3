/* The object server: its verbs, and what they have in common. */
#include "swift/object/object.h"

#include "swift/constraints.h"
#include "swift/name.h"
#include "swift/swift.h"

#include <string.h>
#include <strings.h>

static const char *const kept[] = {
    "Content-Disposition", "Content-Encoding", "X-Delete-At", "X-Object-Manifest", "X-Static-Large-Object", "Cache-Control", "Content-Language",
    "Expires", "X-Robots-Tag",
};

bool object_header_is_kept(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (!strcasecmp(name, kept[i]))
            return true;
    return false;
}

void object_take_metadata(struct ctx *c, const struct swift_request *r, bool system, struct headers *to)
{
    const char *more = request_get(r, "X-Backend-Replication-Headers");

    for (size_t i = 0; i < r->headers.n; i++) {
        const struct pair *h = &r->headers.pairs[i];

        if (is_user_meta(h, "object") || is_transient_sysmeta(h) || (system && is_sys_meta(h, "object")) || object_header_is_kept(h->name))
            headers_set(c, to, header_title(c, h->name), h->value);
    }
    if (!more)
        return;
    g_auto(GStrv) names = g_strsplit_set(more, " \t", -1);
    for (char **name = names; *name; name++)
        if (**name && request_get(r, *name))
            headers_set(c, to, header_title(c, *name), request_get(r, *name));
}

/* A reserved name belongs in a reserved container, and the other way round. */
static bool names_fit(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    const char *wrong = NULL;

    if (*r->account == '.')
        return true;
    if (name_is_reserved(r->container) && !name_is_reserved(r->object))
        wrong = "Invalid user-namespace object in reserved-namespace container";
    else if (!name_is_reserved(r->container) && name_is_reserved(r->object))
        wrong = "Invalid reserved-namespace object in user-namespace container";
    if (wrong)
        response_error(c, response, 400, wrong);
    return !wrong;
}

bool object_find_target(struct ctx *c, struct swift_request *r, bool timestamp_needed, struct object_target *t, struct swift_response *response)
{
    const char *device, *power = request_get(r, "X-Backend-Next-Part-Power");
    int64_t next;

    if (!r->account || !r->container || !r->object) {
        response_text(c, response, 400, "text/plain", ctx_printf(c, "Invalid path: %s", name_quote(c, r->path, "/")));
        return false;
    }
    if (!storage_policy(c, r, response, &t->policy) || !names_fit(c, r, response))
        return false;
    if (!t->policy)
        t->policy = policy_by_index(0) ?: policy_default();
    if (!timestamp_needed && !request_get(r, "X-Timestamp"))
        t->when = timestamp_now();
    else if (!storage_timestamp(c, r, response, &t->when))
        return false;
    /* A read that finds its object needs not ask for its drive first; what finds nothing does (object_get()). */
    device = timestamp_needed || swift_options()->mount_check ? storage_device(c, r, response) : storage_device_path(c, r);
    if (!device)
        return false;
    disk_place_init(c, &t->place, device, t->policy, r->partition, r->account, r->container, r->object);
    if (power && text_to_int(power, &next) && next > 0 && next <= 32)
        t->place.next_part_power = (int)next;
    return true;
}

static const struct storage_verb verbs[] = {
    { "GET", object_get }, { "HEAD", object_get }, { "PUT", object_put }, { "POST", object_post }, { "DELETE", object_delete },
    { "REPLICATE", object_replicate }, { "SSYNC", object_ssync }, {}
};

static void serve(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    storage_dispatch(c, verbs, r, response);
}

const struct storage_server object_server = { .name = "object-server", .port = 6200, .serve = serve, .put = object_upload };
