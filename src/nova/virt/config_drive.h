#ifndef NOVA_VIRT_CONFIG_DRIVE_H
#define NOVA_VIRT_CONFIG_DRIVE_H

#include "nova/model/instance.h"

/* Writes a config drive (label config-2, by [nova] config_drive_format) to path, whole or not at all. */
bool config_drive_make(struct ctx *, const struct instance *, const char *path);

#endif
