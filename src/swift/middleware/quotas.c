/* account_quotas and container_quotas: no upload beyond what the metadata of the account or the container allows. */
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>

#define EXCEEDED "Upload exceeds quota."

static bool is_digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == 0;
}

/* --- accounts ---------------------------------------------------------------------------------------------------- */

static bool open_account(struct ctx *c, struct step *step)
{
    info_register("account_quotas", json_object(), false);
    return true;
}

struct refusal { bool (*authorize)(struct ctx *, struct swift_request *, struct swift_response *); const void *data; };

/* Those who may not upload at all hear that, not the state of the account. */
static bool authorize_then_refuse(struct ctx *c, struct swift_request *r, struct swift_response *response)
{
    const struct refusal *refusal = r->env->authorize_data;
    bool may;

    r->env->authorize_data = refusal->data;
    may = refusal->authorize(c, r, response);
    r->env->authorize_data = refusal;
    if (may)
        response_error(c, response, 413, EXCEEDED);
    return false;
}

static bool account_full(struct ctx *c, const struct swift_request *r)
{
    const struct account_info *info = account_info(c, r, r->account);
    const char *quota = headers_get(&info->meta, "quota-bytes");
    int64_t most;

    return quota && text_to_int(quota, &most) && most >= 0 && atoll(info->bytes ? info->bytes : "0") + MAX(r->length, 0) > most;
}

static void run_account(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const char *quota = NULL, *removed;

    if (!r->account || (strcmp(r->method, "PUT") && strcmp(r->method, "POST"))) {
        step_next(c, step, r, response);
        return;
    }
    if (!r->container) {
        quota = request_get(r, "X-Account-Meta-Quota-Bytes");
        removed = request_get(r, "X-Remove-Account-Meta-Quota-Bytes");
        if (removed && *removed)
            quota = "";
    }
    if (r->env->reseller_request) {
        if (quota && *quota && !is_digits(quota))
            response_error(c, response, 400, NULL);
        else
            step_next(c, step, r, response);
        return;
    }
    if (quota) {
        response_error(c, response, 403, NULL);
        return;
    }
    if (r->object && !strcmp(r->method, "PUT") && account_full(c, r)) {
        if (!r->env->authorize) {
            response_error(c, response, 413, EXCEEDED);
            return;
        }
        struct refusal *refusal = ctx_new(c, struct refusal);
        *refusal = (struct refusal){ r->env->authorize, r->env->authorize_data };
        r->env->authorize = authorize_then_refuse;
        r->env->authorize_data = refusal;
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_account_quotas = { .name = "account_quotas", .open = open_account, .run = run_account };

/* --- containers ---------------------------------------------------------------------------------------------------- */

static bool open_container(struct ctx *c, struct step *step)
{
    info_register("container_quotas", json_object(), false);
    return true;
}

static bool container_full(struct ctx *c, const struct swift_request *r, const struct container_info *info)
{
    const char *bytes = headers_get(&info->meta, "quota-bytes"), *count = headers_get(&info->meta, "quota-count");

    if (info->status / 100 != 2)
        return false;
    return (bytes && is_digits(bytes) && atoll(bytes) < container_bytes(c, r, info) + MAX(r->length, 0)) ||
           (count && is_digits(count) && info->object_count && atoll(count) < atoll(info->object_count) + 1);
}

static void run_container(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    static const struct { const char *header, *message; } checked[] = {
        { "X-Container-Meta-Quota-Bytes", "Invalid bytes quota." }, { "X-Container-Meta-Quota-Count", "Invalid count quota." },
    };
    bool put = !strcmp(r->method, "PUT");

    if (r->container && !r->object && (put || !strcmp(r->method, "POST")))
        for (size_t i = 0; i < G_N_ELEMENTS(checked); i++) {
            const char *value = request_get(r, checked[i].header);

            if (value && *value && !is_digits(value)) {
                response_error(c, response, 400, checked[i].message);
                return;
            }
        }
    if (r->object && put) {
        const struct container_info *info = container_info(c, r, r->account, r->container);

        if (container_full(c, r, info)) {
            r->env->acl = info->write_acl;
            if (!r->env->authorize || r->env->authorize(c, r, response))
                response_error(c, response, 413, EXCEEDED);
            return;
        }
    }
    step_next(c, step, r, response);
}

const struct middleware middleware_container_quotas = { .name = "container_quotas", .open = open_container, .run = run_container };
