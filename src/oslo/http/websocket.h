/* WebSocket (RFC 6455), server side: the handshake as a reply, then frames copied to and from a TCP socket. */
#ifndef OSLO_HTTP_WEBSOCKET_H
#define OSLO_HTTP_WEBSOCKET_H

#include "oslo/http/http.h"

/* Fills the reply with the 101 of a valid upgrade request and sets upgrade: bytes of binary (or base64-free text) frames
 * go to host:port (or the unix socket "unix:/path") and back, until either side closes. False with fault 400 / 426. */
bool websocket_proxy(struct ctx *, const struct request *, struct reply *, const char *to, const char *subprotocol);

#endif
