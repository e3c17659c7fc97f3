/* staticweb: a container as a web site: an index object for directories, or listings as pages, and pages for errors. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/markup.h"
#include "swift/name.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HTML "text/html; charset=UTF-8"

struct staticweb_options { char *url_base; };

static const struct attr option_rows[] = {
    ATTR(struct staticweb_options, url_base, 0, .unset = "", .help = "Scheme and host of redirections; empty: those of the request."),
    {}
};

/* What the container's metadata say (web-index ...). */
struct site {
    struct ctx *c;
    const struct step *step;
    struct swift_request *request;
    const char *index, *error, *listings, *css, *label, *type;
    const char *read_acl;
};

static bool open_staticweb(struct ctx *c, struct step *step)
{
    info_register("staticweb", json_object(), false);
    return true;
}

static const char *meta_of(struct ctx *c, const struct container_info *info, const char *name)
{
    const char *value = info->status / 100 == 2 ? headers_get(&info->meta, name) : NULL;

    return g_strstrip(ctx_strdup(c, value ? value : ""));
}

static void learn(struct site *s)
{
    const struct container_info *info = container_info(s->c, s->request, s->request->account, s->request->container);

    s->index = meta_of(s->c, info, "web-index");
    s->error = meta_of(s->c, info, "web-error");
    s->listings = meta_of(s->c, info, "web-listings");
    s->label = meta_of(s->c, info, "web-listings-label");
    s->css = meta_of(s->c, info, "web-listings-css");
    s->type = meta_of(s->c, info, "web-directory-type");
    s->read_acl = info->read_acl;
}

static bool served(const struct swift_response *response)
{
    return response->status / 100 == 2 || response->status / 100 == 3;
}

/* Another object of the container in place of what was asked for. */
static void get(struct site *s, const char *method, const char *object, const char *query, struct swift_response *response)
{
    struct swift_request *r = request_sub(s->c, s->request, method, s->request->account, s->request->container, object, "SW");

    headers_copy(s->c, &r->headers, &s->request->headers);
    request_set_query(s->c, r, query);
    response_clear(response);
    step_next(s->c, s->step, r, response);
}

/* The site's own page for a status, where it has one: <status><web-error>. */
static void error_page(struct site *s, struct swift_response *response)
{
    struct swift_response page = RESPONSE_EMPTY;
    int status = response->status;

    if (!*s->error)
        return;
    get(s, "GET", ctx_printf(s->c, "%d%s", status, s->error), "", &page);
    if (page.status / 100 != 2) {
        response_clear(&page);
        return;
    }
    response_clear(response);
    *response = page;
    response->status = status;
}

static void not_found(struct site *s, struct swift_response *response)
{
    response_clear(response);
    response_error(s->c, response, 404, NULL);
    error_page(s, response);
}

static void redirect_to_slash(struct site *s, struct swift_response *response)
{
    const char *base = ((const struct staticweb_options *)s->step->options)->url_base, *host = s->request->env->scheme_host;

    if (*base) {
        const char *rest = strstr(base, "://");
        size_t n = rest ? (size_t)(rest + 3 - base) + strcspn(rest + 3, "/") : 0;

        host = n ? ctx_strndup(s->c, base, n) : host;
    }
    response_clear(response);
    response_error(s->c, response, 301, NULL);
    headers_set(s->c, &response->headers, "Location", ctx_printf(s->c, "%s%s/", host, name_quote(s->c, s->request->path, "/")));
}

/* --- listings as pages ------------------------------------------------------------------------------------------------ */

static const char *human(struct ctx *c, int64_t bytes)
{
    static const char suffixes[] = "KMGTPEZY";
    double value = (double)bytes;
    int at = -1;

    while (value >= 1023.5 && at + 1 < (int)strlen(suffixes)) {
        value /= 1024;
        at++;
    }
    return at < 0 ? ctx_printf(c, "%" PRId64, bytes) : ctx_printf(c, "%.0f%ci", value, suffixes[at]);
}

static const char *css_path(struct site *s, const char *prefix)
{
    const char *up = "";

    if (*s->css == '/' || g_str_has_prefix(s->css, "http://") || g_str_has_prefix(s->css, "https://"))
        return name_quote(s->c, s->css, ":/");
    for (const char *at = prefix; *at; at++)
        if (*at == '/')
            up = ctx_printf(s->c, "../%s", up);
    return ctx_printf(s->c, "%s%s", up, name_quote(s->c, s->css, "/"));
}

