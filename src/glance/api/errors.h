/* The parts of Glance's style that say what is wrong. */
#ifndef GLANCE_API_ERRORS_H
#define GLANCE_API_ERRORS_H

#include "glance/faults.h"
#include "glance/glance.h"

void glance_error_write(struct ctx *, struct request *, struct reply *);
void glance_answer_finish(struct ctx *, struct request *, struct reply *);         /* an empty answer has a type too */
bool glance_error_invalid(struct ctx *, const struct resource *, const struct invalid *);
bool glance_error_not_found(struct ctx *, const struct resource *, const char *id);
bool glance_error_forbidden(struct ctx *, const char *rule);

#endif
