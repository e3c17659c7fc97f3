/* formpost: a browser's upload by a form that is signed with a key of the account or the container. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/middleware/acl.h"
#include "swift/middleware/multipart_form.h"
#include "swift/middleware/temporary.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST_VALUE = 4096 };

struct formpost_options { char *allowed_digests; };

static const struct attr option_rows[] = {
    ATTR(struct formpost_options, allowed_digests, 0, .unset = "sha1 sha256 sha512", .help = "Algorithms of signatures."),
    {}
};

struct form {
    struct ctx *c;
    const struct step *step;
    struct swift_request *request;
    struct multipart_form *parts;
    struct headers fields;           /* that came before */
    const struct temporary_key *keys;
    int64_t files, left;             /* bytes the file under way may still have */
    bool too_large;
    struct swift_response last;      /* of the last upload */
    int status;                      /* 0: nothing uploaded */
    const char *message;
};

static bool open_formpost(struct ctx *c, struct step *step)
{
    json_t *info = json_object();

    temporary_info(info, ((const struct formpost_options *)step->options)->allowed_digests);
    info_register("formpost", info, false);
    return true;
}

static bool invalid(struct form *f, struct swift_response *response, int status, const char *message)
{
    response_clear(response);
    response_text(f->c, response, status, status == 400 ? "text/plain" : "text/html; charset=UTF-8", ctx_printf(f->c, "FormPost: %s", message));
    if (status == 401)
        auth_challenge_swift(f->c, f->request, response);
    return false;
}

static const char *field(const struct form *f, const char *name)
{
    return headers_get(&f->fields, name);
}

/* A number among the fields; 0 without one. */
static bool number(struct form *f, const char *name, int64_t *ret, struct swift_response *response, const char *wrong)
{
    const char *text = field(f, name);

    *ret = 0;
    return !text || !*text || text_to_int(text, ret) || invalid(f, response, 400, wrong);
}

/* --- may it? ------------------------------------------------------------------------------------------------------ */

static bool check_signature(struct form *f, struct swift_response *response)
{
    const char *signature = field(f, "signature"), *algorithm, *digest, *message;
    const struct formpost_options *o = f->step->options;

    message = ctx_printf(f->c, "%s\n%s\n%s\n%s\n%s", f->request->path, field(f, "redirect") ?: "", field(f, "max_file_size") ?: "0",
                         field(f, "max_file_count") ?: "0", field(f, "expires") ?: "0");
    if (signature && temporary_signature(f->c, signature, o->allowed_digests, &algorithm, &digest))
        for (const struct temporary_key *key = f->keys; key->key; key++)
            if (temporary_matches(f->c, algorithm, digest, key->key, message))
                return true;
    return invalid(f, response, 401, "Invalid Signature");
}

static bool check(struct form *f, struct swift_response *response)
{
    int64_t expires;

    if (!f->keys->key)
        return invalid(f, response, 401, "Invalid Signature");
    if (!number(f, "max_file_size", &f->left, response, "max_file_size not an integer") ||
        !number(f, "expires", &expires, response, "expired not an integer"))
        return false;
    if (expires < clock_us() / 1000000)
        return invalid(f, response, 401, "Form Expired");
    return check_signature(f, response);
}

/* --- a file --------------------------------------------------------------------------------------------------------- */

static ssize_t read_file(struct ctx *c, void *data, void *bytes, size_t n)
{
    struct form *f = data;
    ssize_t got = multipart_form_read(f->parts, bytes, n);

    if (got > 0 && (f->left -= got) < 0) {
        f->too_large = true;
        return -1;
    }
    return got;
}

static bool set_headers(struct form *f, struct swift_request *r, const struct form_part *part, struct swift_response *response)
{
    const char *type = field(f, "content-type") ?: part->content_type, *encoding = field(f, "content-encoding") ?: part->content_encoding;
    int64_t value;

    if (!number(f, "x_delete_at", &value, response, "x_delete_at not an integer: Unix timestamp required."))
        return false;
    if (field(f, "x_delete_at"))
        headers_printf(f->c, &r->headers, "X-Delete-At", "%lld", (long long)value);
    if (!number(f, "x_delete_after", &value, response, "x_delete_after not an integer: Number of seconds required."))
        return false;
    if (field(f, "x_delete_after"))
        headers_printf(f->c, &r->headers, "X-Delete-After", "%lld", (long long)value);
    headers_set(f->c, &r->headers, "Content-Type", type && *type ? type : NULL);
    headers_set(f->c, &r->headers, "Content-Encoding", encoding);
    headers_set(f->c, &r->headers, "Origin", request_get(f->request, "Origin"));
    return true;
}

