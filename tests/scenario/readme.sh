#!/usr/bin/env bash
# README's commands, run as they stand: the tour, and the enrolment of two real offices from keys to first delivery.
# Only the folder and the port are this run's own. Every block of shell between a mark <!-- run: NAME --> and the next
# heading belongs to NAME.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
broker_pid=""

cleanup() {
	[ -z "$broker_pid" ] || kill "$broker_pid" 2>/dev/null || true
	[ ! -d "$dir/net" ] || "$root/build/liaison" -q sandbox down "$dir/net" --wipe >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap cleanup EXIT

commands_of() {
	awk -v name="$1" '
		/^<!-- run: / { inside = $3 == name }
		/^#/ && !block { inside = 0 }
		/^```/ { block = !block; if (inside && block) shell = $0 == "```sh"; next }
		inside && block && shell' "$root/README.md"
}

free_port() {
	local port
	while port=$((20000 + RANDOM % 20000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
	echo "$port"
}

# The commands lie in files that README's relative paths fit.
ln -s "$root/config" "$root/build" "$dir/"
port=$(free_port)

run() {
	commands_of "$1" | sed "s|/tmp/net|$dir/net|g; s|127\.0\.0\.1:7400|127.0.0.1:$port|g" > "$dir/$1.sh"
	[ -s "$dir/$1.sh" ] || { echo "README has no commands marked $1"; return 1; }
	if [ "$1" = offices ]; then
		echo 'echo $! > broker.pid' > "$dir/after"
		# The broker is the only command in the background: its number is kept as soon as it is there.
		sed -i "/2> broker\/log.txt &$/r $dir/after" "$dir/$1.sh"
	fi
	(cd "$dir" && PATH="$root/build:$PATH" timeout 120 bash -eu "$1.sh" > "$1.out" 2>&1) || {
		echo "README's $1 failed:"
		cat "$dir/$1.out"
		return 1
	}
}

expect() {
	grep -q -e "$2" "$dir/$1.out" || { echo "README's $1 did not say \"$2\":"; cat "$dir/$1.out"; return 1; }
}

run tour
expect tour 'kh.blo.demo/1 accepted by kh.broker'
expect tour '"type":"delivery".*"verified":true.*"kh.blo.demo/1"'
expect tour 'refused, exit code 77'
run offices || { cat "$dir/broker/log.txt" 2>/dev/null; broker_pid=$(cat "$dir/broker.pid" 2>/dev/null || true); exit 1; }
broker_pid=$(cat "$dir/broker.pid")
expect offices 'kh.blo.poipet/1 accepted by kh.broker'
expect offices 'ROUTE .*kh.blo.poipet/1'
kill -TERM "$broker_pid"
# Not a child of this shell: its end is seen from outside.
for _ in $(seq 200); do kill -0 "$broker_pid" 2>/dev/null || break; sleep 0.05; done
if kill -0 "$broker_pid" 2>/dev/null; then echo "the broker does not stop"; exit 1; fi
broker_pid=""
echo "README's commands do what it says"
