# SPDX-License-Identifier: GPL-2.0
"""1.8, 1.9, 1.10, 1.15: requests that are answered in chunks, by structured replies
and by extended headers.  Much of what the rules ask for is seen to by lib/chunks.py,
with each reply of each test: that chunks are inside what was asked for and cover
it once, that DONE is on the last of them and nowhere else, that no other flag is
set, that there is one error at most.
"""

import wire
from suite import (ALLOCATION, args, beyond, chunked, equal, fill, in_chunks,
                   kinds_of_chunks, lives, rule, takes_flags)
from wire import KIB, MAX_PAYLOAD, MIB


@rule("TX7", "TX8", "TX9", "TX16", "1.15",
      "each command is answered in the mode's form")
def every_command():
    for c in in_chunks(contexts=(ALLOCATION,)):
        data = fill(64 * KIB, 60)
        c.write(0, data)
        c.flush()
        c.cache(0, 4096)
        assert c.read(0, len(data)) == data
        c.write_zeroes(4096, 4096)
        equal(c.read(4096, 4096), bytes(4096), "zeroes")
        c.trim(8192, 4096)
        c.status(0, 64 * KIB)
        assert c.read(12288, 4096) == data[12288:16384]
        c.disconnect()


@rule("RD1", "RD9", "SZ11", "TX9",
      "READ of any range is covered by its chunks, once")
def reads():
    for c in in_chunks():
        data = fill(4 * MIB, 61)
        c.write(0, data)
        for offset, length in ((0, 1), (511, 2), (1, 511), (0, 65536),
                               (100, 300000), (3, MIB), (MIB + 77, 2999999)):
            assert c.read(offset, length) == data[offset:offset + length], \
                "%d+%d" % (offset, length)


