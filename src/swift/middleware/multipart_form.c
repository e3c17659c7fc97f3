/* What a form's parts say of themselves. */
#include "swift/middleware/multipart_form.h"

#include "swift/multipart.h"

#include <string.h>
#include <strings.h>

struct multipart_form { struct ctx *c; struct multipart *parts; };

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

    *f = (struct multipart_form){ c, multipart_new(c, boundary, r) };
    return f;
}

ssize_t multipart_form_read(struct multipart_form *f, void *bytes, size_t n)
{
    return multipart_read(f->parts, bytes, n);
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

int multipart_form_next(struct multipart_form *f, struct form_part *part)
{
    struct headers head;
    int found = multipart_next(f->c, f->parts, &head);
    const char *disposition = found > 0 ? headers_get(&head, "Content-Disposition") : NULL;

    *part = (struct form_part){ 0 };
    if (found <= 0)
        return found;
    part->name = disposition ? parameter(f->c, disposition, "name") : NULL;
    part->filename = disposition ? parameter(f->c, disposition, "filename") : NULL;
    part->content_type = headers_get(&head, "Content-Type");
    part->content_encoding = headers_get(&head, "Content-Encoding");
    return found;
}
