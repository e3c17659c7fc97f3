/* The console proxy: a websocket with a token in its query (or cookie) is led to the guest's VNC server; anything else is a file
 * of noVNC, where that is installed. A browser's page of another origin is refused. */
#include "nova/console/console.h"

#include "nova/model/console.h"
#include "nova/nova.h"
#include "nova/options.h"
#include "oslo/http/websocket.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_TOKEN 403, "InvalidToken", "The token is invalid or has expired"
#define WRONG_ORIGIN 403, "ValidationError", "Origin header does not match this host."
#define NO_FILE 404, "HTTPNotFound", "File not found"

/* The value of a name among "a=1; b=2". */
static char *cookie(struct ctx *c, const struct request *request, const char *name)
{
    const char *header = request_header(request, "Cookie");
    size_t n = strlen(name);

    for (char **piece = header ? text_split(c, header, ';') : NULL; piece && *piece; piece++)
        if (!strncmp(*piece, name, n) && (*piece)[n] == '=')
            return *piece + n + 1;
    return NULL;
}

/* "http://cloud:6080" and "cloud:6080" are of one host, whatever the port. */
static bool same_origin(const struct request *request)
{
    const char *origin = request_header(request, "Origin"), *host = request_header(request, "Host"), *name;
    size_t n;

    if (!origin || !host)
        return true;
    name = strstr(origin, "://");
    name = name ? name + 3 : origin;
    n = *name == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":/");
    return !strncasecmp(name, host, n) && (!host[n] || host[n] == ':');
}

static bool screen(struct ctx *c, const struct request *request, struct reply *reply)
{
    const char *token = request_query(request, "token") ?: cookie(c, request, "token"), *target;
    struct ctx own;

    if (!same_origin(request))
        return fail(c, WRONG_ORIGIN);
    ctx_init_child(&own, c, &nova);
    own.db = service_state(&nova)->db;
    target = token ? ctx_strdup(c, console_token_target(&own, token, "novnc")) : NULL;
    ctx_clear(&own);
    return target ? websocket_proxy(c, request, reply, target, "binary") : fail(c, NO_TOKEN);
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = { { ".html", "text/html" }, { ".js", "text/javascript" }, { ".css", "text/css" }, { ".svg", "image/svg+xml" },
        { ".png", "image/png" }, { ".json", "application/json" }, { ".ico", "image/x-icon" }, { ".ttf", "font/ttf" }, { ".oga", "audio/ogg" } };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(path, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static bool file(struct ctx *c, const struct request *request, struct reply *reply)
{
    const char *path = !strcmp(request->path, "/") ? "/vnc_lite.html" : request->path;
    struct stat st;
    int fd;

    if (strstr(path, "/../") || g_str_has_suffix(path, "/.."))
        return fail(c, NO_FILE);
    fd = open(ctx_printf(c, "%s%s", nova_options()->novnc_path, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return fail(c, NO_FILE);
    }
    reply_file(reply, type_of(path), fd, 0, st.st_size);
    return true;
}

static bool serve(struct ctx *c, struct request *request, struct reply *reply)
{
    const char *upgrade = request_header(request, "Upgrade");

    return upgrade && !strcasecmp(upgrade, "websocket") ? screen(c, request, reply) : file(c, request, reply);
}

static const struct route routes[] = {
    { "GET", "/", serve, .flags = ROUTE_OPEN },
    { "GET", "/{path*}", serve, .flags = ROUTE_OPEN },
    {}
};
static const struct route *const tables[] = { routes, NULL };

static void error_text(struct ctx *c, struct request *request, struct reply *reply)
{
    reply_text(reply, "text/plain", c->fault.message ? c->fault.message : "");
}

static const struct rest_style style = { .error = error_text };

const struct service console_service = {
    .name = "console", .title = "Console", .port = 6080, .endpoint = "", .style = &style, .routes = tables, .rows_of = &nova,
};
