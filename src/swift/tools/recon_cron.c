/* recon-cron: how many rows wait for the object-updater is counted for recon. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/daemon/daemon.h"

#define SECTION "filter:recon"

int tool_recon_cron(struct ctx *c, char **words)
{
    const struct conf *conf = conf_load(c, *words ? *words : ctx_printf(c, "%s/object-server.conf", swift_dir()));
    const char *path, *devices;

    if (*words && words[1])
        return tool_usage(c, "recon-cron");
    if (!conf)
        return 1;
    path = conf_get(conf, SECTION, "recon_cache_path");
    devices = conf_get(conf, SECTION, "devices");
    recon_merge(c, path ? path : swift_options()->recon_cache_path, "object", async_pending_members(c, devices ? devices : storage_devices_dir()));
    return 0;
}
