/* A REST resource: a struct, its attrs and at most one hook a phase. The generic verbs are ordinary functions, which an odd
 * resource calls from its own for the ordinary part.
 *
 * struct rest_style says how one service's bodies, lists and errors look; it is the same for all its resources.
 */
#ifndef OSLO_REST_RESOURCE_H
#define OSLO_REST_RESOURCE_H

#include "oslo/auth/policy.h"
#include "oslo/db/db.h"
#include "oslo/http/http.h"
#include "oslo/record/record.h"

struct change {
    const struct resource *resource;
    void *now;                       /* the record as it will be */
    const void *old;                 /* as it was; NULL on create */
    json_t *asked;                   /* the body's object: keeps absent and null apart. Never NULL */
    struct request *request;         /* the request it came with; NULL for a change of the service's own */
    void *data;                      /* for the hooks of one change to pass on (rows read, ids chosen) */
};
static inline bool asked(const struct change *ch, const char *name) { return json_object_get(ch->asked, name) != NULL; }

enum resource_flags {
    NO_CREATE = 1, NO_SHOW = 2, NO_LIST = 4, NO_UPDATE = 8, NO_DELETE = 16,
    NO_BULK = 32,                    /* {"networks": [...]} is refused */
    BY_NAME = 64,                    /* found by name too where the original does so */
};

struct resource {
    const char *name, *plural;       /* "security_group", "security_groups": the wire's words and the rules' */
    const char *path;                /* "/security-groups"; NULL: "/" plural */
    const char *table;               /* NULL: plural */
    const char *key;                 /* the id attr's name; NULL: "id" */
    size_t size;
    const struct attr *attrs;
    unsigned flags;
    const char *policy;              /* stem of its rules where not name: rules are create_<stem>, get_<stem>, update_..., delete_...; style->policy may spell them */
    const char *quota;               /* counted against the quota of that name by style->quota, or NULL */
    const struct format *id_format;  /* an id of another shape is not found without asking; NULL: any */
    int since, until;
    handler *create, *show, *list, *update, *remove;         /* instead of the generic verbs; NULL: those */
    /* Hooks. Once the body is read, before the rules are asked (of an update in the transaction, of a create before it): */
    bool (*judge)(struct ctx *, struct change *);                        /* members the table cannot judge; sets what rules ask about */
    /* In the transaction: */
    bool (*check)(struct ctx *, struct change *);                        /* before the row is written; may refuse, may set fields of now */
    bool (*stored)(struct ctx *, struct change *);                       /* after the row is written: its sub-rows, its job */
    bool (*deleting)(struct ctx *, void *record);                        /* before the row goes; may refuse; removes sub-rows */
    /* After commit: casts, notifications, other services. A fault here is the answer. */
    bool (*committed)(struct ctx *, const struct change *);              /* now NULL: it was deleted (old) */
    /* Reading: */
    bool (*fill)(struct ctx *, void *const *page, size_t n);             /* DERIVED fields, a page at a time */
    void (*write)(struct ctx *, struct out *, const void *record, bool in_list);      /* members no attr can say (links) */
    bool (*visible)(struct ctx *, struct sql *);                         /* appends " AND (...)": who sees which rows, where OWNER is not enough */
    bool (*filter)(struct ctx *, const char *name, const char *const *values, struct sql *, bool *ret_taken);   /* a query no attr knows */
};

/* A page of a list, as the style's writers see it. */
struct page {
    const struct resource *resource;
    struct request *request;
    void **records; size_t n;
    int64_t limit;                   /* 0: none asked and none imposed */
    const char *marker;
    bool more;                       /* there are rows after this page */
    bool reverse;
};

