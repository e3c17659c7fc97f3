/* manage-shard-ranges: a container's shard ranges found, shown, changed by hand. */
#include "swift/tools/manage_shards.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what is said -------------------------------------------------------------------------------------------------------------------------- */

static json_t *range_json(struct ctx *c, const struct shard_range *r)
{
    json_t *o = shard_to_json(c, r);

    json_object_set_new(o, "state", json_string(shard_state_name(r->state)));
    return o;
}

void say_range(struct ctx *c, const struct shard_range *r, int level)
{
    int indent = level * 2;

    say("%*s%s\n", indent, "", name_repr(c, r->name));
    say("%*s  objects: %9" G_GINT64_FORMAT ", tombstones: %9" G_GINT64_FORMAT ", lower: %s\n", indent, "", r->object_count, r->tombstones,
        name_repr(c, r->lower));
    say("%*s    state: %9s, deleted: %d             upper: %s\n", indent, "", shard_state_name(r->state), (int)r->deleted, name_repr(c, r->upper));
}

void say_ranges(struct ctx *c, const struct shard_list *list, int level)
{
    for (size_t i = 0; i < list->n; i++)
        say_range(c, &list->at[i], level);
}

static const char *answer(char *line, size_t room, const char *question)
{
    say("%s", question);
    fflush(stdout);
    if (!fgets(line, (int)room, stdin))
        *line = '\0';
    return g_strstrip(line);
}

bool manage_proceed(const struct manage *m)
{
    char line[64];
    const char *said = m->dry_run ? "no" : m->yes ? "yes" : answer(line, sizeof(line), "Do you want to apply these changes to the container DB? [yes/N]");

    if (!strcmp(said, "yes"))
        return true;
    say("No changes applied\n");
    return false;
}

/* --- show, info ---------------------------------------------------------------------------------------------------------------------------- */

static int show(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    json_t *list = ctx_json(c, json_array());

    if (!broker_shards(c, m->broker, &(struct shard_query){ .includes = m->includes, .deleted_too = m->include_deleted }, &shards))
        return EXIT_WRONG;
    for (size_t i = 0; i < shards.n; i++) {
        json_t *o = range_json(c, &shards.at[i]);

        json_array_append_new(list, m->brief ? json_pack("[O, O]", json_object_get(o, "lower"), json_object_get(o, "upper")) : json_incref(o));
        json_decref(o);
    }
    fprintf(stderr, shards.n ? "Existing shard ranges:\n" : "No shard data found.\n");
    if (shards.n)
        say_json(c, list);
    return EXIT_WELL;
}

static bool is_enabled(const struct broker_meta *list, size_t n, size_t n_shards)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_strcasecmp(list[i].name, "X-Container-Sysmeta-Sharding") && word_true(list[i].value))
            return true;
    return n_shards > 0;
}

static bool say_cleaving(struct ctx *c, struct broker *b)
{
    struct cleaving x;

    if (!cleaving_load(c, b, &x))
        return false;
    say("Retiring db id: %s\nCleaving context: ", x.ref);
    say_json(c, ctx_json(c, json_loads(cleaving_write(c, &x), JSON_ALLOW_NUL, NULL)));
    return true;
}

static int info(struct ctx *c, struct manage *m)
{
    struct broker_meta *list;
    struct shard_list shards;
    struct shard_range own;
    enum broker_state state;
    bool stored;
    size_t n;

    if (!broker_metadata(c, m->broker, &list, &n) || !broker_shards(c, m->broker, &(struct shard_query){}, &shards) ||
        !broker_own_shard_now(c, m->broker, &own, &stored) || !broker_state(c, m->broker, &state))
        return EXIT_WRONG;
    say("Sharding enabled = %s\nOwn shard range: ", is_enabled(list, n, shards.n) ? "True" : "False");
    if (stored)
        say_json(c, ctx_json(c, range_json(c, &own)));
    else
        say("None\n");
    say("db_state = %s\n", broker_state_name(state));
    if (state == BROKER_SHARDING && !say_cleaving(c, m->broker))
        return EXIT_WRONG;
    say("Metadata:\n");
    for (size_t i = 0; i < n; i++)
        say("  %s = %s\n", list[i].name, list[i].value);
    return EXIT_WELL;
}

/* --- find ---------------------------------------------------------------------------------------------------------------------------------- */

struct found { struct found_shard *at; size_t n; double seconds; };

