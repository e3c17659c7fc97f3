"""Tokens end when they say so; a service may still show them for a while."""
import time

from helpers import by_password, by_token, sign_in, status, user_of_its_own, validate

OPTIONS = {'keystone.token_expiration': 8, 'keystone.allow_expired_window': 100000}


class Forgetful(dict):
    """Tokens that end so soon are not kept."""

    def __contains__(self, key):
        return False


def test_the_end(cloud):
    cloud.tokens = Forgetful()
    _, user, _ = user_of_its_own(cloud)
    reply = status(sign_in(cloud, by_password(user)), 201)
    token = reply.headers['X-Subject-Token']
    deadline = time.monotonic() + 180
    while True:
        now = time.time()
        code = validate(cloud, token).status_code
        if code == 404:
            break
        assert code == 200 and time.monotonic() < deadline
        time.sleep(0.05)
    ends = time.mktime(time.strptime(reply.json()['token']['expires_at'][:19], '%Y-%m-%dT%H:%M:%S')) - time.timezone
    assert time.time() >= ends, 'it ended too early'
    status(sign_in(cloud, by_token(token)), 401, 404)
    status(cloud.request('GET', 'keystone', '/auth/projects', token=token), 401)
    again = cloud.request('GET', 'keystone', '/auth/tokens?allow_expired=1', headers={'X-Subject-Token': token})
    assert status(again, 200).json()['token']['user']['id'] == user and now
    status(cloud.request('GET', 'keystone', '/auth/tokens?allow_expired=0', headers={'X-Subject-Token': token}), 404)
