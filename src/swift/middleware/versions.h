/* Object versioning: what its files share.
 *
 * The versions of container c stand in a hidden container, <NUL>versions<NUL>c, as <NUL>object<NUL>inverted time; c itself holds static
 * links to the current ones. (NUL stands as C0 80 in names.)
 */
#ifndef SWIFT_MIDDLEWARE_VERSIONS_H
#define SWIFT_MIDDLEWARE_VERSIONS_H

#include "swift/proxy/pipeline.h"
#include "swift/timestamp.h"

#define VERSIONS_ENABLED "X-Container-Sysmeta-Versions-Enabled"
#define VERSIONS_CONTAINER "X-Container-Sysmeta-Versions-Container"
#define VERSIONS_SYMLINK "X-Object-Sysmeta-Versions-Symlink"
#define DELETE_MARKER_TYPE "application/x-deleted;swift_versions_deleted=1"

/* NULL: the name is a reserved one itself. */
const char *versions_container_name(struct ctx *, const char *container);
const char *versions_object_name(struct ctx *, const char *object, struct timestamp);
/* The object's name and time of a version's name. False: it is none. */
bool versions_split(struct ctx *, const char *name, const char **ret_object, struct timestamp *ret_time);
/* A request of the middleware's own, for which nobody is asked, and which may name what is reserved. */
struct swift_request *versions_request(struct ctx *, const struct swift_request *, const char *method, const char *container, const char *object);
/* Makes a PUT one of what a response holds: its headers (without times) and its body, as it is read. */
void versions_put_copy(struct ctx *, struct swift_request *put, struct swift_response *source);
/* When an object was written. */
struct timestamp versions_time_of(const struct swift_response *);
/* A row's text as a name (NULs as C0 80), and a name as a row's text. */
const char *row_name(struct ctx *, json_t *row, const char *member);
json_t *name_as_json(struct ctx *, const char *name);
/* Rows sorted by name or subdir, at most limit, as the response's body. */
void versions_write_listing(struct ctx *, json_t *rows, bool reverse, int64_t limit, struct swift_response *);
json_t *versions_read_listing(struct ctx *, struct swift_response *);        /* of a 2xx with a JSON list; NULL. The response is closed */
int64_t versions_limit(const struct swift_request *, int64_t most);

/* Object versioning's part of the middleware, and what is behind it. */
void versions_serve(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);
void versions_of_account(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);       /* versions_listings.c */
void versions_of_container(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);     /* versions_container.c */
void versions_of_object(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);        /* versions_object.c */
/* ?versions: the listing of all versions of a container; primary: that of the container itself, its links marked. */
void versions_list(struct ctx *, const struct step *, struct swift_request *, const char *hidden, json_t *primary, struct swift_response *);
/* versions_legacy.c: X-Versions-Location and X-History-Location, before object versioning. */
void versions_legacy(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);

#endif
