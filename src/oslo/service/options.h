/* Options: attr rows read from nacre.conf (INI, one section a service), overridden by the environment.
 *
 * [nova] cpu_allocation_ratio = 4.0   is overridden by   NACRE_NOVA_CPU_ALLOCATION_RATIO=16
 */
#ifndef OSLO_SERVICE_OPTIONS_H
#define OSLO_SERVICE_OPTIONS_H

#include "oslo/record/record.h"

/* Reads the section into a fresh struct that lives as long as the process. NULL with a fault that names file, section and
 * option (unknown names too) when something is wrong. file NULL or missing: defaults and environment alone. */
void *options_load(struct ctx *, const char *file, const char *section, const struct attr *, size_t size);
/* The sample: every option with its help, its default as a comment. */
void options_print(struct buf *, const char *section, const struct attr *);

#endif
