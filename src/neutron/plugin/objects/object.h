/* What the files of objects/ tell each other: classes of objects as tables of fields, and who reads them.
 *
 * A class's source is a JSON object as the API shows the record; lists and objects inside it are sources of other classes.
 */
#ifndef NEUTRON_PLUGIN_OBJECT_H
#define NEUTRON_PLUGIN_OBJECT_H

#include "neutron/plugin/objects/objects.h"

struct object_class;
struct object_field {                /* an array of them ends with {} */
    const char *name;                /* in the primitive */
    const char *from;                /* the source's member; NULL: the same */
    bool null;                       /* a null is written; else the field is left out, as an unset column is */
    const struct object_class *object, *list;        /* nested: one, or many */
    int minor;                       /* of the nested class, in this range of versions */
    int since, until;                /* minor versions that know it; 0: all */
    const char *born;                /* JSON that an object known by its id only has; NULL: not set */
};
struct object_class {
    const char *name;
    int minor;                       /* the newest we know: "1.<minor>" */
    const struct object_field *fields;
    const struct resource *resource; /* of those that are read by themselves */
    /* Adds to the sources what the resource's own members do not say. */
    bool (*complete)(struct ctx *, json_t *const *sources, size_t n);
    /* A filter that is no column. */
    bool (*filter)(struct ctx *, struct sql *, const char *name, const char *const *values);
};
extern const struct object_class port_class, network_class, subnet_class, security_group_class, security_group_rule_class, address_group_class;
extern const struct object_class segment_class;
#define STANDARD_OBJECT_FIELDS { "revision_number" }, { "description" }, { "created_at" }, { "updated_at" }

const struct object_class *object_class_find(const char *type);
/* "1.<minor>" of a version of the type, bounded by what we know; -1 for what is no version of ours. */
int object_minor(const struct object_class *, const char *version);
json_t *object_primitive(const struct object_class *, int minor, const json_t *source);      /* a new reference */
json_t *object_gone(const struct object_class *, int minor, const char *id);                 /* of one that is no more */
/* Sources by filters; an array of the ctx, NULL with a fault. */
json_t *object_sources(struct ctx *, const struct object_class *, const json_t *filters);

/* Sources of rows that hang on those at hand: runs select " IN (ids)" and gives each row with the source its first column names. */
bool object_rows(struct ctx *, json_t *const *sources, size_t n, const char *select, void (*row)(struct ctx *, json_t *source, struct rows *));
/* The segment of a network's row: type, physical network, number, times. */
json_t *segment_source(struct ctx *, const char *network_id, struct rows *, int first_column);
#define SEGMENT_COLUMNS "network_type, physical_network, segmentation_id, created_at"

/* The versions of a type that agents want: minor numbers, without doubles. */
size_t versions_wanted(struct ctx *, const char *type, const char *ret_versions[], size_t room);

#endif
