"""A host of one's own for the original's agents: network, mount and process namespaces that go with the test, RabbitMQ, Open vSwitch
on the userspace datapath, Debian's programs with configurations of their own, and network namespaces in place of guests.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
DEADLINE = int(os.environ.get('INTEROP_DEADLINE', 300))            # seconds that anything that must come may take; a quiet machine needs a few


def isolate(programs):
    """Runs the script again in namespaces of its own, which end with it. Ends the script where programs are missing."""
    if os.geteuid():
        skip('needs root')
    missing = [p for p in programs if not shutil.which(p, path=os.environ['PATH'] + ':/usr/sbin:/sbin')]
    if missing:
        skip('not installed: ' + ', '.join(missing))
    if os.environ.get('INTEROP_INSIDE') != '1':
        os.environ['INTEROP_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc',
                              '/usr/bin/python3'] + [os.path.abspath(sys.argv[0])] + sys.argv[1:])
    run('mount --make-rprivate /')
    for directory in ('/run/netns', '/var/lib/neutron', '/var/log/neutron', '/var/lock'):
        directory = os.path.realpath(directory)      # /var/lock leads to /run, where it may not be
        os.makedirs(directory, exist_ok=True)
        run('mount -t tmpfs none ' + directory)
    run('mount -t sysfs none /sys')         # which tells of the namespace it was mounted in
    run('ip link set lo up')


def skip(why):
    print('# skipped: ' + why)
    print('0 passed, 0 failed')
    sys.exit(0)


def run(command, check=True, **options):
    """The output of a command given as a line or a list."""
    done = subprocess.run(command.split() if isinstance(command, str) else command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if check and done.returncode:
        raise RuntimeError('%s: %d\n%s' % (command, done.returncode, done.stdout))
    return done.stdout


def eventually(what, ask, deadline=DEADLINE, pause=0.2):
    """What ask() says once it is true."""
    end = time.monotonic() + deadline
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError('not within %d s: %s' % (deadline, what))
        time.sleep(pause)


class Host:
    """Engines, programs, and what they wrote, in a directory that goes."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='nacre-interop-')
        os.chmod(self.dir, 0o755)
        self.programs = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.show_logs()
        for process in list(self.programs.values())[::-1]:
            process.terminate()
        for process in self.programs.values():
            try:
                process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def explain(self, count):
        if count.failed:
            self.show_logs()

    def show_logs(self):
        for name in sorted(os.listdir(self.dir)):
            if name.endswith('.log'):
                with open(os.path.join(self.dir, name), errors='replace') as log:
                    lines = [line for line in log.read().splitlines() if ' DEBUG ' not in line]
                print('\n'.join(['# --- ' + name] + ['# ' + line[:400] for line in lines[-40:]]), file=sys.stderr)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as file:
            file.write(text)
        return self.path(name)

    def start(self, name, command, env=None):
        """A program with its output in NAME.log."""
        log = open(self.path(name + '.log'), 'ab')
        self.programs[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))

    def end(self, name):
        self.programs[name].terminate()
        self.programs.pop(name).wait(timeout=200)

    # --- Open vSwitch ---

    def openvswitch(self):
        """ovsdb-server and ovs-vswitchd; everything of theirs in DIR/ovs."""
        d = self.path('ovs')
        os.mkdir(d)
        self.ovs = {'OVS_RUNDIR': d, 'OVS_LOGDIR': d, 'OVS_DBDIR': d, 'OVS_SYSCONFDIR': d}
        run(['ovsdb-tool', 'create', d + '/conf.db', '/usr/share/openvswitch/vswitch.ovsschema'])
        self.start('ovsdb-server', ['ovsdb-server', d + '/conf.db', '--remote=punix:' + d + '/db.sock', '--unixctl=' + d + '/ovsdb.ctl'], self.ovs)
        eventually('ovsdb-server', lambda: os.path.exists(d + '/db.sock'))
        self.vsctl('--no-wait init')
        self.vsctl('--no-wait set Open_vSwitch . external-ids:system-id=interop')
        self.start('ovs-vswitchd', ['ovs-vswitchd', 'unix:' + d + '/db.sock', '--unixctl=' + d + '/vswitchd.ctl'], self.ovs)
        self.vsctl('show')

    def vsctl(self, arguments):
        return run(['ovs-vsctl', '--timeout=120', '--db=unix:' + self.path('ovs/db.sock')] + arguments.split(), env=dict(os.environ, **self.ovs))

    def flows(self, bridge='br-int'):
        return run(['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', 'unix:' + self.path('ovs/%s.mgmt' % bridge)], env=dict(os.environ, **self.ovs))

    # --- in place of guests ---

    def guest(self, name, port):
        """A network namespace on br-int with the port's MAC, as Nova would plug it."""
        tap = 'tap' + port['id'][:11]
        run('ip netns add ' + name)
        run('ip link add %s type veth peer name eth0 netns %s' % (tap, name))
        run('ip netns exec %s ip link set eth0 address %s' % (name, port['mac_address']))
        run('ip netns exec %s ethtool -K eth0 tx off' % name)
        run('ip netns exec %s ip link set lo up' % name)
        run('ip netns exec %s ip link set eth0 up' % name)
        run('ip link set %s up' % tap)
        self.vsctl('add-port br-int %s -- set Interface %s external_ids:iface-id=%s external_ids:attached-mac=%s external_ids:iface-status=active'
                   % (tap, tap, port['id'], port['mac_address']))
        return Guest(name)


    def namespace(self, name, bridge, interface):
        """One that is no guest: on another bridge, nobody's port."""
        run('ip netns add ' + name)
        run('ip link add %s type veth peer name eth0 netns %s' % (interface, name))
        run('ip netns exec %s ethtool -K eth0 tx off' % name)
        run('ip netns exec %s ip link set eth0 up' % name)
        run('ip link set %s up' % interface)
        self.vsctl('add-port %s %s' % (bridge, interface))
        return Guest(name)


