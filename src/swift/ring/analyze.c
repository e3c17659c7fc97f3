/* ring-builder-analyzer: a scenario, in JSON, of what happens to a ring's devices round after round, and how much each rebalance moves. */
#include "swift/ring/parts.h"

#include "oslo/base/text.h"
#include "swift/tools/tools.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIO_WRONG 400, "ValueError", "%s"
#define WRONG(c, ...) fail((c), SCENARIO_WRONG, ctx_printf((c), __VA_ARGS__))

struct scenario { int64_t part_power, random_seed; double replicas, overload; json_t *rounds; };

/* A step of a round: what is in its array, read and checked. */
struct step { const char *word; struct ring_device device; int id; double weight; const char *path; };

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

/* A number, or a text that is one. */
static bool number(const json_t *value, double *ret)
{
    char *end;

    if (json_is_number(value)) {
        *ret = json_number_value(value);
        return true;
    }
    if (!json_is_string(value))
        return false;
    *ret = g_ascii_strtod(json_string_value(value), &end);
    return end != json_string_value(value) && !*end && isfinite(*ret);
}

static bool read_weight(struct ctx *c, size_t round, size_t at, const json_t *value, double *ret)
{
    if (!number(value, ret))
        return WRONG(c, "Invalid weight (round %zu, command %zu): not a number", round, at);
    return *ret >= 0 || WRONG(c, "Invalid weight (round %zu, command %zu): cannot be negative", round, at);
}

static bool read_id(struct ctx *c, const char *word, size_t round, size_t at, const json_t *value, int *ret)
{
    double id;

    if (!number(value, &id) || id != floor(id) || fabs(id) > NO_DEVICE)
        return WRONG(c, "Invalid device ID in %s (round %zu, command %zu): not an integer", word, round, at);
    *ret = (int)id;
    return true;
}

static const struct { const char *word; size_t length; } known[] = { { "add", 3 }, { "remove", 2 }, { "set_weight", 3 }, { "save", 2 } };

static bool check_length(struct ctx *c, const char *word, size_t round, size_t at, const json_t *array)
{
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (!strcmp(word, known[i].word))
            return json_array_size(array) == known[i].length ||
                   WRONG(c, "Invalid %s command (round %zu, command %zu): expected array of length %zu", word, round, at, known[i].length);
    return WRONG(c, "Unknown command (round %zu, command %zu): '%s' should be one of add, remove, set_weight, save", round, at, word);
}

static bool read_step(struct ctx *c, size_t round, size_t at, const json_t *array, struct step *s)
{
    const char *word = json_string_value(json_array_get(array, 0)), *text = json_string_value(json_array_get(array, 1));

    *s = (struct step){ .word = word ? word : "", .path = text };
    if (!check_length(c, s->word, round, at, array))
        return false;
    if (!strcmp(word, "add"))
        return ((text && ring_parse_device(c, text, &s->device)) || WRONG(c, "Invalid device specifier (round %zu, command %zu): %s", round, at, text ? text : "")) &&
               read_weight(c, round, at, json_array_get(array, 2), &s->device.weight);
    if (!strcmp(word, "save"))
        return text || WRONG(c, "Invalid save command (round %zu, command %zu): no path", round, at);
    return read_id(c, word, round, at, json_array_get(array, 1), &s->id) &&
           (strcmp(word, "set_weight") || read_weight(c, round, at, json_array_get(array, 2), &s->weight));
}

static bool check_rounds(struct ctx *c, const json_t *rounds)
{
    struct step step;

    if (!json_is_array(rounds))
        return WRONG(c, "rounds must be an array");
    for (size_t r = 0; r < json_array_size(rounds); r++) {
        const json_t *round = json_array_get(rounds, r);

        if (!json_is_array(round))
            return WRONG(c, "round %zu not an array", r);
        for (size_t i = 0; i < json_array_size(round); i++)
            if (!read_step(c, r, i, json_array_get(round, i), &step))
                return false;
    }
    return true;
}

static bool read_number(struct ctx *c, const json_t *all, const char *name, const char *kind, double *ret)
{
    const json_t *value = json_object_get(all, name);

    if (!value)
        return WRONG(c, "%s missing", name);
    return number(value, ret) || WRONG(c, "%s not %s", name, kind);
}

