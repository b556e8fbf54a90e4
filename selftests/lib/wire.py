# SPDX-License-Identifier: GPL-2.0
"""A raw NBD client for tests.

It encodes and decodes every message of the compact protocol and has control
over each byte: a test can send a wrong magic, half a header, or a payload that
differs from its announced length.  Nothing is hidden or retried.

    c = Client("127.0.0.1", 10809)
    c.handshake()
    c.go("disk0")
    c.write(0, b"hello")
    assert c.read(0, 5) == b"hello"

The name isn't nbd.py because libnbd's Python module is called nbd.
"""

import os
import socket
import struct
import threading

# Magic numbers.
NBDMAGIC = 0x4E42444D41474943
IHAVEOPT = 0x49484156454F5054
OLDSTYLE_MAGIC = 0x0000420281861253
OPTION_REPLY_MAGIC = 0x0003E889045565A9
REQUEST_MAGIC = 0x25609513
SIMPLE_REPLY_MAGIC = 0x67446698
STRUCTURED_REPLY_MAGIC = 0x668E33EF
EXTENDED_REQUEST_MAGIC = 0x21E41C71

# Handshake flags; the client's have the same values.
FIXED_NEWSTYLE = 1 << 0
NO_ZEROES = 1 << 1

OPT_EXPORT_NAME = 1
OPT_ABORT = 2
OPT_LIST = 3
OPT_PEEK_EXPORT = 4
OPT_STARTTLS = 5
OPT_INFO = 6
OPT_GO = 7
OPT_STRUCTURED_REPLY = 8
OPT_LIST_META_CONTEXT = 9
OPT_SET_META_CONTEXT = 10
OPT_EXTENDED_HEADERS = 11

REP_ACK = 1
REP_SERVER = 2
REP_INFO = 3
REP_META_CONTEXT = 4
REP_ERROR_BIT = 1 << 31
REP_ERR_UNSUP = REP_ERROR_BIT | 1
REP_ERR_POLICY = REP_ERROR_BIT | 2
REP_ERR_INVALID = REP_ERROR_BIT | 3
REP_ERR_PLATFORM = REP_ERROR_BIT | 4
REP_ERR_TLS_REQD = REP_ERROR_BIT | 5
REP_ERR_UNKNOWN = REP_ERROR_BIT | 6
REP_ERR_SHUTDOWN = REP_ERROR_BIT | 7
REP_ERR_BLOCK_SIZE_REQD = REP_ERROR_BIT | 8
REP_ERR_TOO_BIG = REP_ERROR_BIT | 9
REP_ERR_EXT_HEADER_REQD = REP_ERROR_BIT | 10

INFO_EXPORT = 0
INFO_NAME = 1
INFO_DESCRIPTION = 2
INFO_BLOCK_SIZE = 3

# Transmission flags.
HAS_FLAGS = 1 << 0
READ_ONLY = 1 << 1
SEND_FLUSH = 1 << 2
SEND_FUA = 1 << 3
ROTATIONAL = 1 << 4
SEND_TRIM = 1 << 5
SEND_WRITE_ZEROES = 1 << 6
SEND_DF = 1 << 7
CAN_MULTI_CONN = 1 << 8
SEND_RESIZE = 1 << 9
SEND_CACHE = 1 << 10
SEND_FAST_ZERO = 1 << 11
BLOCK_STATUS_PAYLOAD = 1 << 12

CMD_READ = 0
CMD_WRITE = 1
CMD_DISC = 2
CMD_FLUSH = 3
CMD_TRIM = 4
CMD_CACHE = 5
CMD_WRITE_ZEROES = 6
CMD_BLOCK_STATUS = 7
CMD_RESIZE = 8

FUA = 1 << 0
NO_HOLE = 1 << 1
DF = 1 << 2
REQ_ONE = 1 << 3
FAST_ZERO = 1 << 4
PAYLOAD_LEN = 1 << 5

# Errors are the protocol's numbers, whatever the host calls them.
OK = 0
EPERM = 1
EIO = 5
ENOMEM = 12
EINVAL = 22
ENOSPC = 28
EOVERFLOW = 75
ENOTSUP = 95
ESHUTDOWN = 108

KIB = 1 << 10
MIB = 1 << 20
MAX_PAYLOAD = 32 * MIB
MAX_STRING = 4096

# Nothing is judged by time: this only ends a test that would hang for ever.
TIMEOUT = float(os.environ.get("SELFTEST_TIMEOUT", "120"))


class ProtocolError(AssertionError):
    """The server said something that the protocol doesn't allow."""


class Closed(Exception):
    """The server closed the connection."""


class Reply:
    """A simple reply; data is b"" for anything but a good READ."""

    def __init__(self, error, cookie, data=b""):
        self.error = error
        self.cookie = cookie
        self.data = data


