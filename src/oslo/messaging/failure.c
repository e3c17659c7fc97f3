/* Faults that cross a wire: class, module, message, trace, and what the class is made from again (args, kwargs); the HTTP status
 * stands where the original keeps it, kwargs.code.
 */
#include <string.h>

#include "oslo/messaging/internal.h"

/* Modules of classes that are not the service's own, and what their constructors take. */
static const struct { const char *module; const char *const *classes; } foreign[] = {
    { "oslo_messaging.rpc.dispatcher", (const char *const[]){ "UnsupportedVersion", "NoSuchMethod", NULL } },
    { "builtins", (const char *const[]){ "AttributeError", "Exception", "IndexError", "KeyError", "NotImplementedError", "OSError",
                                         "RuntimeError", "TypeError", "ValueError", NULL } },
};

/* Neutron's exceptions take their words by name only. */
#define BY_NAME_ONLY "neutron_lib.exceptions"

json_t *failure_from_fault(const struct fault *f, const char *module)
{
    g_autofree char *line = g_strdup_printf("%s: %s\n", f->type, f->message);
    json_t *kwargs = json_pack("{s:i}", "code", f->status), *args = json_pack("[s]", f->message);

    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++)
        if (text_in(f->type, foreign[i].classes)) {
            module = foreign[i].module;
            json_object_clear(kwargs);
        }
    if (module && g_str_has_prefix(module, BY_NAME_ONLY))
        json_array_clear(args);
    return json_pack("{s:s, s:s, s:s, s:[s, s], s:o, s:o}", "class", f->type, "module", module ?: "builtins", "message", f->message,
                     "tb", "Traceback (most recent call last):\n", line, "args", args, "kwargs", kwargs);
}

/* The lines of the trace as one text of the ctx, or NULL. */
static char *trace_of(struct ctx *c, const json_t *failure)
{
    const json_t *lines = json_object_get(failure, "tb");
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(lines); i++)
        g_string_append(text, json_string_value(json_array_get(lines, i)) ?: "");
    char *trace = text->len ? ctx_strdup(c, text->str) : NULL;
    g_string_free(text, TRUE);
    return trace;
}

void failure_to_fault(struct ctx *c, const json_t *failure)
{
    const char *class = json_string_value(json_object_get(failure, "class")),
               *message = json_string_value(json_object_get(failure, "message"));
    json_int_t code = json_integer_value(json_object_get(json_object_get(failure, "kwargs"), "code"));
    bool first = !failed(c);

    fail(c, code >= 400 && code < 600 ? (int)code : 500, ctx_strdup(c, class ?: "RemoteError"), "%s", message ?: "");
    if (first)
        c->fault.detail = trace_of(c, failure);
}
