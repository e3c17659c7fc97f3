/* Object versioning on containers: turning it on, what they hold, taking them away with their hidden one. */
#include "swift/middleware/versions.h"

#include "swift/middleware/hash_params.h"
#include "swift/name.h"
#include "swift/proxy/proxy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool refuse(struct ctx *c, struct swift_response *response, int status, const char *message)
{
    response_clear(response);
    response_error(c, response, status, message);
    return false;
}

static void show_enabled(struct ctx *c, struct swift_response *response)
{
    const char *enabled = response_get(response, VERSIONS_ENABLED);

    if (enabled)
        headers_set(c, &response->headers, "X-Versions-Enabled", enabled);
}

/* The status of a request on the hidden container; count: of its objects. */
static int ask_hidden(struct ctx *c, const struct step *step, const struct swift_request *r, const char *method, const char *hidden, const char *policy,
                      int64_t *ret_count, int64_t *ret_bytes)
{
    struct swift_response response = RESPONSE_EMPTY;
    struct swift_request *sub = versions_request(c, r, method, hidden, NULL);
    int status;

    headers_set(c, &sub->headers, "X-Storage-Policy", policy);
    step_next(c, step, sub, &response);
    status = response.status;
    if (ret_count)
        *ret_count = atoll(response_get(&response, "X-Container-Object-Count") ?: "0");
    if (ret_bytes)
        *ret_bytes = atoll(response_get(&response, "X-Container-Bytes-Used") ?: "0");
    response_clear(&response);
    return status;
}

/* --- turning it on and off --------------------------------------------------------------------------------------- */

static bool may_enable(struct ctx *c, const struct container_info *info, struct swift_response *response)
{
    const char *location = headers_get(&info->sysmeta, "versions-location");

    if (location && *location)
        return refuse(c, response, 400, "Cannot enable object versioning on a container that is already using the legacy versioned writes feature.");
    if (info->sync_to && *info->sync_to)
        return refuse(c, response, 400, "Cannot enable object versioning on a container configured as source of container syncing.");
    return true;
}

static void enable(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct container_info *info = container_info(c, r, r->account, r->container);
    const char *hidden = versions_container_name(c, r->container), *policy_name = request_get(r, "X-Storage-Policy");
    bool on = header_true(&r->headers, "X-Versions-Enabled"), made = false;

    if (!may_enable(c, info, response))
        return;
    headers_set(c, &r->headers, VERSIONS_ENABLED, on ? "True" : "False");
    if (on && hidden) {
        const struct storage_policy *policy = info->status / 100 == 2 ? policy_by_index(info->policy_index) : NULL;

        if (policy && policy->deprecated) {
            if (!r->env->authorize || r->env->authorize(c, r, response))
                refuse(c, response, 400, "Cannot enable object versioning on a container that uses a deprecated storage policy.");
            return;
        }
        int status = ask_hidden(c, step, r, "PUT", hidden, policy ? policy->name : !strcmp(r->method, "PUT") ? policy_name : NULL, NULL, NULL);
        if (status / 100 != 2 && status != 409) {
            refuse(c, response, 500, "Error enabling object versioning");
            return;
        }
        made = true;
        headers_set(c, &r->headers, VERSIONS_CONTAINER, name_quote(c, hidden, "/"));
    }
    step_next(c, step, r, response);
    if (response->status / 100 != 2 && made)             /* what was asked for failed: nothing of it stays */
        ask_hidden(c, step, r, "DELETE", hidden, NULL, NULL, NULL);
    show_enabled(c, response);
}

/* --- DELETE ----------------------------------------------------------------------------------------------------------- */

static const char *hidden_of(struct ctx *c, const char *quoted)
{
    char *name = quoted && *quoted ? name_decode(c, quoted, strlen(quoted), false) : NULL;

    if (name)
        name[strcspn(name, "/")] = 0;
    return name;
}

static void serve_delete(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct container_info *info = container_info(c, r, r->account, r->container);
    const char *hidden = hidden_of(c, headers_get(&info->sysmeta, "versions-container"));

    if (hidden) {
        int64_t count;
        int status = ask_hidden(c, step, r, "HEAD", hidden, NULL, &count, NULL);

        if (status / 100 == 2 && count > 0) {
            refuse(c, response, 409, "Delete all versions before deleting container.");
            return;
        }
        if (status / 100 == 2)
            status = ask_hidden(c, step, r, "DELETE", hidden, NULL, NULL, NULL);
        if (status / 100 != 2 && status != 404) {
            refuse(c, response, 500, "Error deleting versioned container");
            return;
        }
    }
    step_next(c, step, r, response);
}

