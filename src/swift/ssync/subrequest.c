/* The head of one request within an SSYNC: a method and a path, headers, an empty line. */
#include "swift/ssync/ssync.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <string.h>
#include <strings.h>

#define HEADERS_MOST 1024

/* names: of those that become metadata as they are. */
static bool take_header(struct ctx *c, char *line, bool characters, struct headers *h, struct buf *names)
{
    char *colon = strchr(line, ':'), *value;

    if (!colon || colon == line)
        return false;
    *colon = '\0';
    value = g_strstrip(colon + 1);
    headers_set(c, h, g_strstrip(line), characters ? header_from_characters(c, value) : value);
    if (strcasecmp(line, "ETag") && strcasecmp(line, "X-Backend-No-Commit")) {
        buf_puts(names, names->len ? " " : "");
        buf_puts(names, line);
    }
    return true;
}

static const char *read_headers(struct ctx *c, struct ssync_reader *in, bool characters, struct headers *h)
{
    struct buf names = {};
    char *line;
    bool well = true;

    while (well && (line = ssync_line(c, in)) && *line)
        well = h->n < HEADERS_MOST && take_header(c, line, characters, h, &names);
    if (names.len)
        headers_set(c, h, "X-Backend-Replication-Headers", ctx_strdup(c, names.data));
    buf_clear(&names);
    return !well ? "malformed header of a subrequest" : line ? NULL : "";
}

/* What is wrong with how long its body is said to be, or NULL. */
static const char *read_length(struct ctx *c, struct swift_request *q, const char *path)
{
    const char *length = request_get(q, "Content-Length");

    if (length && (!text_to_int(length, &q->length) || q->length < 0))
        return ctx_printf(c, "invalid Content-Length %.100s", length);
    if (!strcmp(q->method, "PUT"))
        return length ? NULL : ctx_printf(c, "No content-length sent for %s %s", q->method, path);
    if (strcmp(q->method, "DELETE") && strcmp(q->method, "POST"))
        return ctx_printf(c, "Invalid subrequest method %s", q->method);
    return q->length ? ctx_printf(c, "%s subrequest with content-length %s", q->method, path) : NULL;
}

const char *ssync_subrequest_read(struct ctx *c, struct ssync_reader *in, char *line, bool characters, struct swift_request *q)
{
    char *path = strchr(line, ' ');
    const char *wrong;

    if (!path)
        return ctx_printf(c, "malformed subrequest: %.200s", line);
    *path++ = '\0';
    q->method = line;
    q->query_text = "";
    wrong = read_headers(c, in, characters, &q->headers);
    wrong = wrong ? wrong : read_length(c, q, path);
    if (wrong)
        return wrong;
    q->path = name_decode(c, path, strlen(path), false);
    return q->path && *q->path == '/' ? NULL : ctx_printf(c, "malformed path: %.200s", path);
}
