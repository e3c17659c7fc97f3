"""OAuth 1.0: a consumer gets a request token, a user authorizes it, the consumer signs in with the access token. Requests are signed
by oauthlib, as clients do."""
from cloud import PASSWORD  # noqa: F401
from helpers import by_token, sign_in, status, user_of_its_own, validate
from oauthlib import oauth1

REQUEST, ACCESS, TOKENS = '/OS-OAUTH1/request_token', '/OS-OAUTH1/access_token', '/auth/tokens'


def form(reply):
    return dict(pair.split('=', 1) for pair in status(reply, 201).text.split('&'))


class Consumer:
    def __init__(self, cloud):
        self.cloud = cloud
        made = cloud.call('POST', 'keystone', '/OS-OAUTH1/consumers', {'consumer': {'description': 'a program'}})['consumer']
        self.id, self.secret = made['id'], made['secret']

    def post(self, path, headers=None, body=None, change=None, method=oauth1.SIGNATURE_HMAC_SHA1, **signed):
        client = oauth1.Client(self.id, client_secret=self.secret, signature_method=method, nonce='0123456789abcdef', **signed)
        uri, oauth_headers, _ = client.sign(self.cloud.url('keystone', path), http_method='POST')
        if change:
            oauth_headers['Authorization'] = change(oauth_headers['Authorization'])
        return self.cloud.session.post(uri, headers=dict(oauth_headers, **(headers or {})), json=body)

    def request_token(self, project, **signed):
        return self.post(REQUEST, {'Requested-Project-Id': project}, callback_uri='oob', **signed)

    def sign_in(self, access, **signed):
        return self.post(TOKENS, body={'auth': {'identity': {'methods': ['oauth1'], 'oauth1': {}}}}, resource_owner_key=access['oauth_token'],
                         resource_owner_secret=access['oauth_token_secret'], **signed)


def authorize(cloud, request, roles, expect=200):
    reply = cloud.request('PUT', 'keystone', '/OS-OAUTH1/authorize/' + request['oauth_token'], {'roles': roles})
    return status(reply, expect).json().get('token', {}).get('oauth_verifier')


def access_token(cloud, consumer, project, roles=({'name': 'member'},)):
    request = form(consumer.request_token(project))
    verifier = authorize(cloud, request, list(roles))
    owner = dict(resource_owner_key=request['oauth_token'], resource_owner_secret=request['oauth_token_secret'])
    status(consumer.post(ACCESS, verifier='abcdefgh', **owner), 401)
    made = form(consumer.post(ACCESS, verifier=verifier, **owner))
    status(consumer.post(ACCESS, verifier=verifier, **owner), 404)
    return made


def test_the_whole_way(cloud):
    consumer, project = Consumer(cloud), cloud.admin_project()
    made = access_token(cloud, consumer, project)
    reply = status(consumer.sign_in(made), 201)
    token, said = reply.headers['X-Subject-Token'], reply.json()['token']
    assert said['methods'] == ['oauth1'] and said['project']['id'] == project
    assert said['OS-OAUTH1'] == {'access_token_id': made['oauth_token'], 'consumer_id': consumer.id}
    assert {'member', 'reader'} == {r['name'] for r in said['roles']}, 'the roles given and what they imply, no more'
    assert status(validate(cloud, token), 200).json()['token']['OS-OAUTH1'] == said['OS-OAUTH1']
    status(sign_in(cloud, by_token(token)), 403)
    user = said['user']['id']
    listed = cloud.call('GET', 'keystone', '/users/%s/OS-OAUTH1/access_tokens' % user)['access_tokens']
    assert made['oauth_token'] in [t['id'] for t in listed]
    cloud.call('DELETE', 'keystone', '/users/%s/OS-OAUTH1/access_tokens/%s' % (user, made['oauth_token']))
    status(validate(cloud, token), 404)
    status(consumer.sign_in(made), 404)


def test_signatures(cloud):
    consumer, project = Consumer(cloud), cloud.admin_project()
    for method in (oauth1.SIGNATURE_HMAC_SHA1, oauth1.SIGNATURE_HMAC_SHA256, oauth1.SIGNATURE_HMAC_SHA512, oauth1.SIGNATURE_PLAINTEXT):
        form(consumer.request_token(project, method=method))
    form(consumer.post(REQUEST + '?b=2&a=%C3%A4%20~&a=1', {'Requested-Project-Id': project}, callback_uri='oob'))
    status(consumer.request_token(project, change=lambda h: h.replace('oauth_nonce="0', 'oauth_nonce="1')), 401)
    status(consumer.request_token(project, timestamp='1234567890'), 400)
    status(consumer.request_token(project, timestamp='12345678901'), 400)
    status(consumer.request_token(project, timestamp='123456789x'), 400)
    status(consumer.post(REQUEST, {'Requested-Project-Id': project}), 400)
    status(consumer.post(REQUEST, callback_uri='oob'), 400)
    status(consumer.request_token('f' * 32), 404)
    consumer.secret += '0'
    status(consumer.request_token(project), 401)
    consumer.id = 'f' * 32
    status(consumer.request_token(project), 404)


def test_roles_one_has_not(cloud):
    consumer, project = Consumer(cloud), cloud.admin_project()
    _, _, other = user_of_its_own(cloud)
    request = form(consumer.request_token(project))
    authorize(cloud, request, [{'name': 'nothing'}], 404)
    authorize(cloud, request, [{'id': 'a', 'name': 'b'}], 400)
    authorize(cloud, form(consumer.request_token(other)), [{'name': 'member'}], 401)


def test_consumers_go_with_their_tokens(cloud):
    consumer = Consumer(cloud)
    made = access_token(cloud, consumer, cloud.admin_project())
    token = status(consumer.sign_in(made), 201).headers['X-Subject-Token']
    cloud.call('DELETE', 'keystone', '/OS-OAUTH1/consumers/' + consumer.id)
    status(validate(cloud, token), 404)
    status(consumer.sign_in(made), 404)
