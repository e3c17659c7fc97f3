/* What the files of the metadata definitions API share. */
#ifndef GLANCE_API_METADEFS_H
#define GLANCE_API_METADEFS_H

#include "glance/model/metadef.h"

/* defaults: as stored objects are shown, with what was not said; else as just said. */
void metadef_object_write(struct ctx *, struct out *, const char *namespace, const struct item *, const char *prefix, bool defaults);

#endif
