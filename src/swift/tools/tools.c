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

/* What of an option is in the word; NULL: it is another one. *ret_value: what stands behind its '='. */
static const struct tool_option *find(const struct tool_option *options, const char *word, const char **ret_value)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);

    *ret_value = equals ? equals + 1 : NULL;
    for (; options->name; options++)
        if (word[1] == '-' ? strlen(options->name) == n - 2 && !strncmp(options->name, word + 2, n - 2)
                           : options->letter && word[1] == options->letter && !word[2])
            return options;
    return NULL;
}

bool tool_options(struct ctx *c, char **words, const struct tool_option *options)
{
    char **to = words;

    for (; *words; words++) {
        const struct tool_option *o;
        const char *value;

        if (**words != '-' || !(*words)[1]) {
            *to++ = *words;
            continue;
        }
        o = find(options, *words, &value);
        if (!o)
            return fail(c, BAD_REQUEST, ctx_printf(c, "no such option: %s", *words));
        if (o->flag) {
            *o->flag = true;
            continue;
        }
        if (!value && !words[1])
            return fail(c, BAD_REQUEST, ctx_printf(c, "%s option requires 1 argument", *words));
        *o->value = value ? value : *++words;
    }
    *to = NULL;
    return true;
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
    printf("%s\n", text);
    free(text);
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
        } else if ((unsigned char)*text < 32 || *text == 127) {
            buf_printf(&b, "\\x%02x", (unsigned)(unsigned char)*text);
        } else {
            buf_putc(&b, *text);
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
