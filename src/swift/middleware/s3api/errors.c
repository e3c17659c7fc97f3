/* The errors of the S3 API, and the document that says one. */
#include "swift/middleware/s3api/s3.h"

#include <string.h>

static const struct { const char *code; int status; const char *message; } codes[S3_CODES] = {
#define S3_ERROR(symbol, code, status, message) [S3_##symbol] = { code, status, message },
#include "swift/middleware/s3api/errors.h"
#undef S3_ERROR
};

bool s3_fail(struct s3_request *s, enum s3_code code, const char *message, ...)
{
    va_list more;

    if (s->error.set)
        return false;
    s->error = (struct s3_error){ .set = true, .code = code, .message = message ? ctx_strdup(s->c, message) : NULL };
    va_start(more, message);
    for (const char *name; s->error.n_info < (int)G_N_ELEMENTS(s->error.info) && (name = va_arg(more, const char *));) {
        const char *value = va_arg(more, const char *);

        s->error.info[s->error.n_info++] = (struct pair){ name, value ? ctx_strdup(s->c, value) : NULL };
    }
    va_end(more);
    return false;
}

void s3_error_clear(struct s3_request *s)
{
    s->error = (struct s3_error){ 0 };
}

const char *s3_error_name(const struct s3_error *e)
{
    return codes[e->code].code;
}

const char *s3_error_message(const struct s3_error *e)
{
    return e->message ? e->message : codes[e->code].message;
}

/* What XML can hold: the original says so where it cannot. */
static const char *printable(const char *value)
{
    for (const char *at = value; at && *at; at++)
        if ((unsigned char)*at < 0x20 && !strchr("\t\n\r", *at))
            return "(invalid string)";
    return value;
}

void s3_error_write(struct s3_request *s, struct swift_response *response)
{
    struct xml x = { 0 };
    bool bare = !strcmp(s->client->method, "HEAD");      /* not even the length of what a GET would say */

    response_clear(response);
    xml_begin_plain(&x, "Error", true);
    s3_xml_text(&x, "Code", s3_error_name(&s->error));
    s3_xml_text(&x, "Message", s3_error_message(&s->error));
    if (s->client->env->trans_id)
        s3_xml_text(&x, "RequestId", s->client->env->trans_id);
    for (int i = 0; i < s->error.n_info; i++)
        s3_xml_text(&x, s->error.info[i].name, printable(s->error.info[i].value));
    xml_end(s->c, &x, response, "application/xml");
    if (bare) {
        buf_clear(&response->body);
        response->length = 0;
    }
    response->status = s->error.status ? s->error.status : codes[s->error.code].status;
}
