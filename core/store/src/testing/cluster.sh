# A PostgreSQL server of its own, on a socket in a temporary folder: says the folder once it accepts connections, and stops when
# its input ends, however the program behind that ended. $1 is the folder with the programs of PostgreSQL.
set -eu
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/countersign-postgres.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# An order of text that is not that of its octets, so that what must be ordered by those has to ask for it.
timeout 120 "$1/initdb" --pgdata=data --auth=trust --username=countersign --encoding=UTF8 \
    --locale=C.UTF-8 --locale-provider=icu --icu-locale=en >log 2>&1 </dev/null || { cat log >&2; exit 1; }
"$1/postgres" -D data -c listen_addresses= -c unix_socket_directories="$folder" -c max_connections=300 >>log 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" --quiet --host="$folder"; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { cat log >&2; kill -INT "$server"; exit 1; }
    sleep 0.1
done
echo "$folder"
read -r _ || true
kill -INT "$server"
wait "$server" || true
