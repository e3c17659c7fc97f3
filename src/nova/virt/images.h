/* Images of Glance, as hypervisors need them: read into a cache on this host, written back from a file. */
#ifndef NOVA_VIRT_IMAGES_H
#define NOVA_VIRT_IMAGES_H

#include "nova/virt/driver.h"

/* The image as a file of this host, read once and kept: state_dir/instances/_base/<image id>. Of the ctx; NULL with a fault. */
char *image_cached(struct ctx *, const char *image_id);
/* The contents of an image that waits for them. */
bool image_upload_bytes(struct ctx *, const char *image_id, const void *bytes, size_t size);
bool image_upload_file(struct ctx *, const char *image_id, const char *path);

#endif
