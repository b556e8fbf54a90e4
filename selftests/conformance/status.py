# SPDX-License-Identifier: GPL-2.0
"""1.9: BLOCK_STATUS.  With each reply, lib/chunks.py sees to it that there is
one chunk for each context, of the mode's type (BS2, BS11), that there are extents,
none of them empty (BS3), no more of them than were asked for (BS4, BS5), and that
neighbours of one status are one (BS7).
"""

import wire
from chunks import STATE_HOLE, STATE_ZERO
from suite import (ALLOCATION, EXTENDED, FIRMNESS, agreeing, args, beyond,
                   chunked, equal, fill, in_chunks, kinds_of_chunks, lives,
                   rule)
from wire import KIB, MIB


@rule("BS1", "BLOCK_STATUS without a context gets EINVAL")
def no_context():
    for c in in_chunks():
        for flags in (0, wire.REQ_ONE):
            equal(c.error_of(wire.CMD_BLOCK_STATUS, 0, 512, flags), wire.EINVAL,
                  "status")
        lives(c)


@rule("BS2", "each context that is selected has its chunk")
def all_contexts():
    for extended in kinds_of_chunks():
        with agreeing() as c:
            names = c.list_contexts(args.export)
        with chunked(args.export, extended, names) as c:
            for flags in (0, wire.REQ_ONE):
                equal(sorted(c.status(0, MIB, flags)), names, "contexts")


@rule("BS3", "BS4", "extents begin where it was asked, of any range")
def any_range():
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.write(0, fill(192 * KIB, 70))
        c.write_zeroes(64 * KIB, 64 * KIB)
        for offset, length in ((0, 1), (0, 512), (0, 65536), (0, 65537),
                               (65535, 2), (1, 200000), (131072 - 1, 1),
                               (0, c.size), (c.size - 1, 1), (c.size - 512, 512),
                               (777, c.size - 777)):
            extents = c.status(offset, length)[ALLOCATION]
            # Never past the export, whatever is known of what follows.
            assert offset + sum(n for n, _ in extents) <= c.size, extents


@rule("BS4",
      "asking on from the end of each answer comes to the end of the export")
def whole_export():
    seen = []
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.write(0, fill(256 * KIB))
        c.write_zeroes(128 * KIB, 64 * KIB)
        whole = c.whole_status()
        equal(sum(length for _, length, _ in whole), c.size, "bytes")
        seen.append(whole)
    assert all(whole == seen[0] for whole in seen), seen


@rule("BS5", "REQ_ONE: one extent, no longer than the request")
def one_extent():
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.write(0, fill(MIB))
        c.write_zeroes(256 * KIB, 512 * KIB)
        for offset in (0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, c.size - 1):
            for length in (1, 511, 4096, MIB, c.size):
                length = min(length, c.size - offset)
                (extent,) = c.status(offset, length, wire.REQ_ONE)[ALLOCATION]
                assert 0 < extent[0] <= length, extent


@rule("BS6", "BS7", "a status of many pieces: bounded, of whole blocks")
def many_pieces():
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.write_zeroes(0, 32 * MIB)
        for number in range(0, 512, 2):
            c.submit(wire.CMD_WRITE, number * 64 * KIB, 4096,
                     payload=fill(4096, number))
        equal({answer.error for answer in c.collect().values()}, {wire.OK}, "")
        extents = c.status(0, c.size)[ALLOCATION]
        assert len(extents) <= 2**20
        at = 0
        for length, _ in extents:
            at += length
            assert at % 512 == 0 or at == c.size, at


@rule("BS8", "BS13",
      "what was written is never said to be zero, nor to be a hole")
def written_is_data():
    for c in in_chunks(contexts=(ALLOCATION,)):
        for offset, length in ((0, 512), (65535, 2), (MIB + 7, 100000)):
            c.write_zeroes(0, 2 * MIB)
            c.write(offset, fill(length, 71))
            at = offset
            while at < offset + length:
                (extent,) = c.status(at, offset + length - at,
                                     wire.REQ_ONE)[ALLOCATION]
                equal(extent[1], 0, "status at %d" % at)
                at += extent[0]


