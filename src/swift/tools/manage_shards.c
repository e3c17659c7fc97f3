/* manage-shard-ranges: a container's shard ranges found, shown, changed by hand. */
#include "swift/tools/manage_shards.h"

#include "oslo/base/text.h"
#include "swift/name.h"

#include <errno.h>
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

/* What stands on the next line of standard input, without its end; NULL: there is none. */
const char *manage_ask(struct ctx *c, const char *question)
{
    char *line = NULL;
    const char *said = NULL;
    size_t room = 0;
    ssize_t n;

    say("%s", question);
    fflush(stdout);
    if ((n = getline(&line, &room, stdin)) > 0)
        said = ctx_strndup(c, line, (size_t)n - (line[n - 1] == '\n'));
    else
        fprintf(stderr, "EOF when reading a line\n");
    free(line);
    return said;
}

int manage_proceed(struct ctx *c, const struct manage *m)
{
    const char *said = m->dry_run ? "no" : m->yes ? "yes" : manage_ask(c, "Do you want to apply these changes to the container DB? [yes/N]");

    if (!said)
        return EXIT_WRONG;
    if (!strcmp(said, "yes"))
        return EXIT_WELL;
    say("No changes applied\n");
    return EXIT_QUIT;
}

/* --- show, info ---------------------------------------------------------------------------------------------------------------------------- */

int manage_show(struct ctx *c, struct manage *m)
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

static json_t *name_value(struct ctx *c, const char *name)
{
    size_t n;
    const char *bytes = name_bytes(c, name, &n);

    return json_stringn(bytes, n);
}

bool manage_find_all(struct ctx *c, struct manage *m, struct found *ret)
{
    int64_t begun = clock_mono_us();
    struct found_shard *at;
    bool last;
    size_t n;

    if (!broker_find_shards(c, m->broker, m->limits.rows_per_shard, -1, &(struct shard_list){}, m->limits.minimum_shard_size, &at, &n, &last))
        return false;
    *ret = (struct found){ .list = ctx_json(c, json_array()), .seconds = (double)(clock_mono_us() - begun) / 1e6 };
    for (size_t i = 0; i < n; i++) {
        ret->objects += at[i].object_count;
        json_array_append_new(ret->list, json_pack("{s:I, s:I, s:o, s:o}", "index", (json_int_t)at[i].index, "object_count", (json_int_t)at[i].object_count,
                                                   "lower", name_value(c, at[i].lower), "upper", name_value(c, at[i].upper)));
    }
    return true;
}

static int find(struct ctx *c, struct manage *m)
{
    struct found found;

    if (!manage_find_all(c, m, &found))
        return EXIT_WRONG;
    say_json(c, found.list);
    fflush(stdout);
    fprintf(stderr, "Found %zu ranges in %gs (total object count %" G_GINT64_FORMAT ")\n", json_array_size(found.list), found.seconds, found.objects);
    return EXIT_WELL;
}

/* --- the database -------------------------------------------------------------------------------------------------------------------------- */

/* Without links; also of a file that is not there: its container may have become one of a later epoch. */
static const char *real_path(struct ctx *c, const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path), *base = g_path_get_basename(path);
    char *real = realpath(path, NULL), *real_dir = real ? NULL : realpath(dir, NULL);
    const char *copy = real ? ctx_strdup(c, real) : ctx_printf(c, "%s/%s", real_dir ? real_dir : dir, base);

    free(real);
    free(real_dir);
    return copy;
}

