/* The commands of the program: what nacre.c's table lists. */
#ifndef OSLO_SERVICE_COMMANDS_H
#define OSLO_SERVICE_COMMANDS_H

#include "oslo/service/service.h"

/* The command line, read. */
struct arguments {
    const char *config_file;         /* never NULL */
    const char *command;             /* the first word: "up", "compute" */
    const char *roles;               /* "api,network"; NULL: all */
    const char *services;            /* of the role api; NULL: all */
    const char *name;                /* of this process among those of its role: --name, or the word itself ("api-2") */
    const char *devices, *partitions, *policies;     /* of nacre swift: lists with commas; NULL: all */
    bool foreground, sim, purge, json, otlp;
    char **words;                    /* what is not an option, NULL-terminated */
    int n_words;
};

struct command {
    const char *name, *arguments, *help;
    int (*run)(struct ctx *, const struct arguments *);
    bool own_options;                /* an option that is none of struct arguments is a word, with what follows it */
};

/* Reads the command line and the options, and runs it: the program's exit status. called: the word it was found by. */
int command_run(const struct command *, const char *called, int argc, char **argv);

int command_up(struct ctx *, const struct arguments *);
int command_role(struct ctx *, const struct arguments *);            /* the command is a role */
int command_down(struct ctx *, const struct arguments *);
int command_status(struct ctx *, const struct arguments *);
int command_config(struct ctx *, const struct arguments *);
int command_dump(struct ctx *, const struct arguments *);
int command_trace(struct ctx *, const struct arguments *);
int command_policy(struct ctx *, const struct arguments *);
int command_version(struct ctx *, const struct arguments *);

#endif
