/* Shard ranges. */
#include "swift/shard/range.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const enum shard_state shard_states[] = { SHARD_FOUND, SHARD_CREATED, SHARD_CLEAVED, SHARD_ACTIVE, SHARD_SHRINKING, SHARD_SHARDING, SHARD_SHARDED,
                                          SHARD_SHRUNK, 0 };

static const char *const state_names[] = { NULL, "found", "created", "cleaved", "active", "shrinking", "sharding", "sharded", "shrunk" };

/* --- lists --------------------------------------------------------------------------------------------------------------------- */

void shard_add(struct ctx *c, struct shard_list *list, const struct shard_range *range)
{
    if (list->n == list->room) {
        size_t room = MAX(list->room * 2, 8);
        struct shard_range *more = ctx_new_n(c, struct shard_range, room);

        if (list->n)
            memcpy(more, list->at, list->n * sizeof(*more));
        list->at = more;
        list->room = room;
    }
    list->at[list->n++] = *range;
}

static int compare(const void *va, const void *vb)
{
    const struct shard_range *a = va, *b = vb;
    int said = shard_uppers(a->upper, b->upper);

    if (!said)
        said = (int)a->state - (int)b->state;
    if (!said)
        said = shard_lowers(a->lower, b->lower);
    return said ? said : name_compare(a->name, b->name);
}

void shard_sort(struct shard_list *list)
{
    if (list->n)
        qsort(list->at, list->n, sizeof(*list->at), compare);
}

void shard_reverse(struct shard_list *list)
{
    for (size_t i = 0; i < list->n / 2; i++) {
        struct shard_range r = list->at[i];

        list->at[i] = list->at[list->n - 1 - i];
        list->at[list->n - 1 - i] = r;
    }
}

/* --- bounds -------------------------------------------------------------------------------------------------------------------- */

int shard_lowers(const char *a, const char *b)
{
    return name_compare(a, b);
}

int shard_uppers(const char *a, const char *b)
{
    return *a && *b ? name_compare(a, b) : !*a - !*b;
}

int shard_lower_upper(const char *lower, const char *upper)
{
    return *lower && *upper ? name_compare(lower, upper) : -1;
}

bool shard_holds(const struct shard_range *r, const char *name)
{
    return *name && name_compare(r->lower, name) < 0 && (!*r->upper || name_compare(name, r->upper) <= 0);
}

bool shard_overlaps(const struct shard_range *a, const struct shard_range *b)
{
    const char *lower = shard_lowers(a->lower, b->lower) > 0 ? a->lower : b->lower;

    return shard_lower_upper(lower, shard_uppers(a->upper, b->upper) < 0 ? a->upper : b->upper) < 0;
}

bool shard_includes(const struct shard_range *r, const struct shard_range *inner)
{
    return shard_lowers(r->lower, inner->lower) <= 0 && shard_uppers(inner->upper, r->upper) <= 0;
}

const char *shard_end_marker(struct ctx *c, const struct shard_range *r)
{
    return *r->upper ? ctx_printf(c, "%s" RESERVED, r->upper) : "";
}

void shard_filter(struct shard_list *list, const char *marker, const char *end_marker)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct shard_range *r = &list->at[i];

        if ((!end_marker || !*end_marker || name_compare(end_marker, r->lower) > 0) &&
            (!marker || !*marker || !*r->upper || name_compare(marker, r->upper) < 0))
            list->at[n++] = *r;
    }
    list->n = n;
}

