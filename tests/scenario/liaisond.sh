#!/usr/bin/env bash
# A broker's life from its operator's side: made, checked, started, stopped, verified; and what it says when it cannot.
. "$(dirname "$0")/lib.sh"
home=$TMP/broker
conf=$home/liaisond.conf

step "a home is made, once"
expect_exit 0 liaisond --init "$home" --id kh.broker --listen tcp://127.0.0.1:0 --endpoint tcp://127.0.0.1:7400
expect_out "fingerprint, to read aloud:( [0-9]{5}| ){8}"
expect_out "trust import root.keys"
expect_same "mode of the keys" 600 "$(stat -c %a "$home/broker.key")"
expect_same "mode of the home" 700 "$(stat -c %a "$home")"
before=$(sha256sum "$home/broker.key")
expect_exit 78 liaisond --init "$home" --id kh.broker
expect_err 'is there already, and nothing was changed'
expect_same "keys" "$before" "$(sha256sum "$home/broker.key")"

step "the command line is refused in a sentence"
expect_exit 64 liaisond --init "$TMP/other"
expect_err 'needs --id'
expect_exit 64 liaisond --init "$TMP/other" --id kh.broker --listen 'tcp://*:7400'
expect_err 'say with --endpoint'
expect_exit 64 liaisond --verify --check-config
expect_exit 64 liaisond --id kh.broker
expect_exit 64 liaisond serve
expect_exit 64 liaisond --chekc-config
check "nothing was made" test ! -e "$TMP/other"
expect_exit 0 liaisond --version
expect_out '^liaisond [0-9]+\.[0-9]+'
expect_exit 0 liaisond --help
expect_out 'Examples:'

step "without trust it is not in order, and does not start"
expect_exit 78 liaisond -c "$conf" --check-config
expect_err 'root\.keys'
expect_exit 78 liaisond -c "$conf"
expect_exit 65 liaisond -c "$conf" --verify
expect_err 'there is no log'

step "every mistake is told at once, with file and line"
cat >"$TMP/bad.conf" <<'END'
id = "kh.broker";
listen = "tcp://localhost:7400";
segmnet_bytes = "64 MiB";
idle_ms = "1 year";
workers = 99;
END
expect_exit 78 liaisond -c "$TMP/bad.conf" --check-config
expect_err "^$TMP/bad.conf:2: listen: .*names are not looked up"
expect_err "^$TMP/bad.conf:3: .*did you mean .segment_bytes"
expect_err "^$TMP/bad.conf:4: idle_ms: .*allowed: a time"
expect_err "^$TMP/bad.conf:5: workers: is 99; allowed: a number from 1 to 64"
expect_lines 4 "$TMP/err"
expect_exit 78 liaisond -c "$TMP/bad.conf"
expect_exit 78 liaisond -c "$TMP/none.conf"
expect_err 'none\.conf: cannot be read'

step "what it prints is a configuration"
expect_exit 0 liaisond -c "$conf" --print-config
cp "$TMP/out" "$TMP/printed.conf"
expect_exit 0 liaisond -c "$TMP/printed.conf" --print-config
check "printed twice is the same" cmp -s "$TMP/out" "$TMP/printed.conf"

step "enrolled, it is in order"
cd "$TMP" || exit 1
run liaison keys new --signer root-1 root.key
run liaison keys new --signer kh-1 kh.key
expect_exit 0 liaison charter new --network test.example --root root.key --member kh --authority kh.key charter
expect_exit 0 liaison charter sign --key root.key charter
expect_exit 0 liaison --home "$home" trust import root.keys charter
expect_exit 0 liaison roster new --member kh --broker kh.broker --trust "$home/trust" kh.roster
expect_exit 0 liaison roster set --card "$home/kh.broker.card" --template broker --trust "$home/trust" kh.roster
expect_exit 0 liaison roster sign --key kh.key kh.roster
expect_exit 0 liaison --home "$home" trust import kh.roster
expect_exit 0 liaisond -c "$conf" --check-config
expect_out 'in order'

