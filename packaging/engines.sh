#!/bin/bash
# A RabbitMQ and a PostgreSQL of one's own, from Debian's packages: own directory, own ports on 127.0.0.1, own password; nothing of
# the host's is touched. Sourced for its functions, or run:
#
#   packaging/engines.sh start rabbitmq|postgresql DIR [PORT]   start, or start again; prints its URL (also kept in DIR/url)
#   packaging/engines.sh database DIR NAME                      make a database in the PostgreSQL of DIR; prints its URL
#   packaging/engines.sh vhost DIR NAME                         make a virtual host in the RabbitMQ of DIR; prints its URL
#   packaging/engines.sh has rabbitmq|postgresql                are its programs here?
#   packaging/engines.sh running|stop|kill|remove DIR           stop ends it, kill is SIGKILL, remove stops and deletes DIR
#
# ENGINES_FAST=1 trades durability for speed, for tests. As root the servers run as the users of their packages (root must be able to
# let them reach DIR); otherwise as whoever calls.

engines_deadline=300       # seconds; RabbitMQ takes tens of them on a busy machine

engine_start()
{
    local kind=$1 dir=$2 port=${3:-}
    engine_has "$kind" || { echo "$kind is not installed" >&2; return 1; }
    mkdir -p "$dir" && dir=$(realpath "$dir") || return 1
    if engine_running "$dir"; then cat "$dir/url"; return; fi
    [ -f "$dir/port" ] && port=$(cat "$dir/port")
    [ "$(id -u)" != 0 ] || { chown "$(engine_user "$kind"):" "$dir" && chmod 0711 "$dir"; } || return 1
    # Somebody else may take a port between its choice and its use: then others are tried.
    for _ in 1 2 3; do
        echo "${port:-$(port_free)}" >"$dir/port"
        echo "$kind" >"$dir/kind"
        if "${kind}_start" "$dir" "$(cat "$dir/port")"; then
            cat "$dir/url"
            return 0
        fi
        engine_end "$dir" KILL
    done
    rm -f "$dir/port"
    echo "$kind did not start:" >&2
    tail -20 "$dir/log" >&2
    return 1
}

engine_has()
{
    case $1 in
    postgresql) [ -n "$(postgresql_programs)" ];;
    rabbitmq) [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ];;
    *) return 1;;
    esac
}

engine_running() { process_lives "$1/pid"; }

# SIGTERM waits for PostgreSQL's clients to leave; SIGINT does not.
engine_stop()
{
    if [ "$(cat "$1/kind" 2>/dev/null)" = postgresql ]; then engine_end "$1" INT; else engine_end "$1" TERM; fi
}

engine_remove() { engine_stop "$1" && rm -rf "$1"; }

# engine_end DIR SIGNAL: the server, and the port mapper that Erlang would leave behind.
engine_end() { process_end "$1/pid" "$2" && process_end "$1/epmd.pid" TERM; }

# as_user USER COMMAND...: when we are root; as ourselves otherwise.
as_user()
{
    local user=$1
    shift
    become "$user"
    "${become[@]}" "$@"
}

# Sets `become` to what must stand before a command for it to run as that user.
become()
{
    become=()
    [ "$(id -u)" != 0 ] || become=(setpriv --reuid="$1" --regid="$1" --init-groups)
}

engine_user() { [ "$1" = postgresql ] && echo postgres || echo rabbitmq; }

