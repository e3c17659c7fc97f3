"""A RabbitMQ of a test's own, and the C peer that stands on either end of it."""
import atexit
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENGINES = os.path.join(ROOT, 'packaging', 'engines.sh')
DEADLINE = int(os.environ.get('NACRE_DEADLINE', 300))       # seconds for what must come; a slow machine is no failure

started = []


@atexit.register
def end_all():
    for thing in reversed(started):
        thing.end()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def eventually(what, condition):
    """The condition's first true value."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError('never: ' + what)


class Rabbit:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='nacre-rabbit-')
        started.append(self)
        self.url = self.start()

    def engine(self, *words):
        return subprocess.run([ENGINES, *words], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def start(self):
        return self.engine('start', 'rabbitmq', self.dir)

    def kill(self):
        self.engine('kill', self.dir)

    def vhost(self, name):
        return self.engine('vhost', self.dir, name)

    def end(self):
        subprocess.run([ENGINES, 'remove', self.dir], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)


class Process:
    """A child that talks in lines; its errors are kept."""

    def __init__(self, words, **environment):
        self.errors = tempfile.NamedTemporaryFile('a')       # read by its name: the child's place in it is its own
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env={**os.environ, **environment})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        started.append(self)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put('')

    def line(self):
        line = self.lines.get(timeout=DEADLINE)
        if not line:
            raise AssertionError('the process has ended: ' + self.said())
        return line.strip()

    def ready(self):
        assert self.line() == 'ready'
        return self

    def say(self, text):
        self.process.stdin.write(text + '\n')
        self.process.stdin.flush()

    def said(self):
        with open(self.errors.name, errors='replace') as errors:
            return errors.read()

    def end(self):
        """Ends it; its exit status."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()           # whoever asks ends with its questions
            except OSError:
                pass
            self.process.terminate()
            try:
                self.process.wait(timeout=DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        status = self.process.wait()
        if self in started:
            started.remove(self)
        return status


def peer_program():
    program = os.environ.get('PEER')
    if not program:
        nacre = os.environ.get('NACRE') or os.path.join(ROOT, 'build', 'src', 'nacre')
        program = os.path.join(os.path.dirname(os.path.dirname(nacre)), 'tests', 'interop', 'peer')
    return program


def peer(what, url, *words, **environment):
    return Process([peer_program(), what, url, *words], **environment)


class Asker:
    """Asks through the C client, one thing at a time."""

    def __init__(self, url, **environment):
        self.process = peer('ask', url, **environment)

    def __call__(self, **ask):
        self.process.say(json.dumps(ask))
        return json.loads(self.process.line())

    def end(self):
        self.process.process.stdin.close()
        self.process.process.wait(timeout=DEADLINE)
        return self.process.end()


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, ok, why=''):
        if ok:
            self.passed += 1
            print('ok - ' + name, flush=True)
        else:
            self.failed += 1
            print('not ok - %s\n  # %s' % (name, why), flush=True)

    def equal(self, name, got, wanted):
        self(name, got == wanted, 'got %.500r, wanted %.500r' % (got, wanted))

    def end(self):
        print('%d passed, %d failed' % (self.passed, self.failed))
        sys.exit(1 if self.failed else 0)
