"""Liaison's wire as proto/README.md describes it, and nothing else: written from that page and the schemas, so that a
wrong sentence in the page fails a test here. Needs python3-zmq, python3-protobuf, python3-nacl, and modules that protoc
made of the schemas."""

import hashlib
import re
from base64 import b64decode

import nacl.exceptions
import nacl.signing
import zmq
import zmq.utils.z85
from proto import alert_pb2, frame_pb2, log_pb2, trust_pb2


class Wrong(Exception):
    """Something is not as the page says."""


def sha(data):
    return hashlib.sha256(data).digest()


# --- section 3: signatures --------------------------------------------------------------------------------------------

def signed_bytes(domain, network, payload):
    return domain.encode() + b"\0" + bytes([len(network)]) + network.encode() + payload


def fingerprint(public):
    return sha(b"liaison key v1\0" + public)[:16]


def verify(public, domain, network, payload, signature, what):
    try:
        nacl.signing.VerifyKey(public).verify(signed_bytes(domain, network, payload), signature)
    except nacl.exceptions.BadSignatureError:
        raise Wrong(f"the signature of {what} does not verify") from None


def leaf_hash(data):
    return sha(b"\0" + data)


def node_hash(left, right):
    return sha(b"\1" + left + right)


def tree_root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(tree_root(leaves[:half]), tree_root(leaves[half:]))


def tree_path(leaves, at):
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if at < half:
        return tree_path(leaves[:half], at) + [tree_root(leaves[half:])]
    return tree_path(leaves[half:], at - half) + [tree_root(leaves[:half])]


