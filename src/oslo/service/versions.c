/* Microversions: "OpenStack-API-Version: compute 2.93", or the older header of one service alone. */
#include "oslo/service/parts.h"

#include <stdio.h>
#include <string.h>

static char *version_asked(struct ctx *, const struct rest_style *, const struct request *);
static bool version_parse(const char *text, int *ret_version);
static const struct fault *wrong(struct ctx *, const char *asked, int status, const char *type, const char *format, ...) G_GNUC_PRINTF(5, 6);
static char *version_text(struct ctx *, int version);

int version_negotiate(struct ctx *c, const struct service *service, const struct request *request, const struct fault **ret_wrong)
{
    const struct rest_style *style = service->style;
    int version = 0;

    *ret_wrong = NULL;
    if (!style || !style->max_version)
        return 0;
    const char *asked = routes_in_base(service, request->path) ? version_asked(c, style, request) : NULL;
    if (!asked)
        return style->min_version;
    if (!strcmp(asked, "latest"))
        return style->max_version;
    if (!version_parse(asked, &version)) {
        *ret_wrong = wrong(c, asked, VERSION_MALFORMED, asked);
        return style->min_version;
    }
    if (version < style->min_version || version > style->max_version) {
        *ret_wrong = wrong(c, asked, VERSION_UNKNOWN, asked, style->min_version / 1000, style->min_version % 1000,
                           style->max_version / 1000, style->max_version % 1000);
        return style->min_version;
    }
    return version;
}

void version_headers(struct ctx *c, const struct service *service, const struct request *request, const struct fault *wrong_version,
                     struct reply *reply)
{
    const struct rest_style *style = service->style;

    if (!style || !style->max_version || !routes_in_base(service, request->path) || (wrong_version && wrong_version->status != 406))
        return;
    const char *version = wrong_version ? wrong_version->detail : version_text(c, c->version);
    reply_header(c, reply, "OpenStack-API-Version", ctx_printf(c, "%s %s", style->version_name, version));
    if (style->legacy_version_header)
        reply_header(c, reply, style->legacy_version_header, version);
    reply_add_header(c, reply, "Vary", "OpenStack-API-Version");
    if (style->legacy_version_header)
        reply_add_header(c, reply, "Vary", style->legacy_version_header);
}

/* The standard header may name several services, separated by commas; the first that names this one counts. */
static char *version_asked(struct ctx *c, const struct rest_style *style, const struct request *request)
{
    const char *standard = request_header(request, "OpenStack-API-Version");
    const char *legacy = style->legacy_version_header ? request_header(request, style->legacy_version_header) : NULL;

    if (standard)
        for (char **piece = text_split(c, standard, ','); *piece; piece++) {
            size_t name = strcspn(*piece, " ");

            if (strlen(style->version_name) == name && !g_ascii_strncasecmp(*piece, style->version_name, name) && (*piece)[name])
                return g_strstrip(*piece + name);
        }
    return legacy ? g_strstrip(ctx_strdup(c, legacy)) : NULL;
}

/* "2.93": no leading zeros. */
static bool version_parse(const char *text, int *ret_version)
{
    g_auto(GStrv) parts = g_strsplit(text, ".", -1);
    int numbers[2];

    if (g_strv_length(parts) != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        const char *part = parts[i];

        if (!*part || strspn(part, "0123456789") != strlen(part) || (*part == '0' && (part[1] || i == 0)))
            return false;
        numbers[i] = strlen(part) > 3 ? 999 : (int)g_ascii_strtoll(part, NULL, 10);
    }
    *ret_version = V(numbers[0], numbers[1]);
    return true;
}

/* detail is the version as asked, for styles that say it in other words. */
static const struct fault *wrong(struct ctx *c, const char *asked, int status, const char *type, const char *format, ...)
{
    struct fault *fault = ctx_new(c, struct fault);
    va_list args;

    va_start(args, format);
    *fault = (struct fault){ .status = status, .type = type, .message = ctx_vprintf(c, format, args), .detail = asked };
    va_end(args);
    return fault;
}

static char *version_text(struct ctx *c, int version)
{
    return ctx_printf(c, "%d.%d", version / 1000, version % 1000);
}
