/* Tasks: what an import does, as clients see it. The work itself is a job (jobs/import.c). */
#ifndef GLANCE_MODEL_TASK_H
#define GLANCE_MODEL_TASK_H

#include "glance/model/image.h"

struct task {
    char *id, *type, *status, *owner;
    raw_json input, result;
    char *message, *image_id, *request_id, *user_id;
    utc_time expires_at, created_at, updated_at;
};
extern const struct attr task_attrs[];

/* A new task of c->who, "pending". */
struct task *task_new(struct ctx *, const char *type, const char *image_id, const json_t *input);
bool task_insert(struct ctx *, struct task *);               /* in a transaction */
struct task *task_find(struct ctx *, const char *id);        /* NULL without a fault if there is none */
/* In a transaction: "processing", "success" or "failure". result and message may be NULL: they stay. */
bool task_move(struct ctx *, const char *id, const char *status, const json_t *result, const char *message);

/* In a transaction: image, task and job of an import. method: the import request's; uri NULL but for web-download. */
struct task *import_begin(struct ctx *, struct image *, const char *type, json_t *import_request, const char *uri);
/* The address web-download may connect to for a URI; NULL where it may not read from there: another scheme or port than allowed,
 * a host that is not known, or one on this host or link (169.254.169.254). It resolves names: no transaction may be open. */
char *import_address(struct ctx *, const char *uri);

#endif
