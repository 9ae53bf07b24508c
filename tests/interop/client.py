"""A story over the wire: an office of Cambodia publishes, one of Thailand reads, both written from proto/README.md.
Usage: client.py SANDBOX-FOLDER. Says what it checks, and ends with "N passed, N failed"."""

import os
import sys
import time

import zmq
from proto import alert_pb2, frame_pb2, log_pb2
from wire import Office, Session, Wrong, check_consistency, record_leaf, root_of_path

passed = failed = 0


def check(sentence, holds):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(("  " if holds else "FAILED ") + sentence)


def route(office, number, **more):
    now = int(time.time() * 1000)
    alert = alert_pb2.Alert(
        salt=os.urandom(16), id=f"{office.id}/{number}", sent=now, status="STATUS_ACTUAL",
        message="MESSAGE_TYPE_ALERT", expires=now + 86400000, kind="KIND_ROUTE", crime=["CRIME_WILDLIFE"],
        urgency="URGENCY_EXPECTED", severity="SEVERITY_SEVERE", certainty="CERTAINTY_LIKELY", source="SOURCE_B",
        information="INFORMATION_2", where=alert_pb2.Where(crossings=["kh-poipet"]),
        texts=[alert_pb2.Text(lang="en", headline=f"Route {number}")],
        handling=alert_pb2.Handling(level="LEVEL_AMBER", countries=["TH"]))
    alert.MergeFrom(alert_pb2.Alert(**more))
    return alert


def cancel(office, number, of):
    return alert_pb2.Alert(salt=os.urandom(16), id=f"{office.id}/{number}", sent=int(time.time() * 1000),
                           status="STATUS_ACTUAL", message="MESSAGE_TYPE_CANCEL",
                           references=[f"{office.id}/{of}"], reason="NOTICE_REASON_DONE")


def code(refusal):
    return frame_pb2.Code.Name(refusal.code if refusal.HasField("code") else refusal.items[0].code)


def publish(session, first):
    office = session.office
    one = route(office, first).SerializeToString()
    session.submit(1, [one])
    receipt = session.receive("receipt")
    index = session.check_receipt(receipt, [one])
    check("a single alert is accepted, its inclusion proved", receipt.request == 1 and f"{office.id}/{first}" in index)

    session.submit(2, [one])
    receipt = session.receive("receipt")
    check("the same body again: the same receipt", receipt.items[0].again and
          session.check_receipt(receipt, [one]) == index)

    batch = [route(office, first + 1).SerializeToString(), cancel(office, first + 2, first).SerializeToString(),
             route(office, first + 3, urgency="URGENCY_IMMEDIATE").SerializeToString()]
    session.submit(3, batch)
    check("a batch of three, paths left out", len(session.check_receipt(session.receive("receipt"), batch)) == 3)

    batch = [route(office, first + n).SerializeToString() for n in range(4, 9)]
    session.submit(4, batch, with_paths=True)
    check("a batch of five, with paths", len(session.check_receipt(session.receive("receipt"), batch)) == 5)


