/* Availability zones: those of the agents. */
#include "neutron/model/zones.h"

#include <string.h>

#include "neutron/rpc/topics.h"

bool zones_check(struct ctx *c, raw_json hints, const char *resource)
{
    const char *agent_type = !strcmp(resource, "network") ? AGENT_TYPE_DHCP : AGENT_TYPE_L3;
    json_t *list = json_of(c, hints), *zone;
    size_t i;

    if (json_is_null(list))
        return true;
    if (!json_is_array(list))
        return invalid_member(c, "availability_zone_hints", "'%s' is not a list", python_text(c, list));
    json_array_foreach(list, i, zone) {
        if (!json_is_string(zone))
            return invalid_member(c, "availability_zone_hints", "'%s' is not a valid string", python_text(c, zone));
        if (!db_count(c, "SELECT count(*) FROM agents WHERE availability_zone = $1 AND agent_type = $2", T(json_string_value(zone)), T(agent_type)))
            return failed(c) ? false : fail(c, AVAILABILITY_ZONE_NOT_FOUND, json_string_value(zone));
    }
    return true;
}
