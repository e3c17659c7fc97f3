/* Several builders as one. */
#include "swift/ring/composite.h"

#include "oslo/record/python.h"
#include "swift/name.h"
#include "swift/ring/parts.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define WRONG 400, "ValueError", "%s"
#define SERIALIZATION 1

struct composite {
    int64_t version;
    json_t *components;              /* of last time: a list of { version, replicas, id }; NULL: there was none */
    GPtrArray *files;                /* absolute paths, in their order */
    GPtrArray *builders;             /* of those files, while it is worked on */
};

/* --- the file ---------------------------------------------------------------------------------------------------------- */

struct composite *composite_new(void)
{
    struct composite *k = g_new0(struct composite, 1);

    k->files = g_ptr_array_new_with_free_func(g_free);
    k->builders = g_ptr_array_new_with_free_func((void (*)(void *))(void *)builder_free);
    return k;
}

void composite_free(struct composite *k)
{
    if (!k)
        return;
    g_ptr_array_unref(k->files);
    g_ptr_array_unref(k->builders);
    json_decref(k->components);
    g_free(k);
}

static bool read_metadata(struct composite *k, json_t *said)
{
    json_t *components = json_object_get(said, "components"), *files = json_object_get(said, "component_builder_files"), *component;
    json_t *version = json_object_get(said, "version");
    size_t i;

    if (!json_is_array(components) || !json_is_integer(version))
        return false;
    json_array_foreach(components, i, component) {
        const char *id = json_string_value(json_object_get(component, "id")), *file = id ? json_string_value(json_object_get(files, id)) : NULL;

        if (!file || !json_is_integer(json_object_get(component, "version")) || !json_is_number(json_object_get(component, "replicas")))
            return false;
        g_ptr_array_add(k->files, g_canonicalize_filename(file, NULL));
    }
    k->version = json_integer_value(version);
    k->components = json_array_size(components) ? json_incref(components) : NULL;
    return true;
}

struct composite *composite_load(struct ctx *c, const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    struct composite *k;
    json_t *said;
    gsize n;

    if (access(path, R_OK))
        return fail_null(c, WRONG, ctx_printf(c, "[Errno %d] %s: '%s'", errno, g_strerror(errno), path));
    if (!g_file_get_contents(path, &text, &n, &error))
        return fail_null(c, WRONG, error->message);
    k = composite_new();
    said = ctx_json(c, json_loadb(text, n, 0, NULL));
    if (read_metadata(k, said))
        return k;
    composite_free(k);
    return fail_null(c, WRONG, "File does not contain valid composite ring data");
}

json_t *composite_json(struct ctx *c, const struct composite *k)
{
    json_t *files = json_object(), *component;
    size_t i;

    json_array_foreach(k->components, i, component)
        json_object_set_new(files, json_string_value(json_object_get(component, "id")), json_string(k->files->pdata[i]));
    return ctx_json(c, json_pack("{sosOsI}", "component_builder_files", files, "components", k->components ? k->components : ctx_json(c, json_array()),
                                 "version", (json_int_t)k->version));
}

/* Of a component as the original's json.dump writes it. */
static void write_component(struct buf *b, const json_t *component)
{
    static const char *const names[] = { "version", "replicas", "id" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const json_t *value = json_object_get(component, names[i]);

        buf_printf(b, "%s\"%s\": ", i ? ", " : "{", names[i]);
        if (json_is_string(value))
            name_json(b, json_string_value(value));
        else
            python_repr(b, value);
    }
    buf_putc(b, '}');
}

bool composite_save(struct ctx *c, const struct composite *k, const char *path)
{
    g_autofree char *saved = g_canonicalize_filename(path, NULL);
    g_autoptr(GError) error = NULL;
    struct buf b = {};
    json_t *component;
    bool well;
    size_t i;

    if (!k->components)
        return fail(c, WRONG, "No composed ring to save.");
    buf_puts(&b, "{\"components\": [");
    json_array_foreach(k->components, i, component) {
        buf_puts(&b, i ? ", " : "");
        write_component(&b, component);
    }
    buf_puts(&b, "], \"component_builder_files\": {");
    json_array_foreach(k->components, i, component) {
        buf_puts(&b, i ? ", " : "");
        name_json(&b, json_string_value(json_object_get(component, "id")));
        buf_puts(&b, ": ");
        name_json(&b, k->files->pdata[i]);
    }
    buf_printf(&b, "}, \"version\": %" G_GINT64_FORMAT ", \"saved_path\": ", k->version);
    name_json(&b, saved);
    buf_printf(&b, ", \"serialization_version\": %d}", SERIALIZATION);
    well = g_file_set_contents_full(path, b.data, (gssize)b.len, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, &error);
    buf_clear(&b);
    return well || fail(c, WRONG, error->message);
}

