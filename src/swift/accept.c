/* The Accept header as swob ranks it. */
#include "swift/accept.h"

#include "oslo/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const accept_listing_types[] = { "text/plain", "application/json", "application/xml", "text/xml", NULL };

/* How much a header likes a type: the most specific range counts. -1: not at all, -2: malformed. */
static double liking(struct ctx *c, const char *accept, const char *type)
{
    char **ranges = text_split(c, accept, ',');
    double best = -1;
    int best_rank = -1;

    for (size_t i = 0; ranges[i]; i++) {
        char **parts = text_split(c, ranges[i], ';');
        const char *slash = strchr(parts[0], '/');
        double q = 1;
        int rank = 0;

        if (!*ranges[i])
            continue;
        if (!slash || slash == parts[0] || !slash[1])
            return -2;
        for (size_t k = 1; parts[k]; k++)
            if (!strncasecmp(parts[k], "q=", 2)) {
                char *end;

                q = g_ascii_strtod(parts[k] + 2, &end);
                if (end == parts[k] + 2 || *end || q < 0 || q > 1)
                    return -2;
            }
        if (!strcasecmp(parts[0], type))
            rank = 2;
        else if (!strcmp(slash, "/*") && !strncasecmp(parts[0], type, (size_t)(slash - parts[0]) + 1))
            rank = 1;
        else if (strcmp(parts[0], "*/*"))
            continue;
        if (rank > best_rank) {
            best_rank = rank;
            best = q;
        }
    }
    return best;
}

const char *accept_best(struct ctx *c, const char *accept, const char *const *types, bool *ret_malformed)
{
    const char *type = NULL;
    double best = 0;

    *ret_malformed = false;
    if (!accept || !*accept)
        return types[0];
    for (size_t i = 0; types[i]; i++) {
        double q = liking(c, accept, types[i]);

        if (q == -2) {
            *ret_malformed = true;
            return NULL;
        }
        if (q > best) {
            best = q;
            type = types[i];
        }
    }
    return type;
}

const char *accept_listing_type(struct ctx *c, const struct swift_request *r, struct swift_response *response)
{
    const char *format = request_param(r, "format"), *type;
    bool malformed;

    if (format && *format)
        return !strcasecmp(format, "json") ? "application/json" : !strcasecmp(format, "xml") ? "application/xml" : "text/plain";
    type = accept_best(c, request_get(r, "Accept"), accept_listing_types, &malformed);
    if (malformed)
        response_error(c, response, 400, "Invalid Accept header");
    else if (!type)
        response_error(c, response, 406, NULL);
    return type;
}
