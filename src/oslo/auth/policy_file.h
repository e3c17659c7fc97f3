/* The file that overrides rules: a YAML or JSON mapping of rule names to rules. */
#ifndef OSLO_AUTH_POLICY_FILE_H
#define OSLO_AUTH_POLICY_FILE_H

#include "oslo/http/http.h"

/* Pairs of name and rule text, of the ctx. A file that is not there holds none. A rule in the old notation, a list of lists, is rewritten in the new. NULL with a
 * fault that names the file if it cannot be read. */
const struct pair *policy_file_read(struct ctx *, const char *path);

/* The files of these directories (with commas between; NULL: none) in the order of their names, of the ctx; those that begin with
 * a dot left out. Never NULL; ends with NULL. */
const char **policy_files(struct ctx *, const char *directories);

#endif