/* With web-listings-label, the label takes the place of version, account and container. */
static const char *title_of(struct site *s)
{
    return *s->label ? ctx_printf(s->c, "%s/%s", s->label, s->request->object ? s->request->object : "") : s->request->path;
}

static void page_head(struct site *s, struct buf *b, const char *prefix, const char *style)
{
    buf_puts(b, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\" \"http://www.w3.org/TR/html4/loose.dtd\">\n<html>\n <head>\n"
                "  <title>Listing of ");
    markup_escape(b, title_of(s), MARKUP_PAGE);
    buf_puts(b, "</title>\n");
    if (*s->css)
        buf_printf(b, "  <link rel=\"stylesheet\" type=\"text/css\" href=\"%s\" />\n", css_path(s, prefix));
    else
        buf_printf(b, "  <style type=\"text/css\">\n%s  </style>\n", style);
    buf_puts(b, " </head>\n <body>\n");
}

static void page_row(struct site *s, struct buf *b, const char *classes, const char *name, const char *size, const char *date)
{
    buf_printf(b, "   <tr class=\"item%s\">\n    <td class=\"colname\"><a href=\"%s\">", classes, name_quote(s->c, name, "/"));
    markup_escape(b, name, MARKUP_PAGE);
    buf_printf(b, "</a></td>\n    <td class=\"colsize\">%s</td>\n    <td class=\"coldate\">%s</td>\n   </tr>\n", size, date);
}

static const char *type_classes(struct ctx *c, const char *type)
{
    char **parts = g_strsplit(type ? type : "", "/", -1);
    struct buf b = { 0 };

    for (size_t i = 0; parts[i]; i++) {
        g_autofree char *lower = g_ascii_strdown(parts[i], -1);

        buf_puts(&b, " type-");
        markup_escape(&b, lower, MARKUP_PAGE);
    }
    g_strfreev(parts);
    const char *classes = ctx_strdup(c, b.data ? b.data : "");
    buf_clear(&b);
    return classes;
}

static void page_rows(struct site *s, struct buf *b, json_t *rows, size_t prefix, bool subdirs)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) {
        const char *subdir = json_string_value(json_object_get(row, "subdir")), *name = json_string_value(json_object_get(row, "name"));
        const char *modified = json_string_value(json_object_get(row, "last_modified"));

        if (subdirs && subdir)
            page_row(s, b, " subdir", subdir + MIN(prefix, strlen(subdir)), "&nbsp;", "&nbsp;");
        else if (!subdirs && name)
            page_row(s, b, type_classes(s->c, json_string_value(json_object_get(row, "content_type"))), name + MIN(prefix, strlen(name)),
                     human(s->c, json_integer_value(json_object_get(row, "bytes"))),
                     g_strdelimit(ctx_strndup(s->c, modified ? modified : "", strcspn(modified ? modified : "", ".")), "T", ' '));
    }
}

static void listing_disabled(struct site *s, const char *prefix, struct swift_response *response)
{
    struct buf b = { 0 };

    page_head(s, &b, prefix, "   h1 {font-size: 1em; font-weight: bold;}\n   p {font-size: 2}\n");
    buf_puts(&b, "  <h1>Web Listing Disabled</h1>\n  <p>This site shows no listings. Its owner can turn them on by X-Container-Meta-Web-Listings.</p>\n");
    if (*s->index) {
        buf_puts(&b, "  <h1>Index File Not Found</h1>\n  <p>X-Container-Meta-Web-Index names <b>");
        markup_escape(&b, s->index, MARKUP_PAGE);
        buf_puts(&b, "</b>, which is not there.</p>\n");
    }
    buf_puts(&b, " </body>\n</html>\n");
    response_clear(response);
    response_bytes(s->c, response, HTML, &b);
    response->status = 404;
    error_page(s, response);
}

