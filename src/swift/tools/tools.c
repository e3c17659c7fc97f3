/* What the tools share: their table, their options, how they say things. */
#include "swift/tools/tools.h"

#include "swift/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tool tools[] = {
    { "get-nodes", "[-a] RING.GZ|-P POLICY [-p PARTITION] [-Q] ACCOUNT [CONTAINER [OBJECT]]", "the nodes responsible for an item", tool_get_nodes },
    { "object-info", "[-n] [-P POLICY] [--drop-prefixes] FILE", "an object's metadata, and whether its content is whole", tool_object_info },
    { "account-info", "[--drop-prefixes] DB_FILE", "what an account's database says", tool_account_info },
    { "container-info", "[--drop-prefixes] [-v] DB_FILE", "what a container's database says", tool_container_info },
    { "manage-shard-ranges", "DB_FILE [--conf FILE] [-v] [--force-commits] find|delete|show|info|replace|find_and_replace|enable|compact|repair|analyze ...",
      "the shard ranges of a container", tool_manage_shard_ranges },
    { "dispersion-populate", "[--container-only|--object-only] [--container-suffix-start N] [--object-suffix-start N] [--no-overlap] [--insecure] [-P POLICY] [CONF]",
      "a container and an object in each of many partitions", tool_dispersion_populate },
    { "dispersion-report", "[-j] [-d] [-p] [--container-only|--object-only] [--insecure] [-P POLICY] [CONF]", "how many of their copies are where they belong",
      tool_dispersion_report },
    { "object-relinker", "relink|cleanup [--policy P]... [--device D]... [--partition P]... [--devices DIR] [--skip-mount-check] [--files-per-second N] "
      "[--stats-interval S] [--workers N|auto] [CONF]", "links objects to where an increased part power has them, or removes them from where they were",
      tool_object_relinker },
    { "account-audit", "[-c CONCURRENCY] [-r RING_DIR] [-e ERROR_FILE] [-d] [ACCOUNT[/CONTAINER[/OBJECT]]] ...",
      "whether all nodes say the same of an account and what is in it; more of them may come through standard input", tool_account_audit },
    { "container-deleter", "[--conf CONF] [--request-tries N] [--prefix P] [--marker M] [--end-marker M] [--timestamp T] ACCOUNT CONTAINER",
      "has the expirer delete what is in a container", tool_container_deleter },
    { "drive-audit", "CONF", "unmounts drives that the kernel's log has errors of", tool_drive_audit },
    { "recon-cron", "[CONF]", "counts for recon what waits to be told to containers", tool_recon_cron },
    { "reconciler-enqueue", "POLICY_INDEX /ACCOUNT/CONTAINER/OBJECT TIMESTAMP [--op PUT|DELETE] [--force]", "puts an object into the reconciler's queue",
      tool_reconciler_enqueue },
    { "form-signature", "PATH REDIRECT MAX_FILE_SIZE MAX_FILE_COUNT SECONDS KEY", "what a browser's form needs to upload", tool_form_signature, true },
    { "ring-builder-analyzer", "[--check] SCENARIO", "how much moves in a ring, round after round", tool_ring_builder_analyzer, true },
    {}
};

int tool_usage(struct ctx *c, const char *name)
{
    const struct tool *t = tools;

    while (strcmp(t->name, name))
        t++;
    fail(c, BAD_REQUEST, ctx_printf(c, "usage: nacre swift %s %s", name, t->arguments));
    return 2;
}

/* --- options -------------------------------------------------------------------------------------------------------------------------- */

/* The option of that name, or the only one whose name begins so; NULL: none. */
static const struct tool_option *find_name(const struct tool_option *options, const char *name, size_t n)
{
    const struct tool_option *found = NULL;

    for (; options->name; options++) {
        if (strncmp(options->name, name, n))
            continue;
        if (!options->name[n])
            return options;
        if (found)
            return NULL;
        found = options;
    }
    return found;
}

static const struct tool_option *find_letter(const struct tool_option *options, char letter)
{
    while (options->name && options->letter != letter)
        options++;
    return options->name ? options : NULL;
}

/* *words is the option's, and the one of its value when it comes back. value: what stands with it; NULL: nothing. */
static bool take_value(struct ctx *c, const struct tool_option *o, const char *value, char ***words)
{
    if (!value && !(*words)[1])
        return fail(c, BAD_REQUEST, ctx_printf(c, "%s option requires 1 argument", **words));
    if (!value)
        value = *++*words;
    if (o->list)
        g_ptr_array_add(o->list, (void *)(uintptr_t)value);
    else
        *o->value = value;
    return true;
}