@rule("RD2", "chunks begin and end at multiples of 512, but at ragged ends")
def chunk_bounds():
    for c in in_chunks():
        c.write(0, fill(2 * MIB))
        c.write_zeroes(MIB // 2, MIB // 2)
        for offset, length in ((0, 4 * MIB), (512, 3 * MIB - 1024),
                               (1000, 3 * MIB), (77, 100)):
            answer = c.call(wire.CMD_READ, offset, length)
            bounds = {bound for at, size in answer.covered()
                      for bound in (at, at + size)} - {offset, offset + length}
            assert not any(bound % 512 for bound in bounds), bounds


@rule("RD8", "zeroes read as zeroes, sent or told, wherever they begin")
def zero_areas():
    for c in in_chunks():
        data = bytearray(fill(2 * MIB, 62))
        c.write(0, bytes(data))
        for offset, length in ((0, 65536), (MIB, MIB // 2), (1800001, 99999),
                               (2 * MIB - 512, 512)):
            c.write_zeroes(offset, length)
            data[offset:offset + length] = bytes(length)
        for offset, length in ((0, 2 * MIB), (MIB, MIB // 2), (MIB + 1, 70000),
                               (65535, 2), (1800000, 100001)):
            assert c.read(offset, length) == data[offset:offset + length], \
                "%d+%d" % (offset, length)


@rule("RD5", "DF: one chunk of data, zeroes in it spelt out")
def dont_fragment():
    for c in in_chunks():
        data = bytearray(fill(256 * KIB, 63))
        c.write(0, bytes(data))
        c.write_zeroes(64 * KIB, 64 * KIB)
        data[64 * KIB:128 * KIB] = bytes(64 * KIB)
        for offset, length in ((0, 1), (32 * KIB, 64 * KIB), (64 * KIB, 4096),
                               (64 * KIB - 1, 2), (65537, 60000)):
            answer = c.call(wire.CMD_READ, offset, length, wire.DF)
            equal(answer.error, wire.OK, "error")
            equal(len(answer.content), 1, "chunks of data")
            assert answer.data() == data[offset:offset + length]


@rule("RD6", "DF: up to 65536 bytes always, above perhaps EOVERFLOW")
def long_dont_fragment():
    for c in in_chunks():
        for length in (65535, 65536):
            equal(c.error_of(wire.CMD_READ, 1, length, wire.DF), wire.OK,
                  length)
        for length in (65537, MIB, 4 * MIB):
            answer = c.call(wire.CMD_READ, 0, length, wire.DF)
            assert answer.error in (wire.OK, wire.EOVERFLOW), answer.error
            assert not (answer.error and answer.content)
        lives(c)


@rule("RD7", "SZ9",
      "a READ above 32 MiB comes in parts, or gets EOVERFLOW or EINVAL")
def read_too_long_in_chunks():
    for c in in_chunks():
        answer = c.call(wire.CMD_READ, 0, MAX_PAYLOAD + 512)
        assert answer.error in (wire.OK, wire.EOVERFLOW, wire.EINVAL)
        lives(c)


@rule("TX15", "READ of nothing is no end, and has no content")
def read_nothing():
    for c in in_chunks():
        for offset in (0, 1, c.size - 1, c.size):
            answer = c.call(wire.CMD_READ, offset, 0)
            assert not answer.covered(), answer.covered()
        lives(c)


@rule("TX1", "TX2", "TX9",
      "many requests in flight, their chunks in any order")
def many_in_flight():
    for c in in_chunks(contexts=(ALLOCATION,)):
        data = fill(MIB, 64)
        c.write(0, data)
        wanted = {}
        for number in range(16):
            for offset, length in ((number * 4096, 600000 + number),
                                   (number * 512, 512)):
                cookie = c.submit(wire.CMD_READ, offset, length,
                                  cookie=2**64 - 1 - 2 * number - (length > 512))
                wanted[cookie] = data[offset:offset + length]
            c.submit(wire.CMD_BLOCK_STATUS, number, c.size - number)
            c.submit(wire.CMD_WRITE, 2 * MIB + number * 5000, 5000,
                     payload=fill(5000, number))
            c.submit(wire.CMD_FLUSH)
        answers = c.collect()
        equal({answer.error for answer in answers.values()}, {wire.OK}, "errors")
        for cookie, content in wanted.items():
            assert answers[cookie].data() == content
        for number in range(16):
            assert c.read(2 * MIB + number * 5000, 5000) == fill(5000, number)


@rule("TX11",
      "DISC: what is in flight is answered in chunks, then the server closes")
def disconnect_with_requests():
    for c in in_chunks():
        for number in range(16):
            c.submit(wire.CMD_READ, number * 4096, MIB // 2)
        c.send(c.header(wire.CMD_DISC, 0, 0, 0, 99))
        equal({answer.error for answer in c.collect().values()}, {wire.OK},
              "errors")
        c.expect_close()


# Errors.

@rule("TX7", "TX8", "TX10", "TX14", "1.10",
      "READ that can't be: an error in chunks, once")
def failed_reads():
    for c in in_chunks():
        for offset in beyond(c.size, 512):
            answer = c.call(wire.CMD_READ, offset, 512)
            equal(answer.error, wire.EINVAL, offset)
            assert not answer.content
        c.submit(wire.CMD_READ, c.size, MIB)
        c.submit(wire.CMD_READ, 0, MIB)
        equal(sorted(answer.error for answer in c.collect().values()),
              [wire.OK, wire.EINVAL], "errors")


@rule("1.10", "1.13.4", "WR2", "WZ7",
      "in chunks, what would write past the end gets ENOSPC")
def writes_past_the_end():
    for c in in_chunks():
        for offset in beyond(c.size, 512):
            for command, payload in ((wire.CMD_WRITE, bytes(512)),
                                     (wire.CMD_WRITE_ZEROES, b"")):
                equal(c.error_of(command, offset, 512, payload=payload),
                      wire.ENOSPC, offset)
        lives(c)


@rule("1.10", "1.13.4", "FL2",
      "in chunks, what would write to a read-only export gets EPERM")
def read_only_writes():
    for c in in_chunks(args.read_only):
        for command, payload in ((wire.CMD_WRITE, bytes(512)),
                                 (wire.CMD_WRITE_ZEROES, b""),
                                 (wire.CMD_TRIM, b"")):
            equal(c.error_of(command, 0, 512, payload=payload), wire.EPERM,
                  "command %d" % command)
        lives(c)


@rule("1.10",
      "in chunks, TRIM, CACHE and BLOCK_STATUS past the end get EINVAL")
def others_past_the_end():
    for c in in_chunks(contexts=(ALLOCATION,)):
        for command in (wire.CMD_TRIM, wire.CMD_CACHE, wire.CMD_BLOCK_STATUS):
            for offset in beyond(c.size, 512):
                equal(c.error_of(command, offset, 512), wire.EINVAL,
                      "command %d at %d" % (command, offset))
        lives(c)


# Flags.

ALLOWED = {
    wire.CMD_READ: wire.FUA | wire.DF,
    wire.CMD_FLUSH: wire.FUA,
    wire.CMD_TRIM: wire.FUA,
    wire.CMD_CACHE: wire.FUA,
    wire.CMD_WRITE_ZEROES: wire.FUA | wire.NO_HOLE | wire.FAST_ZERO,
    wire.CMD_BLOCK_STATUS: wire.FUA | wire.REQ_ONE,
    wire.CMD_RESIZE: 0,
    99: 0,
}


@rule("1.15", "1.13.8",
      "in chunks, each flag is taken where it belongs, else EINVAL")
def flag_matrix():
    for c in in_chunks(contexts=(ALLOCATION,)):
        for command, allowed in ALLOWED.items():
            takes_flags(c, command, allowed,
                        0 if command == wire.CMD_FLUSH else 512)
        lives(c)


@rule("1.15", "WR4",
      "in chunks, a WRITE with a wrong flag is consumed, and EINVAL")
def write_flags():
    for c in in_chunks():
        c.write(0, b"kept")
        for bit in range(1, 16):
            if c.extended and 1 << bit == wire.PAYLOAD_LEN:
                continue
            equal(c.error_of(wire.CMD_WRITE, 0, 4, 1 << bit, b"lost"),
                  wire.EINVAL, "bit %d" % bit)
        equal(c.error_of(wire.CMD_WRITE, 0, 4, wire.FUA, b"next"), wire.OK, "FUA")
        equal(c.read(0, 4), b"next", "READ")


@rule("FL3", "FL9", "1.15", "the flags of an export, in each mode")
def flags():
    for extended in kinds_of_chunks():
        for contexts in ((), (ALLOCATION,)):
            for name in (args.export, args.read_only, args.other):
                with chunked(name, extended, contexts) as c:
                    assert c.flags & wire.HAS_FLAGS and c.flags & wire.SEND_DF
                    equal(c.flags & (wire.SEND_RESIZE | 0xE000), 0, "flags")
                    # P where contexts are selected, but it is built.
                    equal(bool(c.flags & wire.BLOCK_STATUS_PAYLOAD),
                          extended and bool(contexts), "payload flag")
