# SPDX-License-Identifier: GPL-2.0
"""A raw client for structured replies and extended headers, on top of wire.py.
It takes nothing on trust: whatever a reply has that the rules don't allow is a
ProtocolError.

    with chunks.connect("disk0", extended=True, contexts=["base:allocation"]) as c:
        c.read(0, 4096)
        c.status(0, 1 << 30)    # {"base:allocation": [(length, status), ...]}
"""

import struct

import wire
# Whoever uses this may take these from here.
from wire import (BLOCK_STATUS_PAYLOAD, CMD_BLOCK_STATUS, DF,
                  EXTENDED_REQUEST_MAGIC, OPT_EXTENDED_HEADERS,
                  OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT,
                  OPT_STRUCTURED_REPLY, PAYLOAD_LEN, REP_META_CONTEXT, REQ_ONE,
                  SEND_DF, STRUCTURED_REPLY_MAGIC, ProtocolError)

EXTENDED_REPLY_MAGIC = 0x6e8a278c

DONE = 1
NONE, DATA, HOLE, STATUS, STATUS_EXT = 0, 1, 2, 5, 6
ERROR, ERROR_OFFSET = 0x8001, 0x8002

STATE_HOLE, STATE_ZERO = 1, 2

# SZ11: the maximum payload, and an offset on top.
MAX_CHUNK = wire.MAX_PAYLOAD + 8


def meta_request(name, queries, count=None):
    name = name if isinstance(name, bytes) else name.encode()
    queries = [q if isinstance(q, bytes) else q.encode() for q in queries]
    return struct.pack(">I", len(name)) + name + struct.pack(
        ">I", len(queries) if count is None else count) + b"".join(
            struct.pack(">I", len(query)) + query for query in queries)


class Answer:
    """All chunks of one reply, or its simple reply."""

    def __init__(self, command, offset, length, flags):
        self.command, self.flags = command, flags
        self.offset, self.length = offset, length
        self.error = 0
        self.text = ""
        self.error_offset = None
        self.asked = None       # ids of contexts, where a payload names them
        self.kinds = []         # of chunks, in their order
        self.content = {}       # offset -> bytes
        self.holes = []         # (offset, length)
        self.status = {}        # context id -> [(length, status)]

    def covered(self):
        return sorted([(at, len(data)) for at, data in self.content.items()] +
                      self.holes)

    def data(self):
        """RD1: the whole range, each byte once."""
        out, at = bytearray(self.length), self.offset
        for start, length in self.covered():
            if start != at:
                raise ProtocolError("content at %d, expected %d" % (start, at))
            at += length
        if at != self.offset + self.length:
            raise ProtocolError("content ends at %d" % at)
        for start, data in self.content.items():
            start -= self.offset
            out[start:start + len(data)] = data
        return bytes(out)


