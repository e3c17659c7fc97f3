"""manage-shard-ranges as both sides have it: the same words on copies of the same database say the same, end alike, and leave the same rows."""
import collections
import contextlib
import io
import json
import os
import random
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys

from swift_cluster import NACRE

# A database, the words (@: its path, DIR: where it and FILES are), and after '<' what is answered.
CASES = r"""
plain       @ info
plain       @ show
plain       @ find 10
plain       @ find 10 --minimum-shard-size 6
plain       @ find 10 --minimum-shard-size 12
plain       @ find 2000000
plain       @ find 0
plain       @ find -5
plain       @ find ten
plain       --config DIR/conf @ find
plain       --config DIR/small @ find
plain       --config DIR/small @ find 9
plain       --config DIR/wrong @ find
plain       --config DIR/other @ find
plain       --config DIR/nothing @ find
plain       @ find_and_replace 10
plain       -v @ find_and_replace 10
plain       @ find_and_replace 10 --enable --enable-timeout 7 --replace-timeout 9
plain       @ find_and_replace 100
plain       @ replace DIR/two.json
plain       -v @ replace DIR/two.json --shards_account_prefix .other_
plain       @ replace DIR/all.json
plain       @ replace DIR/index.json
plain       @ replace DIR/order.json
plain       @ replace DIR/type.json
plain       @ replace DIR/count.json
plain       @ replace DIR/more.json
plain       @ replace DIR/empty.json
plain       @ replace DIR/torn.json
plain       @ replace DIR/dict.json
plain       @ replace DIR/numbers.json
plain       @ replace DIR/nothing.json
plain       @ replace - < [{"index": 0, "lower": "", "upper": "", "object_count": 25}]
plain       @ replace
plain       @ replace DIR/two.json --enable-timeout 5
plain       DIR/index.json analyze
plain       DIR/torn.json analyze
plain       DIR/nothing.db info
plain       @ info more
plain       @ merge
plain       @
pending     @ info
pending     @ find 10
pending     --force-commits @ info
pending     @ enable
found       @ info
found       @ show
found       @ show --includes o009
found       @ show --includes=
found       @ show -bd
found       @ enable
found       @ delete < q\n
found       @ delete < no\ns\nyes\n
found       @ delete <  yes\nq\n
found       @ delete
found       @ delete -f
found       @ delete --for
found       -f @ delete < q\n
found       @ delete --gaps < q\n
found       @ replace DIR/two.json < q\n
found       @ replace DIR/two.json < yes\n
torn        @ show
torn        @ show --brief
torn        @ enable
torn        @ repair --gaps -y
begun       @ enable
begun       @ info
begun       @ delete < q\n
begun       @ replace DIR/two.json -f --enable
shrunk      @ enable
shard       @ find_and_replace 10 -f
shard       @ enable --shards_account_prefix .other
shard       @ compact -y
shard       @ repair -y
ownshard    @ find_and_replace 5 --minimum-shard-size 1
ownshard    @ enable
cleaving    @ info
cleaving    @ find 10
cleaving    @ delete < s\nyes\n
sharded     @ info
sharded     @ show --include_deleted
sharded     @ compact < yes\n
sharded     @ compact < no\n
sharded     @ compact
sharded     @ compact -y --shrink-threshold 10 --max-shrinking 2 --max-expanding 1
sharded     @ compact -y --shrink-threshold 200000 --expansion-limit 200000 --max-shrinking 9
sharded     --config DIR/conf @ compact -y
sharded     --config DIR/conf @ compact -y --max-shrinking 1 --max-expanding 3
sharded     @ compact -yn
sharded     @ compact --max-expanding 0
sharded     @ repair -y
little      @ compact -y --max-shrinking 4
beside      -v @ repair -n
beside      @ repair < yes\n
beside      @ repair < YES\n
beside      @ compact -y
alone       @ repair -y
gaps        @ repair -y
gaps        @ repair --gaps < yes\n
gaps        @ repair --gaps -y --max-expanding 1
shrinking   @ repair -y
sharding    @ repair -y
"""
TWO = [{'index': 0, 'lower': '', 'upper': 'o011', 'object_count': 12}, {'index': 1, 'lower': 'o011', 'upper': '', 'object_count': 13}]
ONE = {'index': 0, 'lower': '', 'upper': '', 'object_count': 1}
FILES = {
    'two.json': TWO, 'empty.json': [], 'dict.json': {'a': 1}, 'numbers.json': [1], 'torn.json': None,
    'all.json': [dict(ONE, bytes_used=7, state='active', tombstones=3, epoch='1600000000.00000', reported=1, deleted=1)],
    'index.json': [dict(ONE, index='x-é', lower=None, object_count='7')], 'order.json': [dict(ONE, lower='c', upper='b')],
    'type.json': [dict(ONE, upper=5)], 'count.json': [dict(ONE, object_count=-1)], 'more.json': [dict(ONE, colour='red')],
    'conf': '[container-sharder]\nshard_container_threshold = 40\nshrink_threshold = 5\nexpansion_limit = 20\nmax_shrinking = 2\nmax_expanding = 1\n',
    'small': '[container-sharder]\nrows_per_shard = 5\nminimum_shard_size = 7\n', 'wrong': '[container-sharder]\nshrink_threshold = x\n', 'other': '[other]\n',
}
ROOT, SHARDS = 'AUTH_test/c', '.shards_AUTH_test'
TIME = r'\b\d{10}\.\d{5}\b'


