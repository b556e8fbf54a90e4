# SPDX-License-Identifier: GPL-2.0
"""1.7: sizes of blocks and of payloads."""

import wire
from suite import args, connected, equal, fill, negotiating, lives, rule
from wire import Closed, KIB, MAX_PAYLOAD, MIB


def power_of_two(value):
    return value > 0 and value & (value - 1) == 0


@rule("SZ2", "SZ3", "SZ4", "SZ5", "block sizes are what the protocol allows")
def block_sizes():
    for name in (args.export, args.read_only, args.other):
        with negotiating() as c:
            info = c.info(name, (wire.INFO_BLOCK_SIZE,))
            assert power_of_two(info.minimum) and info.minimum <= 65536
            assert power_of_two(info.preferred)
            assert info.preferred >= max(info.minimum, 512), info.preferred
            assert info.maximum >= info.preferred
            assert info.maximum >= min(MIB, info.size)
            equal(info.size % info.minimum, 0, "size % minimum")


@rule("SZ1", "SZ9", "payloads of 32 MiB are taken without negotiation")
def largest_payload():
    data = fill(MAX_PAYLOAD, 7)
    with negotiating() as c:
        c.export_name(args.export)
        c.write(0, data)
        assert c.read(0, MAX_PAYLOAD) == data


@rule("SZ9", "RD7", "a READ above 32 MiB is refused, and nothing else ends")
def read_too_long():
    with connected() as c:
        for length in (MAX_PAYLOAD + 1, 0x7FFFFFFF, 0xFFFFFFFF):
            error = c.error_of(wire.CMD_READ, 0, length)
            assert error in (wire.EOVERFLOW, wire.EINVAL), error
        lives(c)


@rule("SZ9", "WR4", "a WRITE above 32 MiB ends the connection")
def write_too_long():
    for length in (MAX_PAYLOAD + 1, 0x7FFFFFFF, 0xFFFFFFFF):
        with connected() as c:
            try:
                c.send(wire.request(wire.CMD_WRITE, 0, length) +
                       bytes(min(length, MAX_PAYLOAD + 1)))
                # An error may be told first.
                _, error, _ = c.unpack(">IIQ")
            except Closed:
                continue
            assert error, "%d bytes are taken" % length
            c.expect_close()


@rule("SZ8", "requests of any alignment work where the minimum is 1")
def any_alignment():
    with negotiating() as c:
        equal(c.go(args.export, (wire.INFO_BLOCK_SIZE,)).minimum, 1, "minimum")
        base = fill(64 * KIB, 3)
        model = bytearray(base)
        c.write(0, base)
        for number, (offset, length) in enumerate((
                (1, 1), (511, 2), (512, 511), (4095, 2), (4096, 4095),
                (4097, 8190), (8191, 4098), (3, 65000), (65535, 1))):
            data = fill(length, number + 10)
            c.write(offset, data)
            model[offset:offset + length] = data
            equal(c.read(offset, length), data, "READ back")
        assert c.read(0, 64 * KIB) == model, "neighbours changed"


@rule("SZ10", "TRIM, WRITE_ZEROES and CACHE may exceed the largest payload")
def long_without_payload():
    with connected() as c:
        length = min(c.size, 2**32 - 4096)
        assert length > MAX_PAYLOAD, "the export is too small for this test"
        for command in (wire.CMD_CACHE, wire.CMD_WRITE_ZEROES, wire.CMD_TRIM):
            error = c.error_of(command, 0, length)
            assert error in (wire.OK, wire.EINVAL, wire.EOVERFLOW), error
        lives(c)


@rule("WZ1", "SZ10", "a WRITE_ZEROES above 32 MiB that succeeds is complete")
def long_zeroes():
    with connected() as c:
        length = 36 * MIB
        marks = [0, MAX_PAYLOAD - 512, MAX_PAYLOAD, length - 512]
        for offset in marks:
            c.write(offset, fill(512))
        if c.error_of(wire.CMD_WRITE_ZEROES, 0, length) == wire.OK:
            for offset in marks:
                equal(c.read(offset, 512), bytes(512), offset)


@rule("SZ11", "a READ's reply has the bytes asked for and no more")
def read_lengths():
    with connected() as c:
        for length in (1, 511, 512, 513, 4095, 4096, 4097, 65537, MIB + 1):
            equal(len(c.read(0, length)), length, "bytes")
        lives(c)
