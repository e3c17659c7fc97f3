"""Requests that a user signed with an EC2 key, shown by a service: /v3/ec2tokens and /v3/s3tokens. Signed by the stock client's signer."""
import base64
import copy
import hashlib
import hmac
import time

from helpers import scope_of, sign_in, status, user_of_its_own, by_password, validate
from keystoneclient.contrib.ec2.utils import Ec2Signer


def now(shape='%Y-%m-%dT%H:%M:%SZ', ago=0):
    return time.strftime(shape, time.gmtime(time.time() - ago))


def key_of(cloud):
    name, user, project = user_of_its_own(cloud)
    return cloud.call('POST', 'keystone', '/users/%s/credentials/OS-EC2' % user, {'tenant_id': project})['credential']


def ec2(cloud, key, params, signed_host=None, **members):
    request = dict({'access': key['access'], 'host': 'api.example:8773', 'verb': 'GET', 'path': '/x', 'headers': {}, 'body_hash': 'hash',
                    'params': params}, **members)
    if 'signature' not in request:
        signed = copy.deepcopy(request)
        signed['host'] = signed_host or signed['host']
        request['signature'] = Ec2Signer(key['secret']).generate(signed)
    return cloud.request('POST', 'keystone', '/ec2tokens', {'credentials': request})


def v4(key, day, date, region='us', service='ec2'):
    return {'Authorization': 'AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=host;x-amz-date, Signature=x' % (
        key['access'], day, region, service), 'X-Amz-Date': date, 'Host': 'api.example'}


def test_every_version(cloud):
    key, date = key_of(cloud), now('%Y%m%dT%H%M%SZ')
    for reply in (
            ec2(cloud, key, {'SignatureVersion': '0', 'Action': 'List', 'Timestamp': now()}),
            ec2(cloud, key, {'SignatureVersion': '1', 'Action': 'List', 'b': '2', 'B': '\u00e4', 'Timestamp': now()}),
            ec2(cloud, key, {'SignatureVersion': '2', 'Action': 'a b/~', 'n': 1, 'Timestamp': now()}),
            ec2(cloud, key, {'SignatureVersion': '2', 'Timestamp': now()}, signed_host='api.example'),
            ec2(cloud, key, {'q': 'a b', 'z': '\u00fc'}, headers=v4(key, date[:8], date)),
            ec2(cloud, key, {'q': 'a b'}, verb='POST', headers=v4(key, date[:8], date)),
            ec2(cloud, key, {'X-Amz-Algorithm': 'AWS4-HMAC-SHA256', 'X-Amz-Date': date, 'X-Amz-SignedHeaders': 'host',
                             'X-Amz-Credential': '%s/%s/us/ec2/aws4_request' % (key['access'], date[:8])}, headers={'Host': 'h'})):
        token = status(reply, 200).headers['X-Subject-Token']
        said = status(validate(cloud, token), 200).json()['token']
        assert said['methods'] == ['ec2credential'] and said['project']['id'] == key['tenant_id'] and said['user']['id'] == key['user_id']


def test_what_is_refused(cloud):
    key = key_of(cloud)
    good = {'SignatureVersion': '2', 'Timestamp': now()}
    status(ec2(cloud, key, good, signature='x'), 401)
    status(ec2(cloud, key, good, signature=''), 401)
    status(ec2(cloud, key, {'SignatureVersion': '2', 'Timestamp': now(ago=16 * 60)}), 401)
    status(ec2(cloud, key, {'SignatureVersion': '2', 'Timestamp': 'yesterday'}), 401)
    status(ec2(cloud, key, {'SignatureVersion': '9'}, signature='x'), 401)
    status(ec2(cloud, key, good, access='nobody'), 404)
    for body in ({'credentials': {'access': key['access']}}, {'credentials': {'access': key['access'], 'signature': 'x', 'params': 1}},
                 {'credentials': {'access': 1}}, {'credentials': []}, {'other': 1}):
        status(cloud.request('POST', 'keystone', '/ec2tokens', body), 401)
        status(cloud.request('POST', 'keystone', '/s3tokens', body), 401)
    status(cloud.request('POST', 'keystone', '/ec2tokens', {}), 400)
    status(cloud.request('POST', 'keystone', '/ec2tokens', {}, token=False), 401)
    name, user, project = user_of_its_own(cloud)
    token = status(sign_in(cloud, by_password(user, scope=scope_of(project))), 201).headers['X-Subject-Token']
    status(cloud.request('POST', 'keystone', '/ec2tokens', {}, token=token), 403)
    cloud.call('PATCH', 'keystone', '/users/' + key['user_id'], {'user': {'enabled': False}})
    status(ec2(cloud, key, good), 401)


def s3(cloud, key, text, signature):
    return cloud.request('POST', 'keystone', '/s3tokens', {'credentials': {
        'access': key['access'], 'token': base64.urlsafe_b64encode(text.encode()).decode(), 'signature': signature}})


def s3_v4(key, text):
    _, _, scope, _ = text.split('\n')
    made = ('AWS4' + key['secret']).encode()
    for part in scope.split('/'):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    return hmac.new(made, text.encode(), hashlib.sha256).hexdigest()


def test_s3(cloud):
    key, day = key_of(cloud), now('%Y%m%d')
    text = 'GET\n\n\nSun, 22 Nov 2026 14:00:00 GMT\n/bucket/object'
    signature = base64.b64encode(hmac.new(key['secret'].encode(), text.encode(), hashlib.sha1).digest()).decode()
    said = status(s3(cloud, key, text, signature), 200)
    assert 'X-Subject-Token' not in said.headers and said.json()['token']['user']['id'] == key['user_id']
    status(s3(cloud, key, text + ' ', signature), 401)
    text = 'AWS4-HMAC-SHA256\n%sT000000Z\n%s/us/%%s/aws4_request\nhash' % (day, day)
    status(s3(cloud, key, text % 's3', s3_v4(key, text % 's3')), 200)
    status(s3(cloud, key, text % 's3', s3_v4(key, text % 'sts')), 401)
    status(s3(cloud, key, text % 'ec2', s3_v4(key, text % 'ec2')), 401)
    status(s3(cloud, key, text % 's3' + '\nmore', 'x'), 401)