static bool read_scenario(struct ctx *c, const char *text, size_t n, struct scenario *s)
{
    json_error_t error;
    json_t *all = ctx_json(c, json_loadb(text, n, JSON_DECODE_ANY, &error));
    double power, seed;

    if (!all)
        return WRONG(c, "Invalid JSON in scenario file: %s", error.text);
    if (!json_is_object(all))
        return WRONG(c, "Scenario must be a JSON object, not array or string");
    if (!read_number(c, all, "part_power", "an integer", &power))
        return false;
    if (!(power >= 1 && power <= 32))
        return WRONG(c, "part_power must be between 1 and 32, but was %g", power);
    if (!read_number(c, all, "replicas", "a float", &s->replicas))
        return false;
    if (!(s->replicas >= 1))
        return WRONG(c, "replicas must be at least 1, but is %f", s->replicas);
    if (!read_number(c, all, "overload", "a float", &s->overload))
        return false;
    if (!(s->overload >= 0))
        return WRONG(c, "overload must be non-negative, but is %f", s->overload);
    if (!read_number(c, all, "random_seed", "an integer", &seed))
        return false;
    s->part_power = (int64_t)power;
    s->random_seed = fabs(seed) < 1e15 ? (int64_t)seed : 0;
    s->rounds = json_object_get(all, "rounds");
    return s->rounds ? check_rounds(c, s->rounds) : WRONG(c, "rounds missing");
}

/* --- running ------------------------------------------------------------------------------------------------------------------------ */

static bool apply(struct ctx *c, struct builder *b, const struct step *s)
{
    if (!strcmp(s->word, "add"))
        return builder_add(c, b, &s->device) >= 0;
    if (!strcmp(s->word, "remove"))
        return builder_remove(c, b, s->id);
    if (!strcmp(s->word, "set_weight"))
        return builder_set_weight(c, b, s->id, s->weight);
    return builder_save(c, b, s->path);
}

static bool rebalance(struct ctx *c, struct builder *b, const struct scenario *s, int which, struct rebalanced *ret)
{
    if (!builder_rebalance(c, b, clock_us() / G_USEC_PER_SEC, (uint64_t)s->random_seed, ret))
        return false;
    builder_pretend_min_part_hours_passed(b);
    say("\tRebalance %d: moved %" PRId64 " parts, balance is %.6f, %d removed devs\n", which, ret->moved, ret->balance, ret->removed);
    return true;
}

/* Again and again, until it makes no difference. */
static bool settle(struct ctx *c, struct builder *b, const struct scenario *s)
{
    struct rebalanced before, now;

    if (!rebalance(c, b, s, 1, &before))
        return false;
    for (int which = 2;; which++, before = now) {
        bool hopeless;

        if (!rebalance(c, b, s, which, &now))
            return false;
        hopeless = before.balance >= MAX_BALANCE && now.balance >= MAX_BALANCE;
        if ((!now.moved && !now.removed) || (fabs(now.balance - before.balance) < 1 && !hopeless))
            return true;
    }
}

static bool run_scenario(struct ctx *c, struct builder *b, const struct scenario *s)
{
    struct step step;

    builder_set_overload(b, s->overload);
    for (size_t r = 0; r < json_array_size(s->rounds); r++) {
        const json_t *round = json_array_get(s->rounds, r);

        say("Round %zu\n", r + 1);
        for (size_t i = 0; i < json_array_size(round); i++)
            if (!read_step(c, r, i, json_array_get(round, i), &step) || !apply(c, b, &step))
                return false;
        if (!settle(c, b, s))
            return false;
    }
    return true;
}

int tool_ring_builder_analyzer(struct ctx *c, char **words)
{
    bool check = false, well = true;
    const struct tool_option options[] = { { 'c', "check", .flag = &check }, {} };
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    struct scenario s = {};
    struct builder *b;
    gsize n;

    if (!tool_options(c, words, options))
        return 2;
    if (!*words || words[1])
        return tool_usage(c, "ring-builder-analyzer");
    if (!g_file_get_contents(*words, &text, &n, &error)) {
        WRONG(c, "Error opening scenario %s: %s", *words, error->message);
        return 1;
    }
    if (!read_scenario(c, text, n, &s)) {
        const char *why = c->fault.message;

        fault_clear(c);
        WRONG(c, "Invalid scenario %s: %s", *words, why);
        return 1;
    }
    if (check)
        return 0;
    b = builder_new(c, (int)s.part_power, s.replicas, 1);
    well = b && run_scenario(c, b, &s);
    builder_free(b);
    return !well;
}