class Guest:
    def __init__(self, name):
        self.name = name

    def run(self, command, check=True):
        return run(['ip', 'netns', 'exec', self.name] + command.split(), check)

    def address(self, cidr, gateway=None):
        self.run('ip addr add %s dev eth0' % cidr)
        if gateway:
            self.run('ip route add default via ' + gateway)

    def pings(self, address):
        """One answer to up to three questions."""
        return any(subprocess.run(['ip', 'netns', 'exec', self.name, 'ping', '-c', '1', '-W', '1', address],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0 for _ in range(3))

    def dhcp(self):
        """[address, server, router] as a DHCP server gives them; None where nobody answers."""
        out = subprocess.run(['ip', 'netns', 'exec', self.name, '/usr/bin/python3', os.path.join(HERE, 'dhcp_client.py'), 'eth0'],
                             stdout=subprocess.PIPE, text=True, timeout=300)
        return out.stdout.split() if out.returncode == 0 else None


class Count:
    """What passed and what did not."""

    def __init__(self):
        self.passed = self.failed = 0
        self.started = time.monotonic()

    def check(self, what, truth, seen=''):
        if truth:
            self.passed += 1
        else:
            self.failed += 1
        print('%s %s%s  # %.1f s' % ('ok' if truth else 'not ok', what, '' if truth else ': %s' % (seen,), time.monotonic() - self.started), flush=True)
        return truth

    def equal(self, what, seen, wanted):
        return self.check(what, seen == wanted, '%r, not %r' % (seen, wanted))

    def eventually(self, what, ask, deadline=DEADLINE):
        try:
            answer = eventually(what, ask, deadline)
        except AssertionError as e:
            return self.check(what, False, e)
        self.check(what, True)
        return answer

    def end(self):
        print('%d passed, %d failed' % (self.passed, self.failed))
        return 1 if self.failed else 0
