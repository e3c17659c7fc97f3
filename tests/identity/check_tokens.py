"""Tokens: no byte of one may change, what ends one tells at the next request, keys are rotated under way, floods of wrong passwords pass by."""
import concurrent.futures
import os
import subprocess
import threading

from cloud import PASSWORD
from helpers import by_password, by_token, scope_of, sign_in, status, user_of_its_own, validate

ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'


def token_of(cloud, user, scope=None):
    return status(sign_in(cloud, by_password(user, scope=scope)), 201).headers['X-Subject-Token']


def test_every_byte_counts(cloud):
    _, user, project = user_of_its_own(cloud)
    token = token_of(cloud, user, scope_of(project))
    for at in range(len(token)):
        changed = token[:at] + ALPHABET[(ALPHABET.index(token[at]) + 1) % 64] + token[at + 1:]
        status(validate(cloud, changed), 404)
    for bad in (token[:-1], token[1:], token + 'A', token + '=A', token * 2, 'gAAAAA', '-', '\u00e4'.encode().decode('latin-1'), 'x' * 3000):
        status(validate(cloud, bad), 404)
        status(cloud.request('GET', 'keystone', '/auth/projects', token=bad), 401)
        status(cloud.request('GET', 'nova', '/servers', token=bad), 401)
    status(validate(cloud, token), 200)


def test_what_ends_it_tells_at_once(cloud):
    roles = {r['name']: r['id'] for r in cloud.call('GET', 'keystone', '/roles')['roles']}

    def ended_by(method, path, body=None, back=None):
        _, user, project = user_of_its_own(cloud)
        token = token_of(cloud, user, scope_of(project))
        for service, ask in (('keystone', '/auth/projects'), ('nova', '/servers')):
            status(cloud.request('GET', service, ask, token=token), 200)
        status(validate(cloud, token), 200)
        names = {'user': user, 'project': project, 'role': roles['member']}
        cloud.call(method, 'keystone', path % names, body)
        status(validate(cloud, token), 404)
        for service, ask in (('keystone', '/auth/projects'), ('nova', '/servers')):
            status(cloud.request('GET', service, ask, token=token), 401)
        if back:
            cloud.call('PATCH', 'keystone', path % names, back)
            status(sign_in(cloud, by_password(user, scope=scope_of(project))), 201)

    ended_by('PATCH', '/users/%(user)s', {'user': {'enabled': False}}, {'user': {'enabled': True}})
    ended_by('PATCH', '/users/%(user)s', {'user': {'password': 'another'}}, {'user': {'password': PASSWORD}})
    ended_by('PATCH', '/projects/%(project)s', {'project': {'enabled': False}}, {'project': {'enabled': True}})
    ended_by('DELETE', '/projects/%(project)s/users/%(user)s/roles/%(role)s')
    ended_by('DELETE', '/users/%(user)s')
    ended_by('DELETE', '/projects/%(project)s')


def test_one_of_several_is_revoked_alone(cloud):
    _, user, project = user_of_its_own(cloud)
    first, second = token_of(cloud, user, scope_of(project)), token_of(cloud, user, scope_of(project))
    child = status(sign_in(cloud, by_token(first)), 201).headers['X-Subject-Token']
    status(cloud.request('DELETE', 'keystone', '/auth/tokens', token=first, headers={'X-Subject-Token': first}), 204)
    status(validate(cloud, first), 404)
    status(validate(cloud, second), 200)
    status(validate(cloud, child), 200)
    status(sign_in(cloud, by_token(first)), 401, 404)


def test_again_and_again(cloud):
    """Password changed and changed back, within the second: each time the tokens of before end, and those of after are good."""
    _, user, _ = user_of_its_own(cloud)
    token = token_of(cloud, user)
    for turn in range(6):
        cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'password': PASSWORD}})
        status(validate(cloud, token), 404)
        token = token_of(cloud, user)
        status(validate(cloud, token), 200)


def test_keys_are_rotated_under_way(cloud):
    """Nobody's validation fails while the keys are rotated as often as tokens are read between."""
    _, user, project = user_of_its_own(cloud)
    env = dict(os.environ, NACRE_DEFAULT_STATE_DIR=cloud.state_dir, NACRE_KEYSTONE_MAX_ACTIVE_KEYS='20')
    stop, codes = threading.Event(), set()

    def ask():
        import requests
        session = requests.Session()
        session.trust_env = False
        while not stop.is_set():
            reply = session.post(cloud.url('keystone', '/auth/tokens'), json=by_password(user, scope=scope_of(project)))
            codes.add(reply.status_code)
            seen = session.get(cloud.url('keystone', '/auth/tokens'), headers={'X-Auth-Token': reply.headers['X-Subject-Token'],
                                                                             'X-Subject-Token': reply.headers['X-Subject-Token']})
            codes.add(seen.status_code)

    before = token_of(cloud, user, scope_of(project))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for _ in range(8):
                subprocess.run([cloud.program, 'keystone', 'fernet_rotate'], env=env, check=True)
        finally:
            stop.set()
        for each in asking:
            each.result()
    assert codes == {201, 200}, codes
    cloud.call('PATCH', 'keystone', '/projects/' + project, {'project': {'description': 'so that nothing is known'}})
    status(validate(cloud, before), 200)
    assert len([f for f in os.listdir(cloud.state_dir + '/fernet-keys') if f.isdigit()]) == 10


def test_a_flood_of_wrong_passwords(cloud):
    """On one account, on many, on none: refused or put off, and others are served meanwhile."""
    users = [user_of_its_own(cloud)[1] for _ in range(4)] + ['f' * 32]
    token = cloud.token()

    def wrong(n):
        user = users[n % len(users)] if n % 2 else users[0]
        return cloud.session.post(cloud.url('keystone', '/auth/tokens'), json=by_password(user, 'wrong-and-secret-%d' % n)).status_code

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        flood = [pool.submit(wrong, n) for n in range(800)]
        while not all(f.done() for f in flood):
            status(validate(cloud, token), 200)
            status(cloud.request('GET', 'keystone', '/projects'), 200)
        codes = {f.result() for f in flood}
    assert codes <= {401, 503} and 401 in codes, codes
    for user in users[:-1]:
        status(sign_in(cloud, by_password(user)), 201)
    with open(cloud.state_dir + '/log', encoding='utf-8', errors='replace') as f:
        log = f.read()
    assert 'wrong-and-secret' not in log and PASSWORD + '"' not in log and token not in log
