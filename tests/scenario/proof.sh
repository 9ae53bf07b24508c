#!/usr/bin/env bash
# What a reader can prove, and what is found out: an inbox that somebody changed, a broker whose log was rolled back to an
# older copy, and one that went on differently from there.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
cd "$TMP"
publish() { # publish COUNT HEADLINE [OFFICE]
	local n
	for ((n = 1; n <= $1; n++)); do
		a_route "$2 $n" >alert.json
		expect_exit 0 at "${3:-kh.blo.demo}" publish alert.json
	done
}
swap_log() { # swap_log COPY: the broker's data folder is replaced by that copy of it
	expect_exit 0 liaison sandbox down "$NET"
	rm -rf "$NET/kh.broker/data"
	cp -r "$1" "$NET/kh.broker/data"
	expect_exit 0 liaison sandbox up "$NET"
}

step "an honest log: everything received and published stands in it"
publish 3 Pangolin
expect_exit 0 at th.blo.demo feed --until-end --json
expect_exit 0 at th.blo.demo verify --json
expect_out '^\{"type":"verified","broker":"kh.broker","epoch":"[^"]+","fromSize":[0-9]+,"size":[0-9]+,"rootHash":"[^"]+","inbox":3,"inboxSigned":3,"inboxOfLog":3,"inboxProven":3,"published":0,"publishedOfLog":0,"publishedProven":0,"failed":0\}$'
publish 2 Ivory
expect_exit 0 at kh.blo.demo verify
expect_out '^5 of 5 alerts that this office published stand in that log'
expect_out 'not proven'

step "one word changed in the inbox is found"
expect_exit 0 at th.blo.demo feed --until-end
cp "$NET/th.blo.demo/post.db" post.saved
LC_ALL=C sed -i 's/Pangolin 2/Pangolin 7/' "$NET/th.blo.demo/post.db"
expect_exit 65 at th.blo.demo verify
expect_out '^4 of 5 alerts in the inbox are signed'
expect_err 'kh.blo.demo/2'
expect_exit 65 at th.blo.demo show kh.blo.demo/2
expect_exit 0 at th.blo.demo show kh.blo.demo/1
cp post.saved "$NET/th.blo.demo/post.db"
expect_exit 0 at th.blo.demo verify

step "a log that was rolled back is found by whoever saw more, and takes nothing more"
expect_exit 0 liaison sandbox down "$NET"
cp -r "$NET/kh.broker/data" before
expect_exit 0 liaison sandbox up "$NET"
publish 2 Later
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 2 "$TMP/out" '"type":"delivery"'
expect_exit 0 liaison sandbox down "$NET"
mv "$NET/kh.broker/data" honest
cp -r before "$NET/kh.broker/data"
expect_exit 0 liaison sandbox up "$NET"
expect_exit 65 at th.blo.demo verify
expect_err 'rolled back'
expect_exit 65 at th.blo.demo feed --until-end
expect_exit 75 at vn.blo.demo publish --wait 2 alert.json # said by the broker to whoever has not seen it
expect_err 'read-only'
expect_exit 0 at vn.blo.demo outbox drop --all

step "a log that went on differently is found, and both checkpoints are kept"
swap_log before
publish 4 Forged vn.blo.demo
expect_exit 65 at th.blo.demo verify
expect_err 'does not continue|rewritten|forked'
expect_err 'ALARM'
check "the evidence is there" compgen -G "$NET/th.blo.demo/evidence/*" >/dev/null
expect_exit 65 at th.blo.demo feed --until-end --json
expect_no_out 'Forged'
expect_exit 0 at th.blo.demo inbox
expect_no_out 'Forged'

step "with the honest log again, all is well"
swap_log honest
expect_exit 0 at th.blo.demo verify
expect_out '^7 of 7 alerts that this office received stand in that log'
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 0 "$TMP/out" '"type":"(delivery|unverified)"'

finish
