/* What the files of messaging/ tell each other. */
#ifndef OSLO_MESSAGING_INTERNAL_H
#define OSLO_MESSAGING_INTERNAL_H

#include "oslo/messaging/drivers/driver.h"

const struct messaging_options *messaging_options(void);     /* with defaults filled in */

/* An URL without opening its driver. */
bool transport_parse(struct ctx *, const char *url, struct transport **ret_transport);
void transport_parse_free(struct transport *);

/* context.c: the unit of work as the context of a message, and back. */
json_t *context_to_json(struct ctx *);                       /* a new reference */
json_t *context_to_notification(struct ctx *);               /* likewise, without what is secret */
/* Makes the ctx of a received message; borrows context. The trace goes on from the sender's span. */
void context_to_ctx(struct ctx *, const struct service *, struct db *, json_t *context);

/* failure.c: the fault as a remote failure, and back. */
json_t *failure_from_fault(const struct fault *, const char *module);
void failure_to_fault(struct ctx *, const json_t *failure);

/* dispatch.c: does an endpoint of version have serve a request of version want? */
bool version_compatible(const char *have, const char *want);
/* Finds the method by the original's rules and runs it. */
bool rpc_dispatch(struct ctx *, const struct rpc_endpoint *, struct message *, json_t **ret_result);

/* monitor.c: as long as a method runs whose caller monitors it, the caller is told so. NULL where it does not. */
struct watch *watch_begin(const struct driver *, void *source, struct incoming *);
void watch_end(struct watch *);
void watch_stop(void);               /* ends its thread; when nothing runs any more */

#define DEFAULT_EXCHANGE "openstack"

#define UNSUPPORTED_VERSION 500, "UnsupportedVersion", "Endpoint does not support RPC version %s. Attempted method: %s"
#define NO_SUCH_METHOD      500, "NoSuchMethod", "Endpoint does not support RPC method %s"
#define VERSION_CAPPED      500, "RPCVersionCapError", "Requested message version, %s is incompatible.  It needs to be equal in major version and less than or equal in minor version as the specified version cap %s."
#define MESSAGING_TIMEOUT   504, "MessagingTimeout", "Timed out waiting for a reply to %s on topic %s"
#define NOT_DELIVERED       503, "MessageDeliveryFailure", "Unable to deliver %s to topic %s: %s"

#define UNDELIVERED         503, "MessageUndeliverable", "Unable to deliver %s: no queue of topic %s takes it"
#define NOT_LISTENING       503, "MessageDeliveryFailure", "Unable to listen to topic %s: %s"

#endif
