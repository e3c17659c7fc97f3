"""Tokens as signed JSON: issued and validated like the others, no byte of them may change, keys may be added beside."""
import base64
import json
import os
import subprocess
import time

from helpers import by_password, by_token, scope_of, sign_in, status, user_of_its_own, validate

OPTIONS = {'keystone.token_provider': 'jws'}


def claims(token):
    body = token.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(body + '=' * (-len(body) % 4)))


def test_kinds(cloud):
    _, user, project = user_of_its_own(cloud)
    for scope in (None, 'unscoped', scope_of(project)):
        token = status(sign_in(cloud, by_password(user, scope=scope)), 201).headers['X-Subject-Token']
        said = status(validate(cloud, token), 200).json()['token']
        assert claims(token)['sub'] == user and claims(token)['openstack_methods'] == ['password'] == said['methods']
        assert claims(token)['openstack_audit_ids'] == said['audit_ids']
        assert claims(token).get('openstack_project_id') == said.get('project', {}).get('id')
        again = status(sign_in(cloud, by_token(token)), 201).headers['X-Subject-Token']
        assert claims(again)['exp'] == claims(token)['exp']
        assert claims(again)['openstack_audit_ids'][1] == said['audit_ids'][0]
        assert cloud.request('DELETE', 'keystone', '/auth/tokens', headers={'X-Subject-Token': token}).status_code == 204
        status(validate(cloud, token), 404)
    assert claims(cloud.token('admin', 'system'))['openstack_system'] == 'all'


def test_every_byte_counts(cloud):
    _, user, project = user_of_its_own(cloud)
    token = status(sign_in(cloud, by_password(user, scope=scope_of(project))), 201).headers['X-Subject-Token']
    alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for at in [*range(0, len(token), 7), len(token) - 1]:
        if token[at] == '.':
            continue
        changed = token[:at] + alphabet[(alphabet.index(token[at]) + 1) % 64] + token[at + 1:]
        status(validate(cloud, changed), 404)
    head, body, signature = token.split('.')
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip('=')
    for bad in ('.'.join((none, body, '')), '.'.join((none, body, signature)), '.'.join((head, body)), '.'.join((head, body, signature, '')), '..', 'a.b.c'):
        status(validate(cloud, bad), 404)


def test_a_second_signer(cloud):
    """Another node's public key is laid beside; then the keys change, and tokens of before are good."""
    _, user, _ = user_of_its_own(cloud)
    before = status(sign_in(cloud, by_password(user)), 201).headers['X-Subject-Token']
    keys = cloud.state_dir + '/jws-keys'
    os.rename(keys + '/private/private.pem', keys + '/private/old.pem')
    os.rename(keys + '/public/public.pem', keys + '/public/old.pem')
    env = dict(os.environ, NACRE_DEFAULT_STATE_DIR=cloud.state_dir)
    subprocess.run([cloud.program, 'keystone', 'create_jws_keypair'], env=env, check=True)
    assert subprocess.run([cloud.program, 'keystone', 'create_jws_keypair'], env=env, stderr=subprocess.DEVNULL).returncode != 0
    assert os.stat(keys + '/private/private.pem').st_mode & 0o777 == 0o600
    deadline = time.monotonic() + 180
    while True:                                      # a token of the new key is taken as soon as the directories were read again
        assert time.monotonic() < deadline
        token = status(sign_in(cloud, by_password(user)), 201).headers['X-Subject-Token']
        status(validate(cloud, token), 200)
        if newly_signed(keys, token):
            break
        time.sleep(0.1)
    status(validate(cloud, before), 200)


def newly_signed(keys, token):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.exceptions import InvalidSignature
    signed, _, signature = token.rpartition('.')
    raw = base64.urlsafe_b64decode(signature + '=' * (-len(signature) % 4))
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], 'big'), int.from_bytes(raw[32:], 'big'))
    with open(keys + '/public/public.pem', 'rb') as f:
        key = serialization.load_pem_public_key(f.read())
    try:
        key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False
