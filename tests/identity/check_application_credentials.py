"""Application credentials: what their access rules allow, in every service; what they cannot do; how they end."""
import time

from helpers import by_password, by_token, scope_of, sign_in, status, user_of_its_own, validate


def credential(cloud, owner, **members):
    """(credential, its owner's token)"""
    name, user, project = owner
    token = status(sign_in(cloud, by_password(user, scope=scope_of(project))), 201).headers['X-Subject-Token']
    body = {'application_credential': dict({'name': 'c%d' % time.monotonic_ns()}, **members)}
    made = status(cloud.request('POST', 'keystone', '/users/%s/application_credentials' % user, body, token=token), 201)
    return made.json()['application_credential'], token


def by_credential(made, **members):
    return {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': dict(
        {'id': made['id'], 'secret': made['secret']}, **members)}}}


def token_of(cloud, made):
    return status(sign_in(cloud, by_credential(made)), 201).headers['X-Subject-Token']


def ask(cloud, token, method, service, path, body=None):
    return cloud.request(method, service, path, body, token=token).status_code


def test_access_rules_hold_in_every_service(cloud):
    owner = user_of_its_own(cloud)
    made, _ = credential(cloud, owner, access_rules=[
        {'service': 'compute', 'method': 'GET', 'path': '/v2.1/flavors'}, {'service': 'compute', 'method': 'GET', 'path': '/v2.1/flavors/{id}'},
        {'service': 'network', 'method': 'GET', 'path': '/v2.0/*'}, {'service': 'image', 'method': 'GET', 'path': '/v2/**'},
        {'service': 'identity', 'method': 'GET', 'path': '/v3/projects/*'}])
    token, project = token_of(cloud, made), owner[2]
    assert ask(cloud, token, 'GET', 'nova', '/flavors') == 200
    assert ask(cloud, token, 'GET', 'nova', '/flavors/nothing') == 404
    assert ask(cloud, token, 'GET', 'nova', '/flavors/detail') == 200
    assert ask(cloud, token, 'POST', 'nova', '/flavors', {}) == 401
    assert ask(cloud, token, 'GET', 'nova', '/servers') == 401
    assert ask(cloud, token, 'GET', 'neutron', '/v2.0/networks') == 200
    assert ask(cloud, token, 'GET', 'neutron', '/v2.0/networks/nothing') == 401
    assert ask(cloud, token, 'GET', 'glance', '/v2/images/nothing') == 404
    assert ask(cloud, token, 'GET', 'placement', '/resource_classes') == 401
    assert ask(cloud, token, 'GET', 'keystone', '/projects/' + project) == 200
    assert ask(cloud, token, 'GET', 'keystone', '/users/' + owner[1]) == 401
    assert ask(cloud, token, 'DELETE', 'keystone', '/auth/tokens') == 401
    status(validate(cloud, token), 404)
    status(validate(cloud, token, **{'OpenStack-Identity-Access-Rules': '0.9'}), 404)
    rules = status(validate(cloud, token, **{'OpenStack-Identity-Access-Rules': '1.0'}), 200).json()['token']['application_credential']['access_rules']
    assert len(rules) == 5


def test_a_service_goes_on_for_whom_the_rules_let_in(cloud):
    """POST /servers is allowed: what Nova asks of Glance, Placement and Neutron for it is not asked by the user."""
    flavor = cloud.call('POST', 'nova', '/flavors', {'flavor': {'name': 'tiny', 'ram': 64, 'vcpus': 1, 'disk': 1}})['flavor']['id']
    image = cloud.call('POST', 'glance', '/v2/images', {'name': 'i', 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'public'})['id']
    cloud.session.put(cloud.url('glance', '/v2/images/%s/file' % image), data=b'\0' * 1024, headers={
        'X-Auth-Token': cloud.token(), 'Content-Type': 'application/octet-stream'}).raise_for_status()
    made, _ = credential(cloud, user_of_its_own(cloud), access_rules=[
        {'service': 'compute', 'method': 'POST', 'path': '/v2.1/servers'}, {'service': 'compute', 'method': 'GET', 'path': '/v2.1/servers/{id}'}])
    token = token_of(cloud, made)
    body = {'server': {'name': 's', 'flavorRef': flavor, 'imageRef': image, 'networks': 'none'}}
    server = status(cloud.request('POST', 'nova', '/servers', body, token=token), 202).json()['server']['id']
    deadline = time.monotonic() + 180
    while cloud.call('GET', 'nova', '/servers/' + server, token=token)['server']['status'] == 'BUILD' and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cloud.call('GET', 'nova', '/servers/' + server, token=token)['server']['status'] == 'ACTIVE'
    assert ask(cloud, token, 'GET', 'glance', '/v2/images') == 401


