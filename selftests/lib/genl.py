# SPDX-License-Identifier: GPL-2.0
"""Raw generic netlink for tests: any bytes can be sent, and what the kernel
refuses comes back with its extended ack.

Numbers of commands and attributes are read from the header in uapi/, by their
names there without NBDTARGET_: Family()["CMD_EXPORT_ADD"], ["A_EXPORT_NAME"].
"""

import os
import re
import socket
import struct

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../uapi/nbdtarget.h")

NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_DUMP = 0x300
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSGERR_ATTR_MSG = 1
NLMSGERR_ATTR_OFFS = 2

GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2
CTRL_ATTR_MCAST_GROUPS = 7
CTRL_ATTR_MCAST_GRP_NAME = 1
CTRL_ATTR_MCAST_GRP_ID = 2
NLA_F_NESTED = 1 << 15


def read_header():
    """{name without NBDTARGET_: value} of every enum and number."""
    values, following = {}, 0
    with open(HEADER) as header:
        text = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.DOTALL)
    for line in text.splitlines():
        if line.startswith("enum"):
            following = 0
        define = re.match(r"#define NBDTARGET_(\w+) (\d+)$", line)
        entry = re.match(r"\s+_*NBDTARGET_(\w+)(?: = (\d+))?,", line)
        if define:
            values[define.group(1)] = int(define.group(2))
        elif entry:
            value = int(entry.group(2) or following)
            values[entry.group(1)] = value
            following = value + 1
    return values


def attribute(kind, payload, length=None):
    """An attribute, padded; its length can be made to lie."""
    if length is None:
        length = len(payload) + 4
    return (struct.pack("=HH", length, kind) + payload +
            bytes(-len(payload) % 4))


def string(kind, text):
    data = text if isinstance(text, bytes) else text.encode()
    return attribute(kind, data + b"\0")


def u8(kind, value):
    return attribute(kind, struct.pack("=B", value))


def u16(kind, value):
    return attribute(kind, struct.pack("=H", value))


def u32(kind, value):
    return attribute(kind, struct.pack("=I", value))


def u64(kind, value):
    return attribute(kind, struct.pack("=Q", value))


def flag(kind):
    return attribute(kind, b"")


def parse(data):
    """[(type, payload)] of a row of attributes."""
    found = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        assert 4 <= length <= len(data), "malformed attribute from the kernel"
        found.append((kind & ~NLA_F_NESTED, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


class Refused(Exception):
    def __init__(self, errno, text):
        super().__init__("%s: %s" % (os.strerror(errno), text))
        self.errno = errno
        self.text = text


# Read at once: later its user may have given up the right to.
NUMBERS = read_header()


class Family:
    """A netlink socket that talks to a generic netlink family."""

    def __init__(self, name="nbdtarget"):
        self.numbers = NUMBERS
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                    NETLINK_GENERIC)
        self.socket.settimeout(60)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sequence = 0
        self.id = GENL_ID_CTRL
        (reply,) = self.request(CTRL_CMD_GETFAMILY,
                                string(CTRL_ATTR_FAMILY_NAME, name))
        told = dict(parse(reply))
        (self.id,) = struct.unpack("=H", told[CTRL_ATTR_FAMILY_ID])
        self.groups = {}
        for _, group in parse(told[CTRL_ATTR_MCAST_GROUPS]):
            group = dict(parse(group))
            self.groups[group[CTRL_ATTR_MCAST_GRP_NAME].rstrip(b"\0")] = \
                struct.unpack("=I", group[CTRL_ATTR_MCAST_GRP_ID])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def commands(self):
        """All that the contract has, but events."""
        return sorted(name for name in NUMBERS if name.startswith("CMD_") and
                      not name.endswith(("_NTF", "_MAX")))

    def __getitem__(self, name):
        return self.numbers[name]

    def join(self, group):
        self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
                               self.groups[group])

    def message(self, command, attributes=b"", flags=NLM_F_ACK, version=1):
        self.sequence += 1
        body = struct.pack("=BBH", command, version, 0) + attributes
        return struct.pack("=IHHII", 16 + len(body), self.id,
                           NLM_F_REQUEST | flags, self.sequence, 0) + body

    def request(self, command, attributes=b"", flags=NLM_F_ACK, **kwargs):
        """Send a request; the attributes of each reply, or Refused."""
        assert flags & (NLM_F_ACK | NLM_F_DUMP), "the end couldn't be seen"
        self.socket.send(self.message(command, attributes, flags, **kwargs))
        return self.replies()

    def dump(self, command, attributes=b""):
        return self.request(command, attributes, flags=NLM_F_DUMP)

    def replies(self):
        replies = []
        while True:
            for kind, flags, body in self._receive():
                if kind == NLMSG_ERROR:
                    _check(flags, body)
                    return replies
                if kind == NLMSG_DONE:
                    return replies
                replies.append(body[4:])

    def _receive(self):
        """Messages that answer the last request."""
        data = self.socket.recv(1 << 18)
        while data:
            length, kind, flags, sequence, _ = struct.unpack_from("=IHHII",
                                                                  data)
            if sequence == self.sequence:
                yield kind, flags, data[16:length]
            data = data[(length + 3) & ~3:]


def _check(flags, body):
    (error,) = struct.unpack_from("=i", body)
    if not error:
        return
    told = dict(parse(body[20:])) if flags & NLM_F_ACK_TLVS else {}
    text = told.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(
        errors="replace")
    raise Refused(-error, text)


class Held:
    """A checkpoint that is held, on a socket of its own: until it is ended, or that is
    closed. With freeze and start, which bitmaps it is to switch."""

    def __init__(self, *exports, **switch):
        self.family = f = Family()
        names = b"".join(string(f["A_CHECKPOINT_EXPORT"], name)
                         for name in exports)
        words = attribute(f["A_CHECKPOINT_EXPORTS"] | NLA_F_NESTED, names)
        for which, name in switch.items():
            words += string(f["A_CHECKPOINT_" + which.upper()], name)
        try:
            (reply,) = f.request(f["CMD_CHECKPOINT"],
                                 words + flag(f["A_CHECKPOINT_HOLD"]))
        except BaseException:
            f.socket.close()
            raise
        self.id = dict(parse(reply))[f["A_CHECKPOINT_ID"]]

    def end(self, *words):
        f = self.family
        f.request(f["CMD_CHECKPOINT_END"], b"".join(
            (attribute(f["A_CHECKPOINT_ID"], self.id),) + words))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.family.socket.close()
