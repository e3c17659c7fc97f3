# The Debian 12 packages that each purpose needs; sourced by ./up and ./check.
packages_build="gcc libc6-dev meson ninja-build pkg-config python3 libglib2.0-dev libjansson-dev libsqlite3-dev libpq-dev libssl-dev
  libcurl4-openssl-dev libmicrohttpd-dev libyaml-dev libvirt-dev libcrypt-dev libarchive-dev libldap-dev libxml2-dev librabbitmq-dev zlib1g-dev libmemcached-dev libc-ares-dev liberasurecode-dev"
packages_demo="python3-openstackclient python3-yaml openssh-client curl"
packages_run="libvirt-daemon-driver-qemu qemu-system-x86 qemu-utils iproute2 nftables dnsmasq-base iputils-ping procps genisoimage rsync"
packages_engines="postgresql rabbitmq-server"
packages_check="clang $packages_engines python3-gabbi python3-requests python3-yaml python3-pytest python3-cryptography python3-oslo.messaging libclang-rt-14-dev openssl socat
  openvswitch-switch ethtool slapd ldap-utils xmlsec1 python3-swiftclient rclone python3-boto3"

# The original's agents and server, for tests that put them on the other end.
packages_originals="python3-keystone python3-glance python3-nova python3-oslo.messaging python3-psycopg2 neutron-openvswitch-agent neutron-dhcp-agent neutron-l3-agent
  neutron-server neutron-rpc-server swift-proxy swift-account swift-container swift-object swift-object-expirer rsync memcached
  barbican-api python3-castellan python3-pykmip
  openvswitch-switch ethtool iptables conntrack dnsmasq-base"

# Prints those of its arguments that are not installed.
packages_missing()
{
    local installed package
    installed=$(dpkg-query -W -f '${Package} ${Status}\n' "$@" 2>/dev/null | sed -n 's/ install ok installed$//p' || true)
    for package; do
        grep -qxF -- "$package" <<<"$installed" || echo "$package"
    done
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "root is needed for: $*" >&2
        return 1
    fi
}

# libvirt's QEMU driver, run as root, does not start where its user is unknown; only the daemon's package makes it.
users_make()
{
    getent passwd libvirt-qemu >/dev/null ||
        as_root useradd --system --user-group --no-create-home --home-dir /var/lib/libvirt --shell /usr/sbin/nologin libvirt-qemu
}

# Installs what is missing; says so when there is nothing to do.
packages_install()
{
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >/dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing >/dev/null
}

# Installs the originals, and starts none of them: a host without a policy of its own has one for as long as it takes.
originals_install()
{
    local policy=/usr/sbin/policy-rc.d status
    # shellcheck disable=SC2086
    [ -n "$(packages_missing $packages_originals)" ] || return 0
    [ -e $policy ] && policy=""
    [ -z "$policy" ] || { printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod +x $policy; }
    # shellcheck disable=SC2086
    packages_install $packages_originals
    status=$?
    [ -z "$policy" ] || as_root rm -f $policy
    return $status
}
