/* Reads that need no worker. */
#ifndef SWIFT_QUICK_H
#define SWIFT_QUICK_H

#include "swift/message.h"

bool quick_is(const struct request *);                       /* will it be answered without waiting? */
void quick_learn(const struct request *, const struct swift_response *, int64_t began_us);   /* it was asked then, and is answered now */
void quick_forbid(void);                                     /* something in the pipeline may wait; while the process starts */

#endif
