/* The program around the services: options, the serving of a request, workers, signals, health, metrics. */
#ifndef OSLO_SERVICE_SERVICE_H
#define OSLO_SERVICE_SERVICE_H

#include "oslo/auth/policy.h"
#include "oslo/db/db.h"
#include "oslo/http/http.h"
#include "oslo/jobs/jobs.h"
#include "oslo/messaging/messaging.h"
#include "oslo/registry/registry.h"
#include "oslo/rest/resource.h"
#include "oslo/service/options.h"

void worker_wake(const struct worker *);

/* Serves one request of a service, over a socket or from client/: version, identity, policy, handler, error body, span. */
void service_serve(const struct service *, struct ctx *, struct request *, struct reply *);

extern const struct attr notification_option_attrs[], executor_option_attrs[];

/* Faults of the serving itself; a style's error() may know them by their type to answer in the service's own words. */
#define NO_ROUTE           404, "HTTPNotFound", "The resource could not be found."
#define NO_METHOD          405, "HTTPMethodNotAllowed", "The method %s is not allowed for this resource."
#define NO_ACTION          400, "NoSuchAction", "There is no such action: %s"
#define MALFORMED_ACTION   400, "MalformedRequestBody", "Malformed request body: %s"
#define VERSION_MALFORMED  400, "InvalidAPIVersionString", "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum."
#define VERSION_UNKNOWN    406, "InvalidGlobalAPIVersion", "Version %s is not supported by the API. Minimum is %d.%d and maximum is %d.%d."

/* Reads the options of every section; sets common_options. For commands that look at a cloud without running it. */
bool service_configure(struct ctx *, const char *config_file);
/* Does this process run the role, or one of several with commas between? For a service's start hook. */
bool service_runs(const char *role);
/* Runs until SIGTERM; ready() is called once every API answers. Exit status of the program. */
int service_main(const char *config_file, void (*ready)(void));

#endif
