/* GET and HEAD of an object, and REPLICATE: what a partition holds. */
#include "swift/object/object.h"

#include "oslo/base/text.h"
#include "swift/constraints.h"
#include "swift/disk/io.h"
#include "swift/pickle.h"
#include "swift/swift.h"

#include <string.h>
#include <unistd.h>

/* What there is beside the one that is sent: {"<time>": [<fragment>, ...]}. */
static void set_fragments(struct ctx *c, const struct disk_files *f, struct swift_response *r)
{
    const char *text = "{";

    for (size_t i = 0; i < f->n_fragments; i++) {
        const struct fragment *this = &f->fragments[i];
        bool first = !i || timestamp_compare(this->time, f->fragments[i - 1].time);

        text = first ? ctx_printf(c, "%s%s\"%s\": [%d", text, i ? "], " : "", timestamp_text(c, this->time), this->index)
                     : ctx_printf(c, "%s, %d", text, this->index);
    }
    headers_set(c, &r->headers, "X-Backend-Fragments", ctx_printf(c, "%s]}", text));
    if (timestamp_set(f->durable_time))
        headers_set(c, &r->headers, "X-Backend-Durable-Timestamp", timestamp_text(c, f->durable_time));
}

/* [{"timestamp": "<time>", "exclude": [<fragment>, ...]}, ...]. False: it says something else. */
static bool read_wish(struct ctx *c, json_t *list, struct disk_wish *ret)
{
    struct disk_preference *all = ctx_new_n(c, struct disk_preference, json_array_size(list) + 1);
    json_t *one, *index;
    size_t i, k;

    *ret = (struct disk_wish){ .fragment = -1, .undurable = true, .preferences = all };
    json_array_foreach(list, i, one) {
        const char *when = json_string_value(json_object_get(one, "timestamp"));
        json_t *exclude = json_object_get(one, "exclude");

        if (!when || !timestamp_parse(when, &all[i].time) || !json_is_array(exclude))
            return false;
        json_array_foreach(exclude, k, index) {
            int64_t n = json_integer_value(index);

            if (!json_is_integer(index) || n < 0)
                return false;
            all[i].excluded |= n < ERASURE_MOST ? 1u << n : 0;
        }
        ret->n_preferences++;
    }
    return json_is_array(list);
}

/* Which fragment is preferred. False: 500 in the response. */
static bool take_wish(struct ctx *c, const struct swift_request *request, struct object_target *t, struct swift_response *r)
{
    const char *text = request_get(request, "X-Backend-Fragment-Preferences");
    json_t *list = text && t->policy->type == POLICY_ERASURE ? ctx_json(c, json_loads(text, JSON_DECODE_ANY, NULL)) : NULL;
    struct disk_wish *wish = ctx_new(c, struct disk_wish);

    if (!list || json_is_null(list))
        return true;
    t->place.wish = wish;
    if (read_wish(c, list, wish))
        return true;
    response_error(c, r, 500, NULL);
    return false;
}

static void set_headers(struct ctx *c, const struct disk_object *o, struct swift_response *r)
{
    headers_set(c, &r->headers, "Content-Type", o->content_type ? o->content_type : "application/octet-stream");
    for (size_t i = 0; i < o->metadata.n; i++) {
        const struct pair *h = &o->metadata.pairs[i];

        if (is_user_meta(h, "object") || is_sys_meta(h, "object") || is_transient_sysmeta(h) || object_header_is_kept(h->name))
            headers_set(c, &r->headers, h->name, h->value);
    }
    headers_printf(c, &r->headers, "Etag", "\"%s\"", o->etag);
    headers_set(c, &r->headers, "Last-Modified", timestamp_http(c, o->timestamp));
    headers_set(c, &r->headers, "X-Timestamp", timestamp_normal_text(c, o->timestamp));
    headers_set(c, &r->headers, "X-Backend-Timestamp", timestamp_text(c, o->timestamp));
    headers_set(c, &r->headers, "X-Backend-Data-Timestamp", timestamp_text(c, o->times.data));
    if (o->files.fragment < 0)
        headers_set(c, &r->headers, "X-Backend-Durable-Timestamp", timestamp_text(c, o->times.data));
    else
        set_fragments(c, &o->files, r);
}