static bool unknown(struct ctx *c, const char *word)
{
    return fail(c, BAD_REQUEST, ctx_printf(c, "no such option: %s", word));
}

/* --name, --name=value */
static bool take_name(struct ctx *c, const struct tool_option *options, char ***words)
{
    const char *word = **words, *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    const struct tool_option *o = find_name(options, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));

    if (!o)
        return unknown(c, word);
    if (!o->flag)
        return take_value(c, o, value, words);
    *o->flag = true;
    return !value || fail(c, BAD_REQUEST, ctx_printf(c, "--%s option does not take a value", o->name));
}

/* -abc: one after the other; behind one that has a value stands the value. */
static bool take_letters(struct ctx *c, const struct tool_option *options, char ***words)
{
    const char *word = **words;

    for (const char *letter = word + 1; *letter; letter++) {
        const struct tool_option *o = find_letter(options, *letter);

        if (!o)
            return unknown(c, word);
        if (!o->flag)
            return take_value(c, o, letter[1] ? letter + 1 : NULL, words);
        *o->flag = true;
    }
    return true;
}

bool tool_options_before(struct ctx *c, char **words, const struct tool_option *options, size_t n)
{
    char **to = words, **end = words;        /* of what is kept, and of what may be */

    while (n-- && *end)
        end++;
    for (; *words && to < end; words++) {
        bool number = (*words)[1] >= '0' && (*words)[1] <= '9';

        if (**words != '-' || !(*words)[1] || number)
            *to++ = *words;
        else if (!((*words)[1] == '-' ? take_name(c, options, &words) : take_letters(c, options, &words)))
            return false;
    }
    for (; (*to = *words); to++)
        words++;
    return true;
}

bool tool_options(struct ctx *c, char **words, const struct tool_option *options)
{
    return tool_options_before(c, words, options, SIZE_MAX);
}

/* --- saying --------------------------------------------------------------------------------------------------------------------------- */

void say(const char *format, ...)
{
    va_list args;
    char *nul, *at;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    for (at = text; (nul = strstr(at, RESERVED)); at = nul + 2) {
        fwrite(at, 1, (size_t)(nul - at), stdout);
        fputc('\0', stdout);
    }
    fputs(at, stdout);
}

void say_json(struct ctx *c, json_t *value)
{
    char *text = json_dumps(value, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

    (void)c;
    for (char *at = text; (at = strchr(at, '\\')); at += 2)
        for (int i = 2; at[1] == 'u' && i < 6; i++)
            at[i] = g_ascii_tolower(at[i]);
    printf("%s\n", text);
    free(text);
}

static bool is_printable(gunichar code)
{
    switch (g_unichar_type(code)) {
    case G_UNICODE_CONTROL: case G_UNICODE_FORMAT: case G_UNICODE_UNASSIGNED: case G_UNICODE_PRIVATE_USE: case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR: case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    case G_UNICODE_SPACE_SEPARATOR:
        return code == ' ';
    default:
        return true;
    }
}

static void put_char(struct buf *b, const char *text, size_t n)
{
    gunichar code = g_utf8_get_char(text);

    if (is_printable(code))
        buf_printf(b, "%.*s", (int)n, text);
    else
        buf_printf(b, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
}

const char *name_repr(struct ctx *c, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    struct buf b = {};
    const char *copy;

    buf_putc(&b, quote);
    for (; *text; text++) {
        if (!strncmp(text, RESERVED, 2)) {
            buf_puts(&b, "\\x00");
            text++;
        } else if (*text == quote || *text == '\\') {
            buf_printf(&b, "\\%c", *text);
        } else if (*text == '\n' || *text == '\r' || *text == '\t') {
            buf_puts(&b, *text == '\n' ? "\\n" : *text == '\r' ? "\\r" : "\\t");
        } else {
            size_t n = (size_t)(g_utf8_next_char(text) - text);

            put_char(&b, text, n);
            text += n - 1;
        }
    }
    buf_putc(&b, quote);
    copy = ctx_strdup(c, b.data);
    buf_clear(&b);
    return copy;
}

const char *pairs_repr(struct ctx *c, const struct pair *p)
{
    const char *text = "{";

    for (const char *before = ""; p->name; p++, before = ", ")
        text = ctx_printf(c, "%s%s%s: %s", text, before, name_repr(c, p->name), name_repr(c, p->value));
    return ctx_printf(c, "%s}", text);
}
