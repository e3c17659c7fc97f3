/* Instance actions: who asked for what, when, and the events it was made of. Written by the API (start) and the jobs. */
#ifndef NOVA_MODEL_ACTION_H
#define NOVA_MODEL_ACTION_H

#include "nova/model/instance.h"

/* All in a transaction; the action is the one of c->request_id on that instance. name: "create", "stop", "reboot", ... */
bool action_begin(struct ctx *, const char *instance_uuid, const char *name);
bool action_end(struct ctx *, const char *instance_uuid, const char *error);     /* error NULL: it went well */
/* event: "compute__do_build_and_run_instance", "compute_stop_instance", ...; host: where. A repeated begin is one event. */
bool event_begin(struct ctx *, const char *instance_uuid, const char *event, const char *host);
bool event_end(struct ctx *, const char *instance_uuid, const char *event, const char *error);   /* "Success" or "Error" */

#endif