/* --- what is wrong with builders ------------------------------------------------------------------------------------------ */

static const struct builder *nth(const struct composite *k, guint i)
{
    return k->builders->pdata[i];
}

static void add_line(struct buf *b, const char *indent, const char *text)
{
    buf_puts(b, b->len ? "\n" : "");
    buf_puts(b, b->len ? indent : "");
    buf_puts(b, text);
}

/* True: nothing was said. */
static bool nothing(struct ctx *c, struct buf *errors, const char *title)
{
    bool well = !errors->len || fail(c, WRONG, ctx_printf(c, "%s%s", title, errors->data));

    buf_clear(errors);
    return well;
}

/* "0, 2": the builders that are like the first of them; "": that is not the first. */
static const char *alike(struct ctx *c, const struct composite *k, guint first, bool (*same)(const struct builder *, const struct builder *))
{
    const char *list = "";

    for (guint i = 0; i < k->builders->len; i++) {
        if (!same(nth(k, i), nth(k, first)))
            continue;
        if (i < first)
            return "";
        list = ctx_printf(c, "%s%s%u", list, *list ? ", " : "", i);
    }
    return list;
}

static bool same_id(const struct builder *a, const struct builder *b)
{
    return a->id && b->id && !strcmp(a->id, b->id);
}

static bool same_power(const struct builder *a, const struct builder *b)
{
    return a->part_power == b->part_power;
}

static bool have_ids(struct ctx *c, const struct composite *k)
{
    struct buf errors = {};

    for (guint i = 0; i < k->builders->len; i++)
        if (!nth(k, i)->id)
            add_line(&errors, "", ctx_printf(c, "Problem with builder at index %u: id attribute has not been initialised by calling save()", i));
    for (guint i = 0; i < k->builders->len; i++) {
        const char *list = alike(c, k, i, same_id);

        if (strchr(list, ','))
            add_line(&errors, "", ctx_printf(c, "Builder id '%s' used at indexes %s", nth(k, i)->id, list));
    }
    return nothing(c, &errors, "");
}

static bool have_one_power(struct ctx *c, const struct composite *k)
{
    struct buf said = {};
    guint kinds = 0;

    for (guint i = 0; i < k->builders->len; i++) {
        const char *list = alike(c, k, i, same_power);

        kinds += *list != '\0';
        if (*list)
            add_line(&said, "  ", ctx_printf(c, "part_power=%d found at indexes [%s]", nth(k, i)->part_power, list));
    }
    if (kinds < 2)
        buf_clear(&said);
    return nothing(c, &said, "All builders must have same value for 'part_power'.\n");
}

static const char *replicas_text(struct ctx *c, double replicas)
{
    json_t *number = ctx_json(c, json_real(replicas));
    struct buf b = {};
    const char *text;

    python_repr(&b, number);
    text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

static bool are_balanced(struct ctx *c, const struct composite *k)
{
    struct buf errors = {};

    for (guint i = 0; i < k->builders->len; i++) {
        if (nth(k, i)->replicas != floor(nth(k, i)->replicas))
            add_line(&errors, "  ", ctx_printf(c, "Non integer replica count %s found at index %u", replicas_text(c, nth(k, i)->replicas), i));
        if (nth(k, i)->changed)
            add_line(&errors, "  ", ctx_printf(c, "Builder needs rebalance to apply changes at index %u", i));
    }
    return nothing(c, &errors, "Problem with builders.\n");
}

static bool share_region(const struct builder *a, const struct builder *b)
{
    for (size_t i = 0; i < a->n_devs; i++)
        for (size_t j = 0; a->devs[i] && j < b->n_devs; j++)
            if (b->devs[j] && a->devs[i]->d.region == b->devs[j]->d.region)
                return true;
    return false;
}

/* Their regions differ, and with them their devices do, but for one that has been said to be in two. */
static bool are_apart(struct ctx *c, const struct composite *k)
{
    for (guint i = 0; i < k->builders->len; i++)
        for (guint j = i + 1; j < k->builders->len; j++)
            if (share_region(nth(k, i), nth(k, j)))
                return fail(c, WRONG, "Same region found in different rings");
    return true;
}

static bool are_unique(struct ctx *c, const struct composite *k)
{
    GHashTable *seen = ctx_own(c, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), (void (*)(void *))(void *)g_hash_table_unref);

    for (guint i = 0; i < k->builders->len; i++)
        for (size_t n = 0; n < nth(k, i)->n_devs; n++) {
            const struct member *m = nth(k, i)->devs[n];
            g_autofree char *place = m ? g_strdup_printf("%s/%d/%s", m->d.ip, m->d.port, m->d.device) : NULL;
            guint other = place ? GPOINTER_TO_UINT(g_hash_table_lookup(seen, place)) : 0;

            if (other && other != i + 1)
                return fail(c, WRONG, ctx_printf(c, "Duplicate ip/port/device combination %s found in builders at indexes %u and %u", place, other - 1, i));
            if (place)
                g_hash_table_insert(seen, g_steal_pointer(&place), GUINT_TO_POINTER(i + 1));
        }
    return true;
}