class Client(wire.Client):
    extended = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.open = {}          # cookie -> Answer, of requests under way
        self.contexts = {}      # id -> name, of those that are selected

    def agree(self, extended):
        option = OPT_EXTENDED_HEADERS if extended else OPT_STRUCTURED_REPLY
        replies = self.option(option)
        if [reply.kind for reply in replies] != [wire.REP_ACK]:
            raise ProtocolError("option %d: %r" % (option, replies))
        self.extended = extended

    def meta(self, option, name, queries):
        """([(id, name)], the final reply)"""
        *found, final = self.option(option, meta_request(name, queries))
        for reply in found:
            if reply.kind != REP_META_CONTEXT:
                raise ProtocolError("unexpected %r" % reply)
        return [(struct.unpack_from(">I", reply.data)[0],
                 reply.data[4:].decode()) for reply in found], final

    def list_contexts(self, name, queries=()):
        found, final = self.meta(OPT_LIST_META_CONTEXT, name, queries)
        if final.kind != wire.REP_ACK or any(each for each, _ in found):
            raise ProtocolError("LIST_META_CONTEXT: %r %r" % (found, final))
        return sorted(name for _, name in found)

    def set_contexts(self, name, queries):
        found, final = self.meta(OPT_SET_META_CONTEXT, name, queries)
        if final.kind != wire.REP_ACK:
            raise ProtocolError("SET_META_CONTEXT: %r" % final)
        self.contexts = dict(found)
        if len(self.contexts) != len(found):
            raise ProtocolError("an id twice: %r" % found)
        return sorted(name for _, name in found)

    # Requests.

    def header(self, command, offset, length, flags, cookie):
        if self.extended:
            return struct.pack(">IHHQQQ", EXTENDED_REQUEST_MAGIC, flags,
                               command, cookie, offset, length)
        return wire.request(command, offset, length, flags, cookie)

    def submit(self, command, offset=0, length=0, flags=0, cookie=None,
               payload=b""):
        if self.extended and command == wire.CMD_WRITE:
            flags |= PAYLOAD_LEN
        return self.submit_raw(command, offset, length, flags, cookie, payload)

    def submit_raw(self, command, offset, length, flags, cookie=None,
                   payload=b""):
        if cookie is None:
            cookie = self.new_cookie()
        with self.lock:
            self.open[cookie] = Answer(command, offset, length, flags)
        self.send(self.header(command, offset, length, flags, cookie) + payload)
        return cookie

    # Replies.

    def chunk(self):
        """(cookie, flags, kind, payload), or None for a simple reply, which
        has been dealt with."""
        (magic,) = self.unpack(">I")
        if magic == wire.SIMPLE_REPLY_MAGIC and not self.extended:
            return None
        if self.extended:
            expected, layout = EXTENDED_REPLY_MAGIC, ">HHQQQ"
        else:
            expected, layout = STRUCTURED_REPLY_MAGIC, ">HHQI"
        if magic != expected:
            raise ProtocolError("reply magic %#x" % magic)
        flags, kind, cookie, *rest, length = self.unpack(layout)
        if cookie not in self.open:
            raise ProtocolError("a chunk for cookie %#x" % cookie)
        if self.extended and rest[0] != self.open[cookie].offset:
            raise ProtocolError("offset %d echoed as %d" %
                                (self.open[cookie].offset, rest[0]))
        if flags & ~DONE or length > MAX_CHUNK:
            raise ProtocolError("flags %#x, length %d" % (flags, length))
        return cookie, flags, kind, self.receive(length)

    def simple(self):
        """TX7: no payload may follow, so no READ is answered so."""
        error, cookie = self.unpack(">IQ")
        answer = self.open.pop(cookie)
        if answer.command in (wire.CMD_READ, CMD_BLOCK_STATUS):
            raise ProtocolError("a simple reply to READ or BLOCK_STATUS")
        answer.error = error
        return cookie, answer

    def one_answer(self):
        """Chunks until one reply is complete: (cookie, answer)."""
        while True:
            chunk = self.chunk()
            if chunk is None:
                return self.simple()
            cookie, flags, kind, payload = chunk
            answer = self.open[cookie]
            answer.kinds.append(kind)
            self.take(answer, kind, payload)
            if kind == NONE and not flags & DONE:
                raise ProtocolError("NONE without DONE")
            if flags & DONE:
                del self.open[cookie]
                self.judge(answer)
                return cookie, answer

    def take(self, answer, kind, payload):
        take = {NONE: self.take_none, DATA: self.take_data,
                HOLE: self.take_hole, ERROR: self.take_error,
                ERROR_OFFSET: self.take_error_offset,
                STATUS_EXT if self.extended else STATUS: self.take_status}
        if kind not in take:
            raise ProtocolError("chunk of type %#x" % kind)
        take[kind](answer, payload)

    def take_none(self, answer, payload):
        if payload:
            raise ProtocolError("NONE with payload")

    def inside(self, answer, at, length):
        """RD1, RD4: within the request, once, and before its error."""
        if answer.command != wire.CMD_READ or not length or \
                at < answer.offset or \
                at + length > answer.offset + answer.length:
            raise ProtocolError("content %d+%d" % (at, length))
        if any(at < start + size and start < at + length
               for start, size in answer.covered()):
            raise ProtocolError("content twice at %d" % at)
        if answer.error_offset is not None and \
                at <= answer.error_offset < at + length:
            raise ProtocolError("content at %d behind its error" % at)

    def take_data(self, answer, payload):
        (at,) = struct.unpack_from(">Q", payload)
        self.inside(answer, at, len(payload) - 8)
        answer.content[at] = payload[8:]

    def take_hole(self, answer, payload):
        at, length = struct.unpack(">QI", payload)
        self.inside(answer, at, length)
        if answer.flags & DF:
            raise ProtocolError("a hole in spite of DF")
        answer.holes.append((at, length))

    def error_head(self, answer, payload, behind):
        if answer.error:
            raise ProtocolError("two errors")
        answer.error, length = struct.unpack_from(">IH", payload)
        if not answer.error or length != len(payload) - 6 - behind:
            raise ProtocolError("error chunk %r" % payload[:80])
        answer.text = payload[6:6 + length].decode()

    def take_error(self, answer, payload):
        self.error_head(answer, payload, 0)

    def take_error_offset(self, answer, payload):
        self.error_head(answer, payload, 8)
        (answer.error_offset,) = struct.unpack(">Q", payload[-8:])
        if not 0 <= answer.error_offset - answer.offset < answer.length:
            raise ProtocolError("error at %d" % answer.error_offset)

    def take_status(self, answer, payload):
        if self.extended:
            context, count = struct.unpack_from(">II", payload)
            layout, rest = ">QQ", payload[8:]
        else:
            (context,) = struct.unpack_from(">I", payload)
            layout, rest = ">II", payload[4:]
            count = len(rest) // 8
        size = struct.calcsize(layout)
        if len(rest) != count * size or not count:
            raise ProtocolError("%d bytes for %d extents" % (len(rest), count))
        if answer.command != CMD_BLOCK_STATUS or context in answer.status or \
                context not in self.contexts:
            raise ProtocolError("status of context %d" % context)
        answer.status[context] = [struct.unpack_from(layout, rest, at)
                                  for at in range(0, len(rest), size)]

    def judge(self, answer):
        """What can only be said of a reply as a whole."""
        if answer.command == wire.CMD_READ and not answer.error and \
                answer.length:
            answer.data()
            if answer.flags & DF and len(answer.content) != 1:
                raise ProtocolError("%d chunks with DF" % len(answer.content))
        if answer.command == CMD_BLOCK_STATUS and not answer.error:
            asked = self.contexts if answer.asked is None else answer.asked
            if set(answer.status) != set(asked):
                raise ProtocolError("status of contexts %s, asked for %s" %
                                    (set(answer.status), set(asked)))
            for context, extents in answer.status.items():
                self.judge_extents(answer, self.contexts[context], extents)

    def judge_extents(self, answer, context, extents):
        """BS3 to BS7, BS11, BS13."""
        if not all(length for length, _ in extents):
            raise ProtocolError("an empty extent")
        if sum(length for length, _ in extents[:-1]) >= answer.length:
            raise ProtocolError("extents behind the end")
        if answer.flags & REQ_ONE and (len(extents) != 1 or
                                       extents[0][0] > answer.length):
            raise ProtocolError("REQ_ONE: %r" % extents)
        for (first, status), (length, following) in zip(extents, extents[1:]):
            if status == following and first + length < 2**32 - 65536:
                raise ProtocolError("extents that could be one: %d+%d" %
                                    (first, length))
        known = STATE_HOLE | STATE_ZERO if context == "base:allocation" \
            else 2**32 - 1
        if any(status & ~known for _, status in extents):
            raise ProtocolError("unknown status: %r" % extents)

    def call(self, command, offset=0, length=0, flags=0, payload=b""):
        cookie = self.submit(command, offset, length, flags, payload=payload)
        return self.expect(cookie)

    def submit_filtered(self, offset, effect, ids, flags=0, size=None):
        """BS10: BLOCK_STATUS of contexts that are named; size: of the payload,
        where it isn't what belongs there."""
        payload = struct.pack(">Q%dI" % len(ids), effect, *ids)
        if size is not None:
            payload = payload[:size].ljust(size, b"\0")
        cookie = self.submit_raw(CMD_BLOCK_STATUS, offset, len(payload),
                                 PAYLOAD_LEN | flags, payload=payload)
        self.open[cookie].length, self.open[cookie].asked = effect, ids
        return cookie

    def filtered(self, *args, **kwargs):
        return self.expect(self.submit_filtered(*args, **kwargs))

    def call_raw(self, *args, **kwargs):
        return self.expect(self.submit_raw(*args, **kwargs))

    def expect(self, cookie):
        answered, answer = self.one_answer()
        if answered != cookie:
            raise ProtocolError("cookie %#x, expected %#x" % (answered, cookie))
        return answer

    def collect(self):
        """{cookie: answer} of all requests under way."""
        answers = {}
        while self.open:
            cookie, answer = self.one_answer()
            answers[cookie] = answer
        return answers

    def _succeed(self, *args, **kwargs):
        answer = self.call(*args, **kwargs)
        if answer.error:
            raise ProtocolError("command %d at %d: error %d, %s" %
                                (args[0], args[1], answer.error, answer.text))
        return answer.data() if args[0] == wire.CMD_READ else b""

    def status(self, offset, length, flags=0):
        answer = self.call(CMD_BLOCK_STATUS, offset, length, flags)
        if answer.error:
            raise ProtocolError("BLOCK_STATUS: error %d, %s" %
                                (answer.error, answer.text))
        return {self.contexts[context]: extents
                for context, extents in answer.status.items()}

    def whole_status(self, context="base:allocation"):
        """[(offset, length, status)] of the whole export, merged."""
        out, at = [], 0
        while at < self.size:
            for length, status in self.status(at, min(self.size - at, 1 << 30)
                                              )[context]:
                length = min(length, self.size - at)
                if out and out[-1][2] == status:
                    out[-1] = (out[-1][0], out[-1][1] + length, status)
                else:
                    out.append((at, length, status))
                at += length
        return out

    def disconnect(self):
        self.send(self.header(wire.CMD_DISC, 0, 0, 0, 0))
        self.expect_close()
        self.close()


def connect(name, extended=False, contexts=(), host="127.0.0.1", port=10809):
    """A client in transmission."""
    client = Client(host, port)
    try:
        client.handshake()
        client.agree(extended)
        if contexts:
            client.set_contexts(name, contexts)
        client.go(name)
    except BaseException:
        client.close()
        raise
    return client


def negotiating(host="127.0.0.1", port=10809):
    """A client that has been greeted."""
    client = Client(host, port)
    client.handshake()
    return client
