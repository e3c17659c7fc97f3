/* PUT ?multipart-manifest=put: a manifest is read, its segments are looked at, and what was found is stored. */
#include "swift/middleware/slo.h"

#include "oslo/base/text.h"
#include "swift/middleware/bulk.h"
#include "swift/middleware/slo_hook.h"
#include "swift/name.h"
#include "swift/proxy/mime_types.h"
#include "swift/proxy/proxy.h"
#include "swift/slow.h"
#include "swift/timestamp.h"

#include <stdlib.h>
#include <string.h>

/* A manifest under way. */
struct put {
    struct ctx *c;
    const struct step *step;
    struct swift_request *request;
    json_t *asked, *stored;
    size_t at;                       /* of asked: which segment is looked at next */
    GHashTable *known;               /* path -> struct swift_response of its HEAD */
    int64_t size;
    bool heartbeat;
    const char *type;                /* of the answer */
    struct bulk_result problems;
};

/* --- reading it ------------------------------------------------------------------------------------------------------ */

static const char *unknown_keys(struct ctx *c, json_t *segment, const char *const *known)
{
    GPtrArray *names = g_ptr_array_new();
    const char *key, *list = NULL;
    json_t *value;

    json_object_foreach(segment, key, value)
        if (!text_in(key, known))
            g_ptr_array_add(names, (char *)key);
    g_ptr_array_sort(names, (GCompareFunc)(void (*)(void))g_strcmp0);
    for (guint i = 0; i < names->len; i++)
        list = ctx_printf(c, "%s%s\"%s\"", list ? list : "", list ? ", " : "", (char *)names->pdata[i]);
    g_ptr_array_free(names, TRUE);
    return list;
}

/* size_bytes, a number or digits, becomes a number. */
static const char *judge_size(json_t *segment, bool last)
{
    json_t *size = json_object_get(segment, "size_bytes");
    int64_t bytes = json_integer_value(size);

    if (!size || json_is_null(size))
        return NULL;
    if (json_is_string(size) ? !text_to_int(json_string_value(size), &bytes) : !json_is_number(size))
        return "invalid size_bytes";
    if (json_is_real(size))
        bytes = (int64_t)json_real_value(size);
    json_object_set_new(segment, "size_bytes", json_integer(bytes));
    return bytes < 1 && !last ? "too small; each segment must be at least 1 byte." : NULL;
}

static const char *judge_range(struct ctx *c, json_t *segment)
{
    json_t *range = json_object_get(segment, "range"), *size = json_object_get(segment, "size_bytes");
    const char *text = json_string_value(range);
    struct byte_range *ranges;
    int n;

    if (!range || json_is_null(range) || (text && !*text))
        return NULL;
    if (!text || ranges_read(c, ctx_printf(c, "bytes=%s", text), INT64_MAX / 2, &ranges) < 0)
        return "invalid range";
    if (strchr(text, ','))
        return "multiple ranges (only one allowed)";
    n = json_is_integer(size) ? ranges_read(c, ctx_printf(c, "bytes=%s", text), json_integer_value(size), &ranges) : 1;
    return n == 1 ? NULL : "unsatisfiable range";
}

static const char *judge_path(struct put *p, json_t *segment, bool last)
{
    static const char *const known[] = { "path", "range", "etag", "size_bytes", NULL };
    const char *path = json_string_value(json_object_get(segment, "path")), *extra = unknown_keys(p->c, segment, known), *wrong, *bare;
    json_t *etag = json_object_get(segment, "etag");

    if (extra)
        return ctx_printf(p->c, "extraneous keys %s", extra);
    if (!path)
        return "\"path\" must be a string";
    if (etag && !json_is_null(etag) && !json_is_string(etag))
        return "\"etag\" must be a string or null (if provided)";
    bare = path + strspn(path, "/");
    if (!strchr(bare, '/') || !strchr(bare, '/')[strspn(strchr(bare, '/'), "/")])
        return "path does not refer to an object. Path must be of the form /container/object.";
    if ((wrong = judge_size(segment, last)))
        return wrong;
    if (!strcmp(bare, ctx_printf(p->c, "%s/%s", p->request->container, p->request->object)))
        return "manifest must not include itself as a segment";
    return judge_range(p->c, segment);
}

