"""Who ends the program at random instants, and who works meanwhile."""
import collections
import queue
import threading
import time

from processes import Processes


class Killer(threading.Thread):
    """Ends the program at n instants, spread by the work done rather than by time."""

    def __init__(self, cloud, n, done, total, rng, broker):
        super().__init__(daemon=True)
        self.cloud, self.done, self.broker, self.starts = cloud, done, broker, []
        self.at = sorted(rng.uniform(0.02, 0.98) * total for _ in range(n))
        self.rng = rng
        self.error, self.left = None, []

    def run(self):
        try:
            for at in self.at:
                while self.done() < at:
                    time.sleep(0.002)
                time.sleep(self.rng.uniform(0, 0.02))
                if self.broker:
                    self.kill_broker()
                elif isinstance(self.cloud, Processes):
                    self.kill_one()
                else:
                    self.cloud.kill()
                    self.starts.append(self.cloud.start())
        except Exception as e:
            self.error = e

    def kill_one(self):
        """Any of them, each as often as the others; started again at once, as by its supervisor."""
        self.left = self.left or self.rng.sample(sorted(self.cloud.layout), len(self.cloud.layout))
        name = self.left.pop()
        print('# %d done: %s is killed' % (self.done(), name), flush=True)
        self.cloud.kill(name)
        self.cloud.start_process(name)

    def kill_broker(self):
        broker = next(e for e in self.cloud.engines if e.kind == 'rabbitmq')
        print('# %d done: the broker is killed' % self.done(), flush=True)
        broker.kill()
        time.sleep(self.rng.uniform(0, 2))
        started = time.monotonic()
        broker.start()
        self.starts.append(time.monotonic() - started)


def in_parallel(n, work, items):
    """work(item) on n threads; returns a counter of what is done."""
    todo, done = queue.SimpleQueue(), collections.Counter()
    for item in items:
        todo.put(item)

    def loop():
        while True:
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            work(item)
            done['n'] += 1

    threads = [threading.Thread(target=loop, daemon=True) for _ in range(n)]
    for thread in threads:
        thread.start()
    return threads, lambda: done['n']