/* The metadata a middleware has the client's own ETag in, where the stored bytes are not the client's. */
static const char *etag_is_at(struct ctx *c, const struct swift_request *r, const struct disk_object *o)
{
    const char *names = request_get(r, "X-Backend-Etag-Is-At"), *found = NULL;

    for (char **name = names ? text_split(c, names, ',') : NULL; name && *name && !found; name++)
        found = headers_get(&o->metadata, *name);
    return found;
}

static bool range_is_ignored(struct ctx *c, const struct swift_request *r, const struct disk_object *o)
{
    const char *names = request_get(r, "Range") ? request_get(r, "X-Backend-Ignore-Range-If-Metadata-Present") : NULL;
    bool ignored = false;

    for (char **name = names ? text_split(c, names, ',') : NULL; name && *name && !ignored; name++)
        ignored = headers_get(&o->metadata, *name) != NULL;
    return ignored;
}

static void not_there(struct ctx *c, const struct swift_request *request, const struct disk_object *o, struct swift_response *r)
{
    if (o->found == DISK_DELETED || o->found == DISK_EXPIRED)
        headers_set(c, &r->headers, "X-Backend-Timestamp", timestamp_text(c, o->timestamp));
    response_error(c, r, 404, NULL);
    response_conditional(c, request, r, NULL);
}

void object_get(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    struct disk_object o;
    struct object_target t;
    bool replication = header_true(&request->headers, "X-Backend-Replication");

    if (!object_find_target(c, request, false, &t, r) || !take_wish(c, request, &t, r))
        return;
    if (disk_object_open(c, &t.place, replication ? 0 : t.when.raw / 100000, &o) != DISK_THERE) {
        disk_object_close(&o);
        if (!storage_device(c, request, r))
            return;
        if (o.found == DISK_ERROR || o.found == DISK_COLLISION)
            response_error(c, r, 500, NULL);
        else
            not_there(c, request, &o, r);
        return;
    }
    r->status = 200;
    set_headers(c, &o, r);
    r->length = o.length;
    r->fd = o.fd;
    if (range_is_ignored(c, request, &o))
        headers_remove(&request->headers, "Range");
    response_conditional(c, request, r, etag_is_at(c, request, &o));
    if (!strcmp(request->method, "HEAD") && r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
}

/* --- REPLICATE ---------------------------------------------------------------------------------------------------------------- */

/* Suffixes that somebody has changed from outside: to be hashed anew when next asked. */
static void mark(struct ctx *c, const char *partition, const char *const *suffixes, struct swift_response *r)
{
    struct buf text = {};

    disk_make_dirs(partition);
    for (; *suffixes; suffixes++)
        if (strlen(*suffixes) == 3 && strspn(*suffixes, "0123456789abcdef") == 3 && !hashes_invalidate_suffix(c, partition, *suffixes)) {
            response_error(c, r, 500, NULL);
            return;
        }
    pickle_write(&text, pickle_new(c, PICKLE_NONE));
    r->status = 200;
    response_bytes(c, r, "text/html; charset=UTF-8", &text);
}

void object_replicate(struct ctx *c, struct swift_request *request, struct swift_response *r)
{
    const char *device = storage_device(c, request, r), *partition;
    const struct storage_policy *policy;
    struct suffix_hash *hashes = NULL;
    struct buf text = {};
    size_t n = 0;

    if (!device || !storage_policy(c, request, r, &policy))
        return;
    partition = ctx_printf(c, "%s/%s/%u", device, policy_dir(c, "objects", policy), request->partition);
    if (request->account && *request->account) {
        mark(c, partition, (const char *const *)text_split(c, request->account, '-'), r);
    } else if (!g_file_test(partition, G_FILE_TEST_IS_DIR) || hashes_get(c, partition, policy, NULL, swift_options()->reclaim_age, &hashes, &n, NULL)) {
        hashes_pickle(c, hashes, n, policy, &text);
        r->status = 200;
        response_bytes(c, r, "text/html; charset=UTF-8", &text);
    } else {
        response_error(c, r, 500, NULL);
    }
}
