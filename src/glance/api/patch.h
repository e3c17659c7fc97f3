/* The parts of the image API that its files share: members, JSON patches, the list. */
#ifndef GLANCE_API_PATCH_H
#define GLANCE_API_PATCH_H

#include "glance/model/image.h"

enum patch_op { PATCH_ADD, PATCH_REMOVE, PATCH_REPLACE };
struct operation {
    enum patch_op op;
    const char *name;                /* the member */
    json_t *value;                   /* NULL of a removal */
    bool old_draft;                  /* of openstack-images-v2.0-json-patch, where "add" refuses what is there */
};

/* The body of a PATCH, judged without the image; NULL with a fault. */
struct operation *patch_read(struct ctx *, struct request *, struct reply *, size_t *ret_n);
/* Changes the image at hand as c->who may. */
bool patch_apply(struct ctx *, struct image *, const struct operation *);

/* "location", "deleted", "os_glance_...": names that no client may use. */
bool is_reserved(const char *name);
/* Sets a member of the image's own; false: name is none (a custom property). The value has been judged. */
bool image_set_member(struct ctx *, struct image *, const char *name, json_t *value);
json_t *json_tags(struct ctx *, const json_t *asked);
bool image_limits_hold(struct ctx *, const struct image *);

handler image_list;
/* The query again, each parameter once, with another marker (NULL: none): for the links of a list. */
char *query_again(struct ctx *, const struct request *, const char *marker);

#endif
