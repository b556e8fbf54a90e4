# SPDX-License-Identifier: GPL-2.0
"""Block devices that remember what was written to them, and when: an NBD server for
the kernel's own client, that keeps one timeline for all of its devices.

Events of the timeline, in order:

    Event("begin", write)	a write has arrived, and may be on stable storage
    Event("end", write)		it is, if it has FUA; who wrote is told after this
    Event("flush", device)	all writes of the device that had ended before it
                                came are
    Event("mark", text)		the test says so

A power cut between any two of them leaves what is on stable storage, and of what
isn't yet nothing, all, or any sectors (Replay).

    with Recorder() as recorder:
        meta = recorder.device("/dev/nbd0", 1 << 20, keep=True)
        ...
        recorder.mark("here")
"""

import contextlib
import os
import socket
import struct
import threading
import time

import wire
from target import HOST, run

SECTOR = 512


class Write:
    def __init__(self, device, offset, length, data, fua):
        self.device = device
        self.offset = offset
        self.length = length
        self.data = data        # None: of a device whose content isn't kept
        self.fua = fua
        self.begun = self.ended = None


class Event:
    def __init__(self, kind, what):
        self.kind = kind
        self.what = what


class Device:
    """One of them, attached to a node."""

    def __init__(self, recorder, node, size, keep):
        self.recorder = recorder
        self.node = node
        self.size = size
        # What others read: all zeroes where nothing is kept.
        self.content = bytearray(size) if keep else None
        self.first = None       # its content when the timeline begins
        self.name = "r" + os.path.basename(node)

    def read(self, offset, length):
        if self.content is None:
            return bytes(length)
        return bytes(self.content[offset:offset + length])

    def write(self, offset, data, fua):
        kept = None
        if self.content is not None:
            self.content[offset:offset + len(data)] = data
            kept = data
        return Write(self, offset, len(data), kept, fua)


class Recorder:
    def __init__(self):
        self.lock = threading.Lock()
        self.timeline = []
        self.devices = {}
        self.failing = set()    # devices that fail all writes
        self.delay = 0          # seconds, of each write
        self.server = socket.create_server((HOST, 0))
        self.port = self.server.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def __enter__(self):
        run("modprobe", "nbd", "max_part=0", "nbds_max=8")
        return self

    def __exit__(self, *_):
        for device in list(self.devices.values()):
            with contextlib.suppress(AssertionError):
                run("nbd-client", "-d", device.node)
        self.server.close()

    def device(self, node, size, keep=False):
        device = Device(self, node, size, keep)
        self.devices[device.name] = device
        run("nbd-client", "-N", device.name, HOST, str(self.port), node,
            "-b", "512")
        return device

    def start(self):
        """The timeline begins here, and what there is is on stable storage."""
        with self.lock:
            self.timeline = []
            for device in self.devices.values():
                if device.content is not None:
                    device.first = bytes(device.content)

    def mark(self, text):
        with self.lock:
            self.timeline.append(Event("mark", text))
            return len(self.timeline) - 1

    # --- the server ---

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,),
                                      daemon=True)
            thread.start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(EOFError, OSError):
            device = self._negotiate(connection)
            while device:
                self._request(connection, device)

    def _receive(self, connection, length):
        data = bytearray()
        while len(data) < length:
            piece = connection.recv(length - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _option_reply(self, connection, option, kind, data=b""):
        connection.sendall(struct.pack(">QIII", wire.OPTION_REPLY_MAGIC, option,
                                       kind, len(data)) + data)

    def _negotiate(self, connection):
        connection.sendall(struct.pack(">QQH", wire.NBDMAGIC, wire.IHAVEOPT, 3))
        self._receive(connection, 4)
        while True:
            _, option, length = struct.unpack(
                ">QII", self._receive(connection, 16))
            data = self._receive(connection, length)
            if option == wire.OPT_EXPORT_NAME:
                device = self.devices[data.decode()]
                connection.sendall(self._about(device))
                return device
            if option == wire.OPT_GO:
                (n,) = struct.unpack_from(">I", data)
                device = self.devices[data[4:4 + n].decode()]
                self._option_reply(connection, option, wire.REP_INFO,
                                   struct.pack(">H", 0) + self._about(device))
                self._option_reply(connection, option, wire.REP_ACK)
                return device
            if option == wire.OPT_ABORT:
                self._option_reply(connection, option, wire.REP_ACK)
                return None
            self._option_reply(connection, option, wire.REP_ERR_UNSUP)

    def _about(self, device):
        return struct.pack(">QH", device.size, wire.HAS_FLAGS |
                           wire.SEND_FLUSH | wire.SEND_FUA)

    def _request(self, connection, device):
        magic, flags, command, cookie, offset, length = struct.unpack(
            ">IHHQQI", self._receive(connection, 28))
        assert magic == wire.REQUEST_MAGIC
        error, data = 0, b""
        if command == wire.CMD_WRITE:
            payload = self._receive(connection, length)
            error = self._write(device, offset, payload, flags & wire.FUA)
        elif command == wire.CMD_READ:
            data = device.read(offset, length)
        elif command == wire.CMD_FLUSH:
            with self.lock:
                self.timeline.append(Event("flush", device))
        elif command == wire.CMD_DISC:
            raise EOFError
        else:
            error = wire.EINVAL
        connection.sendall(struct.pack(">IIQ", wire.SIMPLE_REPLY_MAGIC, error,
                                       cookie) + (b"" if error else data))

    def _write(self, device, offset, payload, fua):
        if device in self.failing:
            return wire.EIO
        with self.lock:
            write = device.write(offset, payload, bool(fua))
            write.begun = len(self.timeline)
            self.timeline.append(Event("begin", write))
        # Here others get in between.
        if self.delay:
            time.sleep(self.delay)
        with self.lock:
            write.ended = len(self.timeline)
            self.timeline.append(Event("end", write))
        return 0


class Replay:
    """What is on a device that was kept, all of whose writes have FUA, after a power
    cut at moments that come one after the other."""

    def __init__(self, device, timeline):
        self.image = bytearray(device.first)
        self.writes = [event.what for event in timeline
                       if event.kind == "begin" and event.what.device is device]
        for write in self.writes:
            assert write.fua, "a write to %s is not FUA" % device.node
        self.next = 0

    def at(self, cut, arrives):
        """Before event CUT. ARRIVES(sectors) says which of the sectors of one
        that may have arrived in part are there, [bool]."""
        while self.next < len(self.writes) and \
                self.writes[self.next].ended < cut:
            write = self.writes[self.next]
            self.image[write.offset:write.offset + write.length] = write.data
            self.next += 1
        image = bytearray(self.image)
        for write in self.writes[self.next:]:
            if write.begun >= cut:
                break
            self._arrive(image, write, arrives)
        return bytes(image)

    def _arrive(self, image, write, arrives):
        for number, there in enumerate(arrives(write.length // SECTOR)):
            at = number * SECTOR
            if there:
                image[write.offset + at:write.offset + at + SECTOR] = \
                    write.data[at:at + SECTOR]
