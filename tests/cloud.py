"""A cloud to test against: the real program, a temporary directory, free ports; hypervisors and network simulated unless asked for."""
import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import requests

from ports import free_offset

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PORTS = {'keystone': 5000, 'glance': 9292, 'placement': 8778, 'nova': 8774, 'neutron': 9696, 'metadata': 8775, 'console': 6080, 'swift': 8080}
BASES = {'keystone': '/v3', 'glance': '', 'placement': '', 'nova': '/v2.1', 'neutron': '', 'metadata': '', 'console': '', 'swift': ''}
PASSWORD = 'nacre'


running = set()


@atexit.register
def end_running():
    """A test that is cut short takes its clouds with it."""
    for process in running:
        process.terminate()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Cloud:
    """with Cloud() as cloud: ... ; or start(), kill(), stop() by hand."""

    def __init__(self, program=None, state_dir=None, offset=None, options=None, sim=True, roles=None):
        self.program = program or os.environ.get('NACRE') or os.path.join(ROOT, 'build', 'src', 'nacre')
        self.own_dir = state_dir is None
        self.state_dir = state_dir or tempfile.mkdtemp(prefix='nacre-test-')
        self.offset = free_offset() if offset is None else offset
        self.options = options or {}
        self.sim = sim
        self.roles = roles
        self.process, self.tail = None, ''
        self.session = requests.Session()
        self.session.trust_env = False
        self.tokens = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, failure, *_):
        self.stop()
        if failure and self.tail:
            print(self.tail, file=sys.stderr)

    def start(self, timeout=180):
        """Returns how long it took until every API answered."""
        env = dict(os.environ, NACRE_DEFAULT_ADMIN_PASSWORD=PASSWORD)
        for name, value in self.options.items():
            env['NACRE_' + name.upper().replace('.', '_')] = str(value)
        started = time.monotonic()
        self.log = open(os.path.join(self.state_dir, 'log'), 'ab')
        self.process = subprocess.Popen(
            [self.program, 'up', '--foreground', '--state-dir', self.state_dir, '--port-offset', str(self.offset)] + ['--sim'] * self.sim +
            (['--roles', self.roles] if self.roles else []),
            env=env, stdout=self.log, stderr=self.log)
        running.add(self.process)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError('it ended with %d:\n%s' % (self.process.returncode, self.log_tail()))
            if time.monotonic() - started > timeout:
                raise RuntimeError('not up after %d s:\n%s' % (timeout, self.log_tail()))
            if self.answers():
                return time.monotonic() - started
            time.sleep(0.005)

    def answers(self):
        for service in self.services():
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', PORTS[service] + self.offset)):
                    return False
        return True

    def services(self):
        """Those the program has; the console's port opens with the first console."""
        if not hasattr(self, '_services'):
            tables = json.loads(subprocess.run([self.program, 'dump'], stdout=subprocess.PIPE, check=True).stdout)
            self._services = [s['name'] for s in tables['services'] if s['port'] and s['name'] in PORTS]
        return self._services

    def kill(self):
        """As a power cut does to a process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        """Ends it in good order; True if it said 0."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=180)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if not self.process:
            return True
        code, self.process = self.process.returncode, None
        self.tail = self.log_tail()
        if self.own_dir:
            shutil.rmtree(self.state_dir, ignore_errors=True)
        return code == 0

    def log_tail(self, size=6000):
        with open(os.path.join(self.state_dir, 'log'), 'rb') as f:
            f.seek(0, os.SEEK_END)
            f.seek(max(0, f.tell() - size))
            return f.read().decode(errors='replace')

    def url(self, service, path=''):
        return 'http://127.0.0.1:%d%s%s' % (PORTS[service] + self.offset, BASES[service], path)

    def token(self, user='admin', project='admin', password=PASSWORD):
        """A token scoped to the project, kept."""
        key = (user, project)
        if key not in self.tokens:
            body = {'auth': {'identity': {'methods': ['password'], 'password': {'user': {
                'name': user, 'domain': {'id': 'default'}, 'password': password}}},
                'scope': {'project': {'name': project, 'domain': {'id': 'default'}}}}}
            if project is None:
                del body['auth']['scope']
            elif project == 'system':
                body['auth']['scope'] = {'system': {'all': True}}
            reply = self.session.post(self.url('keystone', '/auth/tokens'), json=body)
            reply.raise_for_status()
            self.tokens[key] = reply.headers['X-Subject-Token']
        return self.tokens[key]

    def call(self, method, service, path, body=None, token=None, headers=None, expect=None):
        """The reply's tree. expect: the statuses that are well, any 2xx when not given."""
        reply = self.request(method, service, path, body, token, headers)
        well = reply.status_code in expect if expect else reply.ok
        if not well:
            raise RuntimeError('%s %s %s: %d %s' % (method, service, path, reply.status_code, reply.text[:500]))
        return reply.json() if reply.content and 'json' in reply.headers.get('Content-Type', '') else None

    def request(self, method, service, path, body=None, token=None, headers=None):
        headers = dict(headers or {})
        if token is not False:
            headers['X-Auth-Token'] = token or self.token()
        if service == 'nova':
            headers.setdefault('OpenStack-API-Version', 'compute 2.93')
        if service == 'placement':
            headers.setdefault('OpenStack-API-Version', 'placement 1.39')
        return self.session.request(method, self.url(service, path), json=body, headers=headers, timeout=180)

    def project_with_user(self, name, roles=('member',)):
        """A project and a user of the same name in it: (project id, user id)."""
        project = self.call('POST', 'keystone', '/projects', {'project': {'name': name, 'domain_id': 'default'}})['project']['id']
        user = self.call('POST', 'keystone', '/users', {'user': {'name': name, 'domain_id': 'default', 'password': PASSWORD}})['user']['id']
        known = {r['name']: r['id'] for r in self.call('GET', 'keystone', '/roles')['roles']}
        for role in roles:
            self.call('PUT', 'keystone', '/projects/%s/users/%s/roles/%s' % (project, user, known[role]))
        return project, user

    def admin_project(self):
        query = urllib.parse.urlencode({'name': 'admin'})
        return self.call('GET', 'keystone', '/projects?' + query)['projects'][0]['id']