def at(seconds):
    from swift.common.utils import Timestamp
    return Timestamp(1600000000 + seconds)


def part(i, lower, upper, state, objects, ts=10, **more):
    from swift.common.utils import ShardRange
    return ShardRange('%s/c-%s' % (SHARDS, i), at(ts), lower, upper, objects, objects * 3, state=state, **more)


def own(state, epoch=None):
    from swift.common.utils import ShardRange
    return ShardRange(ROOT, at(5), state=state, epoch=epoch)


def make(path, name=ROOT, objects=0, parts=(), meta=(), epoch=None, pending=0, begins=False):
    """The database of a container, as the original makes it."""
    from swift.container.backend import ContainerBroker
    from swift.container.sharder import CleavingContext
    account, container = name.split('/')
    os.makedirs(path)
    broker = ContainerBroker('%s/%032x%s.db' % (path, 1, '_' + epoch if epoch else ''), account=account, container=container)
    broker.initialize(at(0).normal, 0)
    for i in range(objects + pending):
        if i == objects:
            broker._commit_puts()
        broker.put_object('o%03d' % i, at(1 + i).normal, 10, 'text/plain', 'e' * 32)
    if not pending:
        broker._commit_puts()
    broker.merge_shard_ranges(list(parts))
    broker.update_metadata({k: (v, at(2).normal) for k, v in meta})
    if begins:
        broker.get_info()
        assert broker.set_sharding_state()
        context = CleavingContext.load(broker)
        context.cursor, context.cleave_to_row, context.ranges_done = 'o004é', 7, 1
        context.store(broker)


def databases(path):
    """{name: its directory}"""
    whole = [part(0, '', 'o009', 'found', 10), part(1, 'o009', '', 'found', 15)]
    odd = (('X-Container-Sysmeta-Sharding', 'True'), ('X-Container-Meta-Odd', 'é \'"'), ('X-Container-Meta-Gone', ''))
    root = (('X-Container-Sysmeta-Shard-Quoted-Root', 'AUTH_test/c%20%C3%A9'),)
    is_shard = {'name': SHARDS + '/c-0', 'meta': root, 'objects': 25}
    is_sharded = {
        'sharded': [part(0, '', 'd', 'active', 3), part(1, 'd', 'h', 'active', 300, tombstones=5), part(2, 'h', 'k', 'active', 2, tombstones=1),
                    part(3, 'k', 'n', 'active', 4), part(4, 'n', '', 'active', 100000), part(5, '', 'b', 'sharded', 1, deleted=True)],
        'little': [part(0, '', 'd', 'active', 3), part(1, 'd', '', 'active', 3)],
        'beside': [part(0, '', 'd', 'active', 3), part(1, 'd', '', 'active', 3), part(2, '', 'e', 'active', 30, 11), part(3, 'e', '', 'active', 3, 11)],
        'alone': [part(0, '', 'd', 'cleaved', 3), part(1, 'd', 'f', 'created', 3), part(2, 'f', '', 'active', 30, 11), part(3, '', 'e', 'found', 3, 11)],
        'gaps': [part(0, 'b', 'd', 'active', 3), part(1, 'f', 'h', 'active', 5), part(2, 'i', 'k', 'created', 5), part(3, 'm', 'p', 'created', 6),
                 part(7, 'd', 'f', 'active', 5, 12, deleted=True), part(8, 'q', 'u', 'shrinking', 3)],
        'shrinking': [part(0, '', 'd', 'shrinking', 3), part(1, 'd', '', 'active', 5), part(2, '', 'd', 'active', 1)],
        'sharding': [part(0, '', 'd', 'sharding', 3), part(1, 'd', '', 'active', 5), part(2, '', 'd', 'active', 1)],
    }
    made = {
        'plain': {'objects': 25}, 'pending': {'objects': 18, 'pending': 7}, 'found': {'objects': 25, 'parts': whole, 'meta': odd},
        'torn': {'objects': 25, 'parts': [whole[0], part(1, 'o010\'"é\n\xa0', '', 'found', 15)]},
        'begun': {'objects': 25, 'parts': whole + [own('sharding', at(7))]}, 'shrunk': {'parts': whole + [own('shrunk', at(7))]},
        'shard': is_shard, 'ownshard': dict(is_shard, parts=[part(0, 'o003', 'o020', 'active', 25)]),
        'cleaving': {'objects': 25, 'parts': [part(0, '', 'o009', 'created', 10), whole[1], own('sharding', at(7))], 'begins': True},
    }
    for name, parts in is_sharded.items():
        made[name] = {'epoch': at(7).normal, 'parts': parts + [own('sharded', at(7))]}
    for name, how in made.items():
        make(os.path.join(path, name), **how)
        for file, content in FILES.items():
            with open(os.path.join(path, name, file), 'w') as f:
                f.write(content if isinstance(content, str) else json.dumps(content) if content is not None else '[{')
    return {name: os.path.join(path, name) for name in made}


