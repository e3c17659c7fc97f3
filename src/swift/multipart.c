/* A window over the body; a part ends where CRLF, two dashes and the boundary stand in it. */
#include "swift/multipart.h"

#include <string.h>

enum { WINDOW = 65536, LONGEST_HEAD = 16384 };

struct multipart {
    struct ctx *c;
    struct swift_request *request;
    const char *end;                 /* CRLF, two dashes, the boundary */
    size_t end_size;
    char *window;
    size_t from, to;                 /* what of the window is unread */
    bool over, begun, broken, part_over;
};

struct multipart *multipart_new(struct ctx *c, const char *boundary, struct swift_request *r)
{
    struct multipart *m = ctx_new(c, struct multipart);

    *m = (struct multipart){ .c = c, .request = r, .end = ctx_printf(c, "\r\n--%s", boundary), .window = ctx_alloc(c, WINDOW) };
    m->end_size = strlen(m->end);
    m->window[0] = '\r';                 /* the first boundary has no line before it */
    m->window[1] = '\n';
    m->to = 2;
    return m;
}

/* Reads more into the window; false: there is no more. */
static bool fill(struct multipart *m)
{
    ssize_t got;

    if (m->over || m->broken)
        return false;
    memmove(m->window, m->window + m->from, m->to - m->from);
    m->to -= m->from;
    m->from = 0;
    if (m->to == WINDOW)
        return false;
    got = request_take(m->c, m->request, m->window + m->to, WINDOW - m->to);
    m->broken = got < 0;
    m->over = got == 0;
    m->to += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static char *find(struct multipart *m, const char *what, size_t n)
{
    return memmem(m->window + m->from, m->to - m->from, what, n);
}

ssize_t multipart_read(struct multipart *m, void *bytes, size_t n)
{
    if (m->part_over)
        return 0;
    while (!m->broken) {
        char *end = find(m, m->end, m->end_size);
        size_t sure = end ? (size_t)(end - m->window) - m->from : m->to - m->from >= m->end_size ? m->to - m->from - m->end_size + 1 : 0;

        if (sure) {
            n = MIN(n, sure);
            memcpy(bytes, m->window + m->from, n);
            m->from += n;
            return (ssize_t)n;
        }
        if (end) {
            m->from += m->end_size;
            m->part_over = true;
            return 0;
        }
        if (!fill(m))
            m->broken = true;
    }
    return -1;
}

void multipart_go_on(struct multipart *m)
{
    while (fill(m))
        ;
    m->broken = m->broken || !m->over;
    m->over = false;
}

static void read_line(struct ctx *c, const char *line, size_t n, struct headers *head)
{
    char *name = ctx_strndup(c, line, n), *colon = strchr(name, ':');

    if (!colon)
        return;
    *colon = '\0';
    headers_add(c, head, name, colon + 1 + strspn(colon + 1, " \t"));
}

/* The headers of a part, up to the empty line. */
static bool read_head(struct ctx *c, struct multipart *m, struct headers *head)
{
    char *end;

    while (!(end = find(m, "\r\n\r\n", 4)))
        if (m->to - m->from > LONGEST_HEAD || !fill(m))
            return false;
    for (const char *at = m->window + m->from; at < end;) {
        const char *line = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);

        read_line(c, at, (size_t)(line - at), head);
        at = line + 2;
    }
    m->from = (size_t)(end + 4 - m->window);
    return true;
}

int multipart_next(struct ctx *c, struct multipart *m, struct headers *head)
{
    char rest[4096];
    ssize_t got;

    *head = (struct headers){};
    if (m->broken)
        return -1;
    if (!m->begun) {
        while (m->to - m->from < m->end_size)
            if (!fill(m))
                return -1;
        if (memcmp(m->window + m->from, m->end, m->end_size))
            return -1;
        m->from += m->end_size;
        m->begun = m->part_over = true;
    }
    while ((got = multipart_read(m, rest, sizeof rest)) > 0)
        ;
    if (got < 0)
        return -1;
    while (m->to - m->from < 2)
        if (!fill(m))
            return -1;
    if (!memcmp(m->window + m->from, "--", 2))
        return 0;
    m->part_over = false;
    /* the line of the boundary ends; with it begins the head, which may be empty */
    return read_head(c, m, head) ? 1 : -1;
}