/* --- GET, HEAD, and what else ------------------------------------------------------------------------------------------- */

/* A link to a version shows the version's own size, ETag and place. */
static void show_target(struct ctx *c, const struct swift_request *r, json_t *row, const char *hidden)
{
    const char *path = json_string_value(json_object_get(row, "symlink_path")), *etag = json_string_value(json_object_get(row, "symlink_etag")), *object;
    const char *hash = json_string_value(json_object_get(row, "hash")), *decoded, *container, *slash, *rest;
    struct timestamp when;

    if (!path || !etag || !json_object_get(row, "symlink_bytes"))
        return;
    decoded = name_decode(c, path, strlen(path), false);
    container = decoded ? strchr(decoded + 1, '/') : NULL;           /* behind the version, the account, then the container */
    container = container ? strchr(container + 1, '/') : NULL;
    slash = container ? strchr(container + 1, '/') : NULL;
    if (!slash || strncmp(container + 1, hidden, (size_t)(slash - container - 1)) || strlen(hidden) != (size_t)(slash - container - 1))
        return;
    rest = hash ? strchr(hash, ';') : NULL;
    json_object_set(row, "bytes", json_object_get(row, "symlink_bytes"));
    json_object_set_new(row, "version_symlink", json_true());
    json_object_set_new(row, "hash", json_sprintf("%s%s", etag, rest ? rest : ""));
    json_object_del(row, "symlink_bytes");
    json_object_del(row, "symlink_etag");
    if (!request_param(r, "versions") && versions_split(c, slash + 1, &object, &when))
        json_object_set_new(row, "symlink_path", json_sprintf("%s?version-id=%s", name_quote(c, ctx_printf(c, "/v1/%s/%s/%s", r->account, r->container, object), "/"),
                                                              timestamp_text(c, when)));
}

static void serve_listing(struct ctx *c, const struct step *step, struct swift_request *r, const char *hidden, struct swift_response *response)
{
    bool versions = request_param(r, "versions") != NULL;
    const char *text;
    struct buf b;
    json_t *rows, *row;
    size_t i, n;

    if ((response->plain_listing && !versions) || !(text = response_hold(c, response, 1024 * 10000 * 2, &n)) ||
        (!versions && !strstr(text, "symlink_path")) ||
        !(rows = ctx_json(c, n ? json_loadb(text, n, JSON_ALLOW_NUL, NULL) : json_array())))
        return;
    json_array_foreach(rows, i, row)
        show_target(c, r, row, hidden);
    if (versions && json_is_array(rows)) {
        response_close(response);
        versions_list(c, step, r, hidden, rows, response);
        return;
    }
    b = buf_of(json_dumps(rows, JSON_ENSURE_ASCII));
    response_bytes(c, response, NULL, &b);
}

static void serve(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *hidden, *used;
    int64_t bytes;

    step_next(c, step, r, response);
    show_enabled(c, response);
    hidden = hidden_of(c, response_get(response, VERSIONS_CONTAINER));
    used = response_get(response, "X-Container-Bytes-Used");
    if (hidden && used && ask_hidden(c, step, r, "HEAD", hidden, NULL, NULL, &bytes) / 100 == 2)
        headers_printf(c, &response->headers, "X-Container-Bytes-Used", "%lld", atoll(used) + (long long)bytes);
    if (!hidden)                                         /* what is known may be old: the versions may be there all the same */
        hidden = versions_container_name(c, r->container);
    if (response->status / 100 == 2 && !strcmp(r->method, "GET") && hidden)
        serve_listing(c, step, r, hidden, response);
}

void versions_of_container(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    if ((!strcmp(r->method, "PUT") || !strcmp(r->method, "POST")) && request_get(r, "X-Versions-Enabled"))
        enable(c, step, r, response);
    else if (!strcmp(r->method, "DELETE"))
        serve_delete(c, step, r, response);
    else
        serve(c, step, r, response);
}
