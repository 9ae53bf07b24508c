#!/usr/bin/env bash
# A client in another language, written from proto/README.md and the schemas alone, publishes and reads beside our own
# agent. Nothing else needs Debian's python3-zmq, python3-protobuf and python3-nacl; skipped where they are not there.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import google.protobuf, nacl, zmq' 2>/dev/null || skip "it needs python3-zmq python3-protobuf python3-nacl"
mkdir "$TMP/gen"
expect_exit 0 protoc -I "$ROOT" --python_out="$TMP/gen" "$ROOT"/proto/{alert,trust,log,frame}.proto
net_up KH,TH,VN
step "an alert of ours is there to be read"
a_route "From our own agent" > "$TMP/route.json"
expect_exit 0 at kh.atu.demo publish "$TMP/route.json"

step "the other client publishes and reads"
expect_exit 0 env PYTHONPATH="$TMP/gen:$ROOT/tests/interop" PYTHONDONTWRITEBYTECODE=1 \
	timeout 120 "$python" "$ROOT/tests/interop/client.py" "$NET"
sed 's/^/    /' "$TMP/out"

step "our own agent reads what it published"
expect_exit 0 at th.blo.demo feed --until-end --json
expect_out '"verified":true.*"id":"kh\.atu\.demo/3"'
finish
