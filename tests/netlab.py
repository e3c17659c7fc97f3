"""Networks to test in: namespaces in place of guests, plugged as Nova plugs them into either data path; results counted."""
import os
import signal
import subprocess
import time

count = {True: 0, False: 0}
SERVER = '%08d-1111-4111-8111-111111111111'
STAGE = 'mount -t sysfs sysfs /sys && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && mount -t tmpfs tmpfs /tmp && ip link set lo up && exec "$0" --inside "$@"'
LEASE = '''#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace $ip/$mask dev eth0
set -- $staticroutes
while [ $# -ge 2 ]; do ip route replace $1 via $2; shift 2; done
'''


def check(well, what, detail=''):
    count[bool(well)] += 1
    print('%s - %s%s' % ('ok' if well else 'not ok', what, '' if well else ': %s' % (detail,)), flush=True)
    return well


def sh(command, timeout=300):
    return subprocess.run(['sh', '-c', command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)


def said(command):
    return sh(command).stdout.decode()


def until(well, seconds=200, pause=0.02):
    end = time.monotonic() + seconds
    while not well():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def finish():
    """The last line, and the exit status."""
    print('%d passed, %d failed' % (count[True], count[False]))
    return 1 if count[False] else 0


def enter_stage(path, *words):
    """Runs the test again in network and mount namespaces of its own, unless it does so already; its arguments then."""
    if os.geteuid() != 0:
        print('not ok - needs root')
        raise SystemExit('0 passed, 1 failed')
    if '--inside' not in words:
        os.execvp('unshare', ['unshare', '-n', '-m', '--propagation', 'private', 'sh', '-c', STAGE, os.path.abspath(path), *words])
    open('/tmp/lease', 'w').write(LEASE)
    os.chmod('/tmp/lease', 0o755)
    return [word for word in words if word != '--inside']


def leave_stage():
    for name in said('ip netns list').split():
        said('ip netns pids %s | xargs -r kill; ip netns del %s' % (name, name))


class LinuxBridge:
    """Bridges of the kernel: nothing to set up."""
    agent = 'Linux bridge agent'
    options = {}

    def start(self):
        pass

    def stop(self):
        pass

    def plug(self, guest):
        bridge = 'brq' + guest.port['network_id'][:11]
        said('ip link add %s type bridge; ip link set %s up; ip link set %s master %s' % (bridge, bridge, guest.tap, bridge))

    def unplug(self, guest):
        said('ip link del ' + guest.tap)

    def cut_off(self, guest):
        return 'master' not in said('ip link show ' + guest.tap)

    def left(self):
        return said("ip -o link | grep -E 'brq|br-ex|tap'; nft list tables | grep nacre")


class OpenVswitch:
    """A switch of one's own in a directory, on the userspace datapath unless the kernel has one."""
    agent = 'Open vSwitch agent'

    def __init__(self, directory='/tmp/ovs', netns=None, **options):
        self.dir, self.inside = directory, 'ip netns exec %s ' % netns if netns else ''
        self.options = dict({'neutron.datapath': 'openvswitch', 'neutron.ovsdb_connection': 'unix:%s/db.sock' % directory}, **options)

    def sh(self, command):
        """On the switch's host, with its programs looking for it there."""
        return said('export OVS_RUNDIR=%s OVS_LOGDIR=%s OVS_DBDIR=%s; %s%s' % (self.dir, self.dir, self.dir, self.inside, command))

    def vsctl(self, command):
        return self.sh('ovs-vsctl --timeout=200 --db=unix:%s/db.sock %s' % (self.dir, command))

    def flows(self, bridge='br-int'):
        return self.sh('ovs-ofctl -O OpenFlow15 dump-flows --no-stats unix:%s/%s.mgmt' % (self.dir, bridge))

    def start(self):
        os.makedirs(self.dir)
        said('ovsdb-tool create %s/conf.db /usr/share/openvswitch/vswitch.ovsschema' % self.dir)
        self.sh('ovsdb-server {0}/conf.db --remote=punix:{0}/db.sock --pidfile={0}/ovsdb-server.pid --log-file={0}/ovsdb-server.log '
                '--unixctl={0}/ovsdb-server.ctl --detach'.format(self.dir))
        self.vsctl('--no-wait init')
        self.start_switch()

    def start_switch(self):
        self.sh('ovs-vswitchd unix:{0}/db.sock --pidfile={0}/ovs-vswitchd.pid --log-file={0}/ovs-vswitchd.log --unixctl={0}/ovs-vswitchd.ctl '
                '--detach'.format(self.dir))

    def stop_switch(self):
        self.end('ovs-vswitchd')

    def end(self, program):
        try:
            pid = int(open('%s/%s.pid' % (self.dir, program)).read())
            os.kill(pid, signal.SIGTERM)
            until(lambda: not os.path.exists('/proc/%d' % pid), 30)
        except (OSError, ValueError):
            pass

    def stop(self):
        self.end('ovs-vswitchd')
        self.end('ovsdb-server')

    def plug(self, guest):
        guest.run('ethtool -K eth0 tx off')          # the userspace datapath takes an unfinished checksum for a wrong one
        self.vsctl('add-port br-int %s -- set Interface %s external_ids:iface-id=%s external_ids:attached-mac=%s external_ids:iface-status=active' % (
            guest.tap, guest.tap, guest.port['id'], guest.port['mac_address']))

    def unplug(self, guest):
        self.vsctl('--if-exists del-port br-int ' + guest.tap)
        said('%sip link del %s' % (self.inside, guest.tap))

    def cut_off(self, guest):
        return self.vsctl('get Port %s tag' % guest.tap).strip() == '4095'

    def left(self):
        return self.vsctl('list-br') + self.sh("ip -o link | grep -E 'br-int|br-ex|tap'")


class Guest:
    """A port of the cloud, plugged as Nova plugs one, with a namespace behind it."""
    made = 0

    def __init__(self, cloud, network, netns=None, **more):
        Guest.made += 1
        self.cloud, self.name = cloud, 'guest%d' % Guest.made
        self.port = cloud.call('POST', 'neutron', '/v2.0/ports', {'port': dict(
            network_id=network, device_id=SERVER % Guest.made, device_owner='compute:nova', **{'binding:host_id': cloud.host}, **more)})['port']
        self.ip, self.tap = self.port['fixed_ips'][0]['ip_address'], 'tap' + self.port['id'][:11]
        said('ip netns add %s' % self.name)
        said('ip link add %s type veth peer name eth0 address %s netns %s' % (self.tap, self.port['mac_address'], self.name))
        said('ip -n %s link set eth0 up; ip -n %s link set lo up' % (self.name, self.name))
        if netns:
            said('ip link set %s netns %s' % (self.tap, netns))
        said('ip %s link set %s up' % ('-n ' + netns if netns else '', self.tap))
        cloud.datapath.plug(self)
        started = time.monotonic()
        self.active = until(lambda: self.show()['status'] == 'ACTIVE', pause=0.005)
        self.took = time.monotonic() - started

    def show(self):
        return self.cloud.call('GET', 'neutron', '/v2.0/ports/' + self.port['id'])['port']

    def run(self, command):
        return sh('ip netns exec %s %s' % (self.name, command)).returncode == 0

    def lease(self):
        return self.run('busybox udhcpc -i eth0 -n -q -f -t 5 -T 1 -s /tmp/lease -O staticroutes -O mtu')

    def ping(self, to, count=1):
        return self.run('ping -c %d -i 0.2 -W 1 %s' % (count, to))

    def serve(self, port):
        self.run("sh -c 'setsid socat TCP-LISTEN:%d,fork,reuseaddr SYSTEM:\"echo hello\" >/dev/null 2>&1 &'" % port)
        time.sleep(0.2)

    def reach(self, to, port):
        return self.run("timeout 3 socat -t2 -T2 - TCP:%s:%d </dev/null | grep -q hello" % (to, port))


