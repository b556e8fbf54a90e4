# SPDX-License-Identifier: GPL-2.0
"""1.11: which requests have a payload with extended headers, and how long they are."""

import wire
from suite import ALLOCATION, EXTENDED, chunked, equal, fill, lives, rule
from wire import Closed, EINVAL, KIB, MAX_PAYLOAD, PAYLOAD_LEN

WITHOUT = (wire.CMD_READ, wire.CMD_FLUSH, wire.CMD_TRIM, wire.CMD_CACHE,
           wire.CMD_WRITE_ZEROES, wire.CMD_RESIZE, 99)


@rule("EX1", "WR3",
      "the length of a WRITE is that of its payload", needs=(EXTENDED,))
def write():
    with chunked(extended=True) as c:
        for length in (1, 511, 4096, MAX_PAYLOAD):
            data = fill(length, 90)
            equal(c.call_raw(wire.CMD_WRITE, 3, length, PAYLOAD_LEN,
                             payload=data).error, wire.OK, length)
            tail = min(length, 4096)
            assert c.read(3 + length - tail, tail) == data[-tail:]


@rule("WR3", "a WRITE has a payload without PAYLOAD_LEN too: that is QEMU's",
      needs=(EXTENDED,))
def write_without_flag():
    with chunked(extended=True) as c:
        c.write(0, b"before")
        # Requests, if they are taken for any.
        data = b"".join(c.header(wire.CMD_FLUSH, 0, 0, 0, cookie)
                        for cookie in range(1000, 1016))
        error = c.call_raw(wire.CMD_WRITE, 0, len(data), 0, payload=data).error
        assert error in (wire.OK, EINVAL), error
        assert c.read(0, 6) == (b"before" if error else data[:6])
        lives(c)


@rule("EX1", "lengths of 64 bits are those of the effect", needs=(EXTENDED,))
def long_effects():
    with chunked(extended=True) as c:
        for command, error in ((wire.CMD_TRIM, EINVAL), (wire.CMD_CACHE, EINVAL),
                               (wire.CMD_WRITE_ZEROES, wire.ENOSPC)):
            for length in (c.size + 1, 2**32, 2**63, 2**64 - 1):
                equal(c.error_of(command, 0, length), error, length)
        for length in (2**32, 2**63, 2**64 - 1):
            assert c.error_of(wire.CMD_READ, 0, length) in (EINVAL,
                                                            wire.EOVERFLOW)
        c.write(0, fill(4096))
        c.write(c.size - 4096, fill(4096))
        c.write_zeroes(0, c.size)
        equal(c.read(c.size - 4096, 4096), bytes(4096), "the end")
        equal(c.read(0, 4096), bytes(4096), "the beginning")
        c.trim(0, c.size)
        c.cache(0, c.size)


@rule("EX2", "SZ9",
      "a payload above 32 MiB ends the connection", needs=(EXTENDED,))
def too_long():
    for command in (wire.CMD_WRITE,) + WITHOUT:
        for length in (MAX_PAYLOAD + 1, 2**32, 2**63, 2**64 - 1):
            with chunked(extended=True) as c:
                try:
                    c.send(c.header(command, 0, length, PAYLOAD_LEN, 1))
                    # An error may be told first; the payload isn't waited for.
                    c.receive(32)
                except Closed:
                    continue
                while True:
                    try:
                        c.receive(1)
                    except Closed:
                        break


@rule("EX3", "1.15", "a payload where none belongs is consumed, and EINVAL",
      needs=(EXTENDED,))
def unexpected():
    with chunked(extended=True, contexts=(ALLOCATION,)) as c:
        looks_like_requests = c.header(wire.CMD_DISC, 0, 0, 0, 0) * 200
        for command in WITHOUT:
            for payload in (b"x", looks_like_requests, bytes(300 * KIB)):
                equal(c.call_raw(command, 0, len(payload), PAYLOAD_LEN,
                                 payload=payload).error, EINVAL,
                      "command %d, %d bytes" % (command, len(payload)))
        lives(c)


@rule("EX4", "PAYLOAD_LEN in structured replies is an unknown flag")
def compact_mode():
    with chunked() as c:
        for command in WITHOUT:
            equal(c.error_of(command, 0, 512, PAYLOAD_LEN), EINVAL, command)
        equal(c.error_of(wire.CMD_WRITE, 0, 512, PAYLOAD_LEN, bytes(512)),
              EINVAL, "WRITE")
        lives(c)


@rule("EX5", "TX15", "PAYLOAD_LEN with an empty payload ends nothing",
      needs=(EXTENDED,))
def empty_payload():
    with chunked(extended=True, contexts=(ALLOCATION,)) as c:
        assert c.call_raw(wire.CMD_WRITE, 0, 0, PAYLOAD_LEN).error in (
            wire.OK, EINVAL)
        for command in WITHOUT + (wire.CMD_BLOCK_STATUS,):
            equal(c.call_raw(command, 0, 0, PAYLOAD_LEN).error, EINVAL, command)
        lives(c)


@rule("EX6", "EH2", "TX13",
      "a compact request after EXTENDED_HEADERS ends the connection",
      needs=(EXTENDED,))
def compact_header():
    for magic in (wire.REQUEST_MAGIC, 0, wire.EXTENDED_REQUEST_MAGIC ^ 1):
        with chunked(extended=True) as c:
            c.send(wire.request(wire.CMD_READ, 0, 512, magic=magic) + bytes(4))
            c.expect_close()


@rule("EX6", "TX13",
      "an extended request in structured replies ends the connection")
def extended_header():
    with chunked() as c:
        c.send(wire.request(wire.CMD_READ, 0, 512,
                            magic=wire.EXTENDED_REQUEST_MAGIC))
        c.expect_close()