def random_parts(rng):
    """Ranges that leave gaps and lie over each other."""
    bounds = [''] + sorted(rng.sample('abcdefghijkl', rng.randint(1, 6))) + ['']
    states = rng.choice([['active'], ['cleaved', 'created'], ['active', 'cleaved', 'created', 'found'], ['active', 'shrinking']])
    parts = []
    for _ in range(rng.randint(1, 3)):
        ts = 10 + rng.randint(0, 2)
        for i in range(len(bounds) - 1):
            if rng.random() < 0.9:
                upper = bounds[min(len(bounds) - 1, i + rng.choice([1, 1, 1, 2]))]
                parts.append(part(len(parts), bounds[i], upper, rng.choice(states), rng.choice([0, 1, 5, 5, 50]), ts, tombstones=rng.choice([-1, 3])))
    return parts


# --- one call ---------------------------------------------------------------------------------------------------------------------


def call_theirs(words, answers):
    from swift.cli import manage_shard_ranges
    out, errors, was = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(answers)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                status = manage_shard_ranges.main(words)
            except SystemExit as e:
                status = e.code
            except Exception:           # its interpreter says so and ends
                status = 1
    finally:
        sys.stdin = was
    return status, out.getvalue(), errors.getvalue()


def call_ours(state_dir):
    def call(words, answers):
        words = ['--conf' if w == '--config' else w for w in words]
        done = subprocess.run([NACRE, 'swift', 'manage-shard-ranges', *words, '--state-dir', state_dir], input=answers, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=dict(os.environ, NACRE_SWIFT_SWIFT_DIR='/etc/swift'))
        return done.returncode, done.stdout, done.stderr
    return call


def rows(path):
    """What the databases of the directory hold."""
    found = {'pending': sum(os.path.getsize(os.path.join(path, f)) for f in os.listdir(path) if f.endswith('.pending'))}
    for name in sorted(f for f in os.listdir(path) if f.endswith('.db')):
        with contextlib.closing(sqlite3.connect(os.path.join(path, name))) as db:
            found[name] = [db.execute('SELECT * FROM shard_range').fetchall(), db.execute('SELECT name, deleted FROM object').fetchall(),
                           json.loads(db.execute('SELECT metadata FROM container_info').fetchone()[0] or '{}')]
    return found


def seen(call, base, words, answers):
    """(status, what is said, rows), times of now as NOW."""
    path, known = base + '-copy', set(re.findall(TIME, repr(rows(base))))
    shutil.copytree(base, path)
    try:
        database = os.path.join(path, min(f for f in os.listdir(path) if f.endswith('.db')))
        status, out, errors = call([database if w == '@' else w.replace('DIR', path) for w in words], answers)
        left = rows(path)
    finally:
        shutil.rmtree(path)

    def plain(text):
        text = re.sub(r'in [0-9.e-]+s ', 'in Ns ', text.replace(path, 'DIR'))
        return re.sub(TIME, lambda m: m.group() if m.group() in known else 'NOW', text)
    said = [plain(out)]
    if status in (0, 3):                # how a word is refused both say in their own way
        said.append(plain(errors))
    if words == ['@']:                  # its help
        said = []
    return status, said, plain(repr(left))


def compare(count, host):
    """All cases, and what mends on random ranges."""
    path = host.path('manage')
    found, ours = databases(path), call_ours(host.path('state-manage'))
    for line in CASES.strip().splitlines():
        words, _, answers = line.partition(' < ')
        name, *words = shlex.split(words)
        answers = answers.replace('\\n', '\n')
        count.equal('manage-shard-ranges: ' + line, seen(ours, found[name], words, answers), seen(call_theirs, found[name], words, answers))
    same = collections.Counter()
    for seed in range(25):
        rng, base = random.Random(seed), os.path.join(path, 'random%d' % seed)
        make(base, epoch=at(7).normal, parts=random_parts(rng) + [own('sharded', at(7))])
        for words in ('-v @ repair -y', '@ repair --gaps -y', '@ compact -y --shrink-threshold 10 --expansion-limit 20 --max-shrinking 2'):
            same[seen(ours, base, words.split(), '') == seen(call_theirs, base, words.split(), '')] += 1
    count.equal('manage-shard-ranges: random ranges are mended alike', same[False], 0)
