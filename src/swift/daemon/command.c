/* The words after `nacre swift`. */
#include "swift/daemon/command.h"

#include "oslo/base/text.h"
#include "swift/broker/broker.h"
#include "swift/daemon/daemon.h"
#include "swift/daemon/internal.h"
#include "swift/proxy/backend.h"

static int usage(struct ctx *c)
{
    const char *names = "";

    for (size_t i = 0; daemons[i]; i++)
        names = ctx_printf(c, "%s%s%s", names, *names ? " | " : "", daemons[i]->name);
    return !fail(c, BAD_REQUEST, ctx_printf(c, "usage: nacre swift DAEMON [--devices D,...] [--partitions P,...] [--policies I,...]\n  DAEMON: %s", names));
}

static const char *const *list(struct ctx *c, const char *text)
{
    return text ? (const char *const *)text_split(c, text, ',') : NULL;
}

int command_swift(struct ctx *c, const struct arguments *arguments)
{
    const struct daemon *daemon = arguments->n_words == 1 ? daemon_find(arguments->words[0]) : NULL;

    if (!daemon)
        return usage(c);
    bool well = service_configure(c, arguments->config_file) && swift_configure(c) && internal_open(c) &&
                daemon_round(c, daemon, &(struct selection){ list(c, arguments->devices), list(c, arguments->partitions), list(c, arguments->policies) });
    internal_close();
    storage_stop();
    backends_close();
    brokers_close();
    return !well;
}
