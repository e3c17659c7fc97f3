/* Log lines: one event a line, key=value after the message, the request id always there. No secret is ever logged. */
#ifndef OSLO_BASE_LOG_H
#define OSLO_BASE_LOG_H

#include "oslo/base/ctx.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Where lines go and from which level on; thread-safe, to be called before threads start. path NULL is stderr. */
void log_open(const char *path, enum log_level);
void log_reopen(void);                       /* after a rotation (SIGHUP) */

/* c may be NULL outside any unit of work. */
void log_line(const struct ctx *c, enum log_level, const char *format, ...) G_GNUC_PRINTF(3, 4);
#define log_error(c, ...)   log_line((c), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(c, ...) log_line((c), LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(c, ...)    log_line((c), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(c, ...)   log_line((c), LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
