"""OpenStack's own services from Debian's Python packages, started by a test: own folders, own ports, own SQLite databases. Nothing of the
host's configuration is read, and no service of the host's is touched.
"""
import contextlib
import grp
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ports import free_port  # noqa: E402

PYTHON = '/usr/bin/python3'
started = []


def have(*modules):
    """Are the packages there? A bare machine has only those of packaging/packages.sh."""
    return subprocess.run([PYTHON, '-c', 'import ' + ', '.join(modules)], stderr=subprocess.DEVNULL).returncode == 0


class Original:
    """One service: a folder with its configuration, its log, and the process."""

    def __init__(self, name):
        self.name, self.folder, self.port = name, tempfile.mkdtemp(prefix='nacre-original-%s-' % name), free_port()
        self.log = os.path.join(self.folder, 'log')
        self.process = None

    def path(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        return self.path(name)

    def command(self, module, *argv):
        """`module`'s main() to its end, as the command of the same arguments."""
        code = 'import sys; sys.argv = ["%s"] + sys.argv[1:]; from %s import main; sys.exit(main())' % (self.name, module)
        with open(self.log, 'ab') as log:
            if subprocess.run([PYTHON, '-c', code, *argv], stdout=log, stderr=log, env=self.environment()).returncode:
                raise RuntimeError('%s %s\n%s' % (module, ' '.join(argv), self.tail()))

    def environment(self):
        return dict(os.environ, HOME=self.folder, OS_KEYSTONE_CONFIG_DIR=self.folder, no_proxy='*')

    def start(self, code, *argv):
        """Python code in a process of its own, until the port answers."""
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([PYTHON, '-c', code, *argv], stdout=log, stderr=log, env=self.environment(), cwd=self.folder,
                                            start_new_session=True)
        started.append(self)
        until = time.monotonic() + 400
        while True:
            with socket.socket() as s:
                if not s.connect_ex(('127.0.0.1', self.port)):
                    return self
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError('the original %s does not start\n%s' % (self.name, self.tail()))
            time.sleep(0.1)

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self, size=1500):
        try:
            with open(self.log, 'rb') as f:
                f.seek(max(0, os.path.getsize(self.log) - size))
                return f.read().decode(errors='replace')
        except OSError:
            return ''


