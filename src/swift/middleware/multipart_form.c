/* A window over the body; a part ends where CRLF, two dashes and the boundary stand in it. */
#include "swift/middleware/multipart_form.h"

#include <string.h>
#include <strings.h>

enum { WINDOW = 65536, LONGEST_HEAD = 16384 };

struct multipart_form {
    struct ctx *c;
    struct swift_request *request;
    const char *end;                 /* CRLF, two dashes, the boundary */
    size_t end_size;
    char *window;
    size_t from, to;                 /* what of the window is unread */
    bool over, begun, broken, part_over;
};

const char *multipart_form_boundary(struct ctx *c, const char *type)
{
    const char *at;

    if (!type || strncasecmp(type, "multipart/form-data", 19) || !strchr("; ", type[19]))
        return NULL;
    at = strcasestr(type, "boundary=");
    if (!at)
        return NULL;
    at += strlen("boundary=");
    const char *boundary = *at == '"' ? ctx_strndup(c, at + 1, strcspn(at + 1, "\"")) : ctx_strndup(c, at, strcspn(at, "; "));
    return *boundary && strlen(boundary) <= 1024 ? boundary : NULL;
}

struct multipart_form *multipart_form_new(struct ctx *c, const char *boundary, struct swift_request *r)
{
    struct multipart_form *f = ctx_new(c, struct multipart_form);

    *f = (struct multipart_form){ .c = c, .request = r, .end = ctx_printf(c, "\r\n--%s", boundary), .window = ctx_alloc(c, WINDOW) };
    f->end_size = strlen(f->end);
    f->window[0] = '\r';                 /* the first boundary has no line before it */
    f->window[1] = '\n';
    f->to = 2;
    return f;
}

/* Reads more into the window; false: there is no more. */
static bool fill(struct multipart_form *f)
{
    ssize_t got;

    if (f->over || f->broken)
        return false;
    memmove(f->window, f->window + f->from, f->to - f->from);
    f->to -= f->from;
    f->from = 0;
    if (f->to == WINDOW)
        return false;
    got = request_take(f->c, f->request, f->window + f->to, WINDOW - f->to);
    f->broken = got < 0;
    f->over = got == 0;
    f->to += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static char *find(struct multipart_form *f, const char *what, size_t n)
{
    return memmem(f->window + f->from, f->to - f->from, what, n);
}

ssize_t multipart_form_read(struct multipart_form *f, void *bytes, size_t n)
{
    if (f->part_over)
        return 0;
    while (!f->broken) {
        char *end = find(f, f->end, f->end_size);
        size_t sure = end ? (size_t)(end - f->window) - f->from : f->to - f->from >= f->end_size ? f->to - f->from - f->end_size + 1 : 0;

        if (sure) {
            n = MIN(n, sure);
            memcpy(bytes, f->window + f->from, n);
            f->from += n;
            return (ssize_t)n;
        }
        if (end) {
            f->from += f->end_size;
            f->part_over = true;
            return 0;
        }
        if (!fill(f))
            f->broken = true;
    }
    return -1;
}

/* A parameter of a header: name="value" or name=value. */
static const char *parameter(struct ctx *c, const char *value, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = strchr(value, ';'); at; at = strchr(at, ';')) {
        at++;
        at += strspn(at, " \t");
        if (strncasecmp(at, name, n) || at[n] != '=')
            continue;
        at += n + 1;
        return *at == '"' ? ctx_strndup(c, at + 1, strcspn(at + 1, "\"")) : ctx_strndup(c, at, strcspn(at, ";"));
    }
    return NULL;
}

static void read_line(struct multipart_form *f, const char *line, size_t n, struct form_part *part)
{
    const char *text = ctx_strndup(f->c, line, n), *colon = strchr(text, ':'), *value;

    if (!colon)
        return;
    value = colon + 1 + strspn(colon + 1, " \t");
    size_t name = (size_t)(colon - text);
    if (name == 19 && !strncasecmp(text, "Content-Disposition", name)) {
        part->name = parameter(f->c, value, "name");
        part->filename = parameter(f->c, value, "filename");
    } else if (name == 12 && !strncasecmp(text, "Content-Type", name)) {
        part->content_type = value;
    } else if (name == 16 && !strncasecmp(text, "Content-Encoding", name)) {
        part->content_encoding = value;
    }
}

/* The headers of a part, up to the empty line. */
static bool read_head(struct multipart_form *f, struct form_part *part)
{
    char *end;

    while (!(end = find(f, "\r\n\r\n", 4)))
        if (f->to - f->from > LONGEST_HEAD || !fill(f))
            return false;
    for (const char *at = f->window + f->from; at < end;) {
        const char *line = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);

        read_line(f, at, (size_t)(line - at), part);
        at = line + 2;
    }
    f->from = (size_t)(end + 4 - f->window);
    return true;
}

int multipart_form_next(struct multipart_form *f, struct form_part *part)
{
    char rest[4096];
    ssize_t got;

    *part = (struct form_part){ 0 };
    if (f->broken)
        return -1;
    if (!f->begun) {
        while (f->to - f->from < f->end_size)
            if (!fill(f))
                return -1;
        if (memcmp(f->window + f->from, f->end, f->end_size))
            return -1;
        f->from += f->end_size;
        f->begun = f->part_over = true;
    }
    while ((got = multipart_form_read(f, rest, sizeof rest)) > 0)
        ;
    if (got < 0)
        return -1;
    while (f->to - f->from < 2)
        if (!fill(f))
            return -1;
    if (!memcmp(f->window + f->from, "--", 2))
        return 0;
    f->part_over = false;
    /* the line of the boundary ends; with it begins the head, which may be empty */
    return read_head(f, part) ? 1 : -1;
}
