#!/usr/bin/env bash
# The root's and an authority's work on a running network: next charters and rosters, thresholds, what is rolled back or
# forked, suspension and revocation, push; and what is said of each mistake.
. "$(dirname "$0")/lib.sh"
net_up KH,TH
cd "$TMP"
keys=$NET/authority
mkdir desk
expect_exit 0 liaison --home desk trust import "$NET/trust"
export LIAISON_HOME=$TMP/desk

step "editing a signed roster begins its next version, and says what changes for whom"
cp "$NET/trust/kh.roster" kh-2
expect_exit 0 liaison roster set --office kh.nrm.demo --clearance RED --phone '000 0009' kh-2
expect_exit 0 liaison roster show kh-2 --json
expect_out '"version":2,.*"signatures":0'
expect_out '"id":"kh.nrm.demo","kind":"NRM",.*"phone":"000 0009"'
expect_exit 0 liaison roster diff "$NET/trust/kh.roster" kh-2
expect_out '^kh.nrm.demo may receive up to RED \(before: AMBER\)\.$'
expect_out '^kh.nrm.demo: its phone is 000 0009'
expect_exit 0 liaison roster check kh-2
expect_exit 64 liaison roster set --office kh.nrm.demo --clearance RUD kh-2
expect_err 'did you mean RED'
expect_exit 0 liaison roster show kh-2 --json
expect_out '"version":2,'

step "unsigned, and signed by the wrong key: refused in a sentence"
expect_exit 65 liaison trust import kh-2
expect_err 'kh-2 is not taken: .*not signed by 1 of the 1 authority keys'
cp kh-2 kh-wrong
expect_exit 0 liaison roster sign --key "$keys/th-authority.key" kh-wrong
expect_err 'warning: kh-wrong carries a signature by a key that is none of the authority of kh'
expect_exit 65 liaison trust import kh-wrong
expect_err 'kh-wrong is not taken: '

cp "$NET/trust/charters" charters-copy
expect_exit 64 liaison keys show charters-copy
expect_err 'neither a key file nor a card'
run liaison keys new --signer root-9 root-9.key
run liaison charter new --network test.example --root root-9.key --member kh --authority "$keys/kh-authority.key" charter-9
expect_exit 0 liaison charter sign --key "$keys/kh-authority.key" charter-9
expect_err 'warning: charter-9 carries a signature by a key that is none of its root keys'

step "help is there by any name"
expect_exit 0 liaison help
expect_out 'Usage: liaison COMMAND'
expect_exit 0 liaison help roster set
expect_out 'Usage: liaison roster set '
expect_exit 64 liaison help rooster

step "push: by an office with right OPERATE only, and taken within a second"
expect_exit 0 liaison roster sign --key "$keys/kh-authority.key" kh-2
expect_exit 77 at kh.blo.demo roster push kh-2
expect_err 'OPERATE|operate'
expect_exit 0 at kh.ncc.demo roster push kh-2
expect_out 'kh-2: taken by kh.broker'
expect_exit 0 at th.blo.demo feed --until-end
expect_exit 0 at th.blo.demo trust show --json
expect_out '"member":"kh",.*"version":2,'
expect_exit 0 liaison trust import kh-2

step "rolled back: refused, by the home and by the broker"
expect_exit 65 liaison trust import "$NET/trust/kh.roster"
expect_err 'kh.roster is not taken: .*version 1.*version 2|older|rolled'
expect_exit 77 at kh.ncc.demo roster push "$NET/trust/kh.roster"

step "two rosters under one version: an alarm, and both are kept"
cp "$NET/trust/kh.roster" kh-2-other
expect_exit 0 liaison roster set --office kh.nrm.demo --clearance GREEN --trust "$NET/trust" kh-2-other
expect_exit 0 liaison roster sign --key "$keys/kh-authority.key" kh-2-other
expect_exit 65 liaison trust import kh-2-other
expect_err 'ALARM: kh-2-other is signed under a version that this home holds with other content'
check "the evidence is there" compgen -G "desk/evidence/roster-fork-kh-*" >/dev/null
expect_exit 77 at kh.ncc.demo roster push kh-2-other

