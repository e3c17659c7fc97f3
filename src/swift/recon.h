/* What a storage node says of itself under /recon/: its machine, its rings, and what its daemons left there of their rounds. */
#ifndef SWIFT_RECON_H
#define SWIFT_RECON_H

#include "swift/storage.h"

/* A request whose path begins with "/recon/". */
void recon_serve(struct ctx *, enum storage_kind, struct swift_request *, struct swift_response *);

#endif
