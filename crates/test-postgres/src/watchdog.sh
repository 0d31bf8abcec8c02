# Runs a throw-away Postgres until stdin ends, which it does when the owner is gone for whatever reason. Each line
# there asks for the server once more, after it was killed.
# Arguments: the folder, the folder of the binaries, `on` if a commit is to outlive the server and `off` if not, whom
# it streams with (`nobody`, `replicas`, or the folder of the server that it is a replica of), and what to put before
# a command to become another user.
trap '' HUP INT QUIT TERM
folder=$1
binaries=$2
durable=$3
streams=$4
shift 4

case $streams in
nobody) level=minimal senders=0 commit=$durable ;;
# Only what is flushed is streamed, so a commit has to wait for it.
*) level=replica senders=4 commit=on ;;
esac

init() {
    "$@" "$binaries/initdb" --pgdata "$folder/data" --username postgres --auth trust \
        --encoding UTF8 --locale C.UTF-8 --no-sync --no-instructions
}

# Linguistic sorting by default, as production has it: a query that forgot its own collation shows.
init_linguistic() {
    "$@" "$binaries/initdb" --pgdata "$folder/data" --username postgres --auth trust \
        --encoding UTF8 --locale C.UTF-8 --locale-provider icu --icu-locale en-US \
        --no-sync --no-instructions
}

copy() {
    "$@" "$binaries/pg_basebackup" --pgdata "$folder/data" --host "$streams" --username postgres \
        --write-recovery-conf --wal-method stream --checkpoint fast --no-sync
}

make() {
    case $streams in
    nobody | replicas) init_linguistic "$@" || init "$@" ;;
    *) copy "$@" ;;
    esac
}

serve() {
    "$@" "$binaries/postgres" -D "$folder/data" -k "$folder" \
        -c listen_addresses= -c max_connections=200 -c shared_buffers=256MB \
        -c fsync="$durable" -c synchronous_commit="$commit" -c full_page_writes="$durable" \
        -c wal_level="$level" -c max_wal_senders="$senders" -c max_wal_size=4GB \
        -c dynamic_shared_memory_type=mmap >>log 2>&1 </dev/null &
    server=$!
}

server=
cd "$folder" || exit 1
if make "$@" >log 2>&1 </dev/null; then
    serve "$@"
else
    : >failed
fi

while read -r _; do
    wait "$server"
    serve "$@"
done

if [ -n "$server" ]; then
    # The first line of this file is the server's own id, also where a program in between waits for it.
    read -r id <data/postmaster.pid 2>/dev/null || id=$server
    kill -QUIT "$id" 2>/dev/null
    wait "$server"
fi
cd /
rm -rf "$folder"
