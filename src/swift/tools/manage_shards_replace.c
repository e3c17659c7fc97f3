/* manage-shard-ranges: shard ranges deleted, put in by hand, sharding enabled. */
#include "swift/tools/manage_shards.h"

#include "swift/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- delete -------------------------------------------------------------------------------------------------------------------------------- */

static void warn_of_delete(const struct shard_list *shards, enum broker_state state)
{
    int started = 0;

    say("This will delete existing %zu shard ranges.\n", shards->n);
    if (state == BROKER_UNSHARDED)
        return;
    for (size_t i = 0; i < shards->n; i++)
        started += shards->at[i].state != SHARD_FOUND;
    say("WARNING: Be very cautious about deleting existing shard ranges. Deleting all ranges in this db does not guarantee deletion of all ranges on all"
        " replicas of the db.\n  - this db is in state %s\n  - %d existing shard ranges have started sharding\n", broker_state_name(state), started);
}

/* EXIT_WELL: they are to go. */
static int delete_is_meant(struct ctx *c, struct manage *m, const struct shard_list *shards, enum broker_state state)
{
    for (;;) {
        const char *said;

        warn_of_delete(shards, state);
        said = manage_ask(c, "Do you want to show the existing ranges [s], delete the existing ranges [yes] or quit without deleting [q]? ");
        if (!said)
            return EXIT_WRONG;
        if (!strcmp(said, "yes"))
            return EXIT_WELL;
        if (!strcmp(said, "q"))
            return EXIT_QUIT;
        if (!strcmp(said, "s"))
            manage_show(c, m);
        else
            say("Please make a valid choice.\n\n");
    }
}

int manage_delete(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    enum broker_state state;
    struct timestamp now;
    int status;

    if (!broker_shards(c, m->broker, &(struct shard_query){}, &shards) || !broker_state(c, m->broker, &state))
        return EXIT_WRONG;
    if (!shards.n) {
        say("No shard ranges found to delete.\n");
        return EXIT_WELL;
    }
    if (!m->force && (status = delete_is_meant(c, m, &shards, state)) != EXIT_WELL)
        return status;
    now = timestamp_now();
    for (size_t i = 0; i < shards.n; i++) {
        shards.at[i].deleted = true;
        shards.at[i].timestamp = now;
    }
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Deleted %zu existing shard ranges.\n", shards.n);
    return EXIT_WELL;
}

/* --- enable -------------------------------------------------------------------------------------------------------------------------------- */

/* Its own range. */
static int own_range(struct ctx *c, struct manage *m, struct shard_range *ret)
{
    const char *name = broker_name(c, m->broker);
    bool stored;

    if (!name || !broker_own_shard_now(c, m->broker, ret, &stored))
        return EXIT_WRONG;
    if (stored || !g_str_has_prefix(name, m->prefix))
        return EXIT_WELL;
    say("WARNING: shard container missing own shard range.\nAborting.\n");
    return EXIT_BAD_ARGUMENTS;
}

/* Do they follow each other from its begin to its end? */
static bool ranges_fit(struct ctx *c, const struct shard_range *own, const struct shard_list *shards)
{
    const char *reasons = shards->n ? "" : "'No shard ranges.'";

    for (size_t i = 0; shards->n && i <= shards->n; i++) {
        const struct shard_range *first = shards->at, *last = shards->at + shards->n - 1;
        const char *x = i == 0 ? own->lower : i == 1 ? own->upper : shards->at[i - 2].upper;
        const char *y = i == 0 ? first->lower : i == 1 ? last->upper : shards->at[i - 1].lower;

        if (strcmp(x, y) || (i > 1 && !*x))
            reasons = ctx_printf(c, "%s%s%s", reasons, *reasons ? ", " : "", name_repr(c, ctx_printf(c, "%s != %s", x, y)));
    }
    if (*reasons)
        say("WARNING: invalid shard ranges: [%s].\nAborting.\n", reasons);
    return !*reasons;
}

static bool set_enabled(struct ctx *c, struct manage *m, struct shard_range *own)
{
    if (shard_set_state(own, SHARD_SHARDING, (struct timestamp){}) || !timestamp_set(own->epoch))
        own->epoch = own->state_timestamp = timestamp_now();
    return broker_merge_shards(c, m->broker, own, 1) &&
           broker_update_metadata(c, m->broker, &(struct broker_meta){ "X-Container-Sysmeta-Sharding", "True", timestamp_now() }, 1);
}

int manage_enable(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    struct shard_range own;
    int status = own_range(c, m, &own);

    if (status != EXIT_WELL)
        return status;
    if (!broker_shards(c, m->broker, &(struct shard_query){}, &shards) || !ranges_fit(c, &own, &shards))
        return EXIT_WRONG;
    if (own.state == SHARD_ACTIVE) {
        if (!set_enabled(c, m, &own))
            return EXIT_WRONG;
        say("Container moved to state 'sharding' with epoch %s.\n", timestamp_text(c, own.epoch));
    } else if (own.state != SHARD_SHARDING) {
        say("WARNING: container in state %s (should be active or sharding).\nAborting.\n", shard_state_name(own.state));
        return EXIT_WRONG;
    } else if (timestamp_set(own.epoch)) {
        say("Container already in state 'sharding' with epoch %s.\nNo action required.\n", timestamp_text(c, own.epoch));
    } else {
        say("Container already in state 'sharding' but missing epoch.\n");
        if (!set_enabled(c, m, &own))
            return EXIT_WRONG;
        say("Container in state 'sharding' given epoch %s.\n", timestamp_text(c, own.epoch));
    }
    say("Run container-sharder on all nodes to shard the container.\n");
    return EXIT_WELL;
}

