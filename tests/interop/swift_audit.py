"""account-audit and container-deleter: what both sides' programs say and do on one cluster, while nothing is wrong and while much is."""
import json
import os
import shutil
import subprocess
import time

from originals import eventually
from swift_mixed import INTERNAL_PIPELINE, NACRE, Client, Original, Ours, hash_of, partition_of, stamp

ACCOUNT = 'AUTH_audited'
INTERNAL = '[DEFAULT]\n' + INTERNAL_PIPELINE


class Audits:
    def __init__(self, cluster, count):
        self.cluster, self.count, self.environment = cluster, count, dict(os.environ, **cluster.nodes[1].environment())
        self.errors = cluster.host.path('audit-errors')

    def said(self, command, words, lines):
        if os.path.exists(self.errors):
            os.unlink(self.errors)
        done = subprocess.run(command + words, input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)
        out, noted = done.stdout.splitlines(), []
        if os.path.exists(self.errors):
            with open(self.errors) as file:
                noted = file.read().splitlines()
        # An account that is not well is to be noted as well; the original prints the file instead.
        noted += [line.split(' <')[0] for line in out if '<_io.TextIOWrapper' in line]
        out = [line for line in out if '<_io.TextIOWrapper' not in line]
        return done.returncode, sorted(out), sorted(noted)

    def theirs(self, *words, lines=''):
        return self.said(['swift-account-audit'], list(words), lines)

    def ours(self, *words, lines=''):
        return self.said([NACRE, 'swift', 'account-audit', '--state-dir', self.cluster.host.path('state-n1')], list(words), lines)

    def compare(self, what, *words, lines=''):
        theirs = self.theirs('-e', self.errors, *words, lines=lines)
        self.count.equal('account-audit: %s: %s' % (what, ' '.join(words)), self.ours('-e', self.errors, *words, lines=lines), theirs)
        return theirs


def place(node, box, name):
    h = hash_of(ACCOUNT, box, name)
    return os.path.join(node.drive, 'objects', str(partition_of(ACCOUNT, box, name)), h[-3:], h)


def others(audits, box):
    """What is asked for in other ways."""
    audits.compare('a container', '%s/%s' % (ACCOUNT, box))
    audits.compare('an object', '/%s/%s/o-1' % (ACCOUNT, box))
    audits.compare('an object, one at a time, read', '-d', '-c', '1', '/%s/%s/o é' % (ACCOUNT, box))
    audits.compare('what is not there', '%s/%s/never' % (ACCOUNT, box))
    audits.compare('a container that is not there', '%s/never' % ACCOUNT)
    audits.compare('an account that is not there', 'AUTH_never')
    audits.compare('from a list', lines='%s/%s/o-0\r\n//%s/%s/o-2\n' % (ACCOUNT, box, ACCOUNT, box))
    for words in (['-x'], ['-c'], ['-c', 'many'], ['/']):
        audits.count.equal('account-audit refuses %s' % words, audits.ours(*words)[0], audits.theirs(*words)[0])


def account_audit(cluster, count):
    audits, client = Audits(cluster, count), Client(8888, ACCOUNT)
    boxes, names = ['first', 'second box'], ['o-0', 'o-1', 'o-2', 'o é']
    for box in boxes:
        assert client('PUT', '/' + box)[0] == 201
        for name in names:
            assert client('PUT', '/%s/%s' % (box, name), name.encode() * 100)[0] == 201
    cluster.settle()
    out = audits.compare('all is well', ACCOUNT)[1]
    count.check('account-audit: all are looked at', '   Objects checked: %d' % (len(boxes) * len(names)) in out, out)
    audits.compare('all is well', '-d', ACCOUNT)
    others(audits, 'first')
    lost = place(cluster.primaries('object', ACCOUNT, 'first', 'o-1')[1], 'first', 'o-1')
    shutil.rmtree(lost)
    out = audits.compare('an object is lost on one node', ACCOUNT)
    count.equal('account-audit: it is noted', '/%s/first/o-1' % ACCOUNT in out[2], True)
    node = cluster.primaries('object', ACCOUNT, 'first', 'o-2')[0]
    assert node.send('object', 'PUT', '%s/first/o-2' % ACCOUNT, X_Timestamp=stamp(), Content_Type='text/plain') == 201
    assert node.send('object', 'PUT', '%s/second box/dark' % ACCOUNT, X_Timestamp=stamp(), Content_Type='text/plain') in (201, 507)
    audits.compare('an object is another on one node', '-d', ACCOUNT)
    node = [n for n in cluster.primaries('container', ACCOUNT, 'second box') if isinstance(n, Original)][0]
    os.unlink(node.database(ACCOUNT, 'second box'))
    assert node.send('container', 'PUT', '%s/second box' % ACCOUNT, X_Timestamp=stamp(), X_Backend_Storage_Policy_Index='0') in (201, 202)
    status = node.send('container', 'PUT', '%s/second box/o-0' % ACCOUNT, X_Timestamp=stamp(), X_Size='1', X_Content_Type='text/plain', X_Etag='0' * 32)
    assert status == 201, status
    audits.compare('databases differ', ACCOUNT)
    node = cluster.nodes[3]
    node.end()
    audits.compare('a node does not answer', '-d', ACCOUNT)
    node.start()
    node.await_servers()