static bool find_all(struct ctx *c, struct manage *m, struct found *ret)
{
    int64_t begun = clock_mono_us();
    bool last;

    if (!broker_find_shards(c, m->broker, m->limits.rows_per_shard, -1, &(struct shard_list){}, m->limits.minimum_shard_size, &ret->at, &ret->n, &last))
        return false;
    ret->seconds = (double)(clock_mono_us() - begun) / 1e6;
    return true;
}

static int find(struct ctx *c, struct manage *m)
{
    json_t *list = ctx_json(c, json_array());
    struct found found;
    int64_t objects = 0;
    size_t n;

    if (!find_all(c, m, &found))
        return EXIT_WRONG;
    for (size_t i = 0; i < found.n; i++) {
        const char *lower = name_bytes(c, found.at[i].lower, &n);
        json_t *o = json_pack("{s:I, s:I, s:s%}", "index", (json_int_t)found.at[i].index, "object_count", (json_int_t)found.at[i].object_count, "lower", lower, n);
        const char *upper = name_bytes(c, found.at[i].upper, &n);

        json_object_set_new(o, "upper", json_stringn(upper, n));
        json_array_append_new(list, o);
        objects += found.at[i].object_count;
    }
    say_json(c, list);
    fflush(stdout);
    fprintf(stderr, "Found %zu ranges in %gs (total object count %" G_GINT64_FORMAT ")\n", found.n, found.seconds, objects);
    return EXIT_WELL;
}

/* --- delete, replace, enable ---------------------------------------------------------------------------------------------------------------- */

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

static int delete_all(struct ctx *c, struct manage *m)
{
    struct timestamp now = timestamp_now();
    struct shard_list shards;
    enum broker_state state;
    char line[64];

    if (!broker_shards(c, m->broker, &(struct shard_query){}, &shards) || !broker_state(c, m->broker, &state))
        return EXIT_WRONG;
    if (!shards.n) {
        say("No shard ranges found to delete.\n");
        return EXIT_WELL;
    }
    while (!m->force) {
        const char *said;

        warn_of_delete(&shards, state);
        said = answer(line, sizeof(line), "Do you want to show the existing ranges [s], delete the existing ranges [yes] or quit without deleting [q]? ");
        if (!strcmp(said, "yes"))
            break;
        if (!strcmp(said, "q") || feof(stdin))
            return EXIT_QUIT;
        if (!strcmp(said, "s"))
            show(c, m);
        else
            say("Please make a valid choice.\n\n");
    }
    for (size_t i = 0; i < shards.n; i++) {
        shards.at[i].deleted = true;
        shards.at[i].timestamp = now;
    }
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Deleted %zu existing shard ranges.\n", shards.n);
    return EXIT_WELL;
}

/* Its own range; of a shard that has none false, which is said. */
static bool own_range(struct ctx *c, struct manage *m, struct shard_range *ret)
{
    const char *name = broker_name(c, m->broker);
    bool stored;

    if (!name || !broker_own_shard_now(c, m->broker, ret, &stored))
        return false;
    if (stored || !g_str_has_prefix(name, m->prefix))
        return true;
    say("WARNING: shard container missing own shard range.\nAborting.\n");
    return false;
}

/* Do they follow each other from its begin to its end? */
static bool ranges_fit(struct ctx *c, const struct shard_range *own, const struct shard_list *shards)
{
    const char *reasons = "";

    if (!shards->n)
        reasons = "'No shard ranges.'";
    for (size_t i = 0; i <= shards->n && shards->n; i++) {
        const char *a = i ? shards->at[i - 1].upper : own->lower, *b = i < shards->n ? shards->at[i].lower : own->upper;

        if (i == shards->n || !i ? strcmp(a, b) != 0 : (!*a || strcmp(a, b)))
            reasons = ctx_printf(c, "%s%s'%s != %s'", reasons, *reasons ? ", " : "", a, b);
    }
    if (*reasons)
        say("WARNING: invalid shard ranges: [%s].\nAborting.\n", reasons);
    return !*reasons;
}

static bool set_enabled(struct ctx *c, struct manage *m, struct shard_range *own)
{
    if (shard_set_state(own, SHARD_SHARDING, (struct timestamp){}))
        own->epoch = own->state_timestamp = timestamp_now();
    return broker_merge_shards(c, m->broker, own, 1) &&
           broker_update_metadata(c, m->broker, &(struct broker_meta){ "X-Container-Sysmeta-Sharding", "True", timestamp_now() }, 1);
}