static bool put_file(struct form *f, const struct form_part *part, struct swift_response *response)
{
    const struct swift_request *from = f->request;
    const char *object = from->object ? ctx_printf(f->c, "%s%s", from->object, part->filename) : part->filename;
    struct swift_request *r = request_sub_authorized(f->c, from, "PUT", from->account, from->container, object, "FP");

    r->env->swift_owner = false;
    if (!check(f, response) || !set_headers(f, r, part, response))
        return false;
    r->read = read_file;
    r->read_data = f;
    r->length = -1;
    response_clear(&f->last);
    step_next(f->c, f->step, r, &f->last);
    if (f->too_large)
        return invalid(f, response, 400, "max_file_size exceeded");
    f->status = f->last.status;
    return true;
}

/* --- the form ---------------------------------------------------------------------------------------------------------- */

static bool take_field(struct form *f, const struct form_part *part)
{
    char *value = ctx_alloc(f->c, LONGEST_VALUE + 1), rest[4096];
    size_t used = 0;
    ssize_t got;

    while ((got = used < LONGEST_VALUE ? multipart_form_read(f->parts, value + used, LONGEST_VALUE - used) : multipart_form_read(f->parts, rest, sizeof rest)) > 0)
        if (used < LONGEST_VALUE)
            used += (size_t)got;
    while (used && strchr("\r\n-", value[used - 1]))
        used--;
    value[used] = 0;
    if (part->name) {
        g_autofree char *lower = g_ascii_strdown(part->name, -1);

        headers_set(f->c, &f->fields, ctx_strdup(f->c, lower), value);
    }
    return got == 0;
}

/* False: the response stands. */
static bool take_parts(struct form *f, struct swift_response *response)
{
    struct form_part part;
    int64_t most;
    int found;

    while ((found = multipart_form_next(f->parts, &part)) > 0) {
        if (!part.filename || !*part.filename) {
            if (!take_field(f, &part))
                return invalid(f, response, 400, "the form broke off");
            continue;
        }
        f->files++;
        if (!number(f, "max_file_count", &most, response, "max_file_count not an integer"))
            return false;
        if (f->files > most) {
            f->status = 400;
            f->message = "Max File Count Exceeded";
            return true;
        }
        if (!put_file(f, &part, response))
            return false;
        if (f->status / 100 != 2)
            return true;
    }
    return found == 0 || invalid(f, response, 400, f->files ? "the form broke off" : "invalid starting boundary");
}

static void answer(struct form *f, struct swift_response *response)
{
    const char *redirect = field(f, "redirect"), *line;
    struct headers cors = { 0 };

    if (!f->status) {
        f->status = 400;
        f->message = "No Files To Process";
    }
    headers_copy_prefix(f->c, &cors, &f->last.headers, "Access-Control-");
    line = status_line(f->c, f->status);
    response_clear(response);
    if (redirect && *redirect) {
        redirect = ctx_printf(f->c, "%s%sstatus=%d&message=%s", redirect, strchr(redirect, '?') ? "&" : "?", f->status,
                              name_quote(f->c, f->message ? g_ascii_strdown(f->message, -1) : "", "/"));
        response_text(f->c, response, 303, "text/html; charset=UTF-8",
                      ctx_printf(f->c, "<html><body><p><a href=\"%s\">Click to continue...</a></p></body></html>", redirect));
        headers_set(f->c, &response->headers, "Location", redirect);
    } else {
        response_text(f->c, response, f->status, "text/plain", f->message ? ctx_printf(f->c, "%s\r\nFormPost: %s", line, f->message) : line);
    }
    headers_copy(f->c, &response->headers, &cors);
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *boundary = !strcmp(r->method, "POST") ? multipart_form_boundary(c, request_get(r, "Content-Type")) : NULL;
    struct form f = { .c = c, .step = step, .request = r, .last = RESPONSE_EMPTY };

    if (!boundary) {
        step_next(c, step, r, response);
        return;
    }
    f.keys = r->container ? temporary_keys(c, r) : ctx_new(c, struct temporary_key);
    f.parts = multipart_form_new(c, boundary, r);
    if (take_parts(&f, response))
        answer(&f, response);
    response_clear(&f.last);
}

const struct middleware middleware_formpost = {
    .name = "formpost", .options = option_rows, .options_size = sizeof(struct formpost_options), .open = open_formpost, .run = run,
};