static const char *judge_data(struct put *p, json_t *segment)
{
    static const char *const known[] = { "data", NULL };
    const char *text = json_string_value(json_object_get(segment, "data")), *extra = unknown_keys(p->c, segment, known);
    void *bytes;
    size_t n;

    if (extra)
        return ctx_printf(p->c, "extraneous keys %s", extra);
    if (!text || !base64_read(p->c, text, &bytes, &n))
        return "data must be valid base64";
    if (!n)
        return "too small; each segment must be at least 1 byte.";
    json_object_set_new(segment, "data", json_string(base64_write(p->c, bytes, n)));
    return NULL;
}

/* Everything that can be said against it without looking at a segment; false: it was said. */
static bool judge(struct put *p, struct swift_response *response)
{
    size_t i, n = json_array_size(p->asked), data = 0;
    struct buf wrong = { 0 };
    json_t *segment;

    json_array_foreach(p->asked, i, segment) {
        const char *error;

        if (!json_is_object(segment))
            error = "not a JSON object";
        else if (json_object_get(segment, "data"))
            error = judge_data(p, segment);
        else if (json_object_get(segment, "path"))
            error = judge_path(p, segment, i + 1 == n);
        else
            error = "expected keys to include one of 'data' or 'path'";
        data += json_object_get(segment, "data") != NULL;
        if (error)
            buf_printf(&wrong, "Index %zu: %s\n", i, error);
    }
    if (n && data == n)
        buf_puts(&wrong, "Inline data segments require at least one object-backed segment.\n");
    if (wrong.len)
        response_text(p->c, response, 400, "text/plain", wrong.data);
    bool well = !wrong.len;
    buf_clear(&wrong);
    return well;
}

static bool read_manifest(struct put *p, struct swift_response *response)
{
    const struct slo_options *o = p->step->options;
    struct swift_request *r = p->request;
    size_t n, objects = 0, i;
    json_t *segment;
    char *text;

    if (request_get(r, "X-Copy-From")) {
        response_error(p->c, response, 405, "Multipart Manifest PUTs cannot be COPY requests");
        return false;
    }
    if (r->length < 0 && !request_get(r, "Transfer-Encoding")) {
        response_error(p->c, response, 411, NULL);
        return false;
    }
    if (r->length > o->max_manifest_size) {
        response_error(p->c, response, 413, ctx_printf(p->c, "Manifest File > %lld bytes", (long long)o->max_manifest_size));
        return false;
    }
    if (!(text = request_take_all(p->c, r, (size_t)o->max_manifest_size, &n, response)))
        return false;
    p->asked = ctx_json(p->c, json_loadb(text, n, JSON_DECODE_ANY, NULL));
    if (!json_is_array(p->asked)) {
        response_error(p->c, response, 400, p->asked ? "Manifest must be a list.\n" : "Manifest must be valid JSON.\n");
        return false;
    }
    if (!judge(p, response))
        return false;
    json_array_foreach(p->asked, i, segment)
        objects += json_object_get(segment, "path") != NULL;
    if (objects > (size_t)o->max_manifest_segments) {
        response_error(p->c, response, 413, ctx_printf(p->c, "Number of object-backed segments must be <= %lld", (long long)o->max_manifest_segments));
        return false;
    }
    return true;
}

/* --- looking at the segments ------------------------------------------------------------------------------------------ */

static const char *plain(struct ctx *c, const char *etag)
{
    size_t n = etag ? strlen(etag) : 0;

    return n > 1 && *etag == '"' ? ctx_strndup(c, etag + 1, n - 2) : etag;
}

static const char *iso_of(struct ctx *c, const char *http)
{
    int64_t seconds;

    if (!http || !http_date_parse(http, &seconds))
        seconds = clock_us() / 1000000;
    return timestamp_iso(c, (struct timestamp){ .raw = seconds * 100000 });
}

/* How many bytes of it are meant; a range that is all of it goes. */
static int64_t settle_range(struct put *p, json_t *segment, const char *path, int64_t length)
{
    const char *range = json_string_value(json_object_get(segment, "range"));
    struct byte_range *ranges;

    if (!range || !*range)
        return length;
    if (ranges_read(p->c, ctx_printf(p->c, "bytes=%s", range), length, &ranges) != 1) {
        bulk_error(p->c, &p->problems, path, "Unsatisfiable Range");
        return length;
    }
    if (ranges[0].from == 0 && ranges[0].to == length) {
        json_object_del(segment, "range");
        return length;
    }
    json_object_set_new(segment, "range", json_sprintf("%lld-%lld", (long long)ranges[0].from, (long long)ranges[0].to - 1));
    return ranges[0].to - ranges[0].from;
}

