/* A client of a proxy, as one over the network: it logs in, and asks again while nobody can answer. */
#ifndef SWIFT_TOOLS_CLIENT_H
#define SWIFT_TOOLS_CLIENT_H

#include "oslo/http/http.h"

struct login {
    const char *url, *user, *key, *version;          /* version: "1", "2", "3", each also with ".0" */
    const char *endpoint_type, *region;              /* "publicURL"; "" or NULL here and below: not said */
    const char *user_domain, *project_domain, *project;
    bool insecure;
};

struct client {
    const char *url, *token, *account;
    int64_t retries;
    bool insecure;
};
bool client_log_in(struct ctx *, const struct login *, struct client *);

/* A PUT: of a container (object NULL), or of an object whose content is text. *retries: counts what was tried more than once. False with a
 * fault; its status is the answer's where it was a client's error. */
bool client_put(struct ctx *, const struct client *, const char *container, const char *object, const char *text,
                const struct pair *header, int64_t *retries);
/* All names with that prefix: of containers (container NULL), or of its objects. NULL with a fault, as client_put(). */
const char **client_names(struct ctx *, const struct client *, const char *container, const char *prefix, size_t *ret_n);

#endif
