"""One-time codes of the clock, and several methods demanded of a user, given at once or one after the other with a receipt."""
import base64
import hashlib
import hmac
import os
import struct
import time

from cloud import PASSWORD
from helpers import by_password, by_token, sign_in, status, user_of_its_own

RECEIPT = 'Openstack-Auth-Receipt'


def code(seed, ago=0):
    mac = hmac.new(seed, struct.pack('>Q', int(time.time() - ago) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return '%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


def seeded(cloud, user):
    seed = os.urandom(20)
    cloud.call('POST', 'keystone', '/credentials', {'credential': {
        'type': 'totp', 'user_id': user, 'blob': base64.b32encode(seed).decode().rstrip('=')}})
    return seed


def totp(user, passcode):
    return {'user': {'id': user, 'passcode': passcode}}


def by_totp(user, passcode):
    return {'auth': {'identity': {'methods': ['totp'], 'totp': totp(user, passcode)}}}


def demand(cloud, user, *rules, enabled=True):
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'options': {
        'multi_factor_auth_enabled': enabled, 'multi_factor_auth_rules': [list(r) for r in rules]}}})


def test_codes(cloud):
    _, user, _ = user_of_its_own(cloud)
    status(sign_in(cloud, by_totp(user, '123456')), 401)
    seed = seeded(cloud, user)
    said = status(sign_in(cloud, by_totp(user, code(seed))), 201).json()['token']
    assert said['methods'] == ['totp'] and said['user']['id'] == user
    status(sign_in(cloud, by_totp(user, code(seed, ago=3600))), 401)
    for bad in ('', 'abcdef', code(seed) + '0', 123456, None):
        status(sign_in(cloud, by_totp(user, bad)), 401)
    status(sign_in(cloud, by_totp('f' * 32, code(seed))), 401)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'enabled': False}})
    status(sign_in(cloud, by_totp(user, code(seed))), 401)


def test_both_at_once(cloud):
    _, user, _ = user_of_its_own(cloud)
    seed = seeded(cloud, user)
    demand(cloud, user, ['password', 'totp'])
    both = by_password(user, methods=['password', 'totp'], totp=totp(user, code(seed)))
    token = status(sign_in(cloud, both), 201)
    assert sorted(token.json()['token']['methods']) == ['password', 'totp']
    status(sign_in(cloud, by_token(token.headers['X-Subject-Token'])), 201)
    both['auth']['identity']['totp']['user']['passcode'] = 'wrong!'
    assert RECEIPT not in status(sign_in(cloud, both), 401).headers


def test_one_after_the_other(cloud):
    _, user, _ = user_of_its_own(cloud)
    seed = seeded(cloud, user)
    demand(cloud, user, ['password', 'totp'], ['oauth1', 'totp'], ['external'])
    reply = status(sign_in(cloud, by_password(user)), 401)
    said, receipt = reply.json(), reply.headers[RECEIPT]
    assert said['receipt']['methods'] == ['password'] and said['receipt']['user']['id'] == user
    assert [sorted(r) for r in said['required_auth_methods']] == [['password', 'totp']]
    assert 'X-Subject-Token' not in reply.headers
    status(sign_in(cloud, by_totp(user, code(seed))), 401)
    token = status(sign_in(cloud, by_totp(user, code(seed)), {RECEIPT: receipt}), 201)
    assert sorted(token.json()['token']['methods']) == ['password', 'totp']
    for bad in (receipt[:-1], receipt[:40] + ('A' if receipt[40] != 'A' else 'B') + receipt[41:], 'nothing', token.headers['X-Subject-Token']):
        reply = status(sign_in(cloud, by_totp(user, code(seed)), {RECEIPT: bad}), 401)
        assert reply.json()['error']['message'] == 'Could not find auth receipt: %s.' % bad
    _, other, _ = user_of_its_own(cloud)
    seed = seeded(cloud, other)
    demand(cloud, other, ['password', 'totp'])
    reply = status(sign_in(cloud, by_totp(other, code(seed)), {RECEIPT: receipt}), 401)
    assert reply.json()['error']['message'] == 'Could not find auth receipt: %s.' % receipt


def test_off(cloud):
    _, user, _ = user_of_its_own(cloud)
    demand(cloud, user, ['password', 'totp'], enabled=False)
    status(sign_in(cloud, by_password(user)), 201)
    demand(cloud, user, ['password', 'totp'], ['password'])
    status(sign_in(cloud, by_password(user)), 201)
    demand(cloud, user)
    status(sign_in(cloud, by_password(user)), 201)
    assert RECEIPT not in status(sign_in(cloud, by_password(user, PASSWORD + 'x')), 401).headers
