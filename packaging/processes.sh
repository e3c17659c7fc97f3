#!/bin/bash
# The cloud as several processes on this host: a PostgreSQL and a RabbitMQ of its own below its state directory, and a process a role.
#
#   packaging/processes.sh NACRE STATE_DIR [OPTION ...]     OPTIONs of nacre: --sim, --port-offset N
#   packaging/processes.sh running NACRE STATE_DIR          do all of them run?
#
# What runs already is left as it is. `nacre down` ends it all.
set -euo pipefail
. "$(dirname "$(realpath "$0")")/engines.sh"

services="keystone glance placement nova neutron"
roles="api-1 api-2 conductor-1 conductor-2 neutron-rpc compute network"

main()
{
    local role
    [ "$1" != running ] || { shift; nacre=$1 state=$2; all_run; return; }
    nacre=$1
    mkdir -p "$2"
    state=$(realpath "$2")
    shift 2
    chmod 0711 "$state"
    mkdir -p "$state/engines" && chmod 0711 "$state/engines"
    engine_start postgresql "$state/engines/postgresql" >/dev/null
    engine_start rabbitmq "$state/engines/rabbitmq" >/dev/null
    # The ports may be others than last time.
    configure
    after_down
    for role in $roles; do
        "$nacre" "$role" --state-dir "$state" --config "$state/nacre.conf" "$@"
    done
}

all_run()
{
    local role status
    status=$("$nacre" status --state-dir "$state") || return 1
    for role in $roles; do
        grep -q "^$role is running" <<<"$status" || return 1
    done
}

configure()
{
    local service
    (
        umask 077
        printf '[DEFAULT]\ntransport_url = %s\nshare_ports = true\n' "$(cat "$state/engines/rabbitmq/url")"
        for service in $services; do
            printf '\n[%s]\nconnection = %s\n' "$service" "$(database "$service")"
        done
    ) >"$state/nacre.conf.new"
    chmod 0600 "$state/nacre.conf.new"
    mv "$state/nacre.conf.new" "$state/nacre.conf"
}

# The URL of a service's database, made when first asked for.
database()
{
    local made=$state/engines/databases
    grep -qx "$1" "$made" 2>/dev/null || { engine_database "$state/engines/postgresql" "$1" >/dev/null && echo "$1" >>"$made"; }
    echo "$(cat "$state/engines/postgresql/url")/$1"
}

# `nacre down` runs it, when no process of the cloud is left.
after_down()
{
    printf '#!/bin/sh\nfor engine in postgresql rabbitmq; do "%s" stop "%s/engines/$engine"; done\n' \
        "$(dirname "$(realpath "$0")")/engines.sh" "$state" >"$state/after-down"
    chmod 0700 "$state/after-down"
}

main "$@"