/* --- replace ------------------------------------------------------------------------------------------------------------------------------- */

/* What a file may say of a range that is to be made, and what stands for it where it does not. */
static json_t *completed(struct ctx *c, json_t *given, const char **ret_why)
{
    static const char *const may_be[] = { "lower", "upper", "object_count", "bytes_used", "meta_timestamp", "deleted", "state", "state_timestamp", "epoch",
                                          "reported", "tombstones" };
    json_t *o = ctx_json(c, json_pack("{s:i, s:b, s:n, s:n, s:n, s:n}", "bytes_used", 0, "deleted", 0, "meta_timestamp", "state", "state_timestamp", "epoch"));
    const char *name;
    json_t *value;

    json_object_foreach(given, name, value) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(may_be) && strcmp(may_be[i], name))
            i++;
        if (i < G_N_ELEMENTS(may_be))
            json_object_set(o, name, value);
        else if (strcmp(name, "index"))
            *ret_why = ctx_printf(c, "TypeError('a shard range has no %s, or it is not to be said')", name);
    }
    return o;
}

static const char *index_text(struct ctx *c, json_t *index)
{
    char *text = json_is_string(index) ? NULL : json_dumps(index, JSON_ENCODE_ANY);
    const char *copy = text ? ctx_strdup(c, text) : name_from_bytes(c, json_string_value(index), json_string_length(index));

    free(text);
    return copy;
}

/* As find shows them. NULL, else why they are none. */
static const char *made(struct ctx *c, struct manage *m, json_t *list, struct shard_list *ret)
{
    const char *root = broker_root(c, m->broker), *root_account, *root_container, *account, *container, *why = NULL;
    struct timestamp now = timestamp_now();
    json_t *each;
    size_t i, n;

    *ret = (struct shard_list){};
    if (!root)
        return "its root is not known";
    shard_split_name(c, root, &root_account, &root_container);
    shard_split_name(c, broker_name(c, m->broker), &account, &container);
    json_array_foreach(list, i, each) {
        json_t *o = completed(c, each, &why);
        const char *name = name_bytes(c, shard_name(c, ctx_printf(c, "%s%s", m->prefix, root_account), root_container, container, now,
                                                    index_text(c, json_object_get(each, "index"))), &n);
        struct shard_range r;

        json_object_set_new(o, "name", json_stringn(name, n));
        json_object_set_new(o, "timestamp", json_string(timestamp_text(c, now)));
        if (why || (why = shard_from_json(c, o, &r)))
            return why;
        shard_add(c, ret, &r);
    }
    return NULL;
}

static int inject(struct ctx *c, struct manage *m, json_t *list)
{
    struct shard_list shards;
    struct shard_range own;
    const char *why;
    int status = own_range(c, m, &own);

    if (status != EXIT_WELL)
        return status;
    if ((why = made(c, m, list, &shards))) {
        fprintf(stderr, "%s\n", why);
        return EXIT_WRONG;
    }
    if (!ranges_fit(c, &own, &shards))
        return EXIT_WRONG;
    if (m->verbose) {
        say("New shard ranges to be injected:\n");
        say_json(c, shards_to_json(c, &shards));
    }
    if ((status = manage_delete(c, m)) != EXIT_WELL)
        return status;
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Injected %zu shard ranges.\nRun container-replicator to replicate them to other nodes.\n", shards.n);
    if (m->enable)
        return manage_enable(c, m);
    say("Use the enable sub-command to enable sharding.\n");
    return EXIT_WELL;
}

int manage_find_and_replace(struct ctx *c, struct manage *m)
{
    struct found found;

    return manage_find_all(c, m, &found) ? inject(c, m, found.list) : EXIT_WRONG;
}

json_t *manage_load(struct ctx *c, const char *path, bool with_index)
{
    static const char *const needed[] = { "lower", "upper", "object_count", "index" };
    FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
    json_error_t error;
    json_t *list, *each;
    size_t i;

    if (!file) {
        fprintf(stderr, "Failed to open file %s: [Errno %d] %s: %s\n", path, errno, g_strerror(errno), name_repr(c, path));
        return NULL;
    }
    list = ctx_json(c, json_loadf(file, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error));
    if (file != stdin)
        fclose(file);
    if (!json_is_array(list)) {
        fprintf(stderr, "Failed to load valid shard range data: %s\n", list ? "ValueError('Shard data must be a list of dicts')" : error.text);
        return NULL;
    }
    for (size_t k = 0; k < (with_index ? 4 : 3); k++)
        json_array_foreach(list, i, each)
            if (!json_object_get(each, needed[k])) {
                fprintf(stderr, "Failed to load valid shard range data: KeyError('%s')\n", needed[k]);
                return NULL;
            }
    return list;
}

int manage_replace(struct ctx *c, struct manage *m)
{
    json_t *list = manage_load(c, m->words[0], true);

    return list ? inject(c, m, list) : EXIT_BAD_ARGUMENTS;
}