static void show_listing(struct site *s, const char *prefix, struct swift_response *response)
{
    struct buf b = { 0 };
    json_t *rows;
    char *text;
    size_t n;

    if (!word_true(s->listings)) {
        listing_disabled(s, prefix, response);
        return;
    }
    get(s, "GET", NULL, ctx_printf(s->c, "format=json&delimiter=/%s%s", *prefix ? "&prefix=" : "", name_quote(s->c, prefix, "/")), response);
    if (response->status / 100 != 2) {
        error_page(s, response);
        return;
    }
    text = response_take_all(s->c, response, 1024 * 10000 * 2, &n);
    rows = ctx_json(s->c, text && n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : json_array());
    if (*prefix && !json_array_size(rows)) {
        not_found(s, response);
        return;
    }
    page_head(s, &b, prefix, "   h1 {font-size: 1em; font-weight: bold;}\n   th {text-align: left; padding: 0px 1em 0px 1em;}\n"
                             "   td {padding: 0px 1em 0px 1em;}\n   a {text-decoration: none;}\n");
    buf_puts(&b, "  <h1 id=\"title\">Listing of ");
    markup_escape(&b, title_of(s), MARKUP_PAGE);
    buf_puts(&b, "</h1>\n  <table id=\"listing\">\n   <tr id=\"heading\">\n    <th class=\"colname\">Name</th>\n    <th class=\"colsize\">Size</th>\n"
                 "    <th class=\"coldate\">Date</th>\n   </tr>\n");
    if (*prefix)
        buf_puts(&b, "   <tr id=\"parent\" class=\"item\">\n    <td class=\"colname\"><a href=\"../\">../</a></td>\n    <td class=\"colsize\">&nbsp;</td>\n"
                     "    <td class=\"coldate\">&nbsp;</td>\n   </tr>\n");
    page_rows(s, &b, rows, strlen(prefix), true);
    page_rows(s, &b, rows, strlen(prefix), false);
    buf_puts(&b, "  </table>\n </body>\n</html>\n");
    response_clear(response);
    response_bytes(s->c, response, HTML, &b);
    response->status = 200;
}

/* --- what was asked for ------------------------------------------------------------------------------------------------ */

static bool ends_with_slash(const struct swift_request *r)
{
    return g_str_has_suffix(r->path, "/");
}

static void serve_container(struct site *s, struct swift_response *response)
{
    struct swift_request *r = s->request;

    learn(s);
    r->env->acl = s->read_acl;
    if (!r->env->authorize(s->c, r, response)) {
        error_page(s, response);
        return;
    }
    if (!*s->listings && !*s->index) {
        if (header_true(&r->headers, "X-Web-Mode"))
            response_error(s->c, response, 404, NULL);
        else
            step_next(s->c, s->step, r, response);
        return;
    }
    r->env->middleware[SLOT_LISTING] = NULL;             /* what is written here is no listing any more */
    if (!ends_with_slash(r)) {
        redirect_to_slash(s, response);
        return;
    }
    if (!*s->index) {
        show_listing(s, "", response);
        return;
    }
    get(s, r->method, s->index, "", response);
    if (response->status == 404)
        show_listing(s, "", response);
    else if (!served(response))
        error_page(s, response);
}

/* An object that only marks a directory counts as none. */
static bool marks_directory(const struct site *s, const struct swift_response *response)
{
    const char *type = response_get(response, "Content-Type");

    return type && !strcmp(type, *s->type ? s->type : "application/directory") && response->length <= 1;
}

static bool is_directory(struct site *s, struct swift_response *response)
{
    json_t *rows;
    char *text;
    size_t n;

    get(s, "GET", NULL, ctx_printf(s->c, "format=json&limit=1&delimiter=/&prefix=%s/", name_quote(s->c, s->request->object, "/")), response);
    if (response->status / 100 != 2)
        return false;
    text = response_take_all(s->c, response, 1 << 20, &n);
    rows = ctx_json(s->c, text && n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : NULL);
    return json_array_size(rows) > 0;
}

static void serve_object(struct site *s, struct swift_response *response)
{
    struct swift_request *r = s->request;
    const char *slash = ends_with_slash(r) ? "" : "/";

    step_next(s->c, s->step, r, response);
    learn(s);
    if (served(response) && !marks_directory(s, response))
        return;
    if (!served(response) && response->status != 404)
        return;
    if (!*s->listings && !*s->index)
        return;
    if (*s->index) {
        get(s, r->method, ctx_printf(s->c, "%s%s%s", r->object, slash, s->index), "", response);
        if (served(response)) {
            if (*slash)
                redirect_to_slash(s, response);
            return;
        }
        if (response->status != 404)
            return;
    }
    if (!*slash)
        show_listing(s, r->object, response);
    else if (is_directory(s, response))
        redirect_to_slash(s, response);
    else
        not_found(s, response);
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    struct site s = { .c = c, .step = step, .request = r };
    bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");

    if (!r->env->authorize || !reads || !r->container || ((r->env->groups || r->env->who) && !header_true(&r->headers, "X-Web-Mode")))
        step_next(c, step, r, response);
    else if (r->object)
        serve_object(&s, response);
    else
        serve_container(&s, response);
}

const struct middleware middleware_staticweb = {
    .name = "staticweb", .options = option_rows, .options_size = sizeof(struct staticweb_options), .open = open_staticweb, .run = run,
};
