/* IP protocols by the names the API takes. */
#include "neutron/model/protocols.h"

#include <stdlib.h>
#include <string.h>

static const struct { const char *name; int number; } protocols[] = {
    { "ah", 51 }, { "dccp", 33 }, { "egp", 8 }, { "esp", 50 }, { "gre", 47 }, { "hopopt", 0 }, { "icmp", 1 }, { "igmp", 2 }, { "ip", 4 },
    { "ipip", 94 }, { "ipv6-encap", 41 }, { "ipv6-frag", 44 }, { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "ipv6-nonxt", 59 },
    { "ipv6-opts", 60 }, { "ipv6-route", 43 }, { "ospf", 89 }, { "pgm", 113 }, { "rsvp", 46 }, { "sctp", 132 }, { "tcp", 6 }, { "udp", 17 },
    { "udplite", 136 }, { "vrrp", 112 }, {}
};

const char protocol_names[] = "[None, 'ah', 'dccp', 'egp', 'esp', 'gre', 'hopopt', 'icmp', 'igmp', 'ip', 'ipip', 'ipv6-encap', 'ipv6-frag', "
    "'ipv6-icmp', 'icmpv6', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route', 'ospf', 'pgm', 'rsvp', 'sctp', 'tcp', 'udp', 'udplite', 'vrrp']";

bool protocol_known(const char *name)
{
    for (int i = 0; protocols[i].name; i++)
        if (!strcmp(protocols[i].name, name))
            return true;
    return false;
}

int protocol_number(const char *text)
{
    char *end;
    long number;

    for (int i = 0; protocols[i].name; i++)
        if (!strcmp(protocols[i].name, text))
            return protocols[i].number;
    number = strtol(text, &end, 10);
    return *text && !*end && number >= 0 && number <= 255 ? (int)number : -1;
}

bool protocol_same(const char *a, const char *b)
{
    return a && b ? protocol_number(a) == protocol_number(b) : a == b;
}
