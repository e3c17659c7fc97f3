/* drive-audit: drives that the kernel's log has errors of are unmounted, and recon is told. drive_log.c reads the log. */
#ifndef SWIFT_TOOLS_DRIVE_AUDIT_H
#define SWIFT_TOOLS_DRIVE_AUDIT_H

#include "oslo/base/ctx.h"

#include <time.h>

/* How often each kernel device ("sdb1") has an error in the lines since then. Lines are read from the last to the first: their times have no year. */
struct drive_log {
    GPtrArray *patterns;             /* GRegex, whose group, or all of it, is the device's name */
    time_t since;
    int year, month;                 /* of the line that was read last, as in struct tm */
    GHashTable *errors;              /* device -> GINT_TO_POINTER(how often) */
};
bool drive_log_init(struct ctx *, struct drive_log *, time_t now, int64_t minutes);
void drive_log_clear(struct drive_log *);
bool drive_log_pattern(struct ctx *, struct drive_log *, const char *pattern);       /* false with a fault: it is none */
void drive_log_usual_patterns(struct ctx *, struct drive_log *);
/* The text of one file. False: what is before it is too old, or from before the last boot. */
bool drive_log_read(struct drive_log *, const char *text, size_t n);
/* A file as fstab is: the lines of that mount point are comments from now on. False: errno. */
bool fstab_comment(const char *path, const char *mount_point);

#endif