class OptionReply:
    """One reply packet to an option."""

    def __init__(self, option, kind, data):
        self.option = option
        self.kind = kind
        self.data = data

    @property
    def is_error(self):
        return bool(self.kind & REP_ERROR_BIT)

    @property
    def is_final(self):
        return self.is_error or self.kind == REP_ACK

    @property
    def text(self):
        return self.data.decode()

    def __repr__(self):
        return "<reply %#x to option %d: %r>" % (self.kind, self.option,
                                                 self.data[:80])


class Info:
    """What INFO or GO told about an export; None where it told nothing."""

    def __init__(self, replies):
        self.replies = replies
        self.final = replies[-1]
        self.kinds = []
        self.size = self.flags = self.name = self.description = None
        self.minimum = self.preferred = self.maximum = None
        for reply in replies[:-1]:
            if reply.kind != REP_INFO:
                raise ProtocolError("unexpected %r" % reply)
            self._decode(reply.data)

    def _decode(self, data):
        (kind,) = struct.unpack_from(">H", data)
        self.kinds.append(kind)
        if kind == INFO_EXPORT:
            _, self.size, self.flags = _exactly(">HQH", data)
        elif kind == INFO_NAME:
            self.name = data[2:].decode()
        elif kind == INFO_DESCRIPTION:
            self.description = data[2:].decode()
        elif kind == INFO_BLOCK_SIZE:
            _, self.minimum, self.preferred, self.maximum = \
                _exactly(">HIII", data)

    @property
    def values(self):
        """All that was told, in an order that doesn't depend on the wire."""
        return sorted(reply.data for reply in self.replies[:-1])


def _exactly(layout, data):
    if len(data) != struct.calcsize(layout):
        raise ProtocolError("%d bytes where %d belong: %r" %
                            (len(data), struct.calcsize(layout), data[:80]))
    return struct.unpack(layout, data)


def _bytes(name):
    return name if isinstance(name, bytes) else name.encode()


def info_request(name, kinds=(), name_length=None, count=None):
    """The data of INFO and GO; the lengths can be made to lie."""
    name = _bytes(name)
    if name_length is None:
        name_length = len(name)
    if count is None:
        count = len(kinds)
    return (struct.pack(">I", name_length) + name + struct.pack(">H", count) +
            b"".join(struct.pack(">H", kind) for kind in kinds))


def request(command, offset=0, length=0, flags=0, cookie=0,
            magic=REQUEST_MAGIC):
    """The 28 bytes of a compact request."""
    return struct.pack(">IHHQQI", magic, flags, command, cookie, offset, length)


