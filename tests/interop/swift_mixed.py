"""A mixed ring: nodes of the original and of Nacre in one cluster, each with an address, a drive and an rsync daemon of its own, and a proxy of
either side over them.
"""
import hashlib
import http.client
import json
import os
import shutil
import sqlite3
import time
import urllib.parse

from originals import ROOT, eventually, run

NACRE = os.environ.get('NACRE') or os.path.join(ROOT, 'build', 'src', 'nacre')
PORTS = {'object': 6200, 'container': 6201, 'account': 6202}
SERVER = """[DEFAULT]
user = root
devices = %(devices)s
mount_check = false
disable_fallocate = true
bind_ip = %(ip)s
bind_port = %(port)d
workers = 0
conn_timeout = 20
node_timeout = 60
container_update_timeout = 20
[pipeline:main]
pipeline = %(kind)s-server
[app:%(kind)s-server]
use = egg:swift#%(kind)s
"""
# Nobody's rounds but those that are asked for; Nacre's daemons do not run by themselves either.
DAEMONS = ''.join('[%s-%s]\nper_diff = 100\nrecon_cache_path = %%s\ninterval = 1000000\nconn_timeout = 20\nnode_timeout = 60\n' % (kind, daemon) for kind, daemons in (
    ('account', 'replicator auditor reaper'), ('container', 'replicator auditor updater'), ('object', 'updater replicator reconstructor auditor')) for daemon in daemons.split())
PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = 8888
workers = 0
user = root
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 20
node_timeout = 60
""" + ''.join('[filter:%s]\nuse = egg:swift#%s\n' % (m, m) for m in 'catch_errors gatekeeper listing_formats'.split())
INTERNAL_PIPELINE = """[pipeline:main]
pipeline = catch_errors proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 20
node_timeout = 60
[filter:catch_errors]
use = egg:swift#catch_errors
"""
INTERNAL = """[DEFAULT]
[%s]
interval = 1000000
conn_timeout = 20
node_timeout = 60
recon_cache_path = %s
""" + INTERNAL_PIPELINE
RSYNC = """uid = root
gid = root
use chroot = false
lock file = %(dir)s/rsync-%(name)s.lock
[account]
path = %(devices)s
read only = false
[container]
path = %(devices)s
read only = false
[object]
path = %(devices)s
read only = false
"""

def ask(method, where, path, headers=None, body=b''):
    """(status, headers, body)"""
    connection = http.client.HTTPConnection(*where, timeout=300)
    try:
        connection.request(method, path, body, dict({'Content-Length': str(len(body))}, **(headers or {})))
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def answers(where):
    try:
        return ask('OPTIONS', where, '/')[0] > 0
    except OSError:
        return False


def hash_of(*names):
    return hashlib.md5(('before/' + '/'.join(names) + 'behind').encode()).hexdigest()


def partition_of(*names):
    return int(hash_of(*names)[:8], 16) >> 28


class Node:
    """One of the cluster's nodes, with one drive."""

    def __init__(self, host, name, ip):
        self.host, self.name, self.ip, self.devices = host, name, ip, host.path('node-' + name)
        self.drive = os.path.join(self.devices, name)
        os.makedirs(self.drive)
        conf = host.write('rsync-%s.conf' % name, RSYNC % {'dir': host.dir, 'name': name, 'devices': self.devices})
        host.start('rsync-' + name, ['rsync', '--daemon', '--no-detach', '--address', ip, '--config', conf])

    def __repr__(self):
        return self.name

    def await_servers(self):
        for kind in PORTS:
            eventually('%s-server of %s' % (kind, self.name), lambda: answers((self.ip, PORTS[kind])))

    def empty(self):
        shutil.rmtree(self.drive)
        os.makedirs(self.drive)

    def database(self, *names):
        """The file of an account or container; None: it is not there."""
        h = hash_of(*names)
        path = os.path.join(self.drive, 'containers' if len(names) > 1 else 'accounts', str(partition_of(*names)), h[-3:], h, h + '.db')
        return path if os.path.exists(path) else None

    def query(self, sql, *names):
        path = self.database(*names)
        if not path:
            return None
        db = sqlite3.connect('file:%s?mode=ro' % path, uri=True, timeout=60)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def rows(self, *names):
        """All that replicas are to agree on; None: there is no database."""
        if len(names) > 1:
            rows = self.query('SELECT name, created_at, size, content_type, etag, deleted, storage_policy_index FROM object ORDER BY name, storage_policy_index', *names)
            info = self.query('SELECT put_timestamp, delete_timestamp, hash, object_count, bytes_used, storage_policy_index, metadata FROM container_stat', *names)
        else:
            rows = self.query('SELECT name, put_timestamp, delete_timestamp, object_count, bytes_used, deleted, storage_policy_index FROM container ORDER BY name', *names)
            info = self.query('SELECT put_timestamp, delete_timestamp, hash, container_count, object_count, bytes_used, NULL, metadata FROM account_stat', *names)
        if rows is None or not info:
            return None
        said = [float(i or 0) for i in info[0][:2]] + list(info[0][2:-1]) + [json.loads(info[0][-1] or '{}')]
        return [said] + rows

    def send(self, kind, method, path, **headers):
        """A request of the backend protocol to this node alone."""
        names = path.split('/')[:1 if kind == 'account' else 2 if kind == 'container' else 3]
        headers = {k.replace('_', '-'): str(v).encode() for k, v in headers.items()}
        return ask(method, (self.ip, PORTS[kind]), '/%s/%d/%s' % (self.name, partition_of(*names), urllib.parse.quote(path)), headers)[0]


