#!/usr/bin/python3
"""The second half of ./up: on a running cloud, makes what a newcomer needs for a first server, boots it and reaches it by ssh.

    tools/demo.py --nacre PROGRAM [--state-dir DIR] [--sim] [--owner UID:GID]

Everything is looked for before it is made, so that a second run changes nothing and says so. Talks to the public APIs alone.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGE, FLAVOR, SERVER, KEY = 'nacre', 'm1.tiny', 'demo', 'nacre'
OUTSIDE, OUTSIDE_GATEWAY = '172.24.4.0/24', '172.24.4.1'
INSIDE = '192.168.64.0/24'


class Cloud:
    def __init__(self, auth_url, password):
        self.auth_url = auth_url
        body = {'auth': {'identity': {'methods': ['password'], 'password': {'user': {
            'name': 'admin', 'domain': {'id': 'default'}, 'password': password}}},
            'scope': {'project': {'name': 'admin', 'domain': {'id': 'default'}}}}}
        reply, headers = self.send('POST', auth_url + '/auth/tokens', body, {})
        self.headers = {'X-Auth-Token': headers['X-Subject-Token'], 'OpenStack-API-Version': 'compute 2.93'}
        self.urls = {e['type']: next(p['url'] for p in e['endpoints'] if p['interface'] == 'public') for e in reply['token']['catalog']}
        self.project = reply['token']['project']['id']

    @staticmethod
    def send(method, url, body, headers, data=None):
        headers = dict(headers)
        if body is not None:
            data = json.dumps(body).encode()
            headers['Content-Type'] = 'application/json'
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as reply:
                text = reply.read()
                return json.loads(text) if text and 'json' in reply.headers.get('Content-Type', '') else None, reply.headers
        except urllib.error.HTTPError as e:
            sys.exit('%s %s: %d %s' % (method, url, e.code, e.read().decode(errors='replace')[:500]))

    def call(self, method, service, path, body=None, data=None, headers=None):
        return self.send(method, self.urls[service] + path, body, dict(self.headers, **(headers or {})), data)[0]

    def find(self, service, path, plural, **match):
        """The first of a list whose members are as said, or None."""
        for item in self.call('GET', service, path)[plural]:
            if all(item.get(k.replace('__', ':')) == v for k, v in match.items()):
                return item
        return None


class Stages:
    """A line a stage, with the time it took; `new` tells whether any of them made something. A stage that found all there says
    'there', one that only looked says 'seen'."""

    def __init__(self):
        self.new = False

    def __call__(self, what, make, *arguments):
        started = time.monotonic()
        print('%-52s' % (what + ' ...'), end='', flush=True)
        note = make(*arguments)
        if note == 'there':
            print('   there')
        else:
            self.new = self.new or note != 'seen'
            print('%8.1f s' % (time.monotonic() - started))


class Demo:
    def __init__(self, cloud, sim, key_file):
        self.cloud, self.sim, self.key_file = cloud, sim, key_file
        self.floating = None

    def image(self):
        c = self.cloud
        if c.find('image', '/v2/images?name=' + IMAGE, 'images', status='active'):
            return 'there'
        path = os.path.join(ROOT, 'build-images', 'nacre.qcow2')
        data = b'\0' * 65536 if self.sim else open(path, 'rb').read()
        made = c.call('POST', 'image', '/v2/images', {'name': IMAGE, 'disk_format': 'raw' if self.sim else 'qcow2',
                                                      'container_format': 'bare', 'visibility': 'public'})
        c.call('PUT', 'image', '/v2/images/%s/file' % made['id'], data=data, headers={'Content-Type': 'application/octet-stream'})

    def flavor(self):
        c = self.cloud
        if c.find('compute', '/flavors', 'flavors', name=FLAVOR):
            return 'there'
        c.call('POST', 'compute', '/flavors', {'flavor': {'name': FLAVOR, 'ram': 128, 'vcpus': 1, 'disk': 1}})

    def outside(self):
        c = self.cloud
        if c.find('network', '/v2.0/networks?name=public', 'networks', name='public'):
            return 'there'
        network = c.call('POST', 'network', '/v2.0/networks', {'network': {
            'name': 'public', 'router:external': True, 'provider:network_type': 'flat', 'provider:physical_network': 'public'}})['network']
        c.call('POST', 'network', '/v2.0/subnets', {'subnet': {
            'name': 'public', 'network_id': network['id'], 'ip_version': 4, 'cidr': OUTSIDE, 'gateway_ip': OUTSIDE_GATEWAY,
            'enable_dhcp': False, 'allocation_pools': [{'start': '172.24.4.10', 'end': '172.24.4.200'}]}})

    def inside(self):
        c = self.cloud
        if c.find('network', '/v2.0/networks?name=private', 'networks', name='private'):
            return 'there'
        network = c.call('POST', 'network', '/v2.0/networks', {'network': {'name': 'private'}})['network']
        c.call('POST', 'network', '/v2.0/subnets', {'subnet': {
            'name': 'private', 'network_id': network['id'], 'ip_version': 4, 'cidr': INSIDE, 'dns_nameservers': ['9.9.9.9']}})

    def router(self):
        c = self.cloud
        if c.find('network', '/v2.0/routers?name=router', 'routers', name='router'):
            return 'there'
        outside = c.find('network', '/v2.0/networks?name=public', 'networks', name='public')['id']
        subnet = c.find('network', '/v2.0/subnets?name=private', 'subnets', name='private')['id']
        router = c.call('POST', 'network', '/v2.0/routers', {'router': {'name': 'router', 'external_gateway_info': {'network_id': outside}}})
        c.call('PUT', 'network', '/v2.0/routers/%s/add_router_interface' % router['router']['id'], {'subnet_id': subnet})

    def security_group(self):
        c = self.cloud
        group = c.find('network', '/v2.0/security-groups?name=default&project_id=' + c.project, 'security_groups', name='default')
        made = 'there'
        for rule in ({'protocol': 'icmp'}, {'protocol': 'tcp', 'port_range_min': 22, 'port_range_max': 22}):
            if any(all(r.get(k) == v for k, v in rule.items()) and r['direction'] == 'ingress' for r in group['security_group_rules']):
                continue
            c.call('POST', 'network', '/v2.0/security-group-rules', {'security_group_rule': dict(
                rule, direction='ingress', ethertype='IPv4', security_group_id=group['id'])})
            made = None
        return made

    def key_pair(self):
        c = self.cloud
        if any(k['keypair']['name'] == KEY for k in c.call('GET', 'compute', '/os-keypairs')['keypairs']):
            return 'there'
        if not os.path.exists(self.key_file):
            os.makedirs(os.path.dirname(self.key_file), mode=0o700, exist_ok=True)
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'nacre', '-f', self.key_file], check=True)
        c.call('POST', 'compute', '/os-keypairs', {'keypair': {'name': KEY, 'type': 'ssh', 'public_key': open(self.key_file + '.pub').read().strip()}})

    def hypervisor(self):
        """The first look at a host's libvirt takes a moment after the APIs answer."""
        c = self.cloud
        for turn in range(1200):
            there = c.call('GET', 'placement', '/resource_providers?resources=VCPU:1', headers={'OpenStack-API-Version': 'placement 1.39'})
            if there['resource_providers'] and c.call('GET', 'network', '/v2.0/agents')['agents']:
                return 'seen' if turn else 'there'
            time.sleep(0.1)
        sys.exit('no hypervisor or network agent after 120 s')

    def server(self):
        c = self.cloud
        there = c.find('compute', '/servers/detail?name=' + SERVER, 'servers', name=SERVER)
        if not there:
            network = c.find('network', '/v2.0/networks?name=private', 'networks', name='private')['id']
            flavor = c.find('compute', '/flavors', 'flavors', name=FLAVOR)['id']
            image = c.find('image', '/v2/images?name=' + IMAGE, 'images', name=IMAGE)['id']
            c.call('POST', 'compute', '/servers', {'server': {
                'name': SERVER, 'imageRef': image, 'flavorRef': flavor, 'key_name': KEY, 'networks': [{'uuid': network}]}})
        until = time.monotonic() + 180
        while time.monotonic() < until:
            server = c.find('compute', '/servers/detail?name=' + SERVER, 'servers', name=SERVER)
            if server['status'] == 'ERROR':
                sys.exit('the server went to ERROR: %s' % server.get('fault', {}).get('message'))
            if there and server['status'] == 'SHUTOFF':
                c.call('POST', 'compute', '/servers/%s/action' % server['id'], {'os-start': None})
                there = None
            if server['status'] == 'ACTIVE':
                return 'there' if there else None
            time.sleep(0.05 if self.sim else 0.3)
        sys.exit('the server is not ACTIVE after 180 s')

    def floating_ip(self):
        c = self.cloud
        server = c.find('compute', '/servers/detail?name=' + SERVER, 'servers', name=SERVER)['id']
        port = c.call('GET', 'network', '/v2.0/ports?device_id=' + server)['ports'][0]['id']
        there = c.find('network', '/v2.0/floatingips?port_id=' + port, 'floatingips', port_id=port)
        if not there:
            outside = c.find('network', '/v2.0/networks?name=public', 'networks', name='public')['id']
            made = c.call('POST', 'network', '/v2.0/floatingips', {'floatingip': {'floating_network_id': outside, 'port_id': port}})
            self.floating = made['floatingip']['floating_ip_address']
            return None
        self.floating = there['floating_ip_address']
        return 'there'

    def ssh(self):
        command = ['ssh', '-i', self.key_file, '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no',
                   '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', 'nacre@' + self.floating, 'hostname']
        until, patience = time.monotonic() + 400, 3       # more with each turn: a guest without hardware's help is slow
        while time.monotonic() < until:
            patience += 1
            ran = subprocess.run(command[:1] + ['-o', 'ConnectTimeout=%d' % patience] + command[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if ran.returncode == 0 and ran.stdout.decode().strip() == SERVER:
                return 'seen'
            time.sleep(0.5)
        sys.exit('no ssh to %s after 400 s: %s' % (self.floating, ran.stderr.decode().strip()))


def clouds_yaml(path, auth_url, password, region):
    """The name under which the cloud stands in clouds.yaml. Another cloud's entry stays as it is, and so does every other line."""
    import yaml
    text = open(path).read() if os.path.exists(path) else ''
    known = (yaml.safe_load(text) or {}).get('clouds') or {}
    for name in ['nacre'] + ['nacre-%d' % n for n in range(2, 100)]:
        entry = known.get(name)
        if entry is None:
            break
        auth = entry.get('auth') or {}
        if auth.get('auth_url') == auth_url and auth.get('password') == password:
            return name
    indent = re.search(r'^clouds:[ \t]*\n(?:[ \t]*(?:#.*)?\n)*([ \t]+)\S', text, re.M)
    step = indent.group(1) if indent else '  '
    lines = [name + ':', '  auth:', '    auth_url: ' + auth_url, '    username: admin', '    password: ' + json.dumps(password),
             '    project_name: admin', '    user_domain_id: default', '    project_domain_id: default', '  region_name: ' + region,
             '  identity_api_version: 3']
    block = ''.join(step + line + '\n' for line in lines)
    if re.search(r'^clouds:[ \t]*$', text, re.M):
        text = re.sub(r'^clouds:[ \t]*\n', lambda m: 'clouds:\n' + block, text, count=1, flags=re.M)
    elif known:
        raise ValueError('%s is written in a way this does not know' % path)
    else:
        text = (text and text.rstrip('\n') + '\n') + 'clouds:\n' + block
    merged = yaml.safe_load(text)['clouds']
    if {k: v for k, v in merged.items() if k != name} != known:
        raise ValueError('%s would change for others' % path)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as f:
        f.write(text)
    return name


def status(program, state_dir):
    """(auth url, state directory) of the running cloud."""
    ran = subprocess.run([program, 'status'] + (['--state-dir', state_dir] if state_dir else []), stdout=subprocess.PIPE)
    text = ran.stdout.decode()
    where = re.search(r'keystone\s+(\S+)', text)
    if ran.returncode or not where:
        sys.exit('the cloud does not run: ' + text.strip())
    return where.group(1), re.search(r'state in (\S+)', text).group(1)


def admin_password(state_dir, sim):
    kept = os.path.join(state_dir, 'secrets', 'admin.password')
    if os.environ.get('NACRE_DEFAULT_ADMIN_PASSWORD'):
        return os.environ['NACRE_DEFAULT_ADMIN_PASSWORD']
    return open(kept).read().strip() if os.path.exists(kept) else 'nacre' if sim else sys.exit('no ' + kept)


def give_to(owner, *paths):
    for path in paths:
        if owner and os.path.exists(path):
            uid, gid = map(int, owner.split(':'))
            os.chown(path, uid, gid)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--nacre', required=True)
    options.add_argument('--state-dir')
    options.add_argument('--sim', action='store_true')
    options.add_argument('--owner', help='whose the files in the home directory are: UID:GID')
    options = options.parse_args()
    auth_url, state_dir = status(options.nacre, options.state_dir)
    password = admin_password(state_dir, options.sim)
    home = os.path.expanduser('~')
    key_file = os.path.join(home, '.ssh', 'nacre')
    demo, stage = Demo(Cloud(auth_url, password), options.sim, key_file), Stages()
    stage('image ' + IMAGE, demo.image)
    stage('flavor ' + FLAVOR, demo.flavor)
    stage('network public, the outside', demo.outside)
    stage('network private', demo.inside)
    stage('router', demo.router)
    stage('security group rules: ping and ssh', demo.security_group)
    stage('key pair ' + KEY, demo.key_pair)
    stage('hypervisor', demo.hypervisor)
    stage('server ' + SERVER, demo.server)
    stage('floating IP', demo.floating_ip)
    if not options.sim:
        stage('ssh to the server over its floating IP', demo.ssh)
    config = os.path.join(home, '.config', 'openstack', 'clouds.yaml')
    name = clouds_yaml(config, auth_url, password, 'RegionOne')
    give_to(options.owner, os.path.dirname(os.path.dirname(config)), os.path.dirname(config), config, os.path.dirname(key_file), key_file, key_file + '.pub')
    if not stage.new:
        print('\nEverything is there already; nothing was changed.')
    print('\nThe cloud is at %s; %s has it as "%s". Next:\n' % (auth_url, config, name))
    print('  export OS_CLOUD=%s' % name)
    print('  openstack server list')
    print('  openstack console log show %s' % SERVER)
    if not options.sim:
        print('  ssh -i %s nacre@%s' % (key_file, demo.floating))
    print('  openstack server create --image %s --flavor %s --network private --key-name %s second' % (IMAGE, FLAVOR, KEY))
    print('  %s down                 # stops it all; down --purge removes it all' % options.nacre)


if __name__ == '__main__':
    main()
