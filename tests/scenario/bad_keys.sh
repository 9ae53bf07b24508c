#!/usr/bin/env bash
# Configuration, keys and papers that are not as they should be, at an office and at a broker: exit 78 or refused, one
# sentence, what to do; and what runs goes on by what it had. The desk's side of papers is authority.sh.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
home=$NET/kh.blo.demo
broker=$NET/kh.broker
conf=$broker/liaisond.conf
day=86400000
a_route "as it should be" '{"level":"AMBER","countries":["TH"]}' >route.json
down() { liaison sandbox down "$NET" -q; }
up() { expect_exit 0 liaison sandbox up "$NET" -q; }

office_says() { # office_says PATTERN: publish ends with 78 and one sentence
	expect_exit 78 at kh.blo.demo publish --wait 3 route.json
	expect_err "^liaison: $1"
	expect_lines 1 "$TMP/err"
}
broker_says() { # broker_says PATTERN: liaisond ends with 78 and says so; so does --check-config if it can see it
	expect_exit 78 timeout 10 liaisond -c "$conf"
	expect_err "$1"
}

step "an office's key file: mode, owner, link, missing, cut, another's"
chmod 644 "$home/office.key"
office_says '.*office\.key holds secret keys and others may read or write it \(mode 0644\); run: chmod 600 '
chmod 620 "$home/office.key"
office_says '.*mode 0620'
chmod 600 "$home/office.key"
if [ "$(id -u)" -eq 0 ]; then
	chown 65534 "$home/office.key"
	office_says '.*office\.key belongs to user 65534 and not to the one who runs this; give it to user 0'
	chown 0 "$home/office.key"
else
	echo "SKIPPED: another owner, which only root can set"
fi
mv "$home/office.key" kept.key
ln -s "$TMP/kept.key" "$home/office.key"
office_says '.*is a symbolic link'
rm "$home/office.key"
office_says '.*has no office\.key; make one by `liaison keys new`'
(umask 077 && head -c 100 kept.key >"$home/office.key")
office_says '.*office\.key, line [0-9]+: .*restore the file from its copy or make new keys'
(umask 077 && sed 's/^\(signing: *\)./\1!/' kept.key >"$home/office.key")
office_says '.*office\.key'
cp "$NET/kh.atu.demo/office.key" "$home/office.key"
office_says '.*is the key of kh\.atu\.demo, but office\.conf says kh\.blo\.demo'
cp kept.key "$home/office.key"

step "office.conf: unknown key, wrong type, out of range, no office, no end point, no key"
cp "$home/office.conf" kept.conf
spoil() { # spoil SED PATTERN
	sed "$1" kept.conf >"$home/office.conf"
	office_says "$home/office.conf$2"
}
spoil 's/^languages/langauges/' ', line [0-9]+: there is no key `langauges`; did you mean `languages`\?'
spoil 's/^wait_seconds.*/wait_seconds = "30";/' ', line [0-9]+: `wait_seconds` must be a whole number'
spoil 's/^wait_seconds.*/wait_seconds = 4000;/' ', line [0-9]+: `wait_seconds` must be from 0 to 3600, not 4000'
spoil '/^office/d' ': `office` is missing'
spoil 's/^office.*/office = "KH.blo.demo";/' ', line [0-9]+: `office`: '
spoil 's/tcp:[^"]*/tcp:\/\/somewhere/' ', line [0-9]+: an end point is HOST:PORT'
spoil 's/key = "[^"]*"/key = "abc"/' ', line [0-9]+: the broker.s `key`: a key is 64'
spoil 's/^office = "/office = /' ', line [0-9]+: syntax'
cp kept.conf "$home/office.conf"

step "root keys that were exchanged: the papers that are here do not hold"
cp -r "$home/trust" kept.trust
sed 's/^key: ..../key: 0000/' kept.trust/root.keys >"$home/trust/root.keys"
expect_exit 78 at kh.blo.demo publish --wait 3 route.json
expect_err 'trust|charter|root'
rm -r "$home/trust"
cp -r kept.trust "$home/trust"
expect_exit 0 at kh.blo.demo publish --wait 3 route.json

step "a broker's key file: mode, owner, an office's, another broker's, cut, missing"
down
cp "$broker/broker.key" kept.key
chmod 640 "$broker/broker.key"
broker_says 'liaisond\.conf:[0-9]+: key_file: others may read or write .* \(mode 0640\); chmod 600 it'
expect_exit 78 liaisond -c "$conf" --check-config
chmod 600 "$broker/broker.key"
if [ "$(id -u)" -eq 0 ]; then
	chown 65534 "$broker/broker.key"
	broker_says 'key_file: .* belongs to user 65534, but the broker runs as 0; change its owner'
	chown 0 "$broker/broker.key"