# --- what is in a container is to go ---

class Deleters:
    def __init__(self, cluster, count):
        self.cluster, self.count = cluster, count
        self.environment = dict(os.environ, **cluster.nodes[1].environment())
        self.conf = cluster.host.write('deleter.conf', INTERNAL)

    def said(self, theirs, words):
        command = ['swift-container-deleter', '--config', self.conf]
        if not theirs:
            command = [NACRE, 'swift', 'container-deleter', '--state-dir', self.cluster.host.path('state-n1'), '--conf', self.conf]
        done = subprocess.run(command + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)
        return done.returncode, done.stdout

    def queued(self, when):
        """What each node has in the queue of that second, times as T."""
        found, box = [], str(int(float(when)))
        nodes = self.cluster.primaries('container', '.expiring_objects', box)
        for node in nodes:
            if node.send('container', 'GET', '.expiring_objects/' + box) == 200:     # what is pending is in the database then
                found.append(json.loads(json.dumps(node.rows('.expiring_objects', box)[1:]).replace(when, 'T')))
        return found

    def compare(self, what, *words):
        theirs = stamp()
        said_ = self.said(True, ['--timestamp', theirs, *words])
        time.sleep(1.1)                 # another second's container
        ours = stamp()
        self.count.equal('container-deleter: %s' % what, self.said(False, ['--timestamp', ours, *words]), said_)
        self.count.equal('container-deleter: %s: the queue' % what, self.queued(ours), self.queued(theirs))
        time.sleep(1.1)
        return self.queued(ours), said_


def container_deleter(cluster, count):
    deleters, client = Deleters(cluster, count), Client(8080, ACCOUNT)
    assert client('PUT', '/going')[0] == 201
    for name in ('a/0', 'a/1', 'b é', 'c"quoted"', 'd'):
        assert client('PUT', '/going/' + name, b'x')[0] == 201
    cluster.settle()
    deleters.compare('a prefix', '--prefix', 'a/', ACCOUNT, 'going')
    deleters.compare('a part', '--marker', 'a/1', '--end-marker', 'd', ACCOUNT, 'going')
    deleters.compare('nothing', ACCOUNT, 'never')
    queued, said_ = deleters.compare('all', '--request-tries=2', ACCOUNT, 'going')
    count.equal('container-deleter: what it says', said_, (0, 'Finished. Marked 5 objects for deletion.\n'))
    count.equal('container-deleter: all nodes have it', [len(rows) for rows in queued], [5, 5, 5])
    for words in ([], ['a'], ['--timestamp', 'soon', 'a', 'c'], ['--request-tries', 'x', 'a', 'c'], ['--request-tries', '0', 'a', 'c'], ['--what', 'a', 'c']):
        count.equal('container-deleter refuses %s' % words, deleters.said(False, words), deleters.said(True, words))
    for node in cluster.nodes:
        node.daemon('container-updater')                 # which lists the queue's containers
    cluster.nodes[1].daemon('object-expirer')
    cluster.settle()
    count.equal('container-deleter: the expirer deletes them', client('GET', '/going')[::2], (204, b''))
