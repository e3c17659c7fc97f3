/* The part of client/ that goes over the network. */
#ifndef OSLO_CLIENT_REMOTE_H
#define OSLO_CLIENT_REMOTE_H

#include "oslo/client/client.h"
#include "oslo/record/record.h"
#include "oslo/registry/registry.h"

/* Calls the endpoint of call->type; fills call and fails as client_call() does. */
bool client_remote(struct ctx *, struct call *, const struct pair *headers);
bool client_remote_download(struct ctx *, struct call *, const struct pair *headers, bool (*write)(void *, const void *, size_t), void *data);

/* The service of that type if this process serves it, else NULL. */
const struct service *client_local(const char *type);
const char *client_scheme_host(struct ctx *, const struct service *);
/* True if call->status is an answer; else the fault in the callee's words. */
bool client_fail(struct ctx *, const struct call *);

#endif
