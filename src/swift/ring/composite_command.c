/* nacre ring FILE compose|show|rebalance, where FILE says what a composite ring is made of. */
#include "swift/ring/composite_command.h"

#include "oslo/base/text.h"
#include "swift/ring/composite.h"
#include "swift/ring/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE 400, "ValueError", "usage: nacre ring FILE %s"

bool is_composite(const char *path, const char *command)
{
    FILE *file = fopen(path, "r");
    bool json = file && fgetc(file) == '{';

    if (file)
        fclose(file);
    return json || !strcmp(command, "compose") || g_str_has_suffix(path, ".composite");
}

/* With what the original says before the reason. */
static int wrong(struct ctx *c, const char *what)
{
    fprintf(stderr, "An error occurred while %s.\nOriginal exception message:\n%s\n", what, c->fault.message);
    fault_clear(c);                  /* it has been said */
    return 2;
}

static int compose(struct ctx *c, struct composite *k, const char *path, char **words)
{
    char **files = ctx_new_n(c, char *, g_strv_length(words) + 1);
    const char *output = NULL;
    struct ring *ring;
    bool force = false, well;
    size_t n = 0;

    for (; *words; words++) {
        if (!strcmp(*words, "--force"))
            force = true;
        else if (!strncmp(*words, "--output=", 9))
            output = *words + 9;
        else if (!strcmp(*words, "--output") && words[1])
            output = *++words;
        else
            files[n++] = *words;
    }
    if (!output) {
        fail(c, USAGE, "compose [BUILDER BUILDER ...] --output RING [--force]");
        return 2;
    }
    if (!(ring = composite_compose(c, k, files, force)))
        return wrong(c, "composing the ring");
    well = ring_save(c, ring, output);
    ring_unref(ring);
    if (!well)
        return wrong(c, "writing the composite ring file");
    return composite_save(c, k, path) ? 0 : wrong(c, "writing the composite builder file");
}

static int show(struct ctx *c, const struct composite *k)
{
    char *text = json_dumps(composite_json(c, k), JSON_INDENT(4) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);

    printf("%s\n", text);
    free(text);
    return 0;
}

static void say(const char *file, const struct builder *b, const struct rebalanced *done)
{
    printf("%s: Reassigned %" G_GINT64_FORMAT " (%.2f%%) partitions. Balance is now %.2f.  Dispersion is now %.2f\n", file, done->moved,
           100.0 * (double)done->moved / (double)b->parts, done->balance, done->dispersion);
}

static int rebalance(struct ctx *c, struct composite *k, char **words)
{
    int64_t now = clock_us() / G_USEC_PER_SEC, seed = now;

    if (*words)
        text_to_int(*words, &seed);
    return composite_rebalance(c, k, now, (uint64_t)seed, say) ? 0 : wrong(c, "rebalancing");
}

int command_composite(struct ctx *c, const char *path, const char *command, char **words)
{
    bool new = !strcmp(command, "compose") && access(path, F_OK);
    struct composite *k = new ? composite_new() : composite_load(c, path);
    int status = 2;

    if (!k)
        return wrong(c, "loading the composite builder file");
    if (!strcmp(command, "compose"))
        status = compose(c, k, path, words);
    else if (!strcmp(command, "show"))
        status = show(c, k);
    else if (!strcmp(command, "rebalance"))
        status = rebalance(c, k, words);
    else
        fail(c, USAGE, "compose|show|rebalance");
    composite_free(k);
    return status;
}