step "keys, trust and id that are not this broker's are told before it starts"
sed 's|^id = .*|id = "th.broker";|' "$conf" >"$home/id.conf"
expect_exit 78 liaisond -c "$home/id.conf" --check-config
expect_err '/id\.conf:[0-9]+: trust_dir: no roster in .* names th\.broker'
expect_exit 0 liaison --home "$TMP/office" keys new --office kh.blo.poipet
sed "s|^key_file = .*|key_file = \"$TMP/office/office.key\";|" "$conf" >"$home/key.conf"
expect_exit 78 liaisond -c "$home/key.conf" --check-config
expect_err 'key_file: .*has no checkpoint key'
mv "$home/trust/kh.roster" "$TMP/kept.roster"
echo junk >"$home/trust/kh.roster"
expect_exit 78 liaisond -c "$conf" --check-config
expect_err '^warning: .*kh\.roster is not a charter'
expect_err 'trust_dir: no roster in .* names kh\.broker'
mv "$TMP/kept.roster" "$home/trust/kh.roster"
chmod go+w "$home/trust"
expect_exit 78 liaisond -c "$conf" --check-config
expect_err 'trust_dir: others may write'
chmod go-w "$home/trust"
expect_exit 0 liaisond -c "$conf" --check-config

step "it serves, and says where"
start manager notified "$TMP/notify"
wait_until 5 test -S "$TMP/notify"
start broker env NOTIFY_SOCKET="$TMP/notify" liaisond -c "$conf" --ready-file "$TMP/ready"
wait_until 20 test -s "$TMP/ready"
check "an end point with a port" grep -qE '^tcp://127\.0\.0\.1:[1-9][0-9]+$' "$TMP/ready"
wait_until 5 has_line "$TMP/manager.out" '^READY=1$'
wait_until 5 has_line "$TMP/manager.out" '^STATUS=kh\.broker at tcp:'
check "it leaves no core file" grep -qE '^Max core file size +0 +0 ' "/proc/${pids[broker]}/limits"

step "a second one on the same folder, or on the same port, is told"
expect_exit 69 liaisond -c "$conf"
expect_err 'is a broker running already'
expect_exit 69 liaisond -c "$conf" --verify
sed "s|^listen = .*|listen = \"$(cat "$TMP/ready")\";|; s|^data_dir = .*|data_dir = \"data-2\";|" "$conf" >"$home/second.conf"
expect_exit 74 liaisond -c "$home/second.conf"
expect_err 'tcp://127\.0\.0\.1:[0-9]+.*in use'

step "SIGTERM ends it with 0, and the log is whole"
stop broker TERM
expect_same "exit" 0 "$code"
await manager 5
expect_same "the service manager heard that it stops" 0 "$code"
expect_same "a log line an event, with nothing but keys and values" "" \
	"$(grep -vE '^time=[^ ]+ level=[a-z]+ event=[a-z-]+( |$)' "$TMP/broker.err")"
expect_exit 0 liaisond -c "$conf" --verify
expect_out '^segment-0+: [0-9]+ records whole, 0 to [0-9]+$'
expect_out '^whole: [0-9]+ records in 1 segments$'

step "a byte that was changed in the log is found, named, and served around"
printf 'X' | dd of="$home/data/log/segment-00000000000000000000" bs=1 seek=8192 conv=notrunc status=none
expect_exit 65 liaisond -c "$conf" --verify
expect_out '^DAMAGE: segment-0+: at byte [0-9]+'
expect_err 'damages, the first: '
rm -f "$TMP/ready"
start damaged liaisond -c "$conf" --ready-file "$TMP/ready"
wait_until 20 test -s "$TMP/ready"
wait_until 5 has_line "$TMP/damaged.err" 'level=(error|warning) event=(read-only|log-finding)'
stop damaged INT
expect_same "exit" 0 "$code"

step "a disk without its folder and keys that others may read are said"
sed 's|^data_dir = .*|data_dir = "gone/data";|' "$conf" >"$home/bad.conf"
expect_exit 78 liaisond -c "$home/bad.conf" --check-config
expect_err 'bad.conf:[0-9]+: data_dir: .*gone'
chmod 644 "$home/broker.key"
expect_exit 78 liaisond -c "$conf" --check-config
expect_err 'chmod 600'
expect_exit 78 liaisond -c "$conf"

finish
