"""A cloud of several processes to test against: PostgreSQL and RabbitMQ of its own, each role a process, started again where killed.

The host's roles have a state directory of their own, as on a host of their own; they share the secrets.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

from cloud import PASSWORD, Cloud, running
from engines import Engine

SERVICES = ('keystone', 'glance', 'placement', 'nova', 'neutron')
LAYOUT = (('api-1', 'api'), ('api-2', 'api'), ('conductor-1', 'conductor'), ('conductor-2', 'conductor'), ('neutron-rpc', 'neutron-rpc'),
          ('compute', 'compute'), ('network', 'network'))
OWN_STATE = ('compute', 'network')


class Processes(Cloud):
    """Cloud, but for its processes: kill(name) and start_process(name) are of one of them."""

    def __init__(self, *arguments, layout=LAYOUT, hosts=None, **keywords):
        """layout: (name, role) of each process; hosts: {name: host} of those that are on another."""
        super().__init__(*arguments, **keywords)
        self.layout, self.hosts = dict(layout), hosts or {}
        self.engines, self.processes, self.logs = [], {}, {}
        self.config = os.path.join(self.state_dir, 'nacre.conf')

    def start(self, timeout=480):
        started = time.monotonic()
        if not self.engines:
            self.engines = [Engine('postgresql'), Engine('rabbitmq')]
            for engine in self.engines:
                engine.start()
            self.configure(*self.engines)
        for name in self.layout:
            self.start_process(name)
        while not self.ready():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise RuntimeError('%s ended with %d:\n%s' % (name, process.returncode, self.log_tail()))
            if time.monotonic() - started > timeout:
                raise RuntimeError('not up after %d s:\n%s' % (timeout, self.log_tail()))
            time.sleep(0.2)
        return time.monotonic() - started

    def configure(self, postgresql, rabbitmq):
        options = {'DEFAULT': {'transport_url': rabbitmq.url, 'share_ports': 'true', 'sim': str(self.sim).lower(), 'port_offset': self.offset,
                               'host': 'node', 'admin_password': PASSWORD}}
        for service in SERVICES:
            options[service] = {'connection': postgresql.database(service)}
        for name, value in self.options.items():
            section, option = name.split('.', 1)
            options.setdefault('DEFAULT' if section == 'default' else section, {})[option] = value
        with open(self.config, 'w') as f:
            os.fchmod(f.fileno(), 0o600)
            for section, values in options.items():
                f.write('[%s]\n' % section + ''.join('%s = %s\n' % pair for pair in values.items()))
        os.makedirs(os.path.join(self.state_dir, 'secrets'), mode=0o700, exist_ok=True)
        for name in self.layout:
            if self.state_of(name) != self.state_dir:
                os.makedirs(self.state_of(name), exist_ok=True)
                os.symlink(os.path.join(self.state_dir, 'secrets'), os.path.join(self.state_of(name), 'secrets'))

    def state_of(self, name):
        return os.path.join(self.state_dir, name) if self.layout[name] in OWN_STATE else self.state_dir

    def start_process(self, name):
        log = open(os.path.join(self.state_dir, name + '.log'), 'ab')
        environment = {'NACRE_DEFAULT_HOST': self.hosts[name]} if name in self.hosts else {}
        process = subprocess.Popen([self.program, self.layout[name], '--name', name, '--foreground', '--config', self.config,
                                    '--state-dir', self.state_of(name)], stdout=log, stderr=log, env={**os.environ, **environment})
        log.close()
        running.add(process)
        self.processes[name] = process

    def ready(self):
        """The APIs answer, a host can take servers, and its ports can be bound."""
        if not self.answers():
            return False
        try:
            nodes = self.call('GET', 'nova', '/os-hypervisors')['hypervisors']
            agents = self.call('GET', 'neutron', '/v2.0/agents')['agents']
            providers = self.call('GET', 'placement', '/resource_providers?resources=VCPU:1')['resource_providers']
        except (OSError, RuntimeError):
            self.tokens.clear()
            return False
        hosts = int(self.options.get('default.sim_hosts', 1)) + len(set(self.hosts.values()))
        return len(nodes) == len(providers) == hosts and len([a for a in agents if a['alive']]) >= hosts + 3

    def kill(self, name, how=signal.SIGKILL):
        process = self.processes[name]
        process.send_signal(how)
        process.wait()
        running.discard(process)

    def stop(self):
        well = True
        for process in self.processes.values():
            process.terminate()
        for name, process in self.processes.items():
            try:
                well &= process.wait(timeout=90) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                well = False
            running.discard(process)
        if self.processes:
            self.tail = self.log_tail()
        self.processes = {}
        for engine in self.engines:
            engine.remove()
        self.engines = []
        if self.own_dir:
            shutil.rmtree(self.state_dir, ignore_errors=True)
        return well

    def log_tail(self, size=2000):
        texts = []
        for name in self.layout:
            try:
                with open(os.path.join(self.state_dir, name + '.log'), 'rb') as f:
                    f.seek(0, os.SEEK_END)
                    f.seek(max(0, f.tell() - size))
                    texts.append('--- %s\n%s' % (name, f.read().decode(errors='replace')))
            except OSError:
                pass
        return '\n'.join(texts)

    def trace(self, what, *options):
        return subprocess.run([self.program, 'trace', what, '--state-dir', self.state_dir, '--config', self.config, *options],
                              stdout=subprocess.PIPE, text=True).stdout