class Client:
    def __init__(self, host="127.0.0.1", port=10809, timeout=TIMEOUT,
                 receive_buffer=None):
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM)[0]
        self.socket = socket.socket(family, kind, proto)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise
        self.size = self.flags = None
        self.next_cookie = 1
        self.reading = {}       # cookie -> length, of READs under way
        self.waiting = set()    # cookies of all requests under way
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Bytes.

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed("while sending") from error

    def receive(self, length):
        """Exactly length bytes, or Closed."""
        data = bytearray(length)
        view = memoryview(data)
        got = 0
        while got < length:
            try:
                step = self.socket.recv_into(view[got:])
            except ConnectionResetError as error:
                raise Closed("reset after %d of %d bytes" %
                             (got, length)) from error
            if step == 0:
                raise Closed("after %d of %d bytes" % (got, length))
            got += step
        return bytes(data)

    def unpack(self, layout):
        return struct.unpack(layout, self.receive(struct.calcsize(layout)))

    def expect_close(self):
        """The server closes, and says nothing more before it does."""
        try:
            data = self.socket.recv(4096)
        except ConnectionResetError:
            return
        if data:
            raise ProtocolError("expected the end, got %r" % data[:80])

    def expect_silence(self, seconds=0.2):
        """The server neither speaks nor closes, as far as one can see."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1)
        except socket.timeout:
            return
        finally:
            self.socket.settimeout(before)
        raise ProtocolError("expected silence, got %s" %
                            ("data" if data else "the end"))

    # Negotiation.

    def greeting(self):
        """Read the server's 18 bytes; its handshake flags."""
        magic, option_magic, flags = self.unpack(">QQH")
        if magic != NBDMAGIC or option_magic != IHAVEOPT:
            raise ProtocolError("greeting %#x %#x" % (magic, option_magic))
        return flags

    def handshake(self, flags=FIXED_NEWSTYLE | NO_ZEROES):
        offered = self.greeting()
        self.send(struct.pack(">I", flags))
        return offered

    def send_option(self, option, data=b"", length=None, magic=IHAVEOPT):
        """Send an option; a wrong length or magic is sent as it is."""
        if length is None:
            length = len(data)
        self.send(struct.pack(">QII", magic, option, length) + data)

    def receive_option_reply(self, option):
        magic, echoed, kind, length = self.unpack(">QIII")
        if magic != OPTION_REPLY_MAGIC:
            raise ProtocolError("option reply magic %#x" % magic)
        if echoed != option:
            raise ProtocolError("reply to option %d, expected %d" %
                                (echoed, option))
        if length > 64 * KIB:
            raise ProtocolError("option reply of %d bytes" % length)
        return OptionReply(echoed, kind, self.receive(length))

    def option(self, option, data=b""):
        """Send an option; its replies, the last of which is the final one."""
        self.send_option(option, data)
        return self.option_replies(option)

    def option_replies(self, option):
        replies = [self.receive_option_reply(option)]
        while not replies[-1].is_final:
            replies.append(self.receive_option_reply(option))
        return replies

    def list(self):
        """[(name, description)] of all exports."""
        replies = self.option(OPT_LIST)
        if replies[-1].kind != REP_ACK:
            raise ProtocolError("LIST: %r" % replies[-1])
        return [_decode_server(reply) for reply in replies[:-1]]

    def info(self, name, kinds=()):
        return Info(self.option(OPT_INFO, info_request(name, kinds)))

    def go(self, name, kinds=()):
        """Enter transmission by GO, or ProtocolError."""
        info = Info(self.option(OPT_GO, info_request(name, kinds)))
        if info.final.kind != REP_ACK:
            raise ProtocolError("GO: %r" % info.final)
        self.size, self.flags = info.size, info.flags
        return info

    def export_name(self, name, zeroes=False):
        """Enter transmission by EXPORT_NAME; zeroes: expect the padding."""
        self.send_option(OPT_EXPORT_NAME, _bytes(name))
        self.size, self.flags = self.unpack(">QH")
        if zeroes and any(self.receive(124)):
            raise ProtocolError("padding isn't zero")
        return self.size, self.flags

    # Transmission.

    def new_cookie(self):
        with self.lock:
            self.next_cookie += 1
            return self.next_cookie

    def submit(self, command, offset=0, length=0, flags=0, cookie=None,
               payload=b""):
        """Send a request without waiting for its reply; its cookie."""
        if cookie is None:
            cookie = self.new_cookie()
        with self.lock:
            if command == CMD_READ:
                self.reading[cookie] = length
            self.waiting.add(cookie)
        self.send(request(command, offset, length, flags, cookie) + payload)
        return cookie

    def receive_reply(self):
        """The next simple reply, of any request under way."""
        magic, error, cookie = self.unpack(">IIQ")
        if magic != SIMPLE_REPLY_MAGIC:
            raise ProtocolError("simple reply magic %#x" % magic)
        with self.lock:
            if cookie not in self.waiting:
                raise ProtocolError("reply to cookie %#x, never sent" % cookie)
            self.waiting.remove(cookie)
            length = self.reading.pop(cookie, 0)
        return Reply(error, cookie, b"" if error else self.receive(length))

    def collect(self):
        """{cookie: reply} of all requests under way."""
        replies = {}
        while self.waiting:
            reply = self.receive_reply()
            replies[reply.cookie] = reply
        return replies

    def call(self, command, offset=0, length=0, flags=0, payload=b""):
        """Send one request and wait for its reply, the only one under way."""
        cookie = self.submit(command, offset, length, flags, payload=payload)
        reply = self.receive_reply()
        if reply.cookie != cookie:
            raise ProtocolError("cookie %#x, expected %#x" %
                                (reply.cookie, cookie))
        return reply

    def error_of(self, command, offset=0, length=0, flags=0, payload=b""):
        return self.call(command, offset, length, flags, payload).error

    def _succeed(self, *args, **kwargs):
        reply = self.call(*args, **kwargs)
        if reply.error:
            raise ProtocolError("command %d at %d: error %d" %
                                (args[0], args[1], reply.error))
        return reply.data

    def read(self, offset, length, flags=0):
        return self._succeed(CMD_READ, offset, length, flags)

    def write(self, offset, data, flags=0):
        self._succeed(CMD_WRITE, offset, len(data), flags, payload=data)

    def flush(self):
        self._succeed(CMD_FLUSH, 0, 0)

    def trim(self, offset, length, flags=0):
        self._succeed(CMD_TRIM, offset, length, flags)

    def cache(self, offset, length, flags=0):
        self._succeed(CMD_CACHE, offset, length, flags)

    def write_zeroes(self, offset, length, flags=0):
        self._succeed(CMD_WRITE_ZEROES, offset, length, flags)

    def disconnect(self):
        """DISC, and the server closes without a word."""
        self.send(request(CMD_DISC))
        self.expect_close()
        self.close()


def connect(name, host="127.0.0.1", port=10809, **kwargs):
    """A client in transmission."""
    client = Client(host, port, **kwargs)
    try:
        client.handshake()
        client.go(name)
    except BaseException:
        client.close()
        raise
    return client


def _decode_server(reply):
    if reply.kind != REP_SERVER:
        raise ProtocolError("LIST: %r" % reply)
    if len(reply.data) < 4:
        raise ProtocolError("REP_SERVER of %d bytes" % len(reply.data))
    (length,) = struct.unpack_from(">I", reply.data)
    if 4 + length > len(reply.data):
        raise ProtocolError("name of %d bytes in %r" % (length, reply))
    return (reply.data[4:4 + length].decode(), reply.data[4 + length:].decode())
