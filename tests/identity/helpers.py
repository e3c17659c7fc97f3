"""What the modules here share: bodies of requests for tokens, users of their own."""
import itertools

from cloud import PASSWORD

counter = itertools.count()


def user_of_its_own(cloud, roles=('member',)):
    """(name, user id, project id): a user with a project of the same name."""
    name = 'u%d' % next(counter)
    project, user = cloud.project_with_user(name, roles)
    return name, user, project


def scope_of(project_id):
    return {'project': {'id': project_id}}


def by_password(user_id, password=PASSWORD, scope=None, methods=('password',), **more):
    identity = dict({'methods': list(methods), 'password': {'user': {'id': user_id, 'password': password}}}, **more)
    return {'auth': dict({'identity': identity}, **({'scope': scope} if scope else {}))}


def by_token(token, scope=None):
    return {'auth': dict({'identity': {'methods': ['token'], 'token': {'id': token}}}, **({'scope': scope} if scope else {}))}


def sign_in(cloud, body, headers=None):
    return cloud.request('POST', 'keystone', '/auth/tokens', body, token=False, headers=headers)


def validate(cloud, token, **headers):
    return cloud.request('GET', 'keystone', '/auth/tokens', headers=dict(headers, **{'X-Subject-Token': token}))


def status(reply, *expected):
    assert reply.status_code in expected, '%d %s' % (reply.status_code, reply.text[:300])
    return reply
