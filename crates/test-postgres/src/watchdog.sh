# Runs a throw-away Postgres until stdin ends, which it does when the owner is gone for whatever reason.
# Arguments: the folder, the folder of the binaries, and what to put before a command to become another user.
trap '' HUP INT QUIT TERM
folder=$1
binaries=$2
shift 2

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

server=
cd "$folder" || exit 1
if init_linguistic "$@" >log 2>&1 </dev/null || init "$@" >>log 2>&1 </dev/null; then
    "$@" "$binaries/postgres" -D "$folder/data" -k "$folder" \
        -c listen_addresses= -c max_connections=200 -c shared_buffers=256MB \
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=4GB \
        -c dynamic_shared_memory_type=mmap >>log 2>&1 </dev/null &
    server=$!
else
    : >failed
fi

cat >/dev/null

if [ -n "$server" ]; then
    # The first line of this file is the server's own id, also where a program in between waits for it.
    read -r id <data/postmaster.pid 2>/dev/null || id=$server
    kill -QUIT "$id" 2>/dev/null
    wait "$server"
fi
cd /
rm -rf "$folder"
