"""What a cloud's user waits for, measured over its APIs alone: the same code on any OpenStack. One number a function.

A measure takes an api.Api of an ordinary project and answers (value, unit); rates are over keep-alive connections.
"""
import concurrent.futures
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import uuid


class Api:
    """A token and its catalog; one connection a service."""

    def __init__(self, auth_url, user, password, project):
        self.auth_url = auth_url.rstrip('/')
        self.links = {}
        self.token = self.project = None
        status, headers, body = self.send('POST', self.auth_url + '/auth/tokens', {'auth': {
            'identity': {'methods': ['password'], 'password': {'user': {'name': user, 'domain': {'id': 'default'}, 'password': password}}},
            'scope': {'project': {'name': project, 'domain': {'id': 'default'}}}}})
        if status != 201:
            raise RuntimeError('no token: %d %s' % (status, body[:200]))
        token = json.loads(body)['token']
        self.token, self.project, self.user = headers['x-subject-token'], token['project']['id'], token['user']['id']
        self.urls = {s['type']: e['url'].rstrip('/') for s in token['catalog'] for e in s['endpoints'] if e['interface'] == 'public'}
        self.urls['network'] = self.urls['network'].removesuffix('/v2.0') + '/v2.0'

    def send(self, method, url, body=None, headers=None):
        u = urllib.parse.urlsplit(url)
        for attempt in (0, 1):
            link = self.links.get(u.netloc) or self.links.setdefault(u.netloc, http.client.HTTPConnection(u.netloc, timeout=300))
            try:
                link.request(method, u.path + ('?' + u.query if u.query else ''), json.dumps(body) if body is not None else None,
                             dict({'Content-Type': 'application/json', 'Accept': 'application/json'},
                                  **({'X-Auth-Token': self.token} if self.token else {}), **(headers or {})))
                reply = link.getresponse()
                return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
            except (http.client.HTTPException, OSError):
                link.close()
                if attempt:
                    raise

    def call(self, method, service, path, body=None, headers=None):
        status, _, text = self.send(method, self.urls[service] + path, body, headers)
        if status >= 400:
            raise RuntimeError('%s %s %s: %d %s' % (method, service, path, status, text[:300]))
        return json.loads(text) if text[:1] in (b'{', b'[') else None


def middle(values):
    values = sorted(values)
    return values[len(values) // 2]


def user_of_its_own(admin, auth_url):
    """An ordinary user in a project whose quotas do not matter."""
    name, password = 'bench-' + uuid.uuid4().hex[:8], uuid.uuid4().hex
    project = admin.call('POST', 'identity', '/projects', {'project': {'name': name, 'domain_id': 'default'}})['project']['id']
    user = admin.call('POST', 'identity', '/users', {'user': {'name': name, 'password': password, 'domain_id': 'default'}})['user']['id']
    role = [r['id'] for r in admin.call('GET', 'identity', '/roles')['roles'] if r['name'] == 'member'][0]
    admin.call('PUT', 'identity', '/projects/%s/users/%s/roles/%s' % (project, user, role))
    admin.call('PUT', 'compute', '/os-quota-sets/' + project, {'quota_set': {'instances': -1, 'cores': -1, 'ram': -1, 'force': True}})
    admin.call('PUT', 'network', '/quotas/' + project, {'quota': {'network': -1, 'subnet': -1, 'port': -1}})
    return Api(auth_url, name, password, name)


def network(api, cidr='10.64.0.0/16'):
    net = api.call('POST', 'network', '/networks', {'network': {'name': 'bench'}})['network']['id']
    api.call('POST', 'network', '/subnets', {'subnet': {'network_id': net, 'ip_version': 4, 'cidr': cidr}})
    return net


def wrk(url, headers, connections, seconds, body=None):
    """Requests a second of a GET, or of a POST of that tree, by wrk."""
    if not shutil.which('wrk'):
        raise RuntimeError('wrk is not installed')
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as script:
        script.write('done = function(s) io.write(string.format("RATE %f %d\\n", s.requests * 1e6 / s.duration, s.errors.status)) end\n')
        if body is not None:
            script.write("wrk.method = 'POST'\nwrk.body = [==[%s]==]\nwrk.headers['Content-Type'] = 'application/json'\n" % json.dumps(body))
        script.flush()
        argv = ['wrk', '-t', '2' if connections > 1 else '1', '-c', str(connections), '-d', '%ds' % seconds, '-s', script.name]
        for pair in headers.items():
            argv += ['-H', '%s: %s' % pair]
        text = subprocess.run(argv + [url], stdout=subprocess.PIPE, text=True, check=True).stdout
    rate, errors = text[text.index('RATE') + 5:].split()
    if int(errors):
        raise RuntimeError('%s errors: %s' % (errors, url))
    return float(rate)


def token_validation(api, seconds=5):
    return wrk(api.auth_url + '/auth/tokens', {'X-Auth-Token': api.token, 'X-Subject-Token': api.token}, 8, seconds)


def token_issue(api, seconds=5):
    """By a token, to the same project."""
    return wrk(api.auth_url + '/auth/tokens', {}, 8, seconds, {'auth': {
        'identity': {'methods': ['token'], 'token': {'id': api.token}}, 'scope': {'project': {'id': api.project}}}})


def token_issue_by_credential(api, seconds=5):
    """By an application credential."""
    path = '/users/%s/application_credentials' % api.user
    made = api.call('POST', 'identity', path, {'application_credential': {'name': 'bench-' + uuid.uuid4().hex[:8]}})['application_credential']
    try:
        return wrk(api.auth_url + '/auth/tokens', {}, 8, seconds, {'auth': {'identity': {
            'methods': ['application_credential'], 'application_credential': {'id': made['id'], 'secret': made['secret']}}}})
    finally:
        api.call('DELETE', 'identity', path + '/' + made['id'])


def password_sign_in(api, body):
    """Milliseconds of one sign-in."""
    started = time.monotonic()
    status, _, text = api.send('POST', api.auth_url + '/auth/tokens?nocatalog=1', body)
    if status != 201:
        raise RuntimeError('%d %s' % (status, text[:200]))
    return 1000 * (time.monotonic() - started)


def spread(api, connections, n, work):
    """work(api, i) n times over so many connections; the wall seconds."""
    def some(k):
        mine = Api.__new__(Api)
        mine.__dict__.update(api.__dict__, links={})
        for i in range(k, n, connections):
            work(mine, i)
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(some, range(connections)))
    return time.monotonic() - started