static int enable(struct ctx *c, struct manage *m)
{
    struct shard_list shards;
    struct shard_range own;

    if (!own_range(c, m, &own))
        return EXIT_BAD_ARGUMENTS;
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
        own.epoch = own.state_timestamp = timestamp_now();
        if (!set_enabled(c, m, &own))
            return EXIT_WRONG;
        say("Container in state 'sharding' given epoch %s.\n", timestamp_text(c, own.epoch));
    }
    say("Run container-sharder on all nodes to shard the container.\n");
    return EXIT_WELL;
}

static int inject(struct ctx *c, struct manage *m, const struct found *found)
{
    const char *root = broker_root(c, m->broker), *root_account, *root_container, *account, *container;
    struct timestamp now = timestamp_now();
    struct shard_list shards = {};
    struct shard_range own;
    int status;

    if (!root || !own_range(c, m, &own))
        return EXIT_BAD_ARGUMENTS;
    shard_split_name(c, root, &root_account, &root_container);
    shard_split_name(c, broker_name(c, m->broker), &account, &container);
    for (size_t i = 0; i < found->n; i++)
        shard_add(c, &shards, &(struct shard_range){
            .name = shard_name(c, ctx_printf(c, "%s%s", m->prefix, root_account), root_container, container, now, found->at[i].index), .timestamp = now,
            .meta_timestamp = now, .state_timestamp = now, .lower = found->at[i].lower, .upper = found->at[i].upper,
            .object_count = found->at[i].object_count, .state = SHARD_FOUND, .tombstones = -1 });
    if (!ranges_fit(c, &own, &shards))
        return EXIT_WRONG;
    if (m->verbose) {
        say("New shard ranges to be injected:\n");
        say_json(c, shards_to_json(c, &shards));
    }
    if ((status = delete_all(c, m)) != EXIT_WELL)
        return status;
    if (!broker_merge_shards(c, m->broker, shards.at, shards.n))
        return EXIT_WRONG;
    say("Injected %zu shard ranges.\nRun container-replicator to replicate them to other nodes.\n", shards.n);
    if (m->enable)
        return enable(c, m);
    say("Use the enable sub-command to enable sharding.\n");
    return EXIT_WELL;
}

static int find_and_replace(struct ctx *c, struct manage *m)
{
    struct found found;

    return find_all(c, m, &found) ? inject(c, m, &found) : EXIT_WRONG;
}

json_t *manage_load(struct ctx *c, const char *path, bool with_index)
{
    static const char *const needed[] = { "lower", "upper", "object_count", "index" };
    json_error_t error;
    json_t *list, *each;
    size_t i;

    if (strcmp(path, "-") && access(path, R_OK)) {
        fprintf(stderr, "Failed to open file %s\n", path);
        return NULL;
    }
    list = ctx_json(c, strcmp(path, "-") ? json_load_file(path, JSON_ALLOW_NUL, &error) : json_loadf(stdin, JSON_ALLOW_NUL, &error));
    if (!json_is_array(list)) {
        fprintf(stderr, "Failed to load valid shard range data: %s\n", list ? "ValueError('Shard data must be a list of dicts')" : error.text);
        return NULL;
    }
    json_array_foreach(list, i, each)
        for (size_t k = 0; k < (with_index ? 4 : 3); k++)
            if (!json_object_get(each, needed[k])) {
                fprintf(stderr, "Failed to load valid shard range data: KeyError('%s')\n", needed[k]);
                return NULL;
            }
    return list;
}

static const char *bound(struct ctx *c, json_t *o, const char *name)
{
    json_t *value = json_object_get(o, name);

    return json_is_string(value) ? name_from_bytes(c, json_string_value(value), json_string_length(value)) : "";
}

static int replace(struct ctx *c, struct manage *m)
{
    json_t *list = *m->words ? manage_load(c, *m->words, true) : NULL, *each;
    struct found found = { .n = json_array_size(list) };
    size_t i;

    if (!list)
        return EXIT_BAD_ARGUMENTS;
    found.at = ctx_new_n(c, struct found_shard, found.n + 1);
    json_array_foreach(list, i, each)
        found.at[i] = (struct found_shard){ json_integer_value(json_object_get(each, "index")), json_integer_value(json_object_get(each, "object_count")),
                                            bound(c, each, "lower"), bound(c, each, "upper") };
    return inject(c, m, &found);
}

