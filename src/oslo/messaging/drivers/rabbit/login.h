/* The first words of a connection, and its last. */
#ifndef OSLO_MESSAGING_RABBIT_LOGIN_H
#define OSLO_MESSAGING_RABBIT_LOGIN_H

#include "oslo/messaging/drivers/rabbit/rabbit.h"

/* What both sides settled on. */
struct login { size_t frame_max; int64_t heartbeat; };

bool login(struct link *, const struct rabbit_options *, const struct transport_host *, const char *virtual_host, const char *name,
           int64_t deadline, struct login *ret, char why[WHY_SIZE]);
/* Sends those bytes, then closes in order. */
void login_end(struct link *, const char *bytes, size_t n, int64_t deadline);

#endif
