/* The original's configuration files (swift.conf, proxy-server.conf): sections of name = value, [DEFAULT] seen in every one,
 * "set name = value" over it, continuation lines, '#' and ';' comments. */
#ifndef SWIFT_CONF_H
#define SWIFT_CONF_H

#include "oslo/http/http.h"
#include "oslo/record/attr.h"

struct conf;
/* Lives as long as the process. A file that is not there: an empty one. NULL with a fault that names file and line. */
struct conf *conf_load(struct ctx *, const char *path);
struct conf *conf_parse(struct ctx *, const char *path, const char *text);
const char *conf_get(const struct conf *, const char *section, const char *name);    /* of it or [DEFAULT]; NULL */
bool conf_has_section(const struct conf *, const char *section);
/* Its own names and values in order, without those of [DEFAULT]; ends with {}. Never NULL. */
const struct pair *conf_section(const struct conf *, const char *section);
/* Names of sections in order; ends with NULL. */
const char *const *conf_sections(const struct conf *);
/* The section read by attr rows into a fresh struct that lives as long as the process; names no row knows are left alone.
 * Booleans as the original takes them (true, 1, yes, on, t, y). NULL with a fault that names file, section and option. */
void *conf_options(struct ctx *, const struct conf *, const char *section, const struct attr *, size_t size);
/* The same of what the section says itself, and of another one where it does not. */
void *conf_options_over(struct ctx *, const struct conf *, const char *section, const char *base, const struct attr *, size_t size);

#endif
