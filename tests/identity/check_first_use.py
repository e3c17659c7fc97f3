"""A password that an administrator set serves to set another, which then stays for a while; an account not used for long is off. The hashes
are scrypt's."""
import contextlib
import sqlite3
import time

from cloud import PASSWORD
from helpers import by_password, by_token, scope_of, sign_in, status

OPTIONS = {'keystone.change_password_upon_first_use': 'true', 'keystone.minimum_password_age': 1, 'keystone.password_hash_algorithm': 'scrypt',
           'keystone.password_rounds': 4, 'keystone.disable_user_account_days_inactive': 30, 'keystone.allow_rescope_scoped_token': 'false'}


def user_made(cloud, name, **members):
    body = {'user': dict({'name': name, 'domain_id': 'default', 'password': PASSWORD}, **members)}
    return cloud.call('POST', 'keystone', '/users', body)['user']['id']


def change(cloud, user, old, new):
    return cloud.request('POST', 'keystone', '/users/%s/password' % user, {'user': {'original_password': old, 'password': new}}, token=False)


def test_first_use(cloud):
    user = user_made(cloud, 'first')
    said = status(sign_in(cloud, by_password(user)), 401).json()['error']['message']
    assert said == 'The password is expired and needs to be changed for user: %s.' % user
    assert 'expired' not in status(sign_in(cloud, by_password(user, 'wrong')), 401).text
    status(change(cloud, user, PASSWORD, 'mine'), 204)
    status(sign_in(cloud, by_password(user, 'mine')), 201)
    said = status(change(cloud, user, 'mine', 'other'), 400).json()['error']['message']
    assert said.startswith('You cannot change your password at this time due to the minimum password age.') and '1 day(s)' in said
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'password': 'reset'}})
    status(sign_in(cloud, by_password(user, 'reset')), 401)
    status(change(cloud, user, 'reset', 'other'), 204)


def test_exempt(cloud):
    user = user_made(cloud, 'exempt', options={'ignore_change_password_upon_first_use': True})
    status(sign_in(cloud, by_password(user)), 201)


def test_not_used_for_long(cloud):
    user = user_made(cloud, 'away', options={'ignore_change_password_upon_first_use': True})
    status(sign_in(cloud, by_password(user)), 201)
    with contextlib.closing(sqlite3.connect(cloud.state_dir + '/keystone.db', timeout=60)) as database, database:
        database.execute('UPDATE users SET last_active_at = ? WHERE id = ?', (int((time.time() - 31 * 86400) * 1e6), user))
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'email': 'so that nothing is known'}})
    assert cloud.call('GET', 'keystone', '/users/' + user)['user']['enabled'] is False
    status(sign_in(cloud, by_password(user)), 401)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'enabled': True}})
    status(sign_in(cloud, by_password(user)), 201)
    cloud.call('PATCH', 'keystone', '/users/' + user, {'user': {'options': {'ignore_user_inactivity': True}}})


def test_scoped_tokens_stay_in_their_scope(cloud):
    user = user_made(cloud, 'scoped', options={'ignore_change_password_upon_first_use': True})
    roles = {r['name']: r['id'] for r in cloud.call('GET', 'keystone', '/roles')['roles']}
    project = cloud.admin_project()
    cloud.call('PUT', 'keystone', '/projects/%s/users/%s/roles/%s' % (project, user, roles['reader']))
    scoped = status(sign_in(cloud, by_password(user, scope=scope_of(project))), 201).headers['X-Subject-Token']
    said = status(sign_in(cloud, by_token(scoped, scope_of(project))), 403).json()['error']['message']
    assert said == 'You are not authorized to perform the requested action: rescope a scoped token.'
    unscoped = status(sign_in(cloud, by_password(user)), 201).headers['X-Subject-Token']
    status(sign_in(cloud, by_token(unscoped, scope_of(project))), 201)
