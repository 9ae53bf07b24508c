#!/usr/bin/env bash
# What can be proven of a broker's log is, and a log that went back or was rewritten is found by everybody who saw it.
. "$(dirname "$0")/lib.sh"
net_up KH,TH,VN
publish() { a_route "$1" | at kh.blo.demo publish - >/dev/null; }
for i in 1 2 3; do publish "Number $i"; done
expect_exit 0 at th.blo.demo feed --until-end -q

step "consistency, signatures, inclusion of what was received and published"
publish "Number 4"
expect_exit 0 at th.blo.demo verify
expect_out 'the log of kh.broker at [0-9]+ records continues the one that this office saw at [0-9]+'
expect_out '^3 of 3 alerts in the inbox are signed by the office that their id names$'
expect_out '^3 of 3 alerts that this office received stand in that log'
expect_out '^not proven: that kh.broker gave this office everything'
expect_exit 0 at kh.blo.demo verify --json
expect_out '"type":"verified".*"published":4,"publishedOfLog":4,"publishedProven":4,"failed":0\}$'

step "an inbox that somebody changed is found"
cp -a "$NET/th.blo.demo" "$TMP/changed"
LC_ALL=C grep -abo 'Number 2' "$TMP/changed/post.db" | cut -d: -f1 | while read -r offset; do
	printf 'O' | dd of="$TMP/changed/post.db" bs=1 seek="$offset" conv=notrunc status=none
done
expect_exit 65 liaison --home "$TMP/changed" verify
expect_err 'kh.blo.demo/2 \(record [0-9]+\) does not hold: bad-signature'
expect_out '^2 of 3 alerts in the inbox are signed'
expect_exit 65 liaison --home "$TMP/changed" show kh.blo.demo/2
expect_out '^NOT VERIFIED'

step "a disk that was restored is found by whoever saw more, and nothing is shown"
expect_exit 0 liaison sandbox down "$NET"
cp -a "$NET/kh.broker/data" "$TMP/backup"
expect_exit 0 liaison sandbox up "$NET"
publish "Lost by the restore"
expect_exit 0 at th.blo.demo feed --until-end --json
expect_lines 2 "$TMP/out" '"type":"delivery"'
expect_exit 0 liaison sandbox down "$NET"
rm -rf "$NET/kh.broker/data"
cp -a "$TMP/backup" "$NET/kh.broker/data"
expect_exit 0 liaison sandbox up "$NET"
expect_exit 65 at th.blo.demo feed --until-end --json
expect_lines 0 "$TMP/out"
expect_err 'rolled back'
check "the evidence is kept" test -n "$(find "$NET/th.blo.demo/evidence" -name 'log-fork-kh.broker-*')"
expect_exit 65 at th.blo.demo verify
expect_exit 65 at th.blo.demo feed --until-end # and stays found
expect_exit 0 at vn.blo.demo feed --until-end -q # who saw nothing of it can't know

step "a broker that is away is no proof of anything"
expect_exit 0 liaison sandbox down "$NET"
expect_exit 69 at vn.blo.demo verify

finish