# engine_wait DIR WHAT...: until WHAT succeeds, the process has ended or the time is over.
engine_wait()
{
    local dir=$1 end=$((SECONDS + engines_deadline))
    shift
    until "$@"; do
        process_lives "$dir/pid" && [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# --- PostgreSQL ---

postgresql_start()
{
    local dir=$1 port=$2 bin options
    bin=$(postgresql_programs)
    options="-k $dir -h 127.0.0.1 -p $port -c max_connections=300"
    [ -z "${ENGINES_FAST:-}" ] || options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    if [ ! -f "$dir/data/PG_VERSION" ]; then
        rm -rf "$dir/data"
        # Over the socket, which is its user's alone, no password is asked for; everybody else, who comes over TCP, tells it.
        as_user postgres "$bin/initdb" -D "$dir/data" -U nacre --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C \
            --no-sync >"$dir/log" 2>&1 || return 1
    fi
    secret_keep "$dir/password" && postgresql_settled "$dir" || return 1
    url_write "$dir" "postgresql://nacre:$(cat "$dir/password")@127.0.0.1:$port"
    become postgres
    # shellcheck disable=SC2086
    process_start "$dir" pid "${become[@]}" "$bin/postgres" -D "$dir/data" -c unix_socket_permissions=0700 $options
    engine_wait "$dir" postgresql_answers "$port" &&
        echo "ALTER ROLE nacre PASSWORD '$(cat "$dir/password")'" |
        as_user postgres "$bin/psql" -q -h "$dir" -p "$port" -U nacre postgres >>"$dir/log" 2>&1
}

# A server that was killed leaves its lock files, which count as held while nobody has waited for the process, and, for a moment, its
# children: they work in its directory, and end by themselves.
postgresql_settled()
{
    local dir=$1 process end=$((SECONDS + engines_deadline))
    for process in /proc/[0-9]*; do
        while [ "$(readlink "$process/cwd" 2>/dev/null)" = "$dir/data" ]; do
            [ $SECONDS -lt $end ] || return 1
            sleep 0.05
        done
    done
    rm -f "$dir/data/postmaster.pid" "$dir"/.s.PGSQL.*
}

postgresql_answers() { as_user postgres "$(postgresql_programs)/pg_isready" -q -h 127.0.0.1 -p "$1"; }

postgresql_programs()
{
    local found
    found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)
    [ ! -x "$found" ] || dirname "$found"
}

engine_database()
{
    local dir
    dir=$(realpath "$1") || return 1
    as_user postgres "$(postgresql_programs)/createdb" -h "$dir" -p "$(cat "$dir/port")" -U nacre "$2" && echo "$(cat "$dir/url")/$2"
}

# --- RabbitMQ ---

rabbitmq_start()
{
    local dir=$1 port=$2 epmd environment
    epmd=$(port_free)
    mkdir -p "$dir/mnesia" "$dir/logs" && secret_keep "$dir/password" || return 1
    [ "$(id -u)" != 0 ] || chown rabbitmq: "$dir/mnesia" "$dir/logs"
    echo '[].' >"$dir/enabled_plugins"
    : >"$dir/rabbitmq-env.conf"
    cat >"$dir/env" <<-END
	HOME=$dir
	ERL_EPMD_PORT=$epmd
	ERL_EPMD_ADDRESS=127.0.0.1
	RABBITMQ_NODENAME=nacre-$port@localhost
	RABBITMQ_NODE_PORT=$port
	RABBITMQ_DIST_PORT=$(port_free)
	RABBITMQ_MNESIA_BASE=$dir/mnesia
	RABBITMQ_LOG_BASE=$dir/logs
	RABBITMQ_PID_FILE=$dir/mnesia/pid
	RABBITMQ_CONFIG_FILE=$dir/rabbitmq
	RABBITMQ_CONF_ENV_FILE=$dir/rabbitmq-env.conf
	RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins
	END
    # The configuration holds the password: only its reader may read it.
    (umask 077; cat >"$dir/rabbitmq.conf") <<-END
	listeners.tcp.1 = 127.0.0.1:$port
	default_user = nacre
	default_pass = $(cat "$dir/password")
	default_vhost = /
	loopback_users = none
	log.console = false
	log.file.level = warning
	disk_free_limit.absolute = 50MB
	END
    [ "$(id -u)" != 0 ] || chown rabbitmq: "$dir/rabbitmq.conf"
    url_write "$dir" "rabbit://nacre:$(cat "$dir/password")@127.0.0.1:$port/"
    become rabbitmq
    process_start "$dir" epmd.pid "${become[@]}" epmd -port "$epmd" -address 127.0.0.1
    # "detached" makes the script become the server instead of watching over it.
    mapfile -t environment <"$dir/env"
    process_start "$dir" pid "${become[@]}" env "${environment[@]}" detached=1 /usr/lib/rabbitmq/bin/rabbitmq-server \
        -noinput -kernel inet_dist_use_interface '{127,0,0,1}'
    engine_wait "$dir" rabbitmq_answers "$port"
}

# With the environment of the server in DIR.
rabbitmq_run()
{
    local dir=$1 environment
    shift
    mapfile -t environment <"$dir/env"
    as_user rabbitmq env "${environment[@]}" "$@"
}

# A broker that is up answers the protocol's header with a frame.
rabbitmq_answers()
(
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'AMQP\0\0\11\1' >&3 && IFS= read -r -t 10 -N 1 -u 3 byte && [ "$byte" = $'\1' ]
) 2>/dev/null

engine_vhost()
{
    local dir
    dir=$(realpath "$1") || return 1
    rabbitmq_run "$dir" /usr/lib/rabbitmq/bin/rabbitmqctl -q eval \
        "rabbit_vhost:add(<<\"$2\">>, <<\"nacre\">>), rabbit_auth_backend_internal:set_permissions(<<\"nacre\">>, <<\"$2\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"nacre\">>)." \
        >/dev/null && echo "$(cat "$dir/url")$2"
}

# --- processes, ports, secrets ---

# process_start DIR NAME COMMAND...: detached; DIR/NAME holds the process and its start, by which its number is known not to be
# another's.
process_start()
{
    local dir=$1 name=$2
    shift 2
    (
        set +m
        cd "$dir" && exec </dev/null >>log 2>&1 || exit 1
        # No lock or pipe of the caller's goes into a server that outlives it.
        for fd in /proc/self/fd/*; do [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"; done
        # A socket a client: what the system allows, as far as that is a reasonable size for Erlang's table.
        ulimit -Sn "$(n=$(ulimit -Hn); [ "$n" != unlimited ] && [ "$n" -lt 65536 ] && echo "$n" || echo 65536)"
        setsid "$@" &
        echo "$! $(process_born $!)" >"$name"
    )
}

process_lives()
{
    local pid born
    read -r pid born 2>/dev/null <"$1" && [ -n "$born" ] && [ "$(process_born "$pid")" = "$born" ]
}

# When it was started, in the kernel's ticks; nothing for one that has ended, though nobody has waited for it yet.
process_born()
{
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
}

# process_end FILE SIGNAL: and SIGKILL for one that has not ended a minute later.
process_end()
{
    local pid signal=$2 end=$((SECONDS + 60))
    while process_lives "$1"; do
        read -r pid _ <"$1"
        [ -z "$signal" ] || kill "-$signal" "$pid" 2>/dev/null
        signal=
        [ $SECONDS -lt $end ] || signal=KILL
        sleep 0.05
    done
    rm -f "$1"
}

# One that nobody listens on, below those the kernel gives away.
port_free()
{
    local port
    while :; do
        port=$((25000 + (RANDOM * 32768 + RANDOM) % 6000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
    done
}

# Only its owner may read it.
secret_keep() { [ -s "$1" ] || (umask 077; head -c 18 /dev/urandom | base64 | tr '+/' 'xy' >"$1"); }

url_write() { (umask 077; echo "$2" >"$1/url"); }

engines_main()
{
    local word=${1:-}
    shift || true
    case $word:$# in
    start:[23] | database:2 | vhost:2 | has:1 | running:1 | stop:1 | remove:1) "engine_$word" "$@";;
    kill:1) engine_end "$1" KILL;;
    *) sed -n '5,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; return 2;;
    esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || engines_main "$@"
