#!/usr/bin/env bash
# A network by hand, without the sandbox: from the first key to the first delivery, with the commands that README names.
# Two root keys of three; Cambodia and Thailand, one authority key each; one broker; a border post on either side.
. "$(dirname "$0")/lib.sh"
cd "$TMP"
endpoint=127.0.0.1:$(free_port)

step "the root's holders make their keys, each on a computer of their own"
mkdir root kh th
for n in 1 2 3; do
	expect_exit 0 liaison keys new --signer "root-$n" "root/root-$n.key" --json
	sed 's/.*"signingKey":"\([0-9a-f]*\)".*/\1/' out >"root/root-$n.pub"
done
expect_same "mode of a secret key" 600 "$(stat -c %a root/root-1.key)"
expect_exit 78 liaison keys new --signer root-1 root/root-1.key
expect_err 'exists and is not overwritten'

step "each country's authority makes its key, and one for the night"
expect_exit 0 liaison keys new --signer kh-authority kh/authority.key
expect_exit 0 liaison keys new --signer kh-duty kh/duty.key
expect_exit 0 liaison keys new --signer th-authority th/authority.key

step "the charter is written and signed by two of three"
expect_exit 0 liaison charter new --network enrol.example --root "$(cat root/root-1.pub)" --root "$(cat root/root-2.pub)" \
	--root "$(cat root/root-3.pub)" --root-threshold 2 --member kh --name Cambodia --authority kh/authority.key \
	--duty kh/duty.key --member th --name Thailand --authority th/authority.key root/charter
expect_exit 0 liaison charter sign --key root/root-1.key root/charter
expect_exit 65 liaison --home early trust import root/root.keys root/charter
expect_err '1 of 3|1 good|2 ' # one signature is not enough, and it says how many there are
expect_exit 0 liaison charter sign --key root/root-3.key root/charter
expect_exit 0 liaison charter show root/charter
expect_out 'signed by 2 of its 3 root keys; it needs 2'

step "the broker makes its home and card"
expect_exit 0 liaisond --init broker --id kh.broker --listen "tcp://$endpoint"
expect_out 'fingerprint'
broker_key=$(sed -n 's/.*transport key.*: \([0-9a-f]\{64\}\)$/\1/p' out)
expect_same "length of the transport key" 64 "${#broker_key}"

step "two offices make their homes, keys and cards"
expect_exit 0 liaison --home poipet home init --office kh.blo.poipet --broker "$endpoint" --broker-key "$broker_key" \
	--broker-id kh.broker --lang km,en
expect_err 'keys new'
expect_exit 0 liaison --home poipet keys new
expect_out 'fingerprint, to read aloud.*: [0-9]{5}( [0-9]{5}){7}$'
fingerprint=$(grep -oE '[0-9]{5}( [0-9]{5}){7}' out)
expect_exit 0 liaison --home aranya home init --office th.blo.aranyaprathet --broker "$endpoint" --broker-key "$broker_key"
expect_exit 0 liaison --home aranya keys new

step "the clerk compares the fingerprint that is read aloud with that of the card that came"
expect_exit 0 liaison keys show poipet/office.card
expect_out "$fingerprint"

step "the authorities enrol them, look at what that means, and sign"
for country in kh th; do
	expect_exit 0 liaison --home "$country/desk" trust import root/root.keys root/charter
	expect_exit 0 liaison --home "$country/desk" roster new --member "$country" --broker kh.broker "$country/$country.roster"
done
expect_exit 0 liaison --home kh/desk roster set --card broker/kh.broker.card --template broker kh/kh.roster
expect_exit 0 liaison --home kh/desk roster set --card poipet/office.card --template blo --name 'en=Poipet BLO' \
	--phone '000 0001' --crossing kh-poipet kh/kh.roster
expect_exit 0 liaison --home th/desk roster set --card aranya/office.card --template blo \
	--name 'en=Aranyaprathet BLO' --crossing th-aranyaprathet th/th.roster
expect_exit 0 liaison --home kh/desk roster check kh/kh.roster
expect_out 'kh.blo.poipet is new, of kind BLO'
expect_exit 0 liaison --home kh/desk roster sign --key kh/authority.key kh/kh.roster
expect_exit 0 liaison --home th/desk roster sign --key th/authority.key th/th.roster

step "a roster signed by another country's key is taken by nobody"
cp th/th.roster wrong.roster
expect_exit 0 liaison --home th/desk roster set --office th.blo.aranyaprathet --clearance AMBER wrong.roster
expect_exit 0 liaison roster sign --key kh/authority.key wrong.roster
expect_exit 65 liaison --home th/desk trust import wrong.roster
expect_err 'is not taken'

step "root keys, charter and rosters go to the broker and the offices"
for home in broker poipet aranya; do
	expect_exit 0 liaison --home "$home" trust import root/root.keys root/charter kh/kh.roster th/th.roster
done
expect_exit 0 liaison --home poipet trust show
expect_out '^kh +valid .* kh.broker'

step "the broker starts"
expect_exit 0 liaisond -c broker/liaisond.conf --check-config
start broker liaisond -c broker/liaisond.conf --ready-file "$TMP/ready"
wait_until 10 test -f "$TMP/ready"

step "the first alert, and its delivery"
start feed liaison --home aranya feed --count 1 --json
a_route "The first of all" '{"level":"AMBER","countries":["TH"]}' >route.json
expect_exit 0 liaison --home poipet publish route.json
expect_out '^kh.blo.poipet/1 accepted by kh.broker at index [0-9]+; seen by 1 office in TH$'
await feed 20
expect_same "the reader's end" 0 "$code"
expect_lines 1 feed.out '"type":"delivery".*"verified":true.*"id":"kh.blo.poipet/1".*The first of all'

step "new keys: a card, a roster, and then they serve"
expect_exit 0 liaison --home poipet keys rotate
expect_exit 75 liaison --home poipet keys rotate
expect_exit 0 liaison --home kh/desk trust import kh/kh.roster
expect_exit 0 liaison --home kh/desk roster set --card poipet/office.card kh/kh.roster
expect_exit 0 liaison --home kh/desk roster sign --key kh/authority.key kh/kh.roster
expect_exit 0 liaison --home broker trust import kh/kh.roster
expect_exit 0 liaison --home poipet trust import kh/kh.roster
expect_exit 0 liaison --home poipet keys rotate
expect_out 'the new keys of kh.blo.poipet are in use'
check "the old ones are kept" compgen -G "poipet/office.key.old-*" >/dev/null
knows_new_key() { liaison --home poipet publish --wait 2 route.json; }
wait_until 20 knows_new_key

step "an older roster is not taken again"
expect_exit 65 liaison --home aranya trust import kh/kh.roster wrong.roster
expect_exit 0 liaison --home kh/desk roster show kh/kh.roster
expect_out 'version 2 under charter 1'

step "at night the duty key suspends an office at once"
expect_exit 0 liaison --home kh/desk trust import kh/kh.roster
expect_exit 0 liaison --home kh/desk roster suspend --duty kh/duty.key --hours 24 --reason 'laptop stolen' --out stolen \
	kh.blo.poipet
expect_exit 0 liaison --home broker trust import stolen
refused() { liaison --home poipet publish --wait 1 route.json; [ $? -ne 0 ]; }
wait_until 10 refused
expect_exit 0 liaison --home aranya trust import stolen
expect_exit 0 liaison --home aranya offices
expect_out 'kh.blo.poipet .*suspended'

stop broker
expect_same "the broker's end" 0 "$code"
finish
