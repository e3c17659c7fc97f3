/* The host's end of a guest's interface: a persistent tap, put where the port's kind of plugging (vif_type) says. Neutron's agent sees it
 * come and wires it.
 */
#include "nova/virt/libvirt/libvirt.h"

#include "nova/faults_compute.h"
#include "nova/options.h"
#include "oslo/privsep/privsep.h"

#include <inttypes.h>
#include <unistd.h>

static bool is_there(struct ctx *c, const char *device)
{
    return !access(ctx_printf(c, "/sys/class/net/%s", device), F_OK);
}

/* --- bridge: on the bridge of its network ----------------------------------------------------------------------- */

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

static bool bridge_plug(struct ctx *c, const struct instance *inst, json_t *vif, const char *tap, const char *bridge)
{
    return bridge_make(c, bridge) && PRIV(c, "ip", "link", "set", tap, "master", bridge, "up");
}

/* --- ovs: a port of the integration bridge, known by the ids that Neutron's agent looks for ---------------------- */

enum { DEAD_VLAN = 4095 };           /* where it waits for the agent: reached by nobody */

static char *database(struct ctx *c)
{
    return ctx_printf(c, "--db=%s", nova_options()->ovsdb_connection);
}

static bool ovs_plug(struct ctx *c, const struct instance *inst, json_t *vif, const char *tap, const char *bridge)
{
    return PRIV(c, "ip", "link", "set", tap, "up") &&
           PRIV(c, "ovs-vsctl", database(c), "--may-exist", "add-port", bridge, tap, ctx_printf(c, "tag=%d", DEAD_VLAN), "--", "set", "Interface", tap,
                ctx_printf(c, "external_ids:iface-id=%s", json_get_string(vif, "id")), "external_ids:iface-status=active",
                ctx_printf(c, "external_ids:attached-mac=\"%s\"", json_get_string(vif, "address")), ctx_printf(c, "external_ids:vm-uuid=%s", inst->uuid));
}

static bool ovs_unplug(struct ctx *c, json_t *vif, const char *tap, const char *bridge)
{
    return PRIV(c, "ovs-vsctl", database(c), "--if-exists", "del-port", bridge, tap);
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static const struct plugging {
    const char *vif_type;
    bool (*plug)(struct ctx *, const struct instance *, json_t *vif, const char *tap, const char *bridge);
    bool (*unplug)(struct ctx *, json_t *vif, const char *tap, const char *bridge);       /* before the tap goes; NULL: nothing */
} kinds[] = {
    { "bridge", bridge_plug, NULL },
    { "ovs", ovs_plug, ovs_unplug },
    {}
};

static const struct plugging *kind_of(json_t *vif)
{
    const struct plugging *kind = kinds;

    while (kind->vif_type && !text_equal(kind->vif_type, json_get_string(vif, "type")))
        kind++;
    return kind->vif_type ? kind : NULL;
}

static const char *bridge_of(json_t *vif)
{
    return json_get_string(json_object_get(vif, "network"), "bridge");
}

bool tap_plug(struct ctx *c, const struct instance *inst, json_t *vif)
{
    const char *tap = json_get_string(vif, "devname");
    const struct plugging *kind = kind_of(vif);
    int64_t mtu = json_get_int(vif, "mtu", 0);

    if (!kind)
        return fail(c, VIF_TYPE_UNKNOWN, json_get_string(vif, "type"));
    if (!is_there(c, tap) && !PRIV(c, "ip", "tuntap", "add", "dev", tap, "mode", "tap"))
        return false;
    if (mtu && !PRIV(c, "ip", "link", "set", tap, "mtu", ctx_printf(c, "%" PRId64, mtu)))
        return false;
    return kind->plug(c, inst, vif, tap, bridge_of(vif));
}

bool tap_unplug(struct ctx *c, json_t *vif)
{
    const char *tap = json_get_string(vif, "devname");
    const struct plugging *kind = kind_of(vif);

    if (tap && kind && kind->unplug && !kind->unplug(c, vif, tap, bridge_of(vif)))
        return false;
    return !tap || !is_there(c, tap) || PRIV(c, "ip", "link", "del", tap);
}
