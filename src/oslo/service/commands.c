/* The small commands, and the command line they share. What --state-dir, --port-offset and --sim say goes through the
 * environment, as any override of an option does.
 */
#include "oslo/service/commands.h"

#include "oslo/service/parts.h"
#include "oslo/trace/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_FILE "/etc/nacre/nacre.conf"

static char *config_of_state(void);
static bool read_arguments(int argc, char **argv, bool own_options, struct arguments *);
static void override(const char *option, const char *value);
static int print(struct buf *);

int command_run(const struct command *command, const char *called, int argc, char **argv)
{
    struct arguments arguments = { .config_file = CONFIG_FILE };
    g_autofree char *config_of_cloud = NULL;
    struct ctx c;

    arguments.command = command->name;
    arguments.name = strcmp(called, command->name) ? called : NULL;
    arguments.words = g_new0(char *, argc + 1);
    if (!read_arguments(argc, argv, command->own_options, &arguments)) {
        fprintf(stderr, "usage: nacre %s %s\n", command->name, command->arguments);
        return 2;
    }
    if (!strcmp(arguments.config_file, CONFIG_FILE) && access(CONFIG_FILE, F_OK))
        arguments.config_file = config_of_cloud = config_of_state();
    ctx_init(&c, NULL, NULL);
    int status = command->run(&c, &arguments);
    if (failed(&c)) {
        fprintf(stderr, "nacre: %s%s%s\n", c.fault.message, c.fault.detail ? ": " : "", c.fault.detail ? c.fault.detail : "");
        status = status ? status : 1;
    }
    ctx_clear(&c);
    g_free(arguments.words);
    return status;
}

/* Where the system has no configuration, the cloud's directory may. */
static char *config_of_state(void)
{
    const char *said = g_getenv("NACRE_DEFAULT_STATE_DIR");
    g_autofree char *dir = said ? g_strdup(said) : default_state_dir();

    return g_build_filename(dir, "nacre.conf", NULL);
}

int command_config(struct ctx *c, const struct arguments *arguments)
{
    struct buf text = {};

    buf_puts(&text, "# nacre.conf: what is not said here has the value shown. The environment comes first:\n"
                    "# NACRE_<SECTION>_<OPTION>, for instance NACRE_DEFAULT_REGION.\n\n[DEFAULT]\n");
    options_print(&text, common_option_attrs);
    options_print(&text, executor_option_attrs);
    buf_puts(&text, "\n\n[oslo_messaging_notifications]\n");
    options_print(&text, notification_option_attrs);
    buf_puts(&text, "\n\n[oslo_messaging_rabbit]\n");
    options_print(&text, rabbit_option_attrs);
    for (size_t i = 0; services[i]; i++) {
        buf_printf(&text, "\n\n[%s]\n", services[i]->name);
        options_print(&text, shared_option_attrs);
        options_print(&text, policy_option_attrs);
        if (services[i]->options)
            options_print(&text, services[i]->options);
    }
    return print(&text);
}

int command_trace(struct ctx *c, const struct arguments *arguments)
{
    struct buf text = {};

    if (arguments->n_words != 1)
        return !fail(c, BAD_REQUEST, "nacre trace takes one id: a request's or a resource's");
    if (!service_configure(c, arguments->config_file))
        return 1;
    if (!trace_print(c, ctx_printf(c, "%s/trace", common_options->state_dir), arguments->words[0],
                     arguments->otlp ? TRACE_OTLP : arguments->json ? TRACE_JSON : TRACE_TEXT, &text)) {
        buf_clear(&text);
        return 1;
    }
    return print(&text);
}

int command_version(struct ctx *c, const struct arguments *arguments)
{
    printf("nacre %s\n", NACRE_VERSION);
    return 0;
}

static int print(struct buf *text)
{
    bool written = fwrite(text->data ? text->data : "", 1, text->len, stdout) == text->len && !fflush(stdout);

    buf_clear(text);
    return written ? 0 : 1;
}

static bool read_arguments(int argc, char **argv, bool own_options, struct arguments *to)
{
    struct { const char *name, *option, **to; } values[] = {
        { "--state-dir", "state_dir", NULL }, { "--port-offset", "port_offset", NULL }, { "--log-file", "log_file", NULL },
        { "--config", NULL, &to->config_file }, { "--roles", NULL, &to->roles }, { "--services", NULL, &to->services },
        { "--name", NULL, &to->name }, { "--devices", NULL, &to->devices }, { "--partitions", NULL, &to->partitions },
        { "--policies", NULL, &to->policies },
    };
    struct { const char *name; bool *flag; } flags[] = {
        { "--foreground", &to->foreground }, { "--sim", &to->sim }, { "--purge", &to->purge }, { "--json", &to->json },
        { "--otlp", &to->otlp },
    };

    for (int i = 0; i < argc; i++) {
        bool known = argv[i][0] != '-';

        if (known)
            to->words[to->n_words++] = argv[i];
        for (size_t k = 0; k < G_N_ELEMENTS(flags) && !known; k++)
            if ((known = !strcmp(argv[i], flags[k].name)))
                *flags[k].flag = true;
        for (size_t k = 0; k < G_N_ELEMENTS(values) && !known; k++) {
            size_t n = strlen(values[k].name);
            const char *value = !strncmp(argv[i], values[k].name, n) && argv[i][n] == '=' ? argv[i] + n + 1 : NULL;

            if (!value && !strcmp(argv[i], values[k].name) && i + 1 < argc)
                value = argv[++i];
            if (!(known = value != NULL))
                continue;
            if (values[k].option)
                override(values[k].option, value);
            else
                *values[k].to = value;
        }
        if (!known && own_options) {
            to->words[to->n_words++] = argv[i];
        } else if (!known) {
            fprintf(stderr, "nacre: unknown option: %s\n", argv[i]);
            return false;
        }
    }
    if (to->sim)
        override("sim", "true");
    return true;
}

static void override(const char *option, const char *value)
{
    g_autofree char *variable = g_strdup_printf("NACRE_DEFAULT_%s", option), *upper = g_ascii_strup(variable, -1);
    g_autofree char *path = !strcmp(option, "state_dir") || !strcmp(option, "log_file") ? g_canonicalize_filename(value, NULL) : g_strdup(value);

    g_setenv(upper, path, TRUE);
}
