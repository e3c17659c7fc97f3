"""What the fault tests of the object store share: Swift alone on several drives, and its users, who remember what they were told."""
import glob
import hashlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
from cloud import ROOT  # noqa: E402
from ports import free_offset  # noqa: E402
from recount import Tally  # noqa: E402

WORDS = 'catch_errors gatekeeper healthcheck listing_formats tempauth copy slo dlo proxy-server'
PROXY = """[pipeline:main]
pipeline = %s
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
""" % WORDS
PATIENCE = 200
check = Tally(quiet=True)


class Store:
    """Swift alone, its drives in a directory of its own."""

    def __init__(self, drives=3, copy_of=None, files=None):
        self.dir = tempfile.mkdtemp(prefix='nacre-faults-')
        self.drives, self.process, self.token = drives, None, ''
        self.offset = copy_of.offset if copy_of else free_offset()      # the rings name ports
        if copy_of:
            shutil.copytree(copy_of.dir, self.dir, dirs_exist_ok=True)
        self.program = os.environ.get('NACRE') or os.path.join(ROOT, 'build', 'src', 'nacre')
        os.makedirs(self.dir + '/swift', exist_ok=True)
        for name, text in dict({'proxy-server.conf': PROXY}, **files or {}).items():
            with open(self.dir + '/swift/' + name, 'w') as f:
                f.write(text.replace('PORT', str(8080 + self.offset)))

    def start(self, fault=''):
        """False: the fault came before it was up."""
        env = dict(os.environ, NACRE_FAULT=fault, NACRE_SWIFT_DRIVES=str(self.drives), NACRE_SWIFT_REPLICAS='3')
        with open(self.dir + '/log', 'ab') as log:
            self.process = subprocess.Popen([self.program, 'up', '--foreground', '--sim', '--roles', 'api,object', '--services', 'swift', '--state-dir',
                                             self.dir, '--port-offset', str(self.offset)], env=env, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                reply = self.send('GET', '/auth/v1.0', None, {'X-Auth-User': 'test:tester', 'X-Auth-Key': 'testing'})
                self.token = reply[1]['X-Auth-Token']
                return True
            except OSError:
                time.sleep(0.01)
        raise RuntimeError('it does not answer')

    def send(self, method, path, body=None, headers=None):
        """(status, headers, body); OSError where there was no answer."""
        connection = http.client.HTTPConnection('127.0.0.1', 8080 + self.offset, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        except http.client.HTTPException as e:
            raise OSError(e)
        finally:
            connection.close()

    def __call__(self, method, path, body=None, **headers):
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        return self.send(method, '/v1/AUTH_test' + path, body, dict(headers, **{'X-Auth-Token': self.token}))

    def is_dead(self, expected):
        """Where its end is expected, that is waited for."""
        return (self.process.wait(PATIENCE) if expected else self.process.poll()) is not None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait()

    def stop(self):
        """True: it was still there, and ended in good order."""
        was = self.process.poll() is None
        if was:
            self.process.terminate()
            self.process.wait(PATIENCE)
        return was and self.process.returncode == 0

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def files(self, name, suffix):
        """Those of that object on all drives."""
        found = []
        for path in glob.glob(self.dir + '/swift/node/*/objects*/*/*/*/*' + suffix):
            if (os.getxattr(path, 'user.swift.metadata').find(('/AUTH_test/' + name).encode()) >= 0):
                found.append(path)
        return found

    def was_hit(self):
        """Has the fault come? The log says so."""
        with open(self.dir + '/log', 'rb') as log:
            return b'fails on purpose' in log.read()

    def begin(self, name):
        """A round of a daemon, as a process of its own."""
        with open(self.dir + '/daemons.log', 'ab') as log:
            return subprocess.Popen([self.program, 'swift', name, '--state-dir', self.dir, '--port-offset', str(self.offset)], stdout=log, stderr=log,
                                    env=dict(os.environ, NACRE_FAULT=''))

    def daemon(self, name):
        """The same from its begin to its end: did it go well?"""
        return not self.begin(name).wait(PATIENCE)


def attempt(send):
    """The status, or None where there was no answer."""
    try:
        return send()[0]
    except OSError:
        return None


def flip(path, at):
    with open(path, 'r+b') as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 16]))


class Users(threading.Thread):
    """Writes, deletes and describes objects of its own, and remembers what it was told."""

    def __init__(self, store, number, rng, go, box='/box/'):
        super().__init__(daemon=True)
        self.store, self.number, self.rng, self.go, self.box = store, number, rng, go, box
        self.may_be = {'u%d-%d' % (number, i): {None} for i in range(6)}     # name: what may be there, (bytes, age), None: nothing
        self.done, self.error = 0, None

    def one(self):
        name = self.rng.choice(sorted(self.may_be))
        now, what = self.may_be[name], self.rng.random()
        age = str(self.rng.getrandbits(40))
        if what < 0.6:
            data = self.rng.randbytes(self.rng.choice((0, 10, 3000, 150000)))
            status, new = attempt(lambda: self.store('PUT', self.box + name, data, X_Object_Meta_Age=age)), {(data, age)}
            if status == 201:
                self.may_be[name] = new
        elif what < 0.8:
            status, new = attempt(lambda: self.store('DELETE', self.box + name)), {None}
            if status in (204, 404):
                self.may_be[name] = new
        else:
            status, new = attempt(lambda: self.store('POST', self.box + name, b'', X_Object_Meta_Age=age)), {(w[0], age) for w in now if w}
            if status == 202:
                self.may_be[name] = new
        if status is None or status >= 500:
            self.may_be[name] = now | new
            time.sleep(0.02)            # it is down, and comes again with other tokens
        self.done += status is not None and status < 500 and status != 401

    def run(self):
        try:
            while self.go['on']:
                self.one()
        except Exception as e:
            self.error = e

    def recount(self, listed):
        for name, may_be in self.may_be.items():
            status, headers, body = self.store('GET', self.box + name)
            there = None if status == 404 else (body, headers.get('X-Object-Meta-Age'))
            check(status in (200, 404), 'load: %s is readable' % name, status)
            check(there in may_be, 'load: %s is what was acknowledged' % name, (status, len(body), [w and (len(w[0]), w[1]) for w in may_be]))
            if status == 200:
                check(headers['Etag'] == hashlib.md5(body).hexdigest(), 'load: the sum of %s' % name)
            if len(may_be) == 1:
                check((name in listed) == (there is not None), 'load: the listing knows of %s' % name, status)
