/* The header block as the library leaves it, checked strictly (RFC 9112): it cuts lines at CR LF and at a bare LF, puts NULs
 * for both and for the first colon, and does not look at NULs that were sent; so NULs in any other pattern are refused.
 */
#include "oslo/http/framing.h"
#include "oslo/base/text.h"

#include <string.h>
#include <strings.h>

static void refuse(struct framing *f, int status, const char *why)
{
    if (!f->status) {
        f->status = status;
        f->why = why;
    }
}

static bool is_token(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_isalnum(text[i]) && !strchr("!#$%&'*+-.^_`|~", text[i]))
            return false;
    return n > 0;
}

/* Clients name headers by more than tokens, and the API's users find their metadata under those names. */
static bool is_field_name(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_isgraph(text[i]) || text[i] == ':')
            return false;
    return n > 0;
}

static bool is_field_value(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* One "name NUL value" line; returns its end (the first of two NULs), or NULL. */
static const char *read_line(struct ctx *c, struct pair *header, const char *p, const char *end)
{
    size_t name = strnlen(p, (size_t)(end - p)), value;
    const char *start = p;

    p += name + 1;
    if (p >= end || !is_field_name(start, name))
        return NULL;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    value = strnlen(p, (size_t)(end - p));
    if (!is_field_value(p, value))
        return NULL;
    end = p + value;
    while (value && (p[value - 1] == ' ' || p[value - 1] == '\t'))
        value--;
    header->name = ctx_strndup(c, start, name);
    header->value = ctx_strndup(c, p, value);
    return end;
}

static void read_lines(struct ctx *c, struct framing *f, const char *p, const char *end)
{
    int n = 0;

    f->headers = ctx_new_n(c, struct pair, HEADERS_MAX + 1);
    for (;;) {
        if (end - p < 4 || p[0] || p[1]) {
            refuse(f, 400, "malformed header");
            return;
        }
        p += 2;
        if (end - p == 2 && !p[0] && !p[1])
            return;
        if (n == HEADERS_MAX) {
            refuse(f, 431, "too many headers");
            return;
        }
        p = read_line(c, &f->headers[n++], p, end);
        if (!p) {
            refuse(f, 400, "malformed header");
            return;
        }
    }
}

static void read_content_length(struct framing *f, const char *value)
{
    int64_t length = 0;

    if (!*value || strspn(value, "0123456789") != strlen(value) || !text_to_int(value, &length))
        refuse(f, 400, "invalid Content-Length");
    else if (f->content_length >= 0 && f->content_length != length)
        refuse(f, 400, "two different Content-Length headers");
    f->content_length = length;
}

static void read_body_framing(struct framing *f, bool is_1_1)
{
    int hosts = 0, codings = 0;

    for (const struct pair *h = f->headers; h->name; h++) {
        if (strcasecmp(h->name, "Content-Length") == 0) {
            read_content_length(f, h->value);
        } else if (strcasecmp(h->name, "Transfer-Encoding") == 0) {
            codings++;
            f->chunked = true;
            if (strcasecmp(h->value, "chunked") != 0)
                refuse(f, 501, "unknown transfer coding");
        } else if (strcasecmp(h->name, "Host") == 0) {
            hosts++;
        } else if (strcasecmp(h->name, "Expect") == 0) {
            f->expects_continue = strcasecmp(h->value, "100-continue") == 0;
            if (!f->expects_continue)
                refuse(f, 417, "unknown expectation");
        }
    }
    if (f->chunked && (f->content_length >= 0 || codings > 1 || !is_1_1))
        refuse(f, 400, "ambiguous body length");
    if (hosts > 1 || (is_1_1 && hosts == 0))
        refuse(f, 400, "exactly one Host header is required");
}

void framing_read(struct ctx *c, struct framing *f, const char *method, const char *target, const char *version,
                  const char *block, size_t n)
{
    f->content_length = -1;
    if (!is_token(method, strlen(method)))
        refuse(f, 400, "malformed method");
    if (strlen(target) > TARGET_MAX)
        refuse(f, 414, "the request target is too long");
    if (target[0] != '/' || !is_target(target))
        refuse(f, 400, "malformed request target");
    read_lines(c, f, block, block + n);
    read_body_framing(f, strcmp(version, "HTTP/1.1") == 0);
}