const struct shard_range *shard_find(const struct shard_list *list, const char *name)
{
    size_t low = 0, high = list->n;

    while (low < high) {                     /* the first that does not end before it */
        size_t middle = (low + high) / 2;

        if (*list->at[middle].upper && name_compare(list->at[middle].upper, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n && shard_holds(&list->at[low], name) ? &list->at[low] : NULL;
}

/* --- changes ------------------------------------------------------------------------------------------------------------------- */

void shard_set_counts(struct shard_range *r, int64_t object_count, int64_t bytes_used)
{
    if (r->object_count != object_count || r->bytes_used != bytes_used)
        r->reported = false;
    r->object_count = object_count;
    r->bytes_used = bytes_used;
    r->meta_timestamp = timestamp_now();
}

void shard_set_tombstones(struct shard_range *r, int64_t tombstones)
{
    if (tombstones >= 0 && tombstones != r->tombstones) {
        r->tombstones = tombstones;
        r->reported = false;
    }
    r->meta_timestamp = timestamp_now();
}

bool shard_set_state(struct shard_range *r, enum shard_state state, struct timestamp when)
{
    if (!timestamp_set(when) && r->state == state)
        return false;
    r->state = state;
    if (timestamp_set(when))
        r->state_timestamp = when;
    r->reported = false;
    return true;
}

bool shard_expand(struct shard_range *r, const struct shard_range *others, size_t n)
{
    bool changed = false;

    for (size_t i = 0; i < n; i++) {
        if (shard_lowers(others[i].lower, r->lower) < 0) {
            r->lower = others[i].lower;
            changed = true;
        }
        if (shard_uppers(others[i].upper, r->upper) > 0) {
            r->upper = others[i].upper;
            changed = true;
        }
    }
    return changed;
}

int64_t shard_rows(const struct shard_range *r)
{
    return r->object_count + MAX(r->tombstones, 0);
}

static void take_counts(struct shard_range *r, const struct shard_range *old)
{
    r->object_count = old->object_count;
    r->bytes_used = old->bytes_used;
    r->meta_timestamp = old->meta_timestamp;
    r->tombstones = old->tombstones;
}

bool shard_merge(struct shard_range *r, const struct shard_range *old)
{
    int said = old ? timestamp_compare(old->timestamp, r->timestamp) : -1;
    bool newer = false;

    if (!old)
        return true;
    if (said) {                              /* nothing of one that was made earlier lives on */
        r->reported = said < 0 ? false : r->reported;
        return said < 0;
    }
    r->lower = old->lower;
    r->upper = old->upper;
    r->deleted = old->deleted;
    if (timestamp_compare(old->meta_timestamp, r->meta_timestamp) >= 0)
        take_counts(r, old);
    else
        newer = true;
    if (old->reported && old->object_count == r->object_count && old->bytes_used == r->bytes_used && old->tombstones == r->tombstones &&
        old->state == r->state && !timestamp_compare(old->epoch, r->epoch))
        r->reported = true;
    else if (r->reported && !old->reported)
        newer = true;
    said = timestamp_compare(old->state_timestamp, r->state_timestamp);
    if (said < 0 || (!said && r->state > old->state))
        return true;
    r->state = old->state;
    r->state_timestamp = old->state_timestamp;
    r->epoch = old->epoch;
    return newer;
}

/* --- names --------------------------------------------------------------------------------------------------------------------- */

const char *shard_name(struct ctx *c, const char *account, const char *root, const char *parent, struct timestamp when, const char *index)
{
    uint8_t digest[16];
    char hex[33];
    size_t n;
    const char *bytes = name_bytes(c, parent, &n);

    md5_of(bytes, n, digest);
    digest_hex(digest, hex);
    return ctx_printf(c, "%s/%s-%s-%s-%s", account, root, hex, timestamp_text(c, when), index);
}

void shard_split_name(struct ctx *c, const char *name, const char **ret_account, const char **ret_container)
{
    const char *slash = strchr(name, '/');

    *ret_account = slash ? ctx_strndup(c, name, (size_t)(slash - name)) : name;
    *ret_container = slash ? slash + 1 : "";
}

static bool is_name(const char *name)
{
    const char *slash = name ? strchr(name, '/') : NULL;

    return slash && slash > name && slash[1] && !strchr(slash + 1, '/');
}

/* --- texts --------------------------------------------------------------------------------------------------------------------- */

const char *shard_state_name(enum shard_state state)
{
    return state_names[state / 10];
}

bool shard_state_parse(const char *text, enum shard_state *ret)
{
    char *end;
    double number = strtod(text, &end);

    for (size_t i = 0; shard_states[i]; i++)
        if ((*text && !*end && number == (double)shard_states[i]) || !strcasecmp(text, shard_state_name(shard_states[i]))) {
            *ret = shard_states[i];
            return true;
        }
    return false;
}

unsigned shard_states_parse(struct ctx *c, const char *text)
{
    static const struct { const char *name; unsigned states; } aliases[] = {
        { "listing", SHARD_IN_LISTING }, { "updating", SHARD_IN_UPDATING }, { "auditing", SHARD_IN_AUDITING },
    };
    char **pieces = text_split(c, text, ',');
    unsigned states = 0;

    for (; *pieces; pieces++) {
        enum shard_state state;
        size_t i = 0;

        while (i < G_N_ELEMENTS(aliases) && strcmp(aliases[i].name, *pieces))
            i++;
        if (i < G_N_ELEMENTS(aliases))
            states |= aliases[i].states;
        else if (shard_state_parse(*pieces, &state))
            states |= SHARD_IN(state);
        else if (**pieces)
            return 0;
    }
    return states;
}

static json_t *name_value(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name_bytes(c, name, &n);

    return json_stringn(bytes, n);
}

json_t *shard_to_json(struct ctx *c, const struct shard_range *r)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I, s:s, s:i, s:i, s:s, s:s?, s:i, s:I}", "name", name_value(c, r->name), "timestamp",
                     timestamp_text(c, r->timestamp), "lower", name_value(c, r->lower), "upper", name_value(c, r->upper), "object_count",
                     (json_int_t)r->object_count, "bytes_used", (json_int_t)r->bytes_used, "meta_timestamp", timestamp_text(c, r->meta_timestamp),
                     "deleted", (int)r->deleted, "state", (int)r->state, "state_timestamp", timestamp_text(c, r->state_timestamp), "epoch",
                     timestamp_set(r->epoch) ? timestamp_text(c, r->epoch) : NULL, "reported", (int)r->reported, "tombstones",
                     (json_int_t)r->tombstones);
}