static int run_on(struct ctx *c, struct manage *m, int (*run)(struct ctx *, struct manage *))
{
    const char *path = real_path(c, m->path), *name = NULL;
    int status;

    m->broker = broker_open_newest(c, BROKER_CONTAINER, path);
    if (m->broker && !m->force_commits)
        broker_leave_pending(m->broker);
    if (!m->broker || !(name = broker_name(c, m->broker))) {
        fprintf(stderr, "Error opening container DB %s: %s\n", m->path,
                failed(c) ? c->fault.message : ctx_printf(c, "DB connection error (%s, 0):\nDB doesn't exist", path));
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

/* --- the command --------------------------------------------------------------------------------------------------------------------------- */

/* Kinds of words: which options they take. */
enum { FINDS = 1, DELETES = 2, SHOWS = 4, REPLACES = 8, ENABLES = 16, COMPACTS = 32, REPAIRS = 64 };

static const struct word {
    const char *name;
    int (*run)(struct ctx *, struct manage *);
    unsigned kinds;
    size_t least, most;              /* words behind it */
} words_known[] = {
    { "analyze", manage_analyze, 0, 0, 0 }, { "compact", manage_compact, COMPACTS, 0, 0 }, { "delete", manage_delete, DELETES, 0, 0 },
    { "enable", manage_enable, REPLACES | ENABLES, 0, 0 }, { "find", find, FINDS, 0, 1 },
    { "find_and_replace", manage_find_and_replace, FINDS | REPLACES | ENABLES, 0, 1 }, { "info", info, 0, 0, 0 },
    { "repair", manage_repair, REPAIRS, 0, 0 }, { "replace", manage_replace, REPLACES, 1, 1 }, { "show", manage_show, SHOWS, 0, 0 },
};

/* What was said of the sharder's options; NULL: nothing. */
struct given { const char *rows_per_shard, *minimum_shard_size, *shrink_threshold, *expansion_limit, *max_shrinking, *max_expanding, *replace_timeout,
                          *enable_timeout; };

static bool take_options(struct ctx *c, struct manage *m, const struct word *word, struct given *g)
{
    const struct { unsigned kinds; struct tool_option option; } all[] = {
        { FINDS, { 0, "minimum-shard-size", NULL, &g->minimum_shard_size } },
        { DELETES | REPLACES, { 'f', "force", &m->force, NULL } },
        { SHOWS, { 'd', "include_deleted", &m->include_deleted, NULL } },
        { SHOWS, { 'b', "brief", &m->brief, NULL } },
        { SHOWS, { 0, "includes", NULL, &m->includes } },
        { REPLACES, { 0, "shards_account_prefix", NULL, &m->prefix } },
        { REPLACES, { 0, "replace-timeout", NULL, &g->replace_timeout } },
        { REPLACES, { 0, "enable", &m->enable, NULL } },
        { ENABLES, { 0, "enable-timeout", NULL, &g->enable_timeout } },
        { COMPACTS | REPAIRS, { 'y', "yes", &m->yes, NULL } },
        { COMPACTS | REPAIRS, { 'n', "dry-run", &m->dry_run, NULL } },
        { COMPACTS, { 0, "shrink-threshold", NULL, &g->shrink_threshold } },
        { COMPACTS, { 0, "expansion-limit", NULL, &g->expansion_limit } },
        { COMPACTS, { 0, "max-shrinking", NULL, &g->max_shrinking } },
        { COMPACTS | REPAIRS, { 0, "max-expanding", NULL, &g->max_expanding } },
        { REPAIRS, { 0, "gaps", &m->gaps, NULL } },
    };
    struct tool_option options[G_N_ELEMENTS(all) + 1] = {};
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        if (all[i].kinds & word->kinds)
            options[n++] = all[i].option;
    if (!tool_options(c, m->words, options))
        return false;
    n = g_strv_length(m->words);
    if (n < word->least || n > word->most)
        return fail(c, BAD_REQUEST, n < word->least ? "the following arguments are required: input_file"
                                                    : ctx_printf(c, "unrecognized arguments: %s", m->words[word->most]));
    if (word->kinds & FINDS)
        g->rows_per_shard = m->words[0];
    return !(m->yes && m->dry_run) || fail(c, BAD_REQUEST, "argument --yes/-y: not allowed with argument --dry-run/-n");
}

/* NULL, or the number that was said of the option. */
static bool number(struct ctx *c, const char *option, const char *text, int64_t least, int64_t *ret)
{
    int64_t value;

    if (!text)
        return true;
    if (!text_to_int(text, &value) || value < least)
        return fail(c, BAD_REQUEST, ctx_printf(c, "argument %s: must be a number%s: %s", option, least > 0 ? " > 0" : "", name_repr(c, text)));
    *ret = value;
    return true;
}

static bool are_numbers(struct ctx *c, const struct given *g)
{
    int64_t value;

    return number(c, "rows_per_shard", g->rows_per_shard, INT64_MIN, &value) && number(c, "--minimum-shard-size", g->minimum_shard_size, 1, &value) &&
           number(c, "--shrink-threshold", g->shrink_threshold, 1, &value) && number(c, "--expansion-limit", g->expansion_limit, 1, &value) &&
           number(c, "--max-shrinking", g->max_shrinking, 1, &value) && number(c, "--max-expanding", g->max_expanding, 1, &value) &&
           number(c, "--replace-timeout", g->replace_timeout, INT64_MIN, &value) && number(c, "--enable-timeout", g->enable_timeout, INT64_MIN, &value);
}

/* What the file says (NULL: the original's defaults), and what was said of it here. */
static bool read_limits(struct ctx *c, struct manage *m, const char *file, const struct given *g)
{
    const struct conf *conf = conf_load(c, file ? file : "/dev/null");
    const struct sharder_options *from = conf ? sharder_options_load(c, conf) : NULL;
    struct sharder_options o;

    if (!from)
        return false;
    if (file && !conf_has_section(conf, "container-sharder"))
        return fail(c, BAD_REQUEST, ctx_printf(c, "Unable to find container-sharder config section in %s", file));
    o = *from;
    const struct { char **to; const char *from; } texts[] = { { &o.rows_per_shard, g->rows_per_shard }, { &o.minimum_shard_size, g->minimum_shard_size },
                                                              { &o.shrink_threshold, g->shrink_threshold }, { &o.expansion_limit, g->expansion_limit } };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        if (texts[i].from)
            *texts[i].to = (char *)(uintptr_t)texts[i].from;
    m->max_shrinking = o.max_shrinking;
    m->max_expanding = o.max_expanding;
    return number(c, "", g->max_shrinking, 1, &m->max_shrinking) && number(c, "", g->max_expanding, 1, &m->max_expanding) && sharder_limits(c, &o, &m->limits);
}

static int set_limits(struct ctx *c, struct manage *m, const struct word *word, const char *file, const struct given *g)
{
    const char *what = "Error loading config";

    if (file && access(file, R_OK)) {
        fprintf(stderr, "Error opening config file %s: %s\n", file, g_strerror(errno));
        return EXIT_WRONG;
    }
    if (read_limits(c, m, file, g)) {
        if (!(word->kinds & FINDS) || sharder_limits_find(c, &m->limits))
            return EXIT_WELL;
        what = "Invalid config";
    }
    fprintf(stderr, "%s: %s\n", what, c->fault.message);
    fault_clear(c);
    return EXIT_BAD_ARGUMENTS;
}

int tool_manage_shard_ranges(struct ctx *c, char **words)
{
    const char *file = NULL;
    struct manage m = { .prefix = SHARDS_PREFIX };
    const struct tool_option options[] = { { 0, "conf", NULL, &file }, { 'v', "verbose", &m.verbose, NULL }, { 0, "force-commits", &m.force_commits, NULL }, {} };
    struct given given = {};
    size_t i = 0;
    int status;

    if (!tool_options_before(c, words, options, 2))
        return EXIT_BAD_ARGUMENTS;
    while (i < G_N_ELEMENTS(words_known) && words[0] && words[1] && strcmp(words_known[i].name, words[1]))
        i++;
    if (!words[0] || !words[1] || i == G_N_ELEMENTS(words_known))
        return tool_usage(c, "manage-shard-ranges");
    m.path = words[0];
    m.words = words + 2;
    if (!take_options(c, &m, &words_known[i], &given) || !are_numbers(c, &given))
        return EXIT_BAD_ARGUMENTS;
    if ((status = set_limits(c, &m, &words_known[i], file, &given)) != EXIT_WELL)
        return status;
    return words_known[i].run == manage_analyze ? manage_analyze(c, &m) : run_on(c, &m, words_known[i].run);
}
