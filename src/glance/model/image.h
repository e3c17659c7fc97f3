/* The stored image: a row, its custom properties and its tags; who may see and change it; its status. */
#ifndef GLANCE_MODEL_IMAGE_H
#define GLANCE_MODEL_IMAGE_H

#include "glance/model/store.h"

struct image {
    char *name, *disk_format, *container_format, *visibility, *status, *checksum, *owner, *os_hash_algo, *os_hash_value, *id;
    opt_int size, virtual_size;
    int64_t min_ram, min_disk;
    bool protected, os_hidden;
    utc_time created_at, updated_at;
    char *store;                     /* where its data are; NULL: nowhere */
    /* Beside the row; set by images_fill(). */
    json_t *properties;              /* {name: text}, in order */
    json_t *tags;                    /* [text] */
};
extern const struct attr image_attrs[];

struct image *image_new(struct ctx *);
/* The row with that id whoever asks, filled; NULL without a fault if there is none. */
struct image *image_find(struct ctx *, const char *id);
/* The image if c->who may see it; NULL with IMAGE_NOT_FOUND. */
struct image *image_lookup(struct ctx *, const char *id);
/* Properties and tags of a page, two queries. */
bool images_fill(struct ctx *, struct image *const *, size_t n);

/* In a transaction: the row, its properties and tags. image_save also says when (updated_at). */
bool image_insert(struct ctx *, struct image *);
bool image_save(struct ctx *, struct image *);
/* In a transaction: saves the row alone if its stored status is still from; *ret_moved says whether it was. */
bool image_move(struct ctx *, struct image *, const char *from, bool *ret_moved);
/* A transaction of its own around image_move; false with a fault if it could not be, STATUS_TRANSITION if the status was another. */
bool image_transition(struct ctx *, struct image *, const char *to);
/* Says what is stored of it now; the row is not written. */
void image_set_stored(struct ctx *, struct image *, const struct stored *);
/* Back to "queued", as if no data had ever come. */
bool image_restore(struct ctx *, struct image *);

/* Says in the original's words that the formats must be set before data come. */
bool image_has_formats(struct ctx *, const struct image *);

/* May c->who? False with the fault: 404 where the image is not to be seen, else 403. change: only its owner or an admin may. */
bool image_allowed(struct ctx *, const struct image *, const char *rule);
bool image_change_allowed(struct ctx *, const struct image *, const char *rule);
bool visibility_allowed(struct ctx *, const char *visibility, const char *owner);
/* Appends who may see which rows of images i. */
void images_visible(struct ctx *, struct sql *, const char *member_status);

/* The image's JSON, as all answers show it. */
void image_write(struct ctx *, struct out *, const struct image *);
void image_reply(struct ctx *, const struct image *, struct reply *);

#endif
