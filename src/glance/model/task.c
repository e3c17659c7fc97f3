/* Tasks, and how an import begins: image, task and job in one transaction. */
#include "glance/model/task.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

const struct attr task_attrs[] = {
    ATTR(struct task, id, 0),
    ATTR(struct task, type, 0),
    ATTR(struct task, status, 0),
    ATTR(struct task, owner, 0),
    ATTR(struct task, input, 0),
    ATTR(struct task, result, 0),
    ATTR(struct task, message, 0, .unset = ""),
    ATTR(struct task, image_id, 0),
    ATTR(struct task, request_id, 0),
    ATTR(struct task, user_id, 0),
    ATTR(struct task, expires_at, 0),
    ATTR(struct task, created_at, 0),
    ATTR(struct task, updated_at, 0),
    {}
};

struct task *task_new(struct ctx *c, const char *type, const char *image_id, const json_t *input)
{
    struct task *task = record_new(c, task_attrs, sizeof(*task));

    task->id = uuid_new(c);
    task->type = ctx_strdup(c, type);
    task->status = ctx_strdup(c, "pending");
    task->owner = ctx_strdup(c, c->who.project_id);
    task->user_id = ctx_strdup(c, c->who.user_id);
    task->request_id = ctx_strdup(c, c->request_id);
    task->image_id = ctx_strdup(c, image_id);
    task->input = json_text(c, input);
    task->created_at = task->updated_at = utc_now();
    return task;
}

bool task_insert(struct ctx *c, struct task *task)
{
    return record_insert(c, "tasks", task_attrs, task);
}

struct task *task_find(struct ctx *c, const char *id)
{
    struct task *task = record_new(c, task_attrs, sizeof(*task));

    return record_find(c, "tasks", task_attrs, task, "id", id) ? task : NULL;
}

bool task_move(struct ctx *c, const char *id, const char *status, const json_t *result, const char *message)
{
    struct task *task = task_find(c, id);
    bool over = strcmp(status, "success") == 0 || strcmp(status, "failure") == 0;

    if (!task)
        return !failed(c);
    task->status = ctx_strdup(c, status);
    task->updated_at = utc_now();
    if (result)
        task->result = json_text(c, result);
    if (message)
        task->message = ctx_strdup(c, message);
    if (over)
        task->expires_at.us = task->updated_at.us + glance_options()->task_time_to_live * 3600 * G_USEC_PER_SEC;
    return record_update(c, "tasks", task_attrs, task, "id");
}

struct task *import_begin(struct ctx *c, struct image *image, const char *type, json_t *import_request, const char *uri)
{
    json_t *input = ctx_json(c, json_pack("{s:s, s:O, s:[s]}", "image_id", image->id, "import_req", import_request, "backend", STORE));
    struct task *task = task_new(c, type, image->id, input);
    json_t *args = ctx_json(c, json_pack("{s:s, s:s*}", "task", task->id, "uri", uri));

    json_object_set_new(image->properties, "os_glance_import_task", json_string(task->id));
    json_object_set_new(image->properties, "os_glance_importing_to_stores", json_string(STORE));
    json_object_set_new(image->properties, "os_glance_failed_import", json_string(""));
    image->status = ctx_strdup(c, "importing");
    if (!image_save(c, image) || !task_insert(c, task) || !job_add(c, &import_job, image->id, args, true))
        return NULL;
    return task;
}

/* Clouds keep their own secrets behind link-local addresses, and services of this host behind loopback. */
static bool is_allowed(const struct sockaddr *at)
{
    const struct in6_addr *six = &((const struct sockaddr_in6 *)at)->sin6_addr;
    uint32_t four = 0;

    if (at->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(six))
        return !IN6_IS_ADDR_LINKLOCAL(six) && !IN6_IS_ADDR_UNSPECIFIED(six) &&
            (!IN6_IS_ADDR_LOOPBACK(six) || glance_options()->import_from_loopback);
    if (at->sa_family == AF_INET6)
        memcpy(&four, six->s6_addr + 12, sizeof(four));
    else
        four = ((const struct sockaddr_in *)at)->sin_addr.s_addr;
    four = ntohl(four);
    if (four >> 16 == 0xa9fe || four >> 24 == 0)
        return false;
    return four >> 24 != 127 || glance_options()->import_from_loopback;
}

static char *resolve(struct ctx *c, const char *host)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char text[INET6_ADDRSTRLEN + 1] = "";

    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return NULL;
    for (struct addrinfo *a = found; a && !*text; a = a->ai_next)
        if (is_allowed(a->ai_addr))
            getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    return *text ? ctx_strdup(c, text) : NULL;
}

char *import_address(struct ctx *c, const char *uri)
{
    g_autoptr(GUri) parsed = uri ? g_uri_parse(uri, G_URI_FLAGS_NONE, NULL) : NULL;
    g_auto(GStrv) ports = g_strsplit(glance_options()->import_ports, ",", -1);
    const char *scheme = parsed ? g_uri_get_scheme(parsed) : "";
    char port[16];

    if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !g_uri_get_host(parsed) || !*g_uri_get_host(parsed))
        return NULL;
    g_snprintf(port, sizeof(port), "%d", g_uri_get_port(parsed));
    if (g_uri_get_port(parsed) >= 0 && !g_strv_contains((const char *const *)ports, port))
        return NULL;
    return resolve(c, g_uri_get_host(parsed));
}