def test_what_it_cannot(cloud):
    owner = user_of_its_own(cloud)
    made, own_token = credential(cloud, owner)
    token = token_of(cloud, made)
    status(sign_in(cloud, by_token(token)), 403)
    path = '/users/%s/application_credentials' % owner[1]
    assert ask(cloud, token, 'POST', 'keystone', path, {'application_credential': {'name': 'another'}}) == 403
    assert ask(cloud, token, 'DELETE', 'keystone', path + '/' + made['id']) == 403
    body = by_credential(made)
    body['auth']['scope'] = scope_of(owner[2])
    status(sign_in(cloud, body), 401)
    status(sign_in(cloud, by_credential(dict(made, secret='wrong'))), 401)
    status(sign_in(cloud, by_credential(dict(made, id="f" * 32))), 404)
    status(cloud.request('DELETE', 'keystone', path + '/' + made['id'], token=own_token), 204)
    status(validate(cloud, token), 404)
    status(sign_in(cloud, by_credential(made)), 404)


def test_the_user_named_beside_it_is_its_own(cloud):
    owner, other = user_of_its_own(cloud), user_of_its_own(cloud)
    made, _ = credential(cloud, owner)
    said = status(sign_in(cloud, by_credential(made, user={'id': other[1]})), 201).json()['token']
    assert said['user']['id'] == owner[1]


def test_it_ends_with_a_role(cloud):
    owner = user_of_its_own(cloud, roles=('member', 'reader'))
    made, _ = credential(cloud, owner, roles=[{'name': 'reader'}])
    token = token_of(cloud, made)
    roles = {r['name']: r['id'] for r in cloud.call('GET', 'keystone', '/roles')['roles']}
    assert [r['name'] for r in status(validate(cloud, token), 200).json()['token']['roles']] == ['reader']
    for role in ('member', 'reader'):
        cloud.call('DELETE', 'keystone', '/projects/%s/users/%s/roles/%s' % (owner[2], owner[1], roles[role]))
    status(validate(cloud, token), 404)


def grant(cloud, client=None, data=None, **headers):
    return cloud.session.post(cloud.url('keystone', '/OS-OAUTH2/token'), auth=client, data=data, headers=headers)


def test_as_a_client_of_oauth2(cloud):
    owner = user_of_its_own(cloud)
    made, _ = credential(cloud, owner)
    client, data = (made['id'], made['secret']), {'grant_type': 'client_credentials'}
    said = status(grant(cloud, client, data), 200).json()
    assert said['token_type'] == 'Bearer' and said['expires_in'] == 3600
    assert status(validate(cloud, said['access_token']), 200).json()['token']['user']['id'] == owner[1]
    for reply, code, error in (
            (grant(cloud, None, data), 401, 'invalid_client'), (grant(cloud, (made['id'], 'wrong'), data), 401, 'invalid_client'),
            (grant(cloud, ('', 'x'), data), 401, 'invalid_client'), (grant(cloud, None, data, Authorization='Basic !'), 401, 'invalid_client'),
            (grant(cloud, client), 400, 'invalid_request'), (grant(cloud, client, {'grant_type': 'password'}), 400, 'unsupported_grant_type'),
            (grant(cloud, ('f' * 32, 'x'), data), 404, 'other_error')):
        assert status(reply, code).json()['error'] == error
    assert status(cloud.session.get(cloud.url('keystone', '/OS-OAUTH2/token')), 405).json()['error'] == 'other_error'
