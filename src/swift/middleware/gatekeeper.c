/* gatekeeper: headers that only Swift's own parts may write or see stay inside. */
#include "swift/middleware/middlewares.h"

#include <string.h>
#include <strings.h>

struct gatekeeper_options { bool shunt_inbound_x_timestamp, allow_reserved_names_header; };

#define OPTION(member, otherwise, text) ATTR(struct gatekeeper_options, member, 0, .unset = otherwise, .help = text)
static const struct attr option_rows[] = {
    OPTION(shunt_inbound_x_timestamp, "true", "A client's X-Timestamp is put aside."),
    OPTION(allow_reserved_names_header, "false", "A client may ask for reserved names by X-Allow-Reserved-Names; for tests."),
    {}
};

/* Prefixes; a name that ends with '$' is a whole header. */
static const char *const inside[] = {
    "x-account-sysmeta-", "x-container-sysmeta-", "x-object-sysmeta-", "x-object-transient-sysmeta-", "x-backend",
    "x-account-host$", "x-account-device$", "x-account-partition$", "x-container-host$", "x-container-device$", "x-container-partition$",
    "x-container-root-db-state$", "x-delete-at-host$", "x-delete-at-device$", "x-delete-at-partition$", "x-delete-at-container$",
};

/* "x-" and the letter of an account, backend, container, deletion or object. */
static bool begins_as_some(const char *name)
{
    return g_ascii_tolower(name[0]) == 'x' && name[1] == '-' && name[2] && strchr("abcdoABCDO", name[2]);
}

static void drop_inside(struct headers *headers)
{
    size_t kept = 0;

    for (size_t i = 0; i < headers->n; i++) {
        const char *name = headers->pairs[i].name;
        bool drop = false;

        for (size_t k = 0; k < G_N_ELEMENTS(inside) && begins_as_some(name) && !drop; k++) {
            size_t n = strlen(inside[k]);
            bool whole = inside[k][n - 1] == '$';

            drop = whole ? strlen(name) == n - 1 && !strncasecmp(name, inside[k], n - 1) : !strncasecmp(name, inside[k], n);
        }
        if (!drop)
            headers->pairs[kept++] = headers->pairs[i];
    }
    if (headers->pairs)
        headers->pairs[kept] = (struct pair){ NULL, NULL };
    headers->n = kept;
}

static void run(struct ctx *c, const struct step *step, struct swift_request *r, struct swift_response *response)
{
    const struct gatekeeper_options *options = step->options;
    const char *timestamp = request_get(r, "X-Timestamp"), *reserved = request_get(r, "X-Allow-Reserved-Names");

    drop_inside(&r->headers);
    if (timestamp && options->shunt_inbound_x_timestamp) {
        headers_remove(&r->headers, "X-Timestamp");
        headers_set(c, &r->headers, "X-Backend-Inbound-X-Timestamp", timestamp);
    }
    if (reserved && options->allow_reserved_names_header) {
        headers_remove(&r->headers, "X-Allow-Reserved-Names");
        r->env->allow_reserved = word_true(reserved);
    }
    step_next(c, step, r, response);
    drop_inside(&response->headers);
}

const struct middleware middleware_gatekeeper = {
    .name = "gatekeeper", .options = option_rows, .options_size = sizeof(struct gatekeeper_options), .run = run,
};