def refusals(session, first):
    office = session.office
    body = route(office, first).SerializeToString()
    session.submit(10, [body], signature=bytes(64))
    check("a wrong signature", code(session.receive("refusal")) == "CODE_BAD_SIGNATURE")
    session.submit(11, [route(office, 1).SerializeToString()])
    check("a second body under one id", code(session.receive("refusal")) == "CODE_EQUIVOCATION")
    session.submit(12, [body + b"\xfa\x3f\x01x"])
    check("an unknown field in a body", code(session.receive("refusal")) == "CODE_MALFORMED")
    moved = body[2 + 16:] + body[:2 + 16]
    session.submit(13, [moved])
    check("fields out of order", code(session.receive("refusal")) == "CODE_MALFORMED")
    session.submit(14, [route(office, first, message="MESSAGE_TYPE_UPDATE").SerializeToString()])
    check("an UPDATE without a reference", code(session.receive("refusal")) == "CODE_BAD_CODE")
    red = route(office, first, handling=alert_pb2.Handling(level="LEVEL_RED")).SerializeToString()
    session.submit(15, [red])
    check("RED to a country", code(session.receive("refusal")) == "CODE_BAD_HANDLING")
    session.submit(16, [route(office, first, sent=1).SerializeToString()])
    check("too old", code(session.receive("refusal")) == "CODE_STALE")
    session.send(witness=frame_pb2.Witness())
    check("a frame that comes later", code(session.receive("refusal")) == "CODE_NOT_SUPPORTED")
    session.send(hello=frame_pb2.Hello(least_version=1, greatest_version=1))
    check("hello twice", code(session.receive("refusal")) == "CODE_MALFORMED")
    session.socket.send(b"\xda\x3e\x00")
    check("an unknown frame", code(session.receive("refusal")) == "CODE_UNSUPPORTED_VERSION")
    session.send(ping=frame_pb2.Ping(nonce=77))
    check("the session goes on", session.receive("pong").nonce == 77)


def subscribe(session, request, feed, **more):
    session.send(subscribe=frame_pb2.Subscribe(request=request, channel=request, feed=feed, **more))
    return session.receive("subscribed")


def read(session, channel, credit):
    """Everything that is due: items by lane, acknowledged; ends when progress says that the log's end is reached."""
    session.send(credit=frame_pb2.Credit(channel=channel, messages=credit, bytes=1 << 30))
    lanes = {}
    while True:
        frame = frame_pb2.Frame.FromString(session.socket.recv())
        kind = frame.WhichOneof("frame")
        content = getattr(frame, kind)
        if content.HasField("checkpoint"):
            session.take_checkpoint(content.checkpoint, content.consistency)
        if kind == "progress" and content.at_end:
            cursors = {state.lane: state.cursor for state in content.lanes}
            return lanes, cursors
        if kind == "delivery":
            for item in content.items:
                lanes.setdefault(content.lane, []).append((item.index, session.check_item(item), item))


def feeds(session):
    subscribed = subscribe(session, 20, "interop", filter=frame_pb2.Filter(kinds=["KIND_ROUTE"]))
    check("a new feed begins at 0", subscribed.created and all(lane.cursor == 0 for lane in subscribed.lanes))
    lanes, cursors = read(session, 20, 10000)
    ordinary, urgent = lanes.get(frame_pb2.LANE_ORDINARY, []), lanes.get(frame_pb2.LANE_URGENT, [])
    check("deliveries are verified end to end", len(ordinary) > 0)
    for lane in lanes.values():
        check("indexes ascend within a lane", [at for at, _, _ in lane] == sorted({at for at, _, _ in lane}))
    check("urgent and CANCEL come in the urgent lane", {alert.message for _, alert, _ in urgent} ==
          {alert_pb2.MESSAGE_TYPE_ALERT, alert_pb2.MESSAGE_TYPE_CANCEL})
    cancelled = {alert.references[0] for _, alert, _ in urgent if alert.references}
    check("a cancelled alert is not given to a new feed", not cancelled & {alert.id for _, alert, _ in ordinary})
    check("progress covers the log", set(cursors.values()) == {session.checkpoint.size})
    for lane, cursor in cursors.items():
        session.send(acknowledge=frame_pb2.Acknowledge(channel=20, lane=lane, epoch=subscribed.epoch, cursor=cursor))
    session.send(unsubscribe=frame_pb2.Unsubscribe(channel=20))
    again = subscribe(session, 21, "interop")
    check("cursors stand where they were acknowledged", {lane.lane: lane.cursor for lane in again.lanes} == cursors)
    session.send(unsubscribe=frame_pb2.Unsubscribe(channel=21))
    return [item for lane in lanes.values() for item in lane]


