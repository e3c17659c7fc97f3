/* The words after `nacre swift`. */
#include "swift/daemon/command.h"

#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/internal.h"
#include "swift/proxy/backend.h"
#include "swift/tools/tools.h"

#include <string.h>

static int usage(struct ctx *c)
{
    const char *names = "", *programs = "";

    for (size_t i = 0; daemons[i]; i++)
        names = ctx_printf(c, "%s%s%s", names, *names ? " | " : "", daemons[i]->name);
    for (const struct tool *t = tools; t->name; t++)
        programs = ctx_printf(c, "%s\n       nacre swift %s %s", programs, t->name, t->arguments);
    return !fail(c, BAD_REQUEST, ctx_printf(c, "usage: nacre swift DAEMON [--devices D,...] [--partitions P,...] [--policies I,...]%s\n  DAEMON: %s", programs,
                                            names));
}

static const struct tool *find_tool(const struct arguments *arguments)
{
    const struct tool *t = tools;

    while (t->name && (!arguments->n_words || strcmp(t->name, arguments->words[0])))
        t++;
    return t->name ? t : NULL;
}

/* -d of the original's programs, where they have it. */
static void take_swift_dir(char **words)
{
    for (; *words && words[1]; words++)
        if (!strcmp(*words, "--swift-dir")) {
            g_setenv("NACRE_SWIFT_SWIFT_DIR", words[1], TRUE);
            memmove(words, words + 2, (g_strv_length(words + 2) + 1) * sizeof(*words));
            return;
        }
}

/* What follows the program's name. A storage daemon's --partitions has a value, a tool's has none: what stands behind it is a word again; and
 * --devices is a tool's own. */
static char **tool_words(struct ctx *c, const struct arguments *arguments)
{
    char **words = ctx_new_n(c, char *, arguments->n_words + 5);
    size_t n = 0;

    for (char **from = arguments->words + 1; *from; from++)
        words[n++] = *from;
    if (arguments->partitions) {
        words[n++] = ctx_strdup(c, "--partitions");
        words[n++] = ctx_strdup(c, arguments->partitions);
    }
    if (arguments->devices) {
        words[n++] = ctx_strdup(c, "--devices");
        words[n++] = ctx_strdup(c, arguments->devices);
    }
    return words;
}

static const char *const *list(struct ctx *c, const char *text)
{
    return text ? (const char *const *)text_split(c, text, ',') : NULL;
}

static bool configure(struct ctx *c, const struct arguments *arguments)
{
    return service_configure(c, arguments->config_file) && swift_configure(c);
}

static int run_tool(struct ctx *c, const struct arguments *arguments, const struct tool *tool)
{
    take_swift_dir(arguments->words);
    return tool->bare || configure(c, arguments) ? tool->run(c, tool_words(c, arguments)) : 1;
}

static bool run_daemon(struct ctx *c, const struct arguments *arguments, const struct daemon *daemon)
{
    return configure(c, arguments) && internal_open(c, NULL) &&
           daemon_round(c, daemon, &(struct selection){ list(c, arguments->devices), list(c, arguments->partitions), list(c, arguments->policies) });
}

int command_swift(struct ctx *c, const struct arguments *arguments)
{
    const struct daemon *daemon = arguments->n_words == 1 ? daemon_find(arguments->words[0]) : NULL;
    const struct tool *tool = find_tool(arguments);
    int status;

    if (!tool && !daemon)
        return usage(c);
    status = tool ? run_tool(c, arguments, tool) : !run_daemon(c, arguments, daemon);
    internal_close();
    storage_stop();
    backends_close();
    brokers_close();
    return status;
}
