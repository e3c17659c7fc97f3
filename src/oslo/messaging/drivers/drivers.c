/* Every driver there is. */
#include "oslo/messaging/drivers/driver.h"

const struct driver *const drivers[] = { &driver_local, &driver_rabbit, NULL };

struct message *message_new(const char *method, json_t *args, json_t *context)
{
    struct message *m = g_new0(struct message, 1);

    m->method = g_strdup(method);
    m->args = args ?: json_object();
    m->context = context ?: json_object();
    return m;
}

void message_free(struct message *m)
{
    if (!m)
        return;
    g_free(m->method);
    g_free(m->rpc_namespace);
    g_free(m->version);
    g_free(m->publisher);
    g_free(m->priority);
    json_decref(m->args);
    json_decref(m->context);
    g_free(m);
}