struct rest_style {
    bool envelope;                                   /* {"network": {...}}, or the bare object (glance) */
    enum time_format times;
    int64_t max_limit, default_limit;                /* 0: none */
    bool fields_param;                               /* ?fields= selects members (neutron) */
    bool owner_scoped;                               /* others' rows do not exist for who is not admin (neutron, nova, glance) */
    bool hex_ids;                                    /* ids without dashes (keystone) */
    const char *owner_alias;                         /* a second name of the OWNER attr on the wire ("tenant_id"), or NULL */
    bool unknown_filter_is_error;
    bool open_errors;                                /* 404 and 405 of unknown routes need no token (keystone) */
    bool slash_at_end;                               /* "/v3/users/" is "/v3/users" (keystone) */
    bool own_401;                                    /* error() says 401 too; else it is said as keystonemiddleware does */
    bool update_is_patch;                            /* PATCH, else PUT */
    int create_status, update_status, delete_status; /* 0: 201, 200, 204 */
    const char *default_sort;                        /* attr names, "created_at:desc,id:desc"; NULL: the key */
    int min_version, max_version;                    /* microversions, V(2, 1) .. V(2, 93); 0: none */
    const char *version_name;                        /* "compute": of OpenStack-API-Version */
    const char *legacy_version_header;               /* "X-OpenStack-Nova-API-Version", or NULL */
    /* Before anything else is asked about a request whose route was found: what the service says of bodies; may refuse. NULL: nothing. */
    bool (*admit)(struct ctx *, struct request *);
    /* Writes c->fault as the service's error body, with headers. */
    void (*error)(struct ctx *, struct request *, struct reply *);
    /* Sets the fault for a wrong value or query, in the service's words. Always returns false. resource may be NULL. */
    bool (*invalid)(struct ctx *, const struct resource *, const struct invalid *);
    /* Sets the fault for an id that is not there. Always returns false. */
    bool (*not_found)(struct ctx *, const struct resource *, const char *id);
    /* Sets the fault for a rule that says no, in the service's words. Always returns false. NULL: nova's words. */
    bool (*forbidden)(struct ctx *, const char *rule);
    /* The rule for a verb: "create", "get", "update", "delete", "list". NULL: "<verb>_<stem>" with get for list. */
    const char *(*policy)(struct ctx *, const struct resource *, const char *verb);
    /* In the transaction, before a row is changed or deleted on request: its conditions (If-Match); may refuse. NULL: none. */
    bool (*precondition)(struct ctx *, const struct resource *, struct request *, const void *record);
    /* In the transaction, before a row of that resource and project is added; may refuse. */
    bool (*quota)(struct ctx *, const struct resource *, const char *project_id, int64_t n);
    /* A filter no attr and no hook of the resource knows ("name__contains"); NULL: none. */
    bool (*filter)(struct ctx *, const struct resource *, const char *name, const char *const *values, struct sql *, bool *ret_taken);
    /* Writes what stands beside the array in a list's answer: next links and the like. NULL: nothing. */
    void (*list_members)(struct ctx *, const struct page *, struct out *);
    /* The last touch to every answer (headers); NULL: nothing. */
    void (*finish)(struct ctx *, struct request *, struct reply *);
};

/* The generic verbs. As route handlers they take the resource from request->route->data, and the id from {id}. */
handler rest_create, rest_show, rest_list, rest_update, rest_delete;

/* The same in parts, for resources with verbs of their own. Each fails with the style's words. */
/* Reads, checks, inserts (transaction, quota, hooks). The record, filled and ready to write; NULL with a fault. */
void *rest_insert(struct ctx *, const struct resource *, json_t *object);
void **rest_insert_bulk(struct ctx *, const struct resource *, json_t *array, size_t *ret_n);    /* all or none */
/* The record with that id if c->who may see it, filled; NULL with the not-found fault. */
void *rest_find(struct ctx *, const struct resource *, const char *id);
void *rest_find_any(struct ctx *, const struct resource *, const char *id);          /* without asking who may see it; unfilled */
void *rest_change(struct ctx *, const struct resource *, const char *id, json_t *object);
bool rest_remove(struct ctx *, const struct resource *, const char *id);
/* One page of what c->who may see, by the request's query. extra, if given, appends further conditions. */
bool rest_page(struct ctx *, const struct resource *, struct request *, bool (*extra)(struct ctx *, struct sql *), struct page *ret_page);
/* The same with conditions that need to know something. */
bool rest_page_where(struct ctx *, const struct resource *, struct request *,
                     bool (*where)(struct ctx *, struct sql *, const void *data), const void *data, struct page *ret_page);
/* Runs the fill hook on records at hand. */
bool rest_fill(struct ctx *, const struct resource *, void *const *records, size_t n);
/* May c->who do verb ("create", "update", "delete", "get") to the record? False with the fault (403, or not found where it is not to be seen). */
bool rest_allowed(struct ctx *, const struct resource *, const char *verb, const void *record);
/* {"network": {...}} or {"networks": [...], links} into the reply. */
void rest_write(struct ctx *, const struct resource *, struct request *, const void *record, struct reply *);
void rest_write_page(struct ctx *, const struct page *, struct reply *);
/* The object inside the envelope of the request's body; NULL with fault 400. */
json_t *rest_body(struct ctx *, const struct resource *, struct request *);

/* Adds the rows of a resource (five at most) to a router; rows are kept for the process. base precedes its path. */
void rest_routes(struct router *, const struct service *, const struct resource *);

#endif
