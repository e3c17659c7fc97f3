"""Nacre and the original's Swift on the same drives: both sides started and asked."""
import os
import urllib.error
import urllib.parse
import urllib.request

from originals import ROOT, eventually, run

NACRE = os.environ.get('NACRE') or os.path.join(ROOT, 'build', 'src', 'nacre')
SERVERS = {'object': 6200, 'container': 6201, 'account': 6202}
PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = 8888
workers = 0
user = root
swift_dir = /etc/swift
[pipeline:main]
pipeline = %s
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
conn_timeout = 20
node_timeout = 60
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:11211
connect_timeout = 20
pool_timeout = 20
io_timeout = 20
"""
SERVER = """[DEFAULT]
user = root
swift_dir = /etc/swift
devices = %s
mount_check = false
disable_fallocate = true
bind_ip = 127.0.0.1
bind_port = %d
workers = 0
conn_timeout = 20
node_timeout = 60
container_update_timeout = 20
[pipeline:main]
pipeline = healthcheck %s-server
[app:%s-server]
use = egg:swift#%s
[filter:healthcheck]
use = egg:swift#healthcheck
[object-auditor]
recon_cache_path = %s
"""


def proxy_conf(pipeline, filters=''):
    """A proxy-server.conf of either side; filters: sections that say more than their `use`."""
    known = PROXY + filters
    return PROXY % pipeline + filters + ''.join('[filter:%s]\nuse = egg:swift#%s\n' % (word, word) for word in pipeline.split()
                                                if '[filter:%s]' % word not in known and word != 'proxy-server')


def ask(method, url, body=None, headers=None):
    """(status, headers, body)"""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def answers(port, path='/healthcheck'):
    try:
        return ask('GET', 'http://127.0.0.1:%d%s' % (port, path))[0] == 200
    except OSError:
        return False


class Client:
    def __init__(self, port):
        _, headers, _ = ask('GET', 'http://127.0.0.1:%d/auth/v1.0' % port, headers={'X-Auth-User': 'test:tester', 'X-Auth-Key': 'testing'})
        self.url, self.token = 'http://127.0.0.1:%d/v1/AUTH_test' % port, headers['X-Auth-Token']

    def __call__(self, method, path, body=None, **headers):
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        return ask(method, self.url + urllib.parse.quote(path, safe='/?=&'), body, dict(headers, **{'X-Auth-Token': self.token}))


def nacre(host, name, options):
    host.start(name, [NACRE, 'up', '--foreground', '--sim', '--state-dir', host.path(name)], {'NACRE_SWIFT_' + k: v for k, v in options.items()})
    eventually(name, lambda: answers(8080))


def etc_swift(host, made):
    """/etc/swift of this test: the rings and swift.conf that Nacre has made."""
    os.makedirs(host.path('etc'))
    for file in ('swift.conf', 'account.ring.gz', 'container.ring.gz', 'object.ring.gz'):
        run(['cp', os.path.join(made, file), host.path('etc')])
    os.makedirs('/etc/swift', exist_ok=True)
    run(['mount', '--bind', host.path('etc'), '/etc/swift'])


def originals(host, devices):
    for server, port in SERVERS.items():
        conf = host.write('etc/%s.conf' % server, SERVER % (devices, port, server, server, server, host.dir))
        host.start('original-' + server, ['swift-%s-server' % server, conf])
    for server, port in SERVERS.items():
        eventually(server, lambda: answers(port))


def end_originals(host):
    for server in SERVERS:
        host.end('original-' + server)


def original_proxy(host):
    host.start('original-proxy', ['swift-proxy-server', host.path('etc/proxy.conf')])
    eventually('the original proxy', lambda: answers(8888))
    return Client(8888)
