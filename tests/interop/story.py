"""What a network does for its guests, told to Neutron by its API and tried with packets: the same whoever serves the API and whoever the
agents. Guests are namespaces on br-int; a namespace on br-ex stands for the world.
"""
from originals import run


class Neutron:
    """call(method, path, body) gives the answer's tree; project: whose things are, where no token says it."""

    def __init__(self, call, host, project=None):
        self.call, self.host, self.body = call, host, {'project_id': project} if project else {}

    def make(self, kind, path=None, **body):
        return self.call('POST', '/v2.0/' + (path or kind + 's'), {kind: dict(self.body, **body)})[kind]

    def change(self, kind, id, **body):
        return self.call('PUT', '/v2.0/%ss/%s' % (kind, id), {kind: body})[kind]

    def get(self, path):
        return self.call('GET', '/v2.0/' + path, None)

    def delete(self, path):
        self.call('DELETE', '/v2.0/' + path, None)

    def port(self, group, network, host=None):
        return self.make('port', network_id=network['id'], device_owner='compute:nova', device_id='interop', security_groups=[group['id']],
                         **{'binding:host_id': host or self.host})

    def status(self, port):
        return self.get('ports/' + port['id'])['port']['status']

    def alive(self, agent_type):
        return any(a['alive'] for a in self.get('agents?host=' + self.host)['agents'] if a['agent_type'] == agent_type)


def tell(count, host, neutron):
    """All of it."""
    for kind in ('Open vSwitch agent', 'DHCP agent', 'L3 agent'):
        count.eventually('the %s is alive' % kind, lambda: neutron.alive(kind))
    net = neutron.make('network', name='inner')
    subnet = neutron.make('subnet', network_id=net['id'], cidr='10.66.0.0/24', ip_version=4, name='inner')
    group = neutron.make('security_group', path='security-groups', name='interop')
    ports = [neutron.port(group, net) for _ in range(2)]
    count.equal('a port is bound for the agent', ports[0]['binding:vif_type'], 'ovs')
    count.equal("its details are the agent's", ports[0]['binding:vif_details'].get('datapath_type'), 'netdev')
    guests = [host.guest('guest%d' % i, port) for i, port in enumerate(ports)]
    for port in ports:
        count.eventually('a plugged port is ACTIVE', lambda: neutron.status(port) == 'ACTIVE')
    leases(count, neutron, net, guests, ports)
    groups(count, neutron, group, guests, ports)
    routes(count, host, neutron, subnet, group, guests[0], ports[0])
    return net, group, guests, ports


def address_of(port):
    return port['fixed_ips'][0]['ip_address']


def leases(count, neutron, net, guests, ports):
    server = count.eventually('the DHCP agent has its port', lambda: [
        p for p in neutron.get('ports?device_owner=network:dhcp&network_id=' + net['id'])['ports'] if p['status'] == 'ACTIVE'])
    for guest, port in zip(guests, ports):
        lease = count.eventually('a guest gets a lease', guest.dhcp)
        count.equal('of its port\'s address', lease and lease[0], address_of(port))
        count.equal('from the agent\'s port', lease and lease[1], server and address_of(server[0]))
        guest.address(address_of(port) + '/24', '10.66.0.1')


def groups(count, neutron, group, guests, ports):
    """No rule lets anything in but what follows."""
    there = address_of(ports[1])
    count.eventually('nothing comes in without a rule', lambda: not guests[0].pings(there))
    rule = neutron.make('security_group_rule', path='security-group-rules', security_group_id=group['id'], direction='ingress', protocol='icmp',
                        remote_group_id=group['id'])
    count.eventually('a rule for the group opens', lambda: guests[0].pings(there))
    other = neutron.make('security_group', path='security-groups', name='other')
    neutron.change('port', ports[0]['id'], security_groups=[other['id']])
    count.eventually('who leaves the group is kept out', lambda: not guests[0].pings(there))
    neutron.change('port', ports[0]['id'], security_groups=[group['id']])
    count.eventually('who comes back is let in', lambda: guests[0].pings(there))
    neutron.delete('security-group-rules/' + rule['id'])
    count.eventually('without the rule it is closed again', lambda: not guests[0].pings(there))
    addresses = neutron.make('address_group', path='address-groups', name='interop', addresses=[])
    neutron.make('security_group_rule', path='security-group-rules', security_group_id=group['id'], direction='ingress', protocol='icmp',
                 remote_address_group_id=addresses['id'])
    neutron.call('PUT', '/v2.0/address-groups/%s/add_addresses' % addresses['id'],
                       {'addresses': [address_of(ports[0]) + '/32']})
    count.eventually('an address group opens for its addresses', lambda: guests[0].pings(there))
    neutron.make('security_group_rule', path='security-group-rules', security_group_id=group['id'], direction='ingress', protocol='icmp')


def routes(count, host, neutron, subnet, group, guest, port):
    """A router with a gateway on br-ex, where a namespace stands for the world."""
    world = neutron.make('network', name='world', **{'router:external': True, 'provider:network_type': 'flat', 'provider:physical_network': 'public'})
    neutron.make('subnet', network_id=world['id'], cidr='192.0.2.0/24', ip_version=4, gateway_ip='192.0.2.1', enable_dhcp=False,
                 allocation_pools=[{'start': '192.0.2.100', 'end': '192.0.2.200'}])
    outside = host.namespace('world', 'br-ex', 'outside')
    outside.address('192.0.2.1/24')
    router = neutron.make('router', name='interop', external_gateway_info={'network_id': world['id']})
    neutron.call('PUT', '/v2.0/routers/%s/add_router_interface' % router['id'], {'subnet_id': subnet['id']})
    count.eventually('a guest reaches its gateway', lambda: guest.pings('10.66.0.1'))
    count.eventually('and the world behind it', lambda: guest.pings('192.0.2.1'))
    inside = neutron.get('ports?device_owner=network:router_interface&device_id=' + router['id'])['ports']
    count.eventually('the router\'s port is ACTIVE', lambda: inside and neutron.status(inside[0]) == 'ACTIVE')
    fip = neutron.make('floatingip', floating_network_id=world['id'], port_id=port['id'])
    count.eventually('the floating IP is ACTIVE', lambda: neutron.get('floatingips/' + fip['id'])['floatingip']['status'] == 'ACTIVE')
    count.eventually('the world reaches the guest by it', lambda: outside.pings(fip['floating_ip_address']))
    neutron.change('floatingip', fip['id'], port_id=None)
    count.eventually('not once it is taken away', lambda: not outside.pings(fip['floating_ip_address']))
    neutron.delete('floatingips/' + fip['id'])
    neutron.change('router', router['id'], external_gateway_info=None)
    neutron.call('PUT', '/v2.0/routers/%s/remove_router_interface' % router['id'], {'subnet_id': subnet['id']})
    neutron.delete('routers/' + router['id'])
    count.eventually('a deleted router leaves the host', lambda: router['id'] not in run('ip netns list'))


def leaving(count, host, neutron, guests, ports):
    neutron.change('port', ports[0]['id'], admin_state_up=False)
    count.eventually('a port that is switched off is cut off', lambda: not guests[0].pings(address_of(ports[1])))
    host.vsctl('del-port br-int tap' + ports[1]['id'][:11])
    count.eventually('an unplugged port is DOWN', lambda: neutron.status(ports[1]) == 'DOWN')
    neutron.delete('ports/' + ports[0]['id'])
    count.eventually('a deleted port has no flows', lambda: ports[0]['mac_address'] not in host.flows())
    count.check('agents stayed alive', all(p.poll() is None for p in host.programs.values()))
