#!/usr/bin/env bash
# An office's keys in use: passphrases, rotation, a roster that is pushed, and what a suspension at night does.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
a_route "Before and after" '{"level":"AMBER","countries":["TH"]}' >route.json
roster=$TMP/kh.roster
cp "$NET/trust/kh.roster" "$roster"

push_roster() { # signed by the authority, handed over by the committee, which may
	expect_exit 0 at kh.ncc.demo roster sign --key "$NET/authority/kh-authority.key" "$roster"
	expect_exit 0 at kh.ncc.demo roster push "$roster"
}

step "a passphrase guards the keys, and comes from a file that is the caller's alone"
echo 'correct horse battery staple' >phrase
chmod 600 phrase
LIAISON_PASSPHRASE_FILE=phrase expect_exit 0 at kh.blo.demo keys passphrase
expect_exit 78 at kh.blo.demo publish --wait 5 route.json </dev/null
echo 'wrong horse battery staple' >wrong
chmod 600 wrong
LIAISON_PASSPHRASE_FILE=wrong expect_exit 78 at kh.blo.demo publish --wait 5 route.json
chmod 644 phrase
LIAISON_PASSPHRASE_FILE=phrase expect_exit 78 at kh.blo.demo publish --wait 5 route.json
expect_err 'chmod 600'
chmod 600 phrase
export LIAISON_PASSPHRASE_FILE=phrase
expect_exit 0 at kh.blo.demo publish --wait 10 route.json

step "rotation: new keys wait for the roster that names them"
expect_exit 0 at kh.blo.demo keys rotate
expect_out 'fingerprint'
expect_exit 75 at kh.blo.demo keys rotate
expect_err 'no roster here names the new keys yet'
expect_exit 0 at kh.ncc.demo roster set --card "$NET/kh.blo.demo/office.card" "$roster"
expect_out 'version 2 \(begun from the signed one\)'
expect_exit 0 at kh.ncc.demo roster check "$roster"
expect_out 'kh.blo.demo: signing key [0-9a-f]+ is new'
push_roster
expect_exit 0 at kh.blo.demo publish --wait 10 route.json # by the old keys, which go on; and the new roster came along
expect_exit 0 at kh.blo.demo keys rotate
expect_out 'the new keys of kh.blo.demo are in use'
expect_exit 0 at kh.blo.demo publish --wait 10 route.json
unset LIAISON_PASSPHRASE_FILE
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 3 "$TMP/out" '"type":"delivery".*"verified":true'

step "nobody pushes without the right"
expect_exit 77 at th.blo.demo roster push "$roster"
expect_err 'does not give th.blo.demo the right operate'

step "a right that the roster took away is refused by the agent, one that it gave back is found by asking the broker"
expect_exit 0 at kh.ncc.demo roster set --office kh.atu.demo --publishes DOCUMENT "$roster"
push_roster
expect_exit 77 at kh.atu.demo publish --wait 10 route.json
expect_exit 0 at kh.ncc.demo roster set --office kh.atu.demo --publishes all "$roster"
push_roster
expect_exit 0 at kh.atu.demo publish --wait 10 route.json

step "the duty key suspends at once, and the broker's door is shut"
expect_exit 0 at kh.ncc.demo roster suspend --duty "$NET/authority/kh-duty.key" --reason 'post unreachable' --out night.suspension \
	kh.atu.demo
start reader liaison --home "$NET/kh.atu.demo" feed night
wait_until 10 has_line "$TMP/reader.out" "Before and after"
expect_exit 0 at kh.ncc.demo roster push night.suspension
expect_exit 77 at kh.atu.demo publish --wait 2 route.json
expect_exit 64 at kh.ncc.demo roster suspend --duty "$NET/authority/kh-duty.key" --hours 500 kh.piu.demo
stop reader

step "a roster that was rolled back is refused"
expect_exit 65 at kh.ncc.demo trust import "$NET/trust/kh.roster"
expect_err 'older|rolled back|is held'

finish
