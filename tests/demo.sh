#!/usr/bin/env bash
# `make demo`: an alert travels. A story for a person, told with the commands that anybody would type; every line of it is
# checked, and it fails if one does not hold. All lies in a folder of its own, which is removed at the end (KEEP=1 keeps it).
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd)
PATH=$BUILD:$PATH
export NO_COLOR=1 LC_ALL=C.UTF-8
unset LIAISON_HOME
DEMO=$(mktemp -d "${TMPDIR:-/tmp}/liaison-demo.XXXXXX")
cd "$DEMO"
bold="" plain=""
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
readers=()

clean_up() {
	local code=$? pid
	for pid in "${readers[@]}"; do kill "$pid" 2>/dev/null || true; done
	[ ! -e net/sandbox.conf ] || liaison -q sandbox down net || true
	cd /
	if [ "${KEEP:-0}" = 1 ]; then echo "kept: $DEMO"; else rm -rf "$DEMO"; fi
	[ $code -eq 0 ] || echo "demo: FAILED" >&2
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

say() { printf '\n%s\n' "$*"; }
show() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }
do_it() { # shows a command, runs it, keeps its output in said.txt
	show "$*"
	local code=0
	"$@" >said.txt 2>&1 || code=$?
	sed 's/^/  /' said.txt
	return $code
}
must_say() { grep -qE -- "$1" said.txt || { echo "demo: expected /$1/ above" >&2; exit 1; }; }
follow() { # follow NAME OFFICE FEED FILTER...: a reader in the background, until it has had one delivery
	local name=$1 office=$2
	shift 2
	show "liaison --home net/$office feed $* &"
	liaison --home "net/$office" feed "$@" >"$name.txt" 2>&1 </dev/null &
	readers+=($!)
}
arrived() { # arrived NAME PATTERN: within 20 s
	local tries
	for tries in $(seq 400); do
		! grep -qE -- "$2" "$1.txt" || return 0
		sleep 0.05
	done
	echo "demo: nothing came to $1 after $tries tries:" >&2
	cat "$1.txt" >&2
	exit 1
}

say "Three countries, each with its own authority and offices, and a broker between them. All on this machine."
do_it liaison sandbox up net --countries KH,TH,VN
must_say 'kh.broker runs'

say "Three offices listen: one to all that it may see, two only to what they asked for."
follow thailand th.blo.demo
follow vietnam vn.atu.demo wildlife --crime WILDLIFE --country VN
follow phnom-penh kh.ncc.demo drugs --crime DRUGS,PRECURSORS

say "The post at the Cambodian border learns of a road by which pangolin scales go, and writes it down:"
cp "$ROOT/config/examples/route-road.json" route.json
show "cat route.json"
sed 's/^/  /' route.json

say "Who would see it? Nothing is sent yet."
do_it liaison --home net/kh.blo.demo publish --dry-run route.json
must_say '14 offices in KH, TH and VN'

say "It signs it and sends it; the answer is the broker's signed word that it is on disk."
do_it liaison --home net/kh.blo.demo publish route.json
must_say '^kh.blo.demo/1 accepted by kh.broker at index [0-9]+; seen by [0-9]+ offices in KH, TH and VN$'

say "It reaches the neighbours. Each reader has checked the signature, the chain of keys from the root down, and the log."
arrived thailand 'kh.blo.demo/1'
arrived vietnam 'kh.blo.demo/1'
show "cat thailand.txt    # what th.blo.demo sees"
sed 's/^/  /' thailand.txt
show "cat vietnam.txt    # what vn.atu.demo sees, in its own language"
sed 's/^/  /' vietnam.txt
show "cat phnom-penh.txt    # what kh.ncc.demo sees, which asked for drugs only: nothing"
sed 's/^/  /' phnom-penh.txt
! grep -q 'kh.blo.demo/1' phnom-penh.txt

say "Now one for a few: the liaison offices of Thailand, and nobody else abroad."
cat >few.json <<'ALERT'
{"kind":"ROUTE","crime":["TRAFFICKING_IN_PERSONS"],"urgency":"IMMEDIATE","severity":"SEVERE","certainty":"LIKELY",
 "source":"B","information":"2","action":["SPECIFIC_CHECK","PROTECT"],
 "texts":[{"lang":"en","headline":"Minibuses by night from Poipet to Aranyaprathet"}],
 "where":{"countries":["KH","TH"],"crossings":["kh-poipet","th-aranyaprathet"]},
 "handling":{"level":"AMBER","offices":["th.blo"]}}
ALERT
do_it liaison --home net/kh.blo.demo publish few.json
must_say '^kh.blo.demo/2 accepted'
arrived thailand 'kh.blo.demo/2'
show "tail -n 1 thailand.txt"
tail -n 1 thailand.txt | sed 's/^/  /'

say "Who did not get it, and why?"
do_it liaison --home net/kh.blo.demo explain kh.blo.demo/2 --office vn.atu.demo || true
must_say 'vn.atu.demo may not see kh.blo.demo/2'

say "The broker is killed in the middle of its work."
pid=$(sed 's/ .*//' net/kh.broker/pid)
show "kill -9 $pid    # kh.broker"
kill -9 "$pid"

say "It starts again. What it acknowledged is there: a feed that begins only now gets both, the urgent one first."
do_it liaison -q sandbox up net
do_it liaison --home net/th.blo.demo feed archive --until-end
must_say 'kh.blo.demo/1'
must_say 'kh.blo.demo/2'

say "And nobody changed, dropped or reordered anything: that is computed, not believed."
do_it liaison --home net/th.blo.demo verify
must_say 'kh.broker'

say "demo: 2 alerts signed, durable, and verified by every office that may see them; one crash, nothing lost."