def root_of_path(leaf, at, size, path):
    """RFC 9162 section 2.1.3.2."""
    if at >= size:
        raise Wrong("an index outside of the tree")
    last = size - 1
    for sibling in path:
        if last == 0:
            raise Wrong("a path that is too long")
        if at & 1 or at == last:
            leaf = node_hash(sibling, leaf)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            leaf = node_hash(leaf, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise Wrong("a path that is too short")
    return leaf


def check_consistency(first, first_root, second, second_root, path):
    """RFC 9162 section 2.1.4.2."""
    path = list(path)
    if first == second:
        if path or first_root != second_root:
            raise Wrong("two roots of one size")
        return
    if first == 0 or not path:
        raise Wrong("no proof of consistency")
    if first & first - 1 == 0:
        path.insert(0, first_root)
    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Wrong("a proof of consistency that is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        at >>= 1
        last >>= 1
    if last or old != first_root or new != second_root:
        raise Wrong("the log does not continue the one that was seen")


def sign_batch(key, network, bodies):
    """Leaves and signature of one batch."""
    leaves = [leaf_hash(body) for body in bodies]
    payload = len(leaves).to_bytes(4, "big") + tree_root(leaves)
    return leaves, key.sign(signed_bytes("liaison alert v1", network, payload)).signature


# --- section 10: trust ------------------------------------------------------------------------------------------------

class Trust:
    def __init__(self, root_keys_file):
        text = open(root_keys_file, encoding="ascii").read()
        if not text.startswith("liaison root keys v1\n"):
            raise Wrong("root.keys begins with another line")
        self.network = re.search(r"^network: (.*)$", text, re.M).group(1)
        self.roots = [bytes.fromhex(key) for key in re.findall(r"^key: (.*)$", text, re.M)]
        self.threshold = int(re.search(r"^threshold: (.*)$", text, re.M).group(1))
        self.charter = None
        self.rosters = {}

    def check_signed(self, signed, domain, keys, threshold, what):
        good = set()
        for one in signed.signatures:
            if one.key in keys:
                verify(one.key, domain, self.network, signed.body, one.signature, what)
                good.add(one.key)
        if len(good) < threshold:
            raise Wrong(f"{what} has {len(good)} signatures of {threshold}")

    def add_charter(self, signed):
        charter = trust_pb2.Charter.FromString(signed.body)
        before = self.charter
        if charter.version != (before.version + 1 if before else 1):
            raise Wrong("a gap in the charters")
        keys, threshold = (before.root_keys, before.threshold) if before else (self.roots, self.threshold)
        self.check_signed(signed, "liaison charter v1", list(keys), threshold, "a charter")
        self.check_signed(signed, "liaison charter v1", list(charter.root_keys), charter.threshold, "a charter")
        self.charter = charter

    def add_roster(self, signed):
        roster = trust_pb2.Roster.FromString(signed.body)
        member = next(m for m in self.charter.members if m.code == roster.member)
        self.check_signed(signed, "liaison roster v1", list(member.authority_keys), member.threshold, "a roster")
        if roster.since != member.since:
            raise Wrong("a roster under other authority keys")
        self.rosters[roster.member] = roster

    def take(self, frame):
        for signed in frame.charters:
            self.add_charter(signed)
        for signed in frame.rosters:
            self.add_roster(signed)

    def office(self, office):
        for entry in self.rosters[office.split(".")[0]].offices:
            if entry.id == office:
                return entry
        raise Wrong(f"no roster names {office}")

    def key(self, office, use, wanted):
        for entry in getattr(self.office(office), use):
            if fingerprint(entry.key) == wanted:
                return entry.key
        raise Wrong(f"{office} has no such key among its {use}")


# --- section 9: the log -----------------------------------------------------------------------------------------------

def addresses_of(alert):
    handling = alert.handling
    found = {country.lower() for country in handling.countries} | set(handling.offices)
    own = not handling.HasField("own_country") or handling.own_country
    if alert.HasField("handling") and handling.level <= alert_pb2.LEVEL_AMBER and own:
        found.add(alert.id.split(".")[0])
    return sorted(found, key=str.encode)


def record_leaf(kind, header):
    return leaf_hash(b"liaison log v1\0" + bytes([kind]) + sha(header))


def alert_leaf(body, key_fingerprint):
    alert = alert_pb2.Alert.FromString(body)
    header = log_pb2.AlertHeader(id=alert.id, body_hash=leaf_hash(body), key=key_fingerprint)
    header.addresses.extend(addresses_of(alert))
    return record_leaf(log_pb2.RECORD_TYPE_ALERT, header.SerializeToString())


# --- sections 1, 2, 7, 8: a session -----------------------------------------------------------------------------------

class Office:
    """Its keys, its broker's address and key, and the root keys, from a home of `liaison`."""

    def __init__(self, home):
        key = dict(re.findall(r"^(\w+): (.*)$", open(home + "/office.key", encoding="ascii").read(), re.M))
        conf = open(home + "/office.conf", encoding="utf-8").read()
        self.id = key["name"]
        self.signing = nacl.signing.SigningKey(b64decode(key["signing"])[:32])
        self.fingerprint = fingerprint(bytes(self.signing.verify_key))
        self.transport = b64decode(key["transport"])
        self.endpoint = re.search(r'endpoint = "(.*?)"', conf).group(1)
        self.broker_key = bytes.fromhex(re.search(r'[^_]key = "(.*?)"', conf).group(1))
        self.trust = Trust(home + "/trust/root.keys")


class Session:
    def __init__(self, context, office, transport=None):
        secret = zmq.utils.z85.encode(transport or office.transport)
        self.office, self.trust = office, office.trust
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.MAXMSGSIZE, 1024 * 1024)
        self.socket.curve_secretkey = secret
        self.socket.curve_publickey = zmq.curve_public(secret)
        self.socket.curve_serverkey = zmq.utils.z85.encode(office.broker_key)
        # Before it connects: an event that comes first would be missed.
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self.socket.connect(office.endpoint)
        self.checkpoint = None  # the last of this session that moves the base of proofs
        self.broker = None

    def close(self):
        self.socket.disable_monitor()
        self.socket.close()

    def send(self, **frame):
        self.socket.send(frame_pb2.Frame(**frame).SerializeToString())

    def receive(self, wanted, timeout_ms=10000):
        """The next frame of this kind; progress and trust that come before it are taken on the way."""
        while True:
            if not self.socket.poll(timeout_ms):
                raise Wrong(f"no {wanted} came")
            parts = self.socket.recv_multipart()
            if len(parts) != 1:
                raise Wrong("a message of several ZeroMQ frames")
            frame = frame_pb2.Frame.FromString(parts[0])
            kind = frame.WhichOneof("frame")
            content = getattr(frame, kind)
            if kind == "trust":
                self.trust.take(content)
            if kind in ("welcome", "delivery", "progress") and content.HasField("checkpoint"):
                self.take_checkpoint(content.checkpoint, content.consistency)
            if kind == wanted:
                return content
            if kind not in ("trust", "progress"):
                raise Wrong(f"{kind} came, not {wanted}: {content}")

    def check_checkpoint(self, checkpoint):
        origin = checkpoint.origin.encode()
        payload = (bytes([len(origin)]) + origin + checkpoint.epoch + checkpoint.size.to_bytes(8, "big") +
                   checkpoint.root + checkpoint.time.to_bytes(8, "big"))
        key = self.trust.key(checkpoint.origin, "checkpoint_keys", checkpoint.key)
        verify(key, "liaison checkpoint v1", self.trust.network, payload, checkpoint.signature, "a checkpoint")

    def take_checkpoint(self, checkpoint, path):
        self.check_checkpoint(checkpoint)
        before = self.checkpoint
        if before:
            if checkpoint.epoch != before.epoch or checkpoint.time < before.time:
                raise Wrong("another epoch, or a time that goes back")
            check_consistency(before.size, before.root, checkpoint.size, checkpoint.root, path)
        self.checkpoint = checkpoint

    def hello(self):
        hello = frame_pb2.Hello(least_version=1, greatest_version=1, charter_version=0, software="interop")
        self.send(hello=hello)
        welcome = self.receive("welcome")
        if (welcome.version, welcome.network, welcome.office) != (1, self.trust.network, self.office.id):
            raise Wrong(f"a strange welcome: {welcome}")
        if self.trust.rosters[self.office.id.split(".")[0]].broker != welcome.broker:
            raise Wrong("this broker does not serve us")
        self.broker = welcome.broker
        return welcome

    def submit(self, request, bodies, with_paths=False, signature=None, approvals=()):
        leaves, good = sign_batch(self.office.signing, self.trust.network, bodies)
        submit = frame_pb2.Submit(request=request, key=self.office.fingerprint, leaf_count=len(bodies),
                                  signature=signature or good)
        for at, body in enumerate(bodies):
            path = tree_path(leaves, at) if with_paths else []
            submit.items.append(frame_pb2.SubmitItem(leaf=at, body=body, path=path))
        self.send(submit=submit)

    def check_receipt(self, receipt, bodies):
        """Each body is in the log, under the checkpoint that the receipt carries; index by id."""
        self.check_checkpoint(receipt.checkpoint)
        by_hash = {leaf_hash(body): body for body in bodies}
        for item in receipt.items:
            leaf = alert_leaf(by_hash[item.body_hash], self.office.fingerprint)
            size, root = receipt.checkpoint.size, receipt.checkpoint.root
            if root_of_path(leaf, item.index, size, list(item.path)) != root:
                raise Wrong(f"the inclusion of {item.id} does not hold")
        return {item.id: item.index for item in receipt.items}

    def check_item(self, item):
        """Section 11, as far as a test needs it; the alert."""
        envelope = item.envelope
        alert = alert_pb2.Alert.FromString(envelope.body)
        if alert.SerializeToString() != envelope.body:
            raise Wrong("a body that is not canonical")
        root = root_of_path(leaf_hash(envelope.body), envelope.leaf, envelope.leaf_count, list(envelope.path))
        key = self.trust.key(alert.id.split("/")[0], "signing_keys", envelope.key)
        payload = envelope.leaf_count.to_bytes(4, "big") + root
        verify(key, "liaison alert v1", self.trust.network, payload, envelope.signature, alert.id)
        return alert
