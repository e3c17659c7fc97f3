/* How Nova words its errors. */
#ifndef NOVA_API_ERRORS_H
#define NOVA_API_ERRORS_H

#include "oslo/http/http.h"

/* c->fault as {"itemNotFound": {"code", "message"}}, or as the page of the web framework for what is no route. */
void nova_error_write(struct ctx *, struct request *, struct reply *);

#endif