/* --- the command --------------------------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; int (*run)(struct ctx *, struct manage *); } commands[] = {
    { "analyze", manage_analyze }, { "compact", manage_compact }, { "delete", delete_all }, { "enable", enable }, { "find", find },
    { "find_and_replace", find_and_replace }, { "info", info }, { "repair", manage_repair }, { "replace", replace }, { "show", show },
};

static int run_on(struct ctx *c, struct manage *m, int (*run)(struct ctx *, struct manage *))
{
    char *path = realpath(m->path, NULL);
    const char *name;
    int status;

    m->broker = path ? broker_open_newest(c, BROKER_CONTAINER, path) : NULL;
    free(path);
    name = m->broker ? broker_name(c, m->broker) : NULL;
    if (!name) {
        fprintf(stderr, "Error opening container DB %s: %s\n", m->path, failed(c) ? c->fault.message : "it does not exist");
        fault_clear(c);
        broker_done(m->broker);
        return EXIT_WRONG;
    }
    fprintf(stderr, "Loaded db broker for %s\n", name);
    status = run(c, m);
    fflush(stdout);
    broker_done(m->broker);
    return status;
}

/* What the file says (the original's defaults where none is named), and what was said of it here. */
static bool set_limits(struct ctx *c, struct manage *m, const char *file, const char *const given[7])
{
    const struct conf *conf = conf_load(c, file);
    const struct sharder_options *from = conf ? sharder_options_load(c, conf) : NULL;
    struct sharder_options o;

    if (!from)
        return false;
    o = *from;
    char **const to[] = { &o.rows_per_shard, &o.minimum_shard_size, &o.shrink_threshold, &o.expansion_limit };
    for (size_t i = 0; i < G_N_ELEMENTS(to); i++)
        if (given[i])
            *to[i] = (char *)(uintptr_t)given[i];
    m->max_shrinking = o.max_shrinking;
    m->max_expanding = o.max_expanding;
    return (!given[4] || text_to_int(given[4], &m->max_shrinking)) && (!given[5] || text_to_int(given[5], &m->max_expanding)) &&
           sharder_limits(c, &o, &m->limits);
}

int tool_manage_shard_ranges(struct ctx *c, char **words)
{
    const char *given[7] = {}, *file = NULL, *ignored;
    struct manage m = { .prefix = SHARDS_PREFIX };
    const struct tool_option options[] = {
        { 0, "conf", NULL, &file }, { 'v', "verbose", &m.verbose, NULL }, { 0, "force-commits", &m.force_commits, NULL }, { 'f', "force", &m.force, NULL },
        { 0, "enable", &m.enable, NULL }, { 'd', "include_deleted", &m.include_deleted, NULL }, { 'b', "brief", &m.brief, NULL },
        { 0, "includes", NULL, &m.includes }, { 'y', "yes", &m.yes, NULL }, { 'n', "dry-run", &m.dry_run, NULL }, { 0, "gaps", &m.gaps, NULL },
        { 0, "minimum-shard-size", NULL, &given[1] }, { 0, "shrink-threshold", NULL, &given[2] }, { 0, "expansion-limit", NULL, &given[3] },
        { 0, "max-shrinking", NULL, &given[4] }, { 0, "max-expanding", NULL, &given[5] }, { 0, "shards_account_prefix", NULL, &m.prefix },
        { 0, "replace-timeout", NULL, &ignored }, { 0, "enable-timeout", NULL, &ignored }, {} };

    if (!tool_options(c, words, options))
        return EXIT_BAD_ARGUMENTS;
    if (!words[0] || !words[1])
        return tool_usage(c, "manage-shard-ranges");
    m.path = words[0];
    m.words = words + 2;
    if (g_str_has_prefix(words[1], "find"))
        given[0] = words[2];
    if (!set_limits(c, &m, file ? file : "/dev/null", given)) {
        fprintf(stderr, "Invalid config: %s\n", failed(c) ? c->fault.message : "no number");
        fault_clear(c);
        return EXIT_BAD_ARGUMENTS;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, words[1]))
            return commands[i].run == manage_analyze ? manage_analyze(c, &m) : run_on(c, &m, commands[i].run);
    return tool_usage(c, "manage-shard-ranges");
}
