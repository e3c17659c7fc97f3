"""An account that too many wrong passwords were tried on takes none for a while, and nothing tells that from a wrong password."""
from cloud import PASSWORD
from helpers import by_password, sign_in, status, user_of_its_own

OPTIONS = {'keystone.lockout_failure_attempts': 3, 'keystone.lockout_duration': 3600}


def wrong(cloud, user, times=1):
    bodies = {status(sign_in(cloud, by_password(user, 'wrong')), 401).text for _ in range(times)}
    assert len(bodies) == 1
    return bodies.pop()


def test_locked_out(cloud):
    _, user, _ = user_of_its_own(cloud)
    answer = wrong(cloud, user, 2)
    status(sign_in(cloud, by_password(user)), 201)
    wrong(cloud, user, 3)
    assert status(sign_in(cloud, by_password(user)), 401).text == answer == wrong(cloud, user)


def test_who_is_not_there_answers_alike(cloud):
    _, user, _ = user_of_its_own(cloud)
    answers = {wrong(cloud, 'f' * 32, 5), wrong(cloud, user, 5)}
    named = {'auth': {'identity': {'methods': ['password'], 'password': {'user': {'name': 'nobody', 'domain': {'id': 'default'}, 'password': 'x'}}}}}
    answers.add(status(sign_in(cloud, named), 401).text)
    named['auth']['identity']['password']['user']['domain'] = {'id': 'nowhere'}
    answers.add(status(sign_in(cloud, named), 401).text)
    _, off, _ = user_of_its_own(cloud)
    cloud.call('PATCH', 'keystone', '/users/' + off, {'user': {'enabled': False}})
    answers.add(status(sign_in(cloud, by_password(off)), 401).text)
    answers.add(status(sign_in(cloud, by_password(user, scope={'project': {'id': 'nowhere'}})), 401).text)
    assert len(answers) == 1, answers


def test_who_is_exempt_is_never_locked_out(cloud):
    _, user, _ = user_of_its_own(cloud)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'options': {'ignore_lockout_failure_attempts': True}}})
    wrong(cloud, user, 6)
    status(sign_in(cloud, by_password(user)), 201)


def test_an_administrator_unlocks(cloud):
    _, user, _ = user_of_its_own(cloud)
    wrong(cloud, user, 3)
    status(sign_in(cloud, by_password(user)), 401)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'password': PASSWORD}})
    status(sign_in(cloud, by_password(user)), 201)


def test_changing_a_password_counts_too(cloud):
    _, user, _ = user_of_its_own(cloud)
    for _ in range(3):
        status(change(cloud, user, 'wrong', 'another'), 401)
    status(change(cloud, user, PASSWORD, 'another'), 401)


def change(cloud, user, old, new):
    return cloud.request('POST', 'keystone', '/users/%s/password' % user, {'user': {'original_password': old, 'password': new}}, token=False)