static void look_at(struct put *p, json_t *segment, const struct swift_response *head, bool last)
{
    const char *path = json_string_value(json_object_get(segment, "path")), *etag = plain(p->c, response_get(head, "ETag"));
    const char *wanted = json_string_value(json_object_get(segment, "etag")), *type = response_get(head, "Content-Type"), *range;
    json_t *size = json_object_get(segment, "size_bytes"), *row;
    int64_t length;

    if (head->status / 100 != 2) {
        bulk_error(p->c, &p->problems, path, status_line(p->c, head->status));
        json_array_append_new(p->stored, json_object());
        return;
    }
    length = settle_range(p, segment, path, head->length);
    if (length < 1 && !last)
        bulk_error(p->c, &p->problems, path, "Too small; each segment must be at least 1 byte.");
    if (json_is_integer(size) && json_integer_value(size) != head->length)
        bulk_error(p->c, &p->problems, path, "Size Mismatch");
    if (wanted && !text_equal(wanted, etag))
        bulk_error(p->c, &p->problems, path, "Etag Mismatch");
    row = json_pack("{s:s, s:I, s:s, s:s, s:s}", "name", ctx_printf(p->c, "/%s", path + strspn(path, "/")), "bytes", (json_int_t)head->length, "hash",
                    etag ? etag : "", "content_type", ctx_strndup(p->c, type ? type : "", strcspn(type ? type : "", ";")), "last_modified",
                    iso_of(p->c, response_get(head, "Last-Modified")));
    range = json_string_value(json_object_get(segment, "range"));
    if (range && *range)
        json_object_set_new(row, "range", json_string(range));
    if (header_true(&head->headers, "X-Static-Large-Object"))
        json_object_set_new(row, "sub_slo", json_true());
    json_array_append_new(p->stored, row);
    p->size += length;
}

static const struct swift_response *head_of(struct put *p, const char *path)
{
    struct swift_response *head = g_hash_table_lookup(p->known, path);
    const char *bare = path + strspn(path, "/"), *slash = strchr(bare, '/');
    struct swift_request *r;
    int64_t length;

    if (head)
        return head;
    r = request_sub(p->c, p->request, "HEAD", p->request->account, ctx_strndup(p->c, bare, (size_t)(slash - bare)), slash + 1, "SLO");
    head = ctx_new(p->c, struct swift_response);
    *head = (struct swift_response)RESPONSE_EMPTY;
    headers_set(p->c, &r->headers, "X-Auth-Token", request_get(p->request, "X-Auth-Token"));
    slo_read(p->c, p->step, r, head);                    /* of a manifest, the size and ETag of the whole */
    length = head->length;
    response_close(head);
    head->length = length;
    g_hash_table_insert(p->known, (char *)(uintptr_t)path, head);
    return head;
}

/* A HEAD of each object that is named, one for those that are named again. */
static bool look_at_next(struct ctx *c, void *data)
{
    struct put *p = data;
    size_t n = json_array_size(p->asked);
    json_t *segment = json_array_get(p->asked, p->at);
    const char *path = json_string_value(json_object_get(segment, "path"));

    if (p->at++ >= n)
        return false;
    if (path) {
        look_at(p, segment, head_of(p, path), p->at == n);
    } else {
        json_array_append(p->stored, segment);
        p->size += slo_segment_length(segment);
    }
    return true;
}

static void ask_hook(struct put *p)
{
    const struct slo_hook *hook = p->request->env->middleware[SLOT_SLO];
    size_t i, n = json_array_size(p->stored);
    json_t *row;

    json_array_foreach(p->stored, i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        const char *wrong = hook && name ? hook->judge(p->c, hook->data, name, json_integer_value(json_object_get(row, "bytes")), i, n) : NULL;

        if (wrong)
            bulk_error(p->c, &p->problems, name, wrong);
    }
}

/* --- answering ---------------------------------------------------------------------------------------------------------- */

