"""How the copies of a cluster are spread, as the programs of both sides say it."""
import json
import os
import re
import subprocess

from swift_cluster import NACRE

PROGRAMS = ['swift-dispersion-populate', 'swift-dispersion-report']
LOGIN = {'auth_url': 'http://127.0.0.1:5000', 'auth_version': '3', 'auth_user': 'admin:admin', 'auth_key': 'nacre'}


class Dispersion:
    """Both sides' programs with one configuration."""

    def __init__(self, host, count, coverage, **options):
        self.host, self.count = host, count
        self.environment = dict(os.environ, NACRE_SWIFT_SWIFT_DIR='/etc/swift')
        options = dict(options, dispersion_coverage=coverage, retries=1)
        self.conf = host.write('dispersion.conf', '[dispersion]\n' + ''.join('%s = %s\n' % o for o in options.items()))

    def said(self, *command):
        """Status, and what is printed: lines in no order, without how long it took; JSON as its tree."""
        done = subprocess.run([*command, self.conf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)
        out, errors = done.stdout, done.stderr.splitlines()
        if '-j' in command and out:
            out = json.loads(out)
        else:
            out = sorted(re.sub(r'reporting, \d+[smh]', 'reporting, TIME', out).splitlines())
        return done.returncode, out, sorted(line.removeprefix('nacre: ') for line in errors)

    def ours(self, word, *options):
        return self.said(NACRE, 'swift', 'dispersion-' + word, '--state-dir', self.host.path('state-dispersion'), *options)

    def theirs(self, word, *options):
        return self.said('swift-dispersion-' + word, *options)

    def compare(self, what, word, *options):
        """What both say."""
        theirs = self.theirs(word, *options)
        self.count.equal('%s: %s' % (what, ' '.join((word,) + options)), self.ours(word, *options), theirs)
        return theirs
