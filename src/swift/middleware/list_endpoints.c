/* list_endpoints: on which nodes an account, a container, an object lies, for programs beside the cluster. Nobody is asked who they are.
 *
 *     GET /endpoints/[v1|v2/]<account>[/<container>[/<object>]]
 */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdlib.h>
#include <string.h>

struct list_endpoints_options { char *list_endpoints_path; };

static const struct attr option_rows[] = {
    ATTR(struct list_endpoints_options, list_endpoints_path, 0, .unset = "/endpoints/", .help = "What is asked."),
    {}
};

struct place { int version; const char *account, *container, *object; };     /* NULL: not asked */

/* The part up to the next slash; *at moves behind it. NULL: there is none, or it is empty. */
static const char *next_part(struct ctx *c, const char **at)
{
    size_t n = strcspn(*at, "/");
    const char *part = n ? ctx_strndup(c, *at, n) : NULL;

    *at += n + ((*at)[n] == '/');
    return part;
}

/* 0: it is no version; -1: one that is not known. */
static int version_of(const char *text)
{
    const char *digits = text + strspn(text, "v");
    char *end;
    double version = g_ascii_strtod(digits, &end);

    if (*digits && !*end && !strchr(digits, 'x') && (version == 1 || version == 2))
        return (int)version;
    return *text == 'v' && !strchr(text, '_') ? -1 : 0;
}

/* NULL: well; else what is wrong. */
static const char *parse(struct ctx *c, const char *path, struct place *to)
{
    const char *at = path, *first = next_part(c, &at);
    int version = first ? version_of(first) : 0;

    if (version < 0)
        return ctx_printf(c, "Unsupported version '%s'", first);
    if (!version)
        at = path;
    *to = (struct place){ .version = version ? version : 1, .account = next_part(c, &at) };
    if (!to->account)
        return "No account specified";
    if (!*at)
        return NULL;
    to->container = next_part(c, &at);
    if (!to->container)
        return "No account specified";
    to->object = *at ? at : NULL;
    return NULL;
}

static json_t *endpoints(struct ctx *c, const struct place *p, const struct ring *ring)
{
    const struct ring_device *nodes[64];
    json_t *list = json_array();
    uint8_t digest[16];
    uint32_t partition;
    size_t n;

    hash_path(p->account, p->container, p->object, digest);
    partition = ring_partition(ring, digest);
    n = ring_primaries(ring, partition, nodes, G_N_ELEMENTS(nodes));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(ctx_printf(c, "http://%s:%d/%s/%u/%s%s%s%s%s", nodes[i]->ip, nodes[i]->port, nodes[i]->device, partition,
                                                           name_quote(c, p->account, "/"), p->container ? "/" : "",
                                                           p->container ? name_quote(c, p->container, "/") : "", p->object ? "/" : "",
                                                           p->object ? name_quote(c, p->object, "/") : "")));
    return list;
}

static void answer(struct ctx *c, const struct place *p, struct swift_request *r, struct swift_response *response)
{
    struct ring_file *file = storage_ring(p->container ? STORAGE_CONTAINER : STORAGE_ACCOUNT);
    const struct storage_policy *policy = NULL;
    json_t *all, *headers;
    char *text;

    if (p->object) {
        policy = policy_by_index(container_info(c, r, p->account, p->container)->policy_index);
        file = policy ? policy->ring : NULL;
    }
    if (!file) {
        response_error(c, response, 500, NULL);
        return;
    }
    all = endpoints(c, p, ring_get(c, file));
    if (p->version == 2) {
        headers = policy ? json_pack("{s:o}", "X-Backend-Storage-Policy-Index", json_string(ctx_printf(c, "%d", policy->index))) : json_object();
        all = json_pack("{s:o, s:o}", "endpoints", all, "headers", headers);
    }
    text = json_dumps(all, JSON_ENSURE_ASCII);
    response_text(c, response, 200, "application/json", text);
    free(text);
    json_decref(all);
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *path = ((const struct list_endpoints_options *)step->options)->list_endpoints_path, *wrong;
    size_t n = strlen(path);
    struct place place = { 0 };

    if (strncmp(r->path, path, n) || (n && path[n - 1] != '/' && r->path[n] != '/')) {
        step_next(c, step, r, response);
    } else if (strcmp(r->method, "GET")) {
        response_error(c, response, 405, NULL);
        headers_set(c, &response->headers, "Allow", "GET");
    } else if ((wrong = parse(c, r->path + n + (n && path[n - 1] != '/'), &place))) {
        response_error(c, response, 400, wrong);
    } else {
        answer(c, &place, r, response);
    }
}

const struct middleware middleware_list_endpoints = {
    .name = "list_endpoints", .options = option_rows, .options_size = sizeof(struct list_endpoints_options), .run = run,
};