json_t *shards_to_json(struct ctx *c, const struct shard_list *list)
{
    json_t *all = ctx_json(c, json_array());

    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(all, shard_to_json(c, &list->at[i]));
    return all;
}

/* What Python's int() takes of it. */
static bool whole(json_t *value, int64_t *ret)
{
    if (json_is_integer(value))
        *ret = json_integer_value(value);
    else if (json_is_boolean(value))
        *ret = json_is_true(value);
    else if (json_is_real(value) && fabs(json_real_value(value)) < 9e18)
        *ret = (int64_t)json_real_value(value);
    else
        return json_is_string(value) && text_to_int(json_string_value(value), ret);
    return true;
}

static bool truth(json_t *value)
{
    return json_is_string(value) ? json_string_length(value) > 0 : json_is_number(value) ? json_number_value(value) != 0 : json_is_true(value);
}

static bool time_of(struct ctx *c, json_t *value, struct timestamp *ret)
{
    if (json_is_number(value))
        return timestamp_parse(ctx_printf(c, "%.5f", json_number_value(value)), ret);
    return json_is_string(value) && timestamp_parse(json_string_value(value), ret);
}

static const char *bound(struct ctx *c, json_t *value)
{
    if (json_is_null(value))
        return "";
    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : NULL;
}

static bool state_of(struct ctx *c, json_t *value, enum shard_state *ret)
{
    *ret = SHARD_FOUND;
    if (json_is_null(value))
        return true;
    return shard_state_parse(json_is_string(value) ? json_string_value(value) : ctx_printf(c, "%.5f", json_number_value(value)), ret);
}

const char *shard_from_json(struct ctx *c, json_t *o, struct shard_range *r)
{
    static const char *const needed[] = { "name", "timestamp", "lower", "upper", "object_count", "bytes_used", "meta_timestamp", "deleted", "state",
                                          "state_timestamp", "epoch" };
    json_t *name = json_object_get(o, "name"), *tombstones = json_object_get(o, "tombstones"), *epoch = json_object_get(o, "epoch");

    *r = (struct shard_range){ .tombstones = -1 };
    if (!json_is_object(o))
        return "TypeError('not a shard range')";
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
        if (!json_object_get(o, needed[i]))
            return ctx_printf(c, "KeyError('%s')", needed[i]);
    r->name = json_is_string(name) ? name_from_bytes(c, json_string_value(name), json_string_length(name)) : NULL;
    if (!is_name(r->name))
        return ctx_printf(c, "ValueError(\"Name must be of the form '<account>/<container>', got '%s'\")", r->name ? r->name : "");
    if (!time_of(c, json_object_get(o, "timestamp"), &r->timestamp))
        return "TypeError('timestamp cannot be None')";
    r->meta_timestamp = r->state_timestamp = r->timestamp;
    if (!json_is_null(json_object_get(o, "meta_timestamp")) && !time_of(c, json_object_get(o, "meta_timestamp"), &r->meta_timestamp))
        return "ValueError('meta_timestamp')";
    if (!json_is_null(json_object_get(o, "state_timestamp")) && !time_of(c, json_object_get(o, "state_timestamp"), &r->state_timestamp))
        return "ValueError('state_timestamp')";
    if (!json_is_null(epoch) && !time_of(c, epoch, &r->epoch))
        return "ValueError('epoch')";
    r->lower = bound(c, json_object_get(o, "lower"));
    r->upper = bound(c, json_object_get(o, "upper"));
    if (!r->lower || !r->upper)
        return r->lower ? "TypeError('upper must be a string type')" : "TypeError('lower must be a string type')";
    if (*r->lower && *r->upper && name_compare(r->lower, r->upper) > 0)
        return ctx_printf(c, "ValueError('upper (%s) must be greater than or equal to lower (%s)')", r->upper, r->lower);
    if (!whole(json_object_get(o, "object_count"), &r->object_count) || r->object_count < 0)
        return "ValueError('object_count cannot be < 0')";
    if (!whole(json_object_get(o, "bytes_used"), &r->bytes_used) || r->bytes_used < 0)
        return "ValueError('bytes_used cannot be < 0')";
    if (tombstones && !whole(tombstones, &r->tombstones))
        return "ValueError('tombstones')";
    if (!state_of(c, json_object_get(o, "state"), &r->state))
        return "ValueError('Invalid state')";
    r->deleted = truth(json_object_get(o, "deleted"));
    r->reported = truth(json_object_get(o, "reported"));
    return NULL;
}

const char *shards_from_json(struct ctx *c, json_t *list, struct shard_list *ret)
{
    json_t *each;
    size_t i;

    *ret = (struct shard_list){};
    if (!json_is_array(list))
        return "TypeError('not a list')";
    json_array_foreach(list, i, each) {
        struct shard_range r;
        const char *why = shard_from_json(c, each, &r);

        if (why)
            return why;
        shard_add(c, ret, &r);
    }
    return NULL;
}
