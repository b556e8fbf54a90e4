# SPDX-License-Identifier: GPL-2.0
"""1.9, 1.10, 1.15: commands, their errors and their flags, in simple replies."""

import ktap
import wire
from suite import (args, beyond, connected, equal, fill, lives, rule,
                   takes_flags)
from wire import KIB, MAX_PAYLOAD, MIB


@rule("WR1", "a WRITE is read back, and its neighbours stay")
def write_and_read():
    with connected() as c:
        c.write(0, bytes(64 * KIB))
        data = fill(8192, 30)
        c.write(16384, data)
        assert c.read(0, 64 * KIB) == bytes(16384) + data + bytes(40960)


@rule("WR1", "the last byte of the export can be written and read")
def last_byte():
    with connected() as c:
        for byte in (b"a", b"b"):
            c.write(c.size - 1, byte)
            equal(c.read(c.size - 1, 1), byte, "READ")


@rule("WR2", "WR4", "WZ7", "SZ8", "1.10", "1.13.4",
      "WRITE and WRITE_ZEROES past the end get ENOSPC")
def writes_past_the_end():
    with connected() as c:
        tail = fill(4096, 31)
        c.write(c.size - 4096, tail)
        for length in (512, 65536):
            for offset in beyond(c.size, length):
                equal(c.error_of(wire.CMD_WRITE, offset, length,
                                 payload=b"!" * length), wire.ENOSPC, offset)
                equal(c.error_of(wire.CMD_WRITE_ZEROES, offset, length),
                      wire.ENOSPC, offset)
        assert c.read(c.size - 4096, 4096) == tail, "something was written"


@rule("TR3", "SZ8", "1.10", "READ, TRIM and CACHE past the end get EINVAL")
def reads_past_the_end():
    with connected() as c:
        for command in (wire.CMD_READ, wire.CMD_TRIM, wire.CMD_CACHE):
            for offset in beyond(c.size, 512):
                equal(c.error_of(command, offset, 512), wire.EINVAL,
                      "command %d at %d" % (command, offset))
        for command in (wire.CMD_TRIM, wire.CMD_CACHE):
            equal(c.error_of(command, c.size - 512, 2**32 - 1), wire.EINVAL, "")
        lives(c)


@rule("FL2", "WR2", "WR4", "TR3", "WZ7", "1.10", "1.13.4",
      "what would write to a read-only export gets EPERM")
def read_only_writes():
    with connected(args.read_only) as c:
        before = c.read(0, 4096)
        for length in (1, 512, 65536, MIB):
            equal(c.error_of(wire.CMD_WRITE, 0, length,
                             payload=b"!" * length), wire.EPERM, "WRITE")
        for command in (wire.CMD_TRIM, wire.CMD_WRITE_ZEROES):
            for flags in (0, wire.FUA):
                equal(c.error_of(command, 0, 4096, flags), wire.EPERM, "")
        assert c.read(0, 4096) == before, "something was written"


@rule("FL2", "CA1", "a read-only export can be read, flushed and cached")
def read_only_reads():
    with connected(args.read_only) as c:
        c.read(0, 65536)
        c.flush()
        c.cache(0, 65536)
        lives(c)


@rule("WR4", "the payload of a refused WRITE is consumed, 32 MiB too")
def refused_payload():
    looks_like_requests = wire.request(wire.CMD_DISC) * 1000
    with connected() as c:
        for payload in (b"x", looks_like_requests, bytes(MAX_PAYLOAD)):
            for offset, flags in ((c.size, 0), (2**64 - 1, 0),
                                  (0, wire.NO_HOLE)):
                assert c.error_of(wire.CMD_WRITE, offset, len(payload), flags,
                                  payload) != wire.OK
        lives(c)


@rule("TR1", "TR2", "TRIM succeeds, and what is around it stays")
def trim():
    with connected() as c:
        data = fill(MIB, 40)
        for offset, length in ((0, 64 * KIB), (4096, 4096), (1, 100000),
                               (777, 1)):
            c.write(0, data)
            c.trim(offset, length)
            assert c.read(0, offset) == data[:offset]
            assert c.read(offset + length, MIB - offset - length) == \
                data[offset + length:]


@rule("CA1", "CACHE changes nothing")
def cache():
    with connected() as c:
        data = fill(MIB, 41)
        c.write(0, data)
        for offset, length in ((0, MIB), (1, 4095), (511, 2)):
            c.cache(offset, length)
        assert c.read(0, MIB) == data


