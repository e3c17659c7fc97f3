/* Work that is to go on later: no thread waits with it. */
#ifndef OSLO_HTTP_PARK_H
#define OSLO_HTTP_PARK_H

#include "oslo/http/pool.h"

void park_open(void);
void park_close(void);                       /* nothing is parked any more */
/* at: clock_mono_us(). True: it is the first to go on, and who waits is to be woken. */
bool park(struct pool *, struct work *, int64_t at);
/* Hands those over to their pools whose time has come; all: all of them. How many milliseconds until the next, at most most. */
int park_release(bool all, int most);

#endif