def credit_is_kept(session):
    subscribe(session, 22, "credit")
    session.send(credit=frame_pb2.Credit(channel=22, messages=2, bytes=1 << 30))
    session.send(ping=frame_pb2.Ping(nonce=1))
    items = 0
    ordinary = 0
    while True:
        if not session.socket.poll(1500):
            break
        frame = frame_pb2.Frame.FromString(session.socket.recv())
        if frame.WhichOneof("frame") == "delivery":
            items += len(frame.delivery.items)
            ordinary += len(frame.delivery.items) if frame.delivery.lane == frame_pb2.LANE_ORDINARY else 0
            if frame.delivery.HasField("checkpoint"):
                session.take_checkpoint(frame.delivery.checkpoint, frame.delivery.consistency)
        elif frame.WhichOneof("frame") == "progress":
            session.take_checkpoint(frame.progress.checkpoint, frame.progress.consistency)
    check("two messages of credit are two items at most, the last of them urgent", 0 < items <= 2 and ordinary <= 1)
    session.send(feeds_request=frame_pb2.FeedsRequest(request=23, remove="credit"))
    over = session.receive("unsubscribe")
    check("a feed that is removed ends its channel", over.channel == 22 and over.code == frame_pb2.CODE_BAD_REFERENCE)
    answer = session.receive("feeds")
    check("feeds lists those of this office", "interop" in [feed.feed for feed in answer.feeds] and
          "credit" not in [feed.feed for feed in answer.feeds])


def proofs(session, items):
    base = session.checkpoint
    indexes = [0] + [index for index, _, _ in items]
    session.send(proof_request=frame_pb2.ProofRequest(request=30, **{"from": 1}, indexes=indexes))
    proof = session.receive("proof")
    session.check_checkpoint(proof.checkpoint)
    size, root = proof.checkpoint.size, proof.checkpoint.root
    types = {item.index: item for item in proof.inclusions}
    holds = [root_of_path(record_leaf(item.type, item.header), item.index, size, list(item.path)) == root
             for item in proof.inclusions]
    check("inclusion of each alert and of record 0", all(holds) and len(holds) == len(indexes))
    epoch = log_pb2.EpochHeader.FromString(types[0].header)
    check("record 0 is the epoch", epoch.epoch == base.epoch and epoch.origin == session.broker)
    first = record_leaf(types[0].type, types[0].header)
    check_consistency(1, first, size, root, list(proof.consistency))
    check("consistency from size 1", True)


def strangers(context, office):
    session = Session(context, office, transport=os.urandom(32))
    check("an unknown key is refused by ZAP", session.monitor.poll(10000) != 0)
    session.close()
    session = Session(context, office)
    session.send(ping=frame_pb2.Ping(nonce=1))
    check("nothing before hello", code(session.receive("refusal")) == "CODE_MALFORMED")
    session.send(hello=frame_pb2.Hello(least_version=7, greatest_version=9))
    check("no version in common", code(session.receive("refusal")) == "CODE_UNSUPPORTED_VERSION")
    check("... and goodbye", code(session.receive("goodbye")) == "CODE_UNSUPPORTED_VERSION")
    session.close()


def main(folder):
    context = zmq.Context()
    author = Session(context, Office(folder + "/kh.atu.demo"))
    reader = Session(context, Office(folder + "/th.atu.demo"))
    welcome = author.hello()
    check("charter and rosters are verified up to the root keys", len(author.trust.rosters) >= 2)
    reader.hello()
    publish(author, welcome.highest_sequence + 1)
    refusals(author, welcome.highest_sequence + 100)
    items = feeds(reader)
    credit_is_kept(reader)
    proofs(reader, items)
    strangers(context, Office(folder + "/vn.atu.demo"))
    author.send(goodbye=frame_pb2.Goodbye())
    check("goodbye is answered", author.receive("goodbye").code == frame_pb2.CODE_OK)
    author.close()
    reader.close()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Wrong as wrong:
        check(str(wrong), False)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
