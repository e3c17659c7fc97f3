"""A lock-out ends by itself."""
import time

from helpers import by_password, sign_in, status, user_of_its_own

OPTIONS = {'keystone.lockout_failure_attempts': 2, 'keystone.lockout_duration': 1}


def test_it_ends(cloud):
    _, user, _ = user_of_its_own(cloud)
    for _ in range(4):
        status(sign_in(cloud, by_password(user, 'wrong')), 401)
    deadline = time.monotonic() + 180
    while sign_in(cloud, by_password(user)).status_code != 201:
        assert time.monotonic() < deadline, 'it never ended'
        time.sleep(0.1)