def wal(path):
    """For who reads and writes one SQLite database over several connections at once."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute('PRAGMA journal_mode=WAL')


def stop_all():
    while started:
        started.pop().stop()


KEYSTONE = '''[DEFAULT]
public_endpoint = http://127.0.0.1:{port}
[database]
connection = sqlite:///{folder}/keystone.db
[cache]
enabled = false
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet-keys
[credential]
key_repository = {folder}/credential-keys
[identity]
password_hash_rounds = 4
'''


def keystone(password):
    """The original Keystone with a user admin of that password."""
    o = Original('keystone')
    config = o.write('keystone.conf', KEYSTONE.format(port=o.port, folder=o.folder))
    url = 'http://127.0.0.1:%d/v3' % o.port
    for name in ('fernet-keys', 'credential-keys'):
        os.makedirs(os.path.join(o.folder, name), mode=0o700)
    manage = ('keystone.cmd.manage', '--config-file', config)
    o.command(*manage, 'db_sync')
    wal(os.path.join(o.folder, 'keystone.db'))
    owner = ('--keystone-user', pwd.getpwuid(os.getuid()).pw_name, '--keystone-group', grp.getgrgid(os.getgid()).gr_name)
    o.command(*manage, 'fernet_setup', *owner)
    o.command(*manage, 'credential_setup', *owner)
    o.command(*manage, 'bootstrap', '--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne', '--bootstrap-public-url', url,
              '--bootstrap-internal-url', url, '--bootstrap-admin-url', url)
    o.url = url
    return o.start('import sys; from keystone.server import wsgi; from werkzeug.serving import run_simple;'
                   'port, sys.argv = int(sys.argv[1]), ["keystone"];'
                   'run_simple("127.0.0.1", port, wsgi.initialize_public_application(), threaded=False)', str(o.port))


GLANCE = '''[DEFAULT]
bind_host = 127.0.0.1
bind_port = {port}
workers = 0
enabled_backends = file:file
public_endpoint = http://127.0.0.1:{port}
[database]
connection = sqlite:///{folder}/glance.db
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[paste_deploy]
flavor = keystone
config_file = {folder}/paste.ini
[oslo_concurrency]
lock_path = {folder}/lock
{authtoken}'''

PASTE = '''[pipeline:glance-api-keystone]
pipeline = authtoken context root
[composite:root]
paste.composite_factory = glance.api:root_app_factory
/: versions
/v2: v2
[app:versions]
paste.app_factory = glance.api.versions:create_resource
[app:v2]
paste.app_factory = glance.api.v2.router:API.factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
delay_auth_decision = true
'''

AUTHTOKEN = '''[keystone_authtoken]
www_authenticate_uri = {0}
auth_url = {0}
auth_type = password
user_domain_id = default
project_domain_id = default
project_name = service
username = {1}
password = {2}
service_token_roles_required = true
'''


def glance(keystone_url, user, password):
    """The original Glance, whose middleware asks that Keystone."""
    o = Original('glance')
    config = o.write('glance-api.conf', GLANCE.format(port=o.port, folder=o.folder, authtoken=AUTHTOKEN.format(keystone_url, user, password)))
    o.write('paste.ini', PASTE)
    for name in ('images', 'staging', 'tasks', 'lock'):
        os.makedirs(os.path.join(o.folder, name))
    o.command('glance.cmd.manage', '--config-file', config, 'db_sync')
    return o.start('import sys; sys.argv = ["glance-api", "--config-file", "%s"]; from glance.cmd.api import main; main()' % config)


NOVA = '''[DEFAULT]
transport_url = fake:/
host = original
my_ip = 127.0.0.1
state_path = {folder}
compute_driver = fake.FakeDriver
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = {port}
osapi_compute_workers = 1
[api_database]
connection = sqlite:///{folder}/api.db
[database]
connection = sqlite:///{folder}/cell1.db
[wsgi]
api_paste_config = {folder}/paste.ini
[oslo_concurrency]
lock_path = {folder}/lock
[vnc]
enabled = false
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 2
[placement]
{credentials}[neutron]
{credentials}[service_user]
send_service_user_token = true
{credentials}{authtoken}'''

NOVA_PASTE = '''[composite:osapi_compute]
use = call:nova.api.openstack.urlmap:urlmap_factory
/: versions
/v2.1: v21
[composite:v21]
use = call:nova.api.auth:pipeline_factory_v21
keystone = authtoken context v21app
[filter:context]
paste.filter_factory = nova.api.auth:NovaKeystoneContext.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[app:v21app]
paste.app_factory = nova.api.openstack.compute:APIRouterV21.factory
[app:versions]
paste.app_factory = nova.api.openstack.compute.versions:Versions.factory
'''

# API, conductor, scheduler and compute in one process, which need no broker then.
NOVA_CODE = '''
import sys
sys.argv = ['nova', '--config-file', %r]
import nova.monkey_patch
from nova import config, objects, service
import nova.conf
from oslo_log import log
from oslo_service import service as oslo_service
CONF = nova.conf.CONF
config.parse_args(sys.argv)
log.setup(CONF, 'nova')
objects.register_all()
launcher = oslo_service.ServiceLauncher(CONF)
for binary in ('conductor', 'scheduler', 'compute'):
    launcher.launch_service(service.Service.create(binary='nova-' + binary, topic=binary))
launcher.launch_service(service.WSGIService('osapi_compute', use_ssl=False))
launcher.wait()
'''


def nova(keystone_url, user, password):
    """The original Nova with simulated guests; images, networks and placement are whatever the Keystone's catalog names."""
    o = Original('nova')
    authtoken = AUTHTOKEN.format(keystone_url, user, password)
    credentials = ''.join(line + '\n' for line in authtoken.splitlines()[2:-1]) + 'auth_url = %s\nregion_name = RegionOne\n' % keystone_url
    config = o.write('nova.conf', NOVA.format(port=o.port, folder=o.folder, authtoken=authtoken, credentials=credentials))
    o.write('paste.ini', NOVA_PASTE)
    manage = ('nova.cmd.manage', '--config-file', config)
    o.command(*manage, 'api_db', 'sync')
    o.command(*manage, 'cell_v2', 'map_cell0', '--database_connection', 'sqlite:///%s/cell0.db' % o.folder)
    o.command(*manage, 'db', 'sync')
    o.command(*manage, 'cell_v2', 'create_cell', '--name', 'cell1')
    for name in ('api', 'cell0', 'cell1'):
        wal(os.path.join(o.folder, name + '.db'))
    return o.start(NOVA_CODE % config)
