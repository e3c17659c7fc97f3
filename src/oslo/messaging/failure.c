/* Faults that cross a wire: class, module, message, and the HTTP status where the original keeps it (kwargs.code). */
#include <string.h>

#include "oslo/messaging/internal.h"

/* oslo.messaging's own refusals come from a module of its own. */
static const char *module_of(const struct fault *f, const char *module)
{
    if (strcmp(f->type, "UnsupportedVersion") == 0 || strcmp(f->type, "NoSuchMethod") == 0)
        return "oslo_messaging.rpc.dispatcher";
    return module ?: "builtins";
}

json_t *failure_from_fault(const struct fault *f, const char *module)
{
    return json_pack("{s:s, s:s, s:s, s:[], s:[s], s:{s:i}}", "class", f->type, "module", module_of(f, module),
                     "message", f->message, "tb", "args", f->message, "kwargs", "code", f->status);
}

void failure_to_fault(struct ctx *c, const json_t *failure)
{
    const char *class = json_string_value(json_object_get(failure, "class")),
               *message = json_string_value(json_object_get(failure, "message"));
    json_int_t code = json_integer_value(json_object_get(json_object_get(failure, "kwargs"), "code"));

    fail(c, code >= 400 && code < 600 ? (int)code : 500, ctx_strdup(c, class ?: "RemoteError"), "%s", message ?: "");
}
