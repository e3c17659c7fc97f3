"""The rules of passwords: what they must be, how long they last, which may not come again, who must change one first."""
from cloud import PASSWORD
from helpers import by_password, sign_in, status, user_of_its_own, validate

OPTIONS = {'keystone.password_regex': r'^(?=.*[a-z]).{5,}$', 'keystone.password_regex_description': 'five letters or more',
           'keystone.unique_last_password_count': 3, 'keystone.password_expires_days': 90, 'keystone.strict_password_check': 'true'}
RULE = 'The password does not match the requirements: five letters or more.'


def change(cloud, user, old, new):
    return cloud.request('POST', 'keystone', '/users/%s/password' % user, {'user': {'original_password': old, 'password': new}}, token=False)


def message(reply, code=400):
    return status(reply, code).json()['error']['message']


def test_regex(cloud):
    _, user, _ = user_of_its_own(cloud)
    body = {'user': {'name': 'short', 'domain_id': 'default', 'password': 'abc'}}
    assert message(cloud.request('POST', 'keystone', '/users', body)) == RULE
    assert message(cloud.request('PATCH', 'keystone', '/users/' + user, {'user': {'password': '123456'}})) == RULE
    assert message(change(cloud, user, PASSWORD, '123456')) == RULE
    status(sign_in(cloud, by_password(user)), 201)


def test_history(cloud):
    _, user, _ = user_of_its_own(cloud)
    said = 'The new password cannot be identical to a previous password. The total number which includes the new password must be unique is 3.'
    assert message(change(cloud, user, PASSWORD, PASSWORD)) == said
    status(change(cloud, user, PASSWORD, 'second'), 204)
    assert message(change(cloud, user, 'second', PASSWORD)) == said
    status(change(cloud, user, 'second', 'third'), 204)
    assert message(change(cloud, user, 'third', PASSWORD)) == said
    status(change(cloud, user, 'third', 'fourth'), 204)
    status(change(cloud, user, 'fourth', PASSWORD), 204)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'password': 'fourth'}})


def test_expiry(cloud):
    _, user, _ = user_of_its_own(cloud)
    reply = status(sign_in(cloud, by_password(user)), 201)
    ends = cloud.call('GET', 'keystone', '/users/' + user)['user']['password_expires_at']
    assert ends and reply.json()['token']['user']['password_expires_at'] == ends
    listed = cloud.call('GET', 'keystone', '/users?password_expires_at=lt:2999-01-01T00:00:00Z')['users']
    assert user in [u['id'] for u in listed]
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'options': {'ignore_password_expiry': True}, 'password': 'another'}})
    assert cloud.call('GET', 'keystone', '/users/' + user)['user']['password_expires_at'] is None


def test_tokens_end_with_the_password(cloud):
    _, user, _ = user_of_its_own(cloud)
    token = status(sign_in(cloud, by_password(user)), 201).headers['X-Subject-Token']
    status(validate(cloud, token), 200)
    status(change(cloud, user, PASSWORD, 'another'), 204)
    status(validate(cloud, token), 404)
    status(sign_in(cloud, by_password(user)), 401)
    status(sign_in(cloud, by_password(user, 'another')), 201)


def test_locked(cloud):
    _, user, _ = user_of_its_own(cloud)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'options': {'lock_password': True}}})
    assert message(change(cloud, user, PASSWORD, 'another')).startswith('You cannot change your password at this time due to password policy')
    status(sign_in(cloud, by_password(user)), 201)


def test_too_long(cloud):
    _, user, _ = user_of_its_own(cloud)
    assert 'less than or equal to 72' in message(change(cloud, user, PASSWORD, 'a' * 73), 403)
    assert 'less than or equal to 72' in message(sign_in(cloud, by_password(user, 'a' * 73)), 403)
    status(change(cloud, user, PASSWORD, '\u00e4' * 36), 400)
    status(change(cloud, user, PASSWORD, 'a' * 72), 204)
    status(sign_in(cloud, by_password(user, 'a' * 72)), 201)
