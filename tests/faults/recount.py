"""What the fault tests share: a user who repeats calls until there is an answer, and the recount of what must add up."""
import collections
import os
import sys
import threading
import time

import requests

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

class Tally:
    """Counts checks and says each."""

    def __init__(self, quiet=False):
        self.passed = self.failed = 0
        self.quiet = quiet

    def __call__(self, well, what, detail=''):
        self.passed, self.failed = self.passed + bool(well), self.failed + (not well)
        if not well or not self.quiet:
            print('%s - %s%s' % ('ok' if well else 'not ok', what, '' if well else ': %s' % (detail,)), flush=True)
        return well

    def end(self):
        print('%d passed, %d failed' % (self.passed, self.failed))
        sys.exit(1 if self.failed else 0)


class House:
    """The cloud as its users see it: calls are repeated until there is an answer."""

    def __init__(self, cloud):
        self.cloud, self.local = cloud, threading.local()

    def ask(self, method, service, path, body=None, once=False):
        """The reply; once: None when there was no answer, as it may have been done or not."""
        while True:
            if not hasattr(self.local, 'session'):
                self.local.session = requests.Session()
                self.local.session.trust_env = False
            versions = {'nova': 'compute 2.93', 'placement': 'placement 1.39'}
            headers = {'X-Auth-Token': self.token, 'OpenStack-API-Version': versions.get(service, '')}
            try:
                reply = self.local.session.request(method, self.cloud.url(service, path), json=body, headers=headers, timeout=180)
                if reply.status_code < 500:
                    return reply
                print('# %s %s: %d %s' % (method, path, reply.status_code, reply.text[:200]), flush=True)
            except requests.RequestException:
                self.local.__dict__.clear()
            if once:
                return None
            time.sleep(0.05)

    def servers(self):
        """Every server, page by page."""
        found, path = [], '/servers/detail?limit=500'
        while path:
            page = self.ask('GET', 'nova', path).json()
            found += page['servers']
            path = '/servers/detail?limit=500&marker=' + page['servers'][-1]['id'] if page.get('servers_links') else None
        return found


def prepare(cloud):
    """A flavor, an image, a network and no limits: (House, project, flavor, image, network)."""
    house = House(cloud)
    house.token = cloud.token()
    project = cloud.admin_project()
    flavor = cloud.call('POST', 'nova', '/flavors', {'flavor': {'name': 'small', 'ram': 64, 'vcpus': 1, 'disk': 0}})['flavor']
    image = cloud.call('POST', 'glance', '/v2/images', {'name': 'i', 'disk_format': 'raw', 'container_format': 'bare'})['id']
    cloud.session.put(cloud.url('glance', '/v2/images/%s/file' % image), data=b'\0' * 1024, headers={
        'X-Auth-Token': cloud.token(), 'Content-Type': 'application/octet-stream'}).raise_for_status()
    network = cloud.call('POST', 'neutron', '/v2.0/networks', {'network': {'name': 'n'}})['network']['id']
    cloud.call('POST', 'neutron', '/v2.0/subnets', {'subnet': {'network_id': network, 'ip_version': 4, 'cidr': '10.64.0.0/16'}})
    cloud.call('PUT', 'nova', '/os-quota-sets/' + project, {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1}})
    cloud.call('PUT', 'neutron', '/v2.0/quotas/' + project, {'quota': {'port': -1}})
    return house, project, flavor, image, network


def settle(house, wanted, seconds=300):
    """Waits until every server is as wanted, at most so long; the servers."""
    until = time.monotonic() + seconds
    while True:
        servers = house.servers()
        if all(wanted(s) for s in servers) or time.monotonic() > until:
            return servers
        time.sleep(0.2)


def check_recount(check, house, project, servers, flavor):
    """Allocations, ports and usages, each beside a count of what there is."""
    ids = {s['id'] for s in servers}
    n = len(ids)
    wrong = [i for i in sorted(ids) if sum(a['resources'].get('VCPU', 0) for a in
             house.ask('GET', 'placement', '/allocations/' + i).json()['allocations'].values()) != flavor['vcpus']]
    check(not wrong, 'each server has one allocation', wrong[:5])
    used = collections.Counter()
    for provider in house.ask('GET', 'placement', '/resource_providers').json()['resource_providers']:
        used.update(house.ask('GET', 'placement', '/resource_providers/%s/usages' % provider['uuid']).json()['usages'])
    check(used['VCPU'] == n * flavor['vcpus'] and used['MEMORY_MB'] == n * flavor['ram'], 'usages of the providers equal a recount', dict(used))
    ports = house.ask('GET', 'neutron', '/v2.0/ports?fields=device_id&fields=device_owner&fields=id&fields=status').json()['ports']
    of_servers = [p for p in ports if p['device_owner'].startswith('compute:')]
    check({p['device_id'] for p in of_servers} == ids and len(of_servers) == n, 'each server has one port',
          '%d ports of %d servers' % (len(of_servers), n))
    check(all(p['status'] == 'ACTIVE' for p in of_servers), 'each port is active', collections.Counter(p['status'] for p in of_servers))
    orphans = [p for p in ports if not p['device_owner']]
    check(not orphans, 'no port is left over', len(orphans))
    quota = house.ask('GET', 'neutron', '/v2.0/quotas/%s/details.json' % project).json()['quota']['port']
    check(quota['used'] == len(ports), "neutron's quota counts the ports there are", quota)
    limits = house.ask('GET', 'nova', '/limits').json()['limits']['absolute']
    check((limits['totalInstancesUsed'], limits['totalCoresUsed'], limits['totalRAMUsed']) == (n, n * flavor['vcpus'], n * flavor['ram']),
          "nova's quota counts the servers there are", {k: v for k, v in limits.items() if 'Used' in k})