/* --- against last time ------------------------------------------------------------------------------------------------------- */

static json_t *component_of(const struct builder *b)
{
    return json_pack("{sIsoss}", "version", (json_int_t)b->version, "replicas",
                     b->replicas_are_real || b->replicas != floor(b->replicas) ? json_real(b->replicas) : json_integer((json_int_t)b->replicas), "id", b->id);
}

static const char *repr_of(struct ctx *c, const json_t *value)
{
    struct buf b = {};
    const char *text;

    python_repr(&b, value);
    text = ctx_strdup(c, b.data);
    buf_clear(&b);
    return text;
}

/* What is wrong with one in its place; NULL: nothing. *newer: it has changed. */
static const char *differs(struct ctx *c, const json_t *old, const json_t *new, bool *newer)
{
    json_int_t before = json_integer_value(json_object_get(old, "version")), now = json_integer_value(json_object_get(new, "version"));
    const json_t *a = json_object_get(old, "replicas"), *b = json_object_get(new, "replicas");

    if (json_number_value(a) != json_number_value(b))
        return ctx_printf(c, "Attribute mismatch for replicas: %s != %s", repr_of(c, a), repr_of(c, b));
    a = json_object_get(old, "id");
    b = json_object_get(new, "id");
    if (!json_equal(a, b))
        return ctx_printf(c, "Attribute mismatch for id: %s != %s", repr_of(c, a), repr_of(c, b));
    *newer |= before < now;
    return now < before ? ctx_printf(c, "Older builder version: %" G_GINT64_FORMAT " < %" G_GINT64_FORMAT, (int64_t)now, (int64_t)before) : NULL;
}

static const char *component_repr(struct ctx *c, const json_t *component)
{
    return ctx_printf(c, "{'version': %s, 'replicas': %s, 'id': %s}", repr_of(c, json_object_get(component, "version")),
                      repr_of(c, json_object_get(component, "replicas")), repr_of(c, json_object_get(component, "id")));
}

static bool is_as_before(struct ctx *c, const struct composite *k, json_t *now, bool to_compose)
{
    struct buf errors = {};
    bool newer = false;
    json_t *old;
    size_t i;

    json_array_foreach(k->components, i, old) {
        json_t *new = json_array_get(now, i);
        const char *what = new ? differs(c, old, new, &newer) : NULL;

        if (!new)
            add_line(&errors, "", ctx_printf(c, "Missing builder at index %zu", i));
        else if (what)
            add_line(&errors, "", ctx_printf(c, "Invalid builder change at index %zu: %s", i, what));
    }
    for (; i < json_array_size(now); i++)
        add_line(&errors, "", ctx_printf(c, "Unexpected extra builder at index %zu: %s", i, component_repr(c, json_array_get(now, i))));
    if (!nothing(c, &errors, ""))
        return false;
    return newer || !to_compose || fail(c, WRONG, "None of the component builders has been modified since the existing composite ring was built.");
}

/* --- the builders -------------------------------------------------------------------------------------------------------------- */

static bool load_builders(struct ctx *c, struct composite *k, char **files)
{
    g_ptr_array_set_size(k->builders, 0);
    if (g_strv_length(files) < 2)
        return fail(c, WRONG, "Two or more component builders are required.");
    for (; *files; files++) {
        struct builder *b = builder_load(c, *files);

        if (!b)
            return false;
        g_ptr_array_add(k->builders, b);
    }
    return have_ids(c, k);
}

/* *ret_now: how they are, of the ctx. */
static bool take_builders(struct ctx *c, struct composite *k, char **files, bool force, bool to_compose, json_t **ret_now)
{
    char **all = files && *files ? files : ctx_new_n(c, char *, k->files->len + 1);

    if (all != files)
        for (guint i = 0; i < k->files->len; i++)
            all[i] = ctx_strdup(c, k->files->pdata[i]);
    if (!load_builders(c, k, all))
        return false;
    *ret_now = ctx_json(c, json_array());
    for (guint i = 0; i < k->builders->len; i++)
        json_array_append_new(*ret_now, component_of(nth(k, i)));
    if (k->components && !force && !is_as_before(c, k, *ret_now, to_compose))
        return false;
    g_ptr_array_set_size(k->files, 0);
    for (; *all; all++)
        g_ptr_array_add(k->files, g_canonicalize_filename(*all, NULL));
    return true;
}

