"""A PostgreSQL or RabbitMQ of a test's own: with Engine('rabbitmq') as broker: broker.url ... ; ended with the test in any case."""
import atexit
import os
import shutil
import subprocess
import tempfile

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'packaging', 'engines.sh')
started = set()


class Engine:
    def __init__(self, kind):
        self.kind, self.dir, self.url = kind, tempfile.mkdtemp(prefix='nacre-%s-' % kind), None

    @staticmethod
    def has(kind):
        return subprocess.run([SCRIPT, 'has', kind]).returncode == 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def start(self):
        """Again after kill() or stop(): on the same port, with what it holds."""
        started.add(self)
        self.url = self.run('start', self.kind, self.dir)

    def stop(self):
        self.run('stop', self.dir)

    def kill(self):
        """As a power cut does."""
        self.run('kill', self.dir)

    def remove(self):
        self.run('remove', self.dir)
        started.discard(self)
        shutil.rmtree(self.dir, ignore_errors=True)

    def database(self, name):
        """Its URL."""
        return self.run('database', self.dir, name)

    def vhost(self, name):
        """Its URL."""
        return self.run('vhost', self.dir, name)

    def run(self, *words):
        return subprocess.run([SCRIPT, *words], check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ, ENGINES_FAST='1')).stdout.strip()


@atexit.register
def remove_started():
    for engine in list(started):
        engine.remove()
