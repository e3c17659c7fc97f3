/* A stream to a broker, plain or TLS, that never waits once it is open. */
#ifndef OSLO_MESSAGING_RABBIT_LINK_H
#define OSLO_MESSAGING_RABBIT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct link;
struct rabbit_options;

enum { WHY_SIZE = 256 };

/* Connects within that time. NULL with the reason in why. */
struct link *link_open(const struct rabbit_options *, const char *host, int port, int64_t timeout_us, char why[WHY_SIZE]);
void link_close(struct link *);
int link_fd(const struct link *);
/* May several threads write and read it at once? Not where there is TLS. */
bool link_is_shared(const struct link *);
/* Bytes moved, 0 where none can be now, -1 where the stream has ended (errno says why; 0: the other end closed it). */
ssize_t link_read(struct link *, void *to, size_t n);
ssize_t link_write(struct link *, const void *from, size_t n);
/* Waits until it can be read (or written) or the time is over. */
bool link_wait(struct link *, bool to_write, int64_t deadline);

#endif