def port_create(api, connections, n):
    net = network(api)
    took = spread(api, connections, n, lambda a, i: a.call('POST', 'network', '/ports', {'port': {'network_id': net, 'name': 'bench'}}))
    for port in api.call('GET', 'network', '/ports?fields=id&network_id=' + net)['ports']:
        api.call('DELETE', 'network', '/ports/' + port['id'])
    api.call('DELETE', 'network', '/networks/' + net)
    return n / took


def server_body(api, net):
    flavors = api.call('GET', 'compute', '/flavors/detail')['flavors']
    images = [i for i in api.call('GET', 'image', '/v2/images')['images'] if i['status'] == 'active']
    return {'server': {'name': 'bench', 'flavorRef': min(flavors, key=lambda f: (f['ram'], f['disk']))['id'],
                       'imageRef': min(images, key=lambda i: i.get('size') or 0)['id'], 'networks': [{'uuid': net}]}}


def boot(api, body, limit=180):
    """Seconds from POST to ACTIVE, and the server's id."""
    started = time.monotonic()
    server = api.call('POST', 'compute', '/servers', body)['server']['id']
    while True:
        found = api.call('GET', 'compute', '/servers/' + server)['server']
        took = time.monotonic() - started
        if found['status'] == 'ACTIVE':
            return took, server
        if found['status'] == 'ERROR' or took > limit:
            raise RuntimeError('%s after %.1f s: %s' % (found['status'], took, found.get('fault')))
        time.sleep(min(1, max(0.001, took / 20)))


def boots_one_by_one(api, body, n):
    return middle([boot(api, body)[0] for _ in range(n)])


def boots_at_once(api, body, n):
    """Servers a second until all are ACTIVE, posted over 8 connections."""
    started = time.monotonic()
    spread(api, 8, n, lambda a, i: a.call('POST', 'compute', '/servers', body))
    while True:
        states = [s['status'] for s in all_servers(api)]
        if 'ERROR' in states or time.monotonic() - started > 900:
            raise RuntimeError({s: states.count(s) for s in states})
        if 'BUILD' not in states:
            return n / (time.monotonic() - started)
        time.sleep(0.02)


def all_servers(api):
    found, marker = [], ''
    while True:
        page = api.call('GET', 'compute', '/servers/detail?limit=1000' + marker)['servers']
        found += page
        if len(page) < 1000:
            return found
        marker = '&marker=' + page[-1]['id']


def servers_detail(api, n=9):
    """Milliseconds of GET /servers/detail, all pages of one; how many servers it showed."""
    times = []
    for _ in range(n):
        started = time.monotonic()
        status, _, text = api.send('GET', api.urls['compute'] + '/servers/detail')
        times.append(time.monotonic() - started)
    return 1000 * middle(times), text.count(b'"OS-EXT-STS:vm_state"')


def delete_all(api):
    for server in all_servers(api):
        api.call('DELETE', 'compute', '/servers/' + server['id'])
    started = time.monotonic()
    while all_servers(api):
        if time.monotonic() - started > 600:
            raise RuntimeError('servers stay')
        time.sleep(0.05)


def pss_mb(pid):
    """Proportional set size of a process and its children, MB."""
    def of(p):
        with open('/proc/%d/smaps_rollup' % p) as f:
            return sum(int(line.split()[1]) for line in f if line.startswith('Pss:'))
    children = [int(c) for t in os.listdir('/proc/%d/task' % pid) for c in open('/proc/%d/task/%s/children' % (pid, t)).read().split()]
    return (of(pid) + sum(of(c) for c in children)) / 1024
