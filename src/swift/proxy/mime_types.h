/* Which content type a name suggests. */
#ifndef SWIFT_PROXY_MIME_TYPES_H
#define SWIFT_PROXY_MIME_TYPES_H

#include <glib.h>

/* "application/octet-stream" when nothing is known of its extension. */
const char *mime_type_of(const char *path);

#endif