@rule("BS13", "what is said to be zero reads as zeroes")
def zero_is_zero():
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.write(0, fill(2 * MIB, 72))
        c.write_zeroes(65536, MIB // 2)
        c.trim(MIB, MIB // 2)
        c.write_zeroes(1600005, 300000)
        for offset, length, state in c.whole_status():
            length = min(length, 4 * MIB - offset)
            if state & STATE_ZERO and length > 0:
                assert not any(c.read(offset, length)), (offset, length)


@rule("BS13", "zeroes that may not be a hole aren't one")
def no_hole():
    for c in in_chunks(contexts=(ALLOCATION,)):
        c.trim(0, MIB)
        c.write_zeroes(0, MIB, wire.NO_HOLE)
        for _, state in c.status(0, MIB)[ALLOCATION]:
            assert not state & STATE_HOLE, state


@rule("BS9", "TX15", "BLOCK_STATUS past the end, and of nothing, gets EINVAL")
def outside():
    for c in in_chunks(contexts=(ALLOCATION,)):
        for flags in (0, wire.REQ_ONE):
            for offset in beyond(c.size, 4096):
                equal(c.error_of(wire.CMD_BLOCK_STATUS, offset, 4096, flags),
                      wire.EINVAL, offset)
            for offset in (0, c.size):
                equal(c.error_of(wire.CMD_BLOCK_STATUS, offset, 0, flags),
                      wire.EINVAL, "nothing")
        lives(c)


@rule("BS8", "a read-only export has a status as well")
def read_only_status():
    for c in in_chunks(args.read_only, (ALLOCATION,)):
        equal(sum(n for _, n, _ in c.whole_status()), c.size, "bytes")


# More than 32 bits of length.

LENGTHS = (2**32 - 1, 2**32 - 512, 2**31)


@rule("BS4", "BS14", "SZ10",
      "32 bits of length: extents that fit, of whole blocks")
def compact_lengths():
    with chunked(args.large, False, (ALLOCATION,)) as c:
        assert c.size > 2**32, "%s has %d bytes" % (args.large, c.size)
        for offset in (0, 512, c.size - 2**32 + 1, c.size - 2**31):
            for length in LENGTHS:
                length = min(length, c.size - offset)
                at = offset
                for extent, _ in c.status(offset, length)[ALLOCATION]:
                    at += extent
                    assert at % 512 == 0 or at in (c.size, offset + length), at


@rule("BS4", "BS14", "EX1", "BS11",
      "64 bits of length: all that there is at once",
      needs=(EXTENDED,))
def extended_lengths():
    with chunked(args.large, False, (ALLOCATION,)) as c:
        compact = c.whole_status()
    with chunked(args.large, True, (ALLOCATION,)) as c:
        equal(c.whole_status(), compact, "status")
        extents = c.status(0, c.size)[ALLOCATION]
        equal(sum(length for length, _ in extents), c.size, "bytes at once")
        for offset in (1, 2**32, c.size - 1):
            assert c.status(offset, c.size - offset)[ALLOCATION]
        equal(c.error_of(wire.CMD_BLOCK_STATUS, 1, c.size), wire.EINVAL, "")


@rule("SZ10", "RD1", "what lies beyond 4 GiB can be read")
def beyond_4_gib():
    for c in in_chunks(args.large):
        for offset in (2**32 - 512, 2**32, c.size - 1024):
            equal(len(c.read(offset, 1024)), 1024, offset)


# The payload that says which contexts.

@rule("BS10", "FL9", "a payload names the contexts that are asked for",
      needs=(EXTENDED,))
def named_contexts():
    with agreeing() as c:
        names = c.list_contexts(args.export)
    with chunked(args.export, True, names) as c:
        assert c.flags & wire.BLOCK_STATUS_PAYLOAD
        for one in c.contexts:
            answer = c.filtered(0, c.size, (one,))
            equal((answer.error, list(answer.status)), (wire.OK, [one]), "one")
        equal(set(c.filtered(4096, 65536, tuple(c.contexts)).status),
              set(c.contexts), "all")


@rule("BS10", "EX3",
      "a payload that names them wrongly is consumed, and EINVAL",
      needs=(EXTENDED,))
def named_wrongly():
    with chunked(args.export, True, (ALLOCATION,)) as c:
        (known,) = c.contexts
        for ids, size in (((known, known), None), ((known + 77,), None),
                          ((known, known + 77), None), ((known,), 11),
                          ((known,), 13), ((known,), 9), ((known,), 4),
                          ((known,), 1), ((known,) * 2000, None)):
            equal(c.filtered(0, 4096, ids, size=size).error, wire.EINVAL, (ids, size))
            lives(c)
        for offset, effect in ((0, c.size + 1), (c.size, 1), (1, 2**64 - 1)):
            equal(c.filtered(offset, effect, (known,)).error, wire.EINVAL, effect)
        lives(c)


@rule("BS10", "FL9", "a payload where none is offered is consumed, and EINVAL",
      needs=(EXTENDED, FIRMNESS))
def payload_not_offered():
    with chunked(args.export, True) as c:
        equal(c.flags & wire.BLOCK_STATUS_PAYLOAD, 0, "flag")
        for ids in ((0,), (1, 2, 3)):
            equal(c.filtered(0, 4096, ids).error, wire.EINVAL, ids)
        lives(c)