@rule("CA2", "1.15", "CACHE refuses flags it doesn't know")
def cache_flags():
    with connected() as c:
        for bit in range(1, 16):
            equal(c.error_of(wire.CMD_CACHE, 0, 512, 1 << bit), wire.EINVAL,
                  "bit %d" % bit)
        lives(c)


def zeroes_with(flags):
    """WRITE_ZEROES of many shapes; those that worked are checked."""
    errors = set()
    with connected() as c:
        data = fill(256 * KIB, 42)
        for offset, length in ((0, 64 * KIB), (4096, 4096), (512, 512), (1, 1),
                               (511, 2), (4095, 4098), (100, 200000)):
            c.write(0, data)
            model = bytearray(data)
            error = c.error_of(wire.CMD_WRITE_ZEROES, offset, length, flags)
            errors.add(error)
            if error == wire.OK:
                model[offset:offset + length] = bytes(length)
            assert c.read(0, len(data)) == model, \
                "at %d, %d bytes, error %d" % (offset, length, error)
    return errors


@rule("WZ1", "WZ2", "WZ5", "WRITE_ZEROES makes zeroes of any range")
def write_zeroes():
    equal(zeroes_with(0), {wire.OK}, "errors")
    equal(zeroes_with(wire.FUA), {wire.OK}, "errors with FUA")


@rule("WZ3", "WZ5", "WRITE_ZEROES with NO_HOLE makes zeroes of any range")
def write_zeroes_no_hole():
    equal(zeroes_with(wire.NO_HOLE), {wire.OK}, "errors")


@rule("WZ4", "WRITE_ZEROES with FAST_ZERO works, or is ENOTSUP and no change")
def write_zeroes_fast():
    with connected() as c:
        if not c.flags & wire.SEND_FAST_ZERO:
            ktap.skip("not offered")
    for flags in (wire.FAST_ZERO, wire.FAST_ZERO | wire.NO_HOLE,
                  wire.FAST_ZERO | wire.FUA):
        errors = zeroes_with(flags)
        assert errors <= {wire.OK, wire.ENOTSUP}, errors


@rule("WZ6", "FAST_ZERO where it isn't offered is refused")
def fast_zero_not_offered():
    with connected(args.read_only) as c:
        equal(c.flags & wire.SEND_FAST_ZERO, 0, "flag")
        error = c.error_of(wire.CMD_WRITE_ZEROES, 0, 512, wire.FAST_ZERO)
        assert error in (wire.EINVAL, wire.EPERM), error
        lives(c)


@rule("BS1", "1.10", "BLOCK_STATUS, RESIZE and unknown commands get EINVAL")
def unknown_commands():
    with connected() as c:
        for command in (wire.CMD_BLOCK_STATUS, wire.CMD_RESIZE, 9, 10, 99,
                        0x7FFF, 0x8000, 0xFFFF):
            for offset, length in ((0, 0), (0, 512), (c.size, 512),
                                   (2**64 - 1, 2**32 - 1)):
                for flags in (0, wire.FUA, 0xFFFF):
                    equal(c.error_of(command, offset, length, flags),
                          wire.EINVAL, "command %d" % command)
        lives(c)


@rule("1.10", "1.15", "BS1", "a read-only export refuses unknown commands too")
def unknown_commands_read_only():
    with connected(args.read_only) as c:
        for command in (wire.CMD_BLOCK_STATUS, 9, 0xFFFF):
            equal(c.error_of(command, 0, 512), wire.EINVAL, command)
        lives(c)


ALLOWED = {
    wire.CMD_READ: wire.FUA,
    wire.CMD_WRITE: wire.FUA,
    wire.CMD_FLUSH: wire.FUA,
    wire.CMD_TRIM: wire.FUA,
    wire.CMD_CACHE: wire.FUA,
    wire.CMD_WRITE_ZEROES: wire.FUA | wire.NO_HOLE | wire.FAST_ZERO,
}


@rule("1.15", "EX4", "each flag is taken where it belongs, else EINVAL")
def flag_matrix():
    with connected() as c:
        for command, allowed in ALLOWED.items():
            takes_flags(c, command, allowed, payload=bytes(512)
                        if command == wire.CMD_WRITE else b"")
        lives(c)


@rule("1.15", "WR4", "a WRITE with a wrong flag writes nothing")
def wrong_flag_writes_nothing():
    with connected() as c:
        c.write(0, b"kept")
        for bit in range(1, 16):
            equal(c.error_of(wire.CMD_WRITE, 0, 4, 1 << bit, b"lost"),
                  wire.EINVAL, "bit %d" % bit)
        equal(c.read(0, 4), b"kept", "READ")
