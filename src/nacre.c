/* The program: one table of commands. */
#include "keystone/keystone.h"
#include "oslo/service/commands.h"
#include "swift/daemon/command.h"
#include "swift/ring/command.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    { "up",      "[--foreground] [--sim] [--roles R,...]", "start the cloud in one process, or some of its roles; returns when every API answers", command_up },
    { "api",     "[--services S,...] [--name N]", "one role a process, over the transport and databases of nacre.conf: the APIs", command_role },
    { "conductor", "[--name N]",                  "likewise: long operations, and Nova's rows for compute agents", command_role },
    { "neutron-rpc", "[--name N]",                "likewise: Neutron's rows for network agents",           command_role },
    { "compute", "[--name N]",                    "likewise: this host's hypervisor; opens no database",   command_role },
    { "network", "[--name N]",                    "likewise: this host's network agents; opens no database", command_role },
    { "object",  "[--name N]",                    "likewise: this host's drives, Swift's storage servers and their daemons", command_role },
    { "down",    "[--purge]",                    "stop it; --purge removes all it ever made",                command_down },
    { "status",  "",                             "is it running, and where",                                 command_status },
    { "config",  "",                             "print a sample nacre.conf",                                command_config },
    { "dump",    "",                             "print routes, policies, options, RPC methods as JSON",     command_dump },
    { "trace",   "ID [--json | --otlp]",         "the life of a call, by request id or resource id",         command_trace },
    { "policy",  "list|sample|redundant|check [SERVICE] ...",  "the rules, and what they say to an identity",              command_policy },
    { "keystone", "fernet_rotate|...",           "make or rotate the keys of tokens, receipts, credentials",    command_keystone },
    { "ring",    "FILE COMMAND ...",             "an object ring's builder: create, add, rebalance ...",      command_ring, true },
    { "swift",   "DAEMON [--devices D,..] [--partitions P,..] [--policies I,..]", "one round of a storage daemon over this host's drives; or what a tool shows",  command_swift, true },
    { "version", "",                             "print the version",                                        command_version },
    {}
};

static int help(FILE *to)
{
    fprintf(to, "usage: nacre COMMAND [OPTION ...]\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(to, "  %-11s %-38s %s\n", command->name, command->arguments, command->help);
    fprintf(to, "  %-11s %-38s %s\n", "help", "", "print this");
    fprintf(to, "\nA role may run several times: nacre api-1, nacre api-2, ...\n\nOptions of every command:\n"
                "  --config FILE       nacre.conf; /etc/nacre/nacre.conf when not given\n"
                "  --state-dir DIR     where the cloud lives; /var/lib/nacre as root, ~/.local/share/nacre otherwise\n"
                "  --port-offset N     added to every API's port\n");
    return to == stdout ? 0 : 2;
}

/* "api-2" is the second process of the role api. */
static const struct command *find(const char *word)
{
    const char *dash = strrchr(word, '-');
    size_t n = dash && dash[1] && strspn(dash + 1, "0123456789") == strlen(dash + 1) ? (size_t)(dash - word) : 0;

    for (const struct command *command = commands; command->name; command++)
        if (!strcmp(command->name, word) || (n && command->run == command_role && strlen(command->name) == n && !strncmp(command->name, word, n)))
            return command;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(stdout);
    const struct command *command = find(argv[1]);
    if (command)
        return command_run(command, argv[1], argc - 2, argv + 2);
    fprintf(stderr, "nacre: no such command: %s\n", argv[1]);
    return help(stderr);
}