class Original(Node):
    def start(self):
        for kind, port in PORTS.items():
            conf = self.host.write('%s-%s.conf' % (self.name, kind), SERVER % {'devices': self.devices, 'ip': self.ip, 'port': port, 'kind': kind} +
                                   DAEMONS.replace('%s', self.host.dir))
            self.host.start('%s-%s' % (self.name, kind), ['swift-%s-server' % kind, conf])

    def end(self):
        for kind in PORTS:
            self.host.end('%s-%s' % (self.name, kind))

    def daemon(self, name, *arguments):
        run(['swift-' + name, self.host.path('%s-%s.conf' % (self.name, name.split('-')[0])), 'once', '-v', *arguments])


class Ours(Node):
    roles = ['--roles', 'object']

    def environment(self):
        return {'NACRE_SWIFT_' + k: v for k, v in {'SWIFT_DIR': '/etc/swift', 'DEVICES': self.devices, 'STORAGE_LISTEN': self.ip,
                                                   'STORAGE_IP': self.ip, 'RECON_CACHE_PATH': self.host.dir, 'DAEMONS': 'false'}.items()}

    def start(self):
        self.host.start(self.name, [NACRE, 'up', '--foreground', '--sim', '--state-dir', self.host.path('state-' + self.name)] + self.roles,
                        self.environment())

    def end(self):
        self.host.end(self.name)

    def daemon(self, name, *arguments):
        run([NACRE, 'swift', name, '--state-dir', self.host.path('state-' + self.name), *arguments], env=dict(os.environ, **self.environment()))


class Client:
    """Of a proxy that asks nobody who they are."""

    def __init__(self, port, account='AUTH_test'):
        self.where, self.account = ('127.0.0.1', port), account

    def __call__(self, method, path, body=b'', **headers):
        headers = {k.replace('_', '-'): str(v) for k, v in headers.items()}
        return ask(method, self.where, '/v1/%s%s' % (self.account, urllib.parse.quote(path, safe='/?=&')), headers, body)


class Cluster:
    def __init__(self, host):
        self.host = host
        self.make_etc()
        self.nodes = [Original(host, 'a1', '127.0.0.11'), Ours(host, 'n1', '127.0.0.12'), Original(host, 'a2', '127.0.0.13'), Ours(host, 'n2', '127.0.0.14')]
        self.nodes[1].roles = []                         # it is the proxy as well
        self.make_rings()
        for node in self.nodes:
            node.start()
        host.start('original-proxy', ['swift-proxy-server', '/etc/swift/proxy.conf'])
        for node in self.nodes:
            node.await_servers()
        for port in (8888, 8080):
            eventually('proxy %d' % port, lambda: answers(('127.0.0.1', port)))
        self.theirs, self.ours = Client(8888), Client(8080)

    def settle(self):
        """What object servers could not tell containers in time is told."""
        for node in self.nodes:
            while any(files for name in os.listdir(node.drive) if name.startswith('async_pending') for _, _, files in os.walk(os.path.join(node.drive, name))):
                node.daemon('object-updater')

    def make_etc(self):
        host = self.host
        os.makedirs(host.path('etc'))
        host.write('etc/swift.conf', '[swift-hash]\nswift_hash_path_prefix = before\nswift_hash_path_suffix = behind\n[storage-policy:0]\nname = gold\n'
                   'default = yes\n[storage-policy:1]\nname = silver\n')
        for kind in PORTS:
            host.write('etc/%s-server.conf' % kind, DAEMONS.replace('%s', host.dir))
        host.write('etc/proxy.conf', PROXY)
        host.write('etc/proxy-server.conf', PROXY)
        for daemon in ('object-expirer', 'container-reconciler'):
            host.write('etc/%s.conf' % daemon, INTERNAL % (daemon, host.dir))
        os.makedirs('/etc/swift', exist_ok=True)
        run(['mount', '--bind', host.path('etc'), '/etc/swift'])

    def make_rings(self):
        for ring, port in (('account', 6202), ('container', 6201), ('object', 6200), ('object-1', 6200)):
            builder = '/etc/swift/%s.builder' % ring
            run([NACRE, 'ring', builder, 'create', '4', '3', '0'])
            for zone, node in enumerate(self.nodes):
                run([NACRE, 'ring', builder, 'add', 'r1z%d-%s:%d/%s' % (zone + 1, node.ip, port, node.name), '100'])
            run([NACRE, 'ring', builder, 'rebalance'])

    def primaries(self, kind, *names):
        from swift.common.ring import Ring
        by_name = {n.name: n for n in self.nodes}
        return [by_name[d['device']] for d in Ring('/etc/swift', ring_name=kind).get_part_nodes(partition_of(*names))]

    def name(self, prefix, wants, kind='container', account='AUTH_test'):
        """A name whose primaries are as wanted."""
        for i in range(10000):
            names = (account, '%s%d' % (prefix, i)) if kind == 'container' else ('AUTH_%s%d' % (prefix, i),)
            if wants(self.primaries(kind, *names)):
                return names[-1]
        raise AssertionError('no name is where it is wanted')


def has(*classes):
    return lambda nodes: all(sum(isinstance(n, c) for n in nodes) >= k for c, k in classes)


def stamp(offset=0.0):
    return '%016.5f' % (time.time() + offset)
