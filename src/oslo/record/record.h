/* Records: C structs described by struct attr, and the engines that move them: JSON <-> struct <-> SQL row.
 *
 * A record lives in the memory of its ctx: strings point into the arena. record_new() gives the defaults.
 */
#ifndef OSLO_RECORD_RECORD_H
#define OSLO_RECORD_RECORD_H

#include "oslo/record/attr.h"
#include "oslo/record/out.h"

enum verb { VERB_CREATE, VERB_UPDATE };

/* What is wrong with a value, in parts, so that each service can say it in the original's words. */
struct invalid {
    enum invalid_why { NOT_WRONG, WRONG_TYPE, TOO_LONG, TOO_SHORT, TOO_SMALL, TOO_LARGE, NOT_A_CHOICE, WRONG_FORMAT, IS_NULL,
                       IS_MISSING, IS_UNKNOWN, IS_READ_ONLY,
                       /* of a request rather than a member: */
                       BAD_BODY, BAD_FILTER, UNKNOWN_FILTER, BAD_LIMIT, BAD_MARKER, BAD_SORT_KEY, BAD_SORT_DIR } why;
    const struct attr *attr;         /* NULL where no attr is meant */
    const char *name;                /* the wire name */
    json_t *value;                   /* borrowed from the body; NULL where there is none */
    enum verb verb;                  /* of the body a member came in */
};

void *record_new(struct ctx *, const struct attr *, size_t size);        /* zeroed, then each attr's unset */
void record_copy(struct ctx *, const struct attr *, void *to, const void *from, size_t size);

/* Reads body's members into the record: only attrs that verb allows and c->version knows. False with *ret_invalid
 * filled in (and no fault set) at the first thing wrong; attrs are judged in the table's order, unknown members last. */
bool record_read_json(struct ctx *, const struct attr *, void *record, json_t *body, enum verb, struct invalid *ret_invalid);

/* Sets one field from text (a query value, an option). False if the text is no such value. */
bool record_set_text(struct ctx *, const struct attr *, void *record, const char *text);

/* Writes the record's members (no braces): those c->version knows, not HIDDEN, and with fields given only those.
 * in_list leaves LAZY ones out. show, if given, is asked for each attr and may refuse it (policy). */
struct record_view {
    int version;
    bool in_list;
    const char *const *fields;       /* wire names, or NULL for all */
    bool (*show)(void *data, const struct attr *);
    void *data;
};
void record_write(struct out *, const struct attr *, const void *record, const struct record_view *);
void record_write_field(struct out *, const struct attr *, const void *record);
json_t *record_to_json(struct ctx *, const struct attr *, const void *record);      /* a tree, owned by the ctx */
char *record_field_text(struct ctx *, const struct attr *, const void *record);     /* as text; NULL for null */
bool record_from_json(struct ctx *, const struct attr *, void *record, json_t *object);   /* trusted: RPC, jobs; fault 400 */

/* Pointer to a field of a record. */
#define FIELD(type, record, attr) ((type *)(void *)((char *)(uintptr_t)(record) + (attr)->offset))

/* JSON text <-> tree, with the limits every outside body has (depth 64, no duplicates, UTF-8, no NUL). */
json_t *json_read(struct ctx *, const char *text, size_t n);             /* owned by the ctx; NULL with fault 400 */
json_t *json_of(struct ctx *, raw_json);                                 /* never NULL: json null for a null text */
raw_json json_text(struct ctx *, const json_t *);                        /* compact text; NULL or null gives {NULL} */
/* A string's own text, a list's items with the separator between them, of anything else its JSON. NULL for null. */
const char *json_joined(struct ctx *, const json_t *, const char *separator);
const char *json_get_string(const json_t *object, const char *key);          /* NULL unless a string */
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);
bool json_get_bool(const json_t *object, const char *key, bool otherwise);

#endif
