/* Options: attr rows read from nacre.conf (INI, one section a service), overridden by the environment.
 *
 * [nova] cpu_allocation_ratio = 4.0   is overridden by   NACRE_NOVA_CPU_ALLOCATION_RATIO=16
 */
#ifndef OSLO_SERVICE_OPTIONS_H
#define OSLO_SERVICE_OPTIONS_H

#include "oslo/record/record.h"

/* Reads the section's options of this table into a fresh struct that lives as long as the process. NULL with a fault that
 * names file, section and option when a value is wrong. file NULL or missing: defaults and environment alone. */
void *options_load(struct ctx *, const char *file, const char *section, const struct attr *, size_t size);

/* The tables that make up a section: every part of the program that reads options is listed. Arrays end with {}. */
struct option_section {
    const char *name;
    const struct attr *tables[3];    /* NULL-terminated when fewer */
};
/* Fails on the first section of the file, option of it or NACRE_<SECTION>_... variable that no table knows. */
bool options_check(struct ctx *, const char *file, const struct option_section *);

/* The sample: every option with its help, its default as a comment. */
void options_print(struct buf *, const struct attr *);

/* NACRE_<SECTION>_<OPTION>, of the ctx. */
char *option_variable(struct ctx *, const char *section, const char *option);

/* Faults: file (or "environment"), section, option. */
#define OPTION_INVALID   500, "ConfigFileValueError", "%s: [%s] %s = %s: not a valid value%s"
#define OPTION_UNKNOWN   500, "NoSuchOptError", "%s: [%s] %s: no such option"
#define SECTION_UNKNOWN  500, "NoSuchGroupError", "%s: [%s]: no such section"
#define OPTIONS_UNREADABLE 500, "ConfigFileParseError", "%s: %s"

#endif
