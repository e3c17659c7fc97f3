/* Listings. */
#include "swift/listing.h"

#include "oslo/base/text.h"
#include "swift/accept.h"
#include "swift/markup.h"
#include "swift/name.h"

#include <string.h>

const char *listing_content_type(struct ctx *c, const struct swift_request *r, enum listing_format *ret, struct swift_response *response)
{
    const char *type = accept_listing_type(c, r, response);

    if (type)
        *ret = !strcmp(type, "text/plain") ? LISTING_TEXT : !strcmp(type, "application/json") ? LISTING_JSON : LISTING_XML;
    return type;
}

/* --- writing ----------------------------------------------------------------------------------------------------------------- */

void listing_begin(struct listing_writer *w, struct ctx *c, enum listing_format format, bool of_containers, const char *base)
{
    *w = (struct listing_writer){ .c = c, .format = format, .of_containers = of_containers };
    if (format == LISTING_JSON)
        buf_putc(&w->text, '[');
    if (format != LISTING_XML)
        return;
    buf_printf(&w->text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s name=\"", of_containers ? "account" : "container");
    markup_escape(&w->text, base, MARKUP_ATTRIBUTE);
    buf_puts(&w->text, of_containers ? "\">\n" : "\">");
}

/* The row's size, and its type without what SLO has hidden in it. */
static const char *plain_type(struct ctx *c, const char *type, int64_t *size)
{
    const char *value = strstr(type, "swift_bytes="), *mark = value;
    int64_t bytes;

    while (mark && mark > type && mark[-1] == ' ')
        mark--;
    if (!mark || mark == type || *--mark != ';')
        return type;
    value += strlen("swift_bytes=");
    size_t n = strcspn(value, ";");
    if (text_to_int(ctx_strndup(c, value, n), &bytes))
        *size = bytes;
    return ctx_printf(c, "%.*s%s", (int)(mark - type), type, value + n);
}

/* "2026-11-22T08:28:22.026210" of the time in units of 10 us; the same second is written once only. */
static void write_time(struct buf *to, struct timestamp t)
{
    static _Thread_local int64_t second = -1;
    static _Thread_local char text[] = "2026-11-22T08:28:22.026210";
    char whole[TIME_TEXT_SIZE];
    const size_t point = strlen("2026-11-22T08:28:22");
    unsigned rest = (unsigned)(t.raw % 100000);

    if (t.raw / 100000 != second) {
        second = t.raw / 100000;
        memcpy(text, time_write(whole, (utc_time){ second * G_USEC_PER_SEC }, TIME_ISO), point);
    }
    for (size_t i = 5; i > 0; i--, rest /= 10)
        text[point + i] = (char)('0' + rest % 10);
    buf_add(to, text, sizeof(text) - 1);
}

static struct timestamp modified(const struct listing_entry *e)
{
    struct timestamps t = {};

    if (!e->created_at)
        return e->put_timestamp;
    timestamps_decode(e->created_at, &t);
    return t.meta;
}

static void add_object_json(struct listing_writer *w, const struct listing_entry *e)
{
    int64_t size = e->size;
    const char *type = plain_type(w->c, e->content_type ? e->content_type : "", &size), *etag = e->etag ? e->etag : "";

    w->hides = w->hides || strchr(etag, ';');
    buf_puts(&w->text, "{\"bytes\": ");
    buf_int(&w->text, size);
    buf_puts(&w->text, ", \"hash\": ");
    name_json(&w->text, etag);
    buf_puts(&w->text, ", \"name\": ");
    name_json(&w->text, e->name);
    buf_puts(&w->text, ", \"content_type\": ");
    name_json(&w->text, type);
    buf_puts(&w->text, ", \"last_modified\": \"");
    write_time(&w->text, modified(e));
    buf_puts(&w->text, "\"}");
}

static void add_container_json(struct listing_writer *w, const struct listing_entry *e)
{
    buf_puts(&w->text, "{\"name\": ");
    name_json(&w->text, e->name);
    buf_printf(&w->text, ", \"count\": %" G_GINT64_FORMAT ", \"bytes\": %" G_GINT64_FORMAT ", \"last_modified\": \"", e->object_count, e->size);
    write_time(&w->text, modified(e));
    buf_puts(&w->text, "\"}");
}

static void add_json(struct listing_writer *w, const struct listing_entry *e)
{
    w->hides = w->hides || strchr(e->name, RESERVED[0]);
    if (w->n)
        buf_puts(&w->text, ", ");
    if (e->subdir) {
        buf_puts(&w->text, "{\"subdir\": ");
        name_json(&w->text, e->name);
        buf_putc(&w->text, '}');
    } else if (w->of_containers) {
        add_container_json(w, e);
    } else {
        add_object_json(w, e);
    }
}

static void add_element(struct buf *to, const char *name, const char *value)
{
    buf_printf(to, "<%s>", name);
    markup_escape(to, value, MARKUP_TEXT);
    buf_printf(to, "</%s>", name);
}

static void add_xml(struct listing_writer *w, const struct listing_entry *e)
{
    struct buf *to = &w->text;
    int64_t size = e->size;

    if (e->subdir) {
        buf_puts(to, "<subdir name=\"");
        markup_escape(to, e->name, MARKUP_ATTRIBUTE);
        buf_puts(to, w->of_containers ? "\" />\n" : "\">");
        if (w->of_containers)
            return;
        add_element(to, "name", e->name);
        buf_puts(to, "</subdir>");
        return;
    }
    const char *type = w->of_containers ? "" : plain_type(w->c, e->content_type ? e->content_type : "", &size);
    buf_puts(to, w->of_containers ? "<container>" : "<object>");
    add_element(to, "name", e->name);
    if (w->of_containers) {
        buf_printf(to, "<count>%" G_GINT64_FORMAT "</count><bytes>%" G_GINT64_FORMAT "</bytes>", e->object_count, size);
    } else {
        add_element(to, "hash", e->etag ? e->etag : "");
        buf_printf(to, "<bytes>%" G_GINT64_FORMAT "</bytes>", size);
        add_element(to, "content_type", type);
    }
    buf_puts(to, "<last_modified>");
    write_time(to, modified(e));
    buf_puts(to, w->of_containers ? "</last_modified></container>\n" : "</last_modified></object>");
}

static void add_text(struct buf *to, const char *name)
{
    const char *nul;

    for (; (nul = strstr(name, RESERVED)); name = nul + 2) {
        buf_add(to, name, (size_t)(nul - name));
        buf_putc(to, '\0');
    }
    buf_puts(to, name);
    buf_putc(to, '\n');
}

bool listing_add(void *data, const struct listing_entry *e)
{
    struct listing_writer *w = data;

    if (w->format == LISTING_JSON)
        add_json(w, e);
    else if (w->format == LISTING_XML)
        add_xml(w, e);
    else
        add_text(&w->text, e->name);
    w->n++;
    return true;
}

void listing_end(struct listing_writer *w)
{
    if (w->format == LISTING_JSON)
        buf_putc(&w->text, ']');
    else if (w->format == LISTING_XML)
        buf_puts(&w->text, w->of_containers ? "</account>" : "</container>");
}
