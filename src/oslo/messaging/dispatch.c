/* Which method answers a request: the first endpoint of the same namespace and a compatible version that has it. */
#include <stdlib.h>
#include <string.h>

#include "oslo/messaging/internal.h"

/* "1.5" has "1.5", "1.4" and "1": the same major, at least that minor. */
bool version_compatible(const char *have, const char *want)
{
    char *have_rest, *want_rest;
    long have_major = strtol(have, &have_rest, 10), want_major = strtol(want, &want_rest, 10);
    long have_minor = *have_rest == '.' ? strtol(have_rest + 1, NULL, 10) : 0;
    long want_minor = *want_rest == '.' ? strtol(want_rest + 1, NULL, 10) : 0;

    return have_major == want_major && have_minor >= want_minor;
}

bool rpc_dispatch(struct ctx *c, const struct rpc_endpoint *endpoints, struct message *m, json_t **ret_result)
{
    const char *version = m->version ?: "1.0";
    bool compatible = false;

    if (messaging_options()->rpc_ping_enabled && !m->rpc_namespace && strcmp(m->method, "oslo_rpc_server_ping") == 0) {
        *ret_result = json_string("pong");
        return true;
    }

    for (const struct rpc_endpoint *e = endpoints; e->methods; e++) {
        if (!text_equal(e->rpc_namespace, m->rpc_namespace) || !version_compatible(e->version ?: "1.0", version))
            continue;
        compatible = true;
        for (const struct rpc_method *method = e->methods; method->name; method++)
            if (m->method[0] != '_' && strcmp(method->name, m->method) == 0)
                return method->run(c, m->args, ret_result);
    }
    return compatible ? fail(c, NO_SUCH_METHOD, m->method) : fail(c, UNSUPPORTED_VERSION, version, m->method);
}