/* With a heartbeat the status was 202 long ago: what came of it stands in the body. */
static void answer(struct put *p, int status, const char *body, const char *etag, const char *last_modified, struct swift_response *response)
{
    struct buf b = { 0 };

    if (p->heartbeat) {
        p->problems.status = status_line(p->c, status);
        p->problems.body = body;
        p->problems.etag = etag;
        p->problems.last_modified = last_modified;
    }
    bulk_write(&b, p->type, &p->problems);
    response_clear(response);
    response_bytes(p->c, response, p->type, &b);
    response->status = p->heartbeat ? 202 : status;
}

/* What goes to the disks: the list, and what says that it is one. */
static void set_object(struct put *p, const char *etag)
{
    struct swift_request *r = p->request;
    char *text = json_dumps(p->stored, JSON_ENSURE_ASCII), hex[33];
    const char *body = ctx_strdup(p->c, text), *type = request_get(r, "Content-Type"), *override = request_get(r, OVERRIDE_ETAG), *rest;
    uint8_t digest[16];

    free(text);
    md5_of(body, strlen(body), digest);
    digest_hex(digest, hex);
    request_set_body(r, body, strlen(body));
    headers_set(p->c, &r->headers, SLO_ETAG, etag);
    headers_printf(p->c, &r->headers, SLO_SIZE, "%lld", (long long)p->size);
    headers_set(p->c, &r->headers, "X-Static-Large-Object", "True");
    headers_set(p->c, &r->headers, "ETag", ctx_strdup(p->c, hex));
    headers_remove(&r->headers, "Transfer-Encoding");
    /* listings know both ETags; one that a middleware before this has set stays */
    override = override ? override : "";
    rest = strchr(override, ';');
    size_t n = rest ? (size_t)(rest - override) : strlen(override);
    headers_printf(p->c, &r->headers, OVERRIDE_ETAG, "%.*s%s; slo_etag=%s", n ? (int)n : 32, n ? override : hex, rest ? rest : "", etag);
    r->env->content_type_overridden = true;
    headers_printf(p->c, &r->headers, "Content-Type", "%s;swift_bytes=%lld", type && *type ? type : mime_type_of(r->path), (long long)p->size);
}

static void store(struct put *p, struct swift_response *response)
{
    const char *etag = slo_etag_of(p->c, p->stored), *wanted = plain(p->c, request_get(p->request, "ETag"));
    size_t n;

    if (wanted && *wanted && strcmp(wanted, etag)) {
        if (p->heartbeat)
            answer(p, 422, status_words(p->c, 422), NULL, NULL, response);
        else
            response_error(p->c, response, 422, NULL);
        return;
    }
    set_object(p, etag);
    step_next(p->c, p->step, p->request, response);
    bool well = response->status / 100 == 2;
    if (well)
        headers_printf(p->c, &response->headers, "ETag", "\"%s\"", etag);
    if (p->heartbeat) {
        const char *modified = response_get(response, "Last-Modified"), *body = response_take_all(p->c, response, 65536, &n);

        answer(p, response->status, body ? body : "", well ? ctx_printf(p->c, "\"%s\"", etag) : NULL, well ? modified : NULL, response);
    }
}

/* All segments have been looked at. */
static void put_ends(struct ctx *c, void *data, bool begun, struct swift_response *response)
{
    struct put *p = data;

    ask_hook(p);
    if (bulk_errors(&p->problems))
        answer(p, 400, status_words(c, 400), NULL, NULL, response);
    else
        store(p, response);
}

static void table_free(void *table)
{
    g_hash_table_destroy(table);
}

void slo_put(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct slo_options *o = step->options;
    struct put *p = ctx_new(c, struct put);
    bool malformed;

    *p = (struct put){ .c = c, .step = step, .request = r, .heartbeat = word_true(request_param(r, "heartbeat")) };
    p->stored = ctx_json(c, json_array());
    p->known = ctx_own(c, g_hash_table_new(g_str_hash, g_str_equal), table_free);
    bulk_result_init(c, &p->problems, "upload");
    if (!read_manifest(p, response))
        return;
    p->type = bulk_type(c, r, &malformed);
    p->type = p->type ? p->type : "text/plain";
    if (p->heartbeat)
        p->request = request_kept(c, r);
    response_slowly(c, response, &(struct slow){ .more = look_at_next, .end = put_ends, .data = p, .at_once = p->heartbeat,
                    .every_us = p->heartbeat ? o->yield_frequency * G_USEC_PER_SEC : INT64_MAX, .status = 202, .type = p->type, .between = "\r\n\r\n" });
}
