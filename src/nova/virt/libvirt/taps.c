/* The host's end of a guest's interface: a persistent tap on its network's bridge. Neutron's agent sees it come and wires it. */
#include "nova/virt/libvirt/libvirt.h"

#include "oslo/privsep/privsep.h"

#include <inttypes.h>
#include <unistd.h>

static bool is_there(struct ctx *c, const char *device)
{
    return !access(ctx_printf(c, "/sys/class/net/%s", device), F_OK);
}

/* Two who make the same bridge at once: one of them finds it. */
static bool bridge_make(struct ctx *c, const char *bridge)
{
    if (is_there(c, bridge))
        return true;
    if (!PRIV(c, "ip", "link", "add", "name", bridge, "type", "bridge", "forward_delay", "0")) {
        if (!is_there(c, bridge))
            return false;
        fault_clear(c);
    }
    return PRIV(c, "ip", "link", "set", bridge, "up");
}

bool tap_plug(struct ctx *c, json_t *vif)
{
    const char *tap = json_get_string(vif, "devname"), *bridge = json_get_string(json_object_get(vif, "network"), "bridge");
    int64_t mtu = json_get_int(vif, "mtu", 0);

    if (!bridge_make(c, bridge) || (!is_there(c, tap) && !PRIV(c, "ip", "tuntap", "add", "dev", tap, "mode", "tap")))
        return false;
    if (mtu && !PRIV(c, "ip", "link", "set", tap, "mtu", ctx_printf(c, "%" PRId64, mtu)))
        return false;
    return PRIV(c, "ip", "link", "set", tap, "master", bridge, "up");
}

bool tap_unplug(struct ctx *c, json_t *vif)
{
    const char *tap = json_get_string(vif, "devname");

    return !tap || !is_there(c, tap) || PRIV(c, "ip", "link", "del", tap);
}
