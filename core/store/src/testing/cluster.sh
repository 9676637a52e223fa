# A PostgreSQL server of its own, on a socket in a temporary folder: says the folder once it accepts connections, and stops when
# its input ends, however the program behind that ended. $1 is the folder with the programs of PostgreSQL. With a port as $2 it
# listens there, too, and encrypts: its certificate is localhost's, from the authority in the folder's root.pem.
set -eu
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/countersign-postgres.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# An order of text that is not that of its octets, so that what must be ordered by those has to ask for it.
timeout 120 "$1/initdb" --pgdata=data --auth=trust --username=countersign --encoding=UTF8 \
    --locale=C.UTF-8 --locale-provider=icu --icu-locale=en >log 2>&1 </dev/null || { cat log >&2; exit 1; }
if [ -n "${2:-}" ]; then
    key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    {
        openssl req -x509 $key -keyout root.key -out root.pem -days 2 -subj "/CN=Root of a test"
        openssl req $key -keyout server.key -out server.csr -subj "/CN=localhost"
        echo "subjectAltName=DNS:localhost" >names
        openssl x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile names -out server.pem
    } >>log 2>&1 || { cat log >&2; exit 1; }
    # From the folder of the data.
    printf '%s\n' "ssl = on" "ssl_cert_file = '../server.pem'" "ssl_key_file = '../server.key'" "port = $2" >>data/postgresql.conf
fi
"$1/postgres" -D data -c listen_addresses="${2:+127.0.0.1}" -c unix_socket_directories="$folder" -c max_connections=300 \
    >>log 2>&1 </dev/null &
server=$!
tries=0
until "$1/pg_isready" --quiet --host="$folder" --port="${2:-5432}"; do
    tries=$((tries + 1))
    # Its port may have been taken meanwhile.
    kill -0 "$server" 2>/dev/null || { cat log >&2; exit 1; }
    [ "$tries" -lt 600 ] || { cat log >&2; kill -INT "$server"; exit 1; }
    sleep 0.1
done
echo "$folder"
read -r _ || true
kill -INT "$server"
wait "$server" || true