fi
cat "$home/office.key" >"$broker/broker.key"
broker_says 'has no checkpoint key: it is an office.s, not a broker.s'
expect_exit 0 liaisond --init "$TMP/other" --id kh.broker --listen tcp://127.0.0.1:0 --endpoint tcp://127.0.0.1:7400
cat other/broker.key >"$broker/broker.key"
broker_says 'the roster gives kh\.broker other keys than .*have the new card enrolled'
head -c 60 kept.key >"$broker/broker.key"
broker_says 'broker\.key, line [0-9]+: .*restore the file'
rm "$broker/broker.key"
broker_says 'No such file or directory; `liaisond --init DIR` makes one'
cp kept.key "$broker/broker.key"

step "a broker without a roster that names it, or by one that is short of signatures"
cp -r "$broker/trust" kept.broker.trust
mv "$broker/data" kept.data # whose log has the roster
rm "$broker/trust/kh.roster"
broker_says 'no roster in .* names kh\.broker: have its card .* enrolled'
cp "$NET/trust/kh.roster" unsigned
expect_exit 0 liaison roster set --office kh.nrm.demo --clearance RED --trust "$NET/trust" unsigned
cp unsigned "$broker/trust/kh.roster"
broker_says 'no roster in .* names kh\.broker'
check "and why it was not taken: $(cat "$TMP/err")" grep -q 'not signed by 1 of the 1 authority keys' "$TMP/err"
rm -r "$broker/trust" "$broker/data"
cp -r kept.broker.trust "$broker/trust"
mv kept.data "$broker/data"
up

step "papers that come into a running broker's folder: short of signatures, rolled back, torn"
next() { # next VERSION-FILE OPTION...: the next roster of Cambodia, signed, in the file
	local file=$1
	shift
	cp "$NET/trust/kh.roster" "$file"
	expect_exit 0 liaison roster set "$@" --trust "$NET/trust" "$file"
	expect_exit 0 liaison roster sign --key "$NET/authority/kh-authority.key" "$file"
}
rosters() { grep -c 'event=trust-adopted document=roster' "$broker/log.txt"; } # that it has taken so far
more_than() { [ "$(rosters)" -gt "$1" ]; }
into() { # into FILE: as it is put there by hand
	cp "$1" "$broker/trust/kh.roster.new"
	mv "$broker/trust/kh.roster.new" "$broker/trust/kh.roster"
}
into unsigned
wait_until 10 has_line "$broker/log.txt" 'level=error event=trust-(refused|file) .*kh'
expect_exit 0 at kh.blo.demo publish --wait 3 route.json
next narrower --office kh.blo.demo --publishes VEHICLE
before=$(rosters)
into narrower
wait_until 10 more_than "$before"
expect_exit 77 at kh.blo.demo publish --wait 3 route.json
into kept.broker.trust/kh.roster # the first one: it gave the right
expect_exit 77 at kh.blo.demo publish --wait 3 route.json
head -c 200 narrower >torn
into torn
wait_until 10 has_line "$broker/log.txt" 'level=error event=trust-file path="?[^ ]*kh\.roster'
expect_exit 77 at kh.blo.demo publish --wait 3 route.json
down
into kept.broker.trust/kh.roster
up
expect_exit 77 at kh.blo.demo publish --wait 3 route.json # its log says what it knew

step "an office whose own folder was rolled back learns better from its broker, and cannot be used to roll back another"
cp kept.trust/kh.roster "$home/trust/kh.roster"
expect_exit 77 at kh.blo.demo publish --wait 3 route.json
expect_exit 77 at kh.ncc.demo roster push kept.trust/kh.roster
expect_err 'older|stale|version'
next wider --office kh.blo.demo --publishes all
cp wider "$NET/trust/kh.roster"
next wider2 --office kh.blo.demo --publishes all
expect_exit 0 at kh.ncc.demo roster push wider2
cp wider2 "$NET/trust/kh.roster"
expect_exit 0 at kh.blo.demo publish --wait 3 route.json

step "rosters that have expired: a week of grace, then nothing is taken; a new one ends it"
down
export LIAISON_TEST_CLOCK_OFFSET_MS=$((367 * day))
up
expect_exit 0 at kh.blo.demo publish --wait 3 route.json
down
export LIAISON_TEST_CLOCK_OFFSET_MS=$((376 * day))
up
check "the broker says so" grep -qE 'level=error event=expired what=roster name=kh .*do="have a new one signed' "$broker/log.txt"
expect_exit 75 at kh.blo.demo publish --wait 2 route.json
expect_err 'roster-expired: the roster of kh has expired; its authority must sign a new one'
cp "$NET/trust/kh.roster" renewed
expect_exit 0 liaison roster set --office kh.blo.demo --publishes all --trust "$NET/trust" renewed
cp renewed renewed2
expect_exit 0 liaison roster sign --key "$NET/authority/kh-authority.key" renewed2
before=$(rosters)
into renewed2
wait_until 10 more_than "$before"
retried() { timeout 20 liaison --home "$NET/kh.blo.demo" outbox retry; }
wait_until 10 retried
expect_exit 0 at kh.blo.demo outbox ls
expect_no_out ' queued '

finish