/* --- composing -------------------------------------------------------------------------------------------------------------------- */

/* Devices get new ids, behind those of the builders before; rows go one behind the other. */
static void append(struct ring *to, const struct builder *b)
{
    size_t offset = to->n_devs;

    to->devs = g_renew(struct ring_device *, to->devs, offset + b->n_devs + 1);
    for (size_t i = 0; i < b->n_devs; i++) {
        const struct member *m = b->devs[i];

        to->devs[offset + i] = m ? member_device(m) : NULL;
        if (!m)
            continue;
        to->devs[offset + i]->id += (int)offset;
        to->devs[offset + i]->says_parts = true;
        to->devs[offset + i]->parts = m->parts;
        to->devs[offset + i]->parts_wanted = m->wanted;
    }
    to->n_devs += b->n_devs;
    to->rows = g_renew(uint16_t *, to->rows, to->n_rows + b->n_rows + 1);
    to->row_parts = g_renew(size_t, to->row_parts, to->n_rows + b->n_rows + 1);
    for (size_t r = 0; r < b->n_rows; r++) {
        uint16_t *row = g_memdup2(b->rows[r], (b->row_parts[r] + 1) * sizeof(uint16_t));

        for (size_t p = 0; p < b->row_parts[r]; p++)
            row[p] = (uint16_t)(row[p] + offset);
        to->rows[to->n_rows] = row;
        to->row_parts[to->n_rows++] = b->row_parts[r];
    }
}

static struct ring *make_ring(struct ctx *c, const struct composite *k)
{
    struct ring *ring;
    size_t devices = 0;

    for (guint i = 0; i < k->builders->len; i++)
        devices += nth(k, i)->n_devs;
    if (devices >= NO_DEVICE)
        return fail_null(c, WRONG, "too many devices for one ring");
    ring = g_new0(struct ring, 1);
    ring->references = 1;
    ring->part_shift = (unsigned)(32 - nth(k, 0)->part_power);
    ring->parts = nth(k, 0)->parts;
    ring->version = ring->next_part_power = -1;
    for (guint i = 0; i < k->builders->len; i++)
        append(ring, nth(k, i));
    ring_account(ring);
    return ring;
}

struct ring *composite_compose(struct ctx *c, struct composite *k, char **files, bool force)
{
    struct ring *ring;
    json_t *now;

    if (!take_builders(c, k, files, force, true, &now) || !have_one_power(c, k) || !are_balanced(c, k) || !are_apart(c, k) || !are_unique(c, k) ||
        !(ring = make_ring(c, k)))
        return NULL;
    k->version++;
    json_decref(k->components);
    k->components = json_incref(now);
    return ring;
}

/* --- rebalancing -------------------------------------------------------------------------------------------------------------------- */

static bool rebalance_one(struct ctx *c, const struct composite *k, guint i, int64_t now, uint64_t seed, struct rebalanced *ret)
{
    struct builder *b = k->builders->pdata[i];
    const char *why;

    if (builder_rebalance(c, b, now, seed, ret) && builder_validate(c, b))
        return true;
    why = ctx_strdup(c, c->fault.message);
    fault_clear(c);
    return fail(c, WRONG, ctx_printf(c, "An error occurred while rebalancing component %s: %s", (const char *)k->files->pdata[i], why));
}

bool composite_rebalance(struct ctx *c, struct composite *k, int64_t now, uint64_t seed,
                         void (*said)(const char *file, const struct builder *, const struct rebalanced *))
{
    struct rebalanced *done;
    json_t *components;

    if (!take_builders(c, k, NULL, false, false, &components) || !have_one_power(c, k))
        return false;
    done = ctx_new_n(c, struct rebalanced, k->builders->len);
    for (guint i = 0; i < k->builders->len; i++) {
        struct builder *b = k->builders->pdata[i];

        builder_pass_hours(b, now);
        b->together = (const struct builder *const *)k->builders->pdata;
        b->n_together = k->builders->len;
    }
    for (guint i = 0; i < k->builders->len; i++)         /* another one begins each time */
        if (!rebalance_one(c, k, (guint)((i + seed) % k->builders->len), now, seed, &done[(i + seed) % k->builders->len]))
            return false;
    for (guint i = 0; i < k->builders->len; i++) {
        if (!builder_save(c, k->builders->pdata[i], k->files->pdata[i]))
            return false;
        said(k->files->pdata[i], nth(k, i), &done[i]);
    }
    return true;
}