step "a suspended office is out within a second, with its session open; resumed, it gets what it missed"
start reader liaison --home "$NET/th.blo.demo" feed live --from new --json
wait_until 10 has_line "$TMP/reader.out" '"type":"progress"'
cp "$NET/trust/th.roster" th-2
expect_exit 0 liaison roster suspend --reason 'laptop lost' th.blo.demo th-2
expect_exit 0 liaison roster sign --key "$keys/th-authority.key" th-2
expect_exit 0 at th.ncc.demo roster push th-2
a_route "While it was suspended" >route.json
expect_exit 0 at kh.blo.demo publish route.json
expect_out 'seen by [0-9]+ offices'
expect_exit 77 at th.blo.demo publish --wait 3 route.json
stop reader
check "nothing came through" test -z "$(grep 'While it was suspended' reader.out)"
expect_exit 0 liaison trust import th-2
cp th-2 th-3
expect_exit 0 liaison roster resume th.blo.demo th-3
expect_exit 0 liaison roster sign --key "$keys/th-authority.key" th-3
expect_exit 0 at th.ncc.demo roster push th-3
gets_it() { at th.blo.demo feed --until-end | grep -q 'While it was suspended'; }
wait_until 20 gets_it

step "the duty key suspends for hours, not for weeks"
expect_exit 64 liaison roster suspend --duty "$keys/kh-duty.key" --hours 200 --reason x --out long kh.atu.demo
expect_exit 0 liaison roster suspend --duty "$keys/kh-duty.key" --hours 2 --reason 'called at night' --out short kh.atu.demo
expect_exit 0 at kh.ncc.demo roster push short
expect_exit 77 at kh.atu.demo publish --wait 3 route.json
expect_exit 0 liaison roster suspend --duty "$keys/th-duty.key" --hours 2 --reason x --out foreign kh.piu.demo
expect_exit 65 liaison trust import foreign

step "a next charter: two of three roots, chained to the one before"
expect_exit 0 liaison keys new --signer la-authority la.key
expect_exit 0 liaison charter new --previous desk/trust/charters --member la --authority la.key charter-2
expect_exit 0 liaison charter sign --key "$keys/root-1.key" charter-2
expect_exit 65 liaison trust import charter-2
expect_err 'charter-2 is not taken: 1 good signatures by the 3 keys.*2 are needed'
expect_exit 0 liaison charter sign --key "$keys/kh-authority.key" charter-2
expect_exit 0 liaison charter show charter-2
expect_out 'signed by 1 of its 3 root keys; it needs 2'
expect_exit 0 liaison charter sign --key "$keys/root-2.key" charter-2
expect_exit 0 at kh.ncc.demo roster push charter-2
expect_exit 0 liaison trust import charter-2
expect_exit 0 liaison trust show
expect_out '^la +none held'

step "root keys are pinned once"
sed 's/^key: ../key: ff/' "$NET/trust/root.keys" >other.keys
expect_exit 78 liaison trust import other.keys
expect_err 'holds other root keys'
expect_exit 78 liaison --home fresh trust import charter-2
expect_err 'no root keys yet'

step "what is no paper at all"
echo nonsense >nonsense
expect_exit 65 liaison trust import nonsense
expect_err 'nonsense is not a charter, roster'
head -c 300 kh-2 >cut
expect_exit 65 liaison trust import cut
expect_exit 74 liaison trust import missing
expect_exit 65 liaison trust import "$NET/kh.blo.demo/office.card"
expect_err 'is a card'
expect_exit 64 liaison roster shwo kh-2
expect_err 'did you mean `show`'

step "passphrases: from a file that is one's own, never too short, never wrong"
printf 'correct horse battery\n' >phrase
chmod 600 phrase
export LIAISON_PASSPHRASE_FILE=$TMP/phrase
expect_exit 0 liaison keys new --signer locked --passphrase locked.key
check "the key is not there in the clear" test -z "$(grep -a '^signing:' locked.key)"
expect_exit 0 liaison keys show locked.key
printf 'another horse\n' >phrase
expect_exit 78 liaison keys show locked.key
expect_err 'passphrase'
chmod 644 phrase
expect_exit 78 liaison keys show locked.key
chmod 600 phrase
printf 'short\n' >phrase
expect_exit 64 liaison keys new --signer short --passphrase short.key
unset LIAISON_PASSPHRASE_FILE
check "nothing was made of it" test ! -e short.key
expect_exit 0 liaison keys passphrase --remove "$keys/root-3.key"

step "who is who"
expect_exit 0 at kh.blo.demo offices --country TH --kind BLO
expect_lines 2 out
expect_out '^th.blo.demo +BLO'
expect_exit 0 at kh.blo.demo offices --kind NCC --json
expect_lines 2 out '^\{"id":"..\.ncc\.demo","kind":"NCC"'
expect_exit 64 at kh.blo.demo offices --crossing kh-poipat
expect_err 'did you mean `kh-poipet`'
expect_exit 64 at kh.blo.demo offices --country XX

finish
