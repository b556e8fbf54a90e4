# SPDX-License-Identifier: GPL-2.0
"""What the tests of all sections share: how a test says which rules it shows, and
clients.
"""

import argparse
import functools
import os
import struct
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import chunks
import ktap
import wire
from rules import DEVIATIONS, LACKING, Race
from wire import Client

args = argparse.Namespace()     # the command line

EXTENDED = "extended headers"
FIRMNESS = "answer but its end to a payload that it didn't offer"
ALLOCATION = "base:allocation"

COVERED = set()         # ids, by a test that passed
REGISTERED = {}         # id -> names of its tests


def rule(*ids_and_text, needs=()):
    """A test of rules: @rule("HS1", "HS2", "what is so").  It is skipped where
    the server lacks a feature that it needs."""
    *ids, text = ids_and_text
    name = " ".join(ids) + ": " + text

    def register(function):
        for each in ids:
            REGISTERED.setdefault(each, []).append(name)
        return ktap.test(name)(functools.partial(show, name, ids, needs,
                                                 function))
    return register


def show(name, ids, needs, function):
    for each in LACKING[args.server]:
        if each in needs:
            ktap.skip("%s has no %s" % (args.server, each))
    deviation = deviation_of(name)
    try:
        function()
    except ktap.Skip:
        raise
    except Exception as error:
        if not deviation:
            raise
        print(error)
        ktap.skip("%s: %s" % (args.server, deviation))
    if deviation and not isinstance(deviation, Race):
        raise AssertionError("no longer deviates: " + deviation)
    COVERED.update(ids)


def deviation_of(name):
    for words, reason in DEVIATIONS[args.server].items():
        if words in name:
            return reason
    return None


# Clients.

def client(**kwargs):
    return Client(args.host, args.port, **kwargs)


def negotiating(flags=wire.FIXED_NEWSTYLE | wire.NO_ZEROES):
    fresh = client()
    fresh.handshake(flags)
    return fresh


def connected(name=None):
    """In transmission, with simple replies."""
    return wire.connect(args.export if name is None else name,
                        args.host, args.port)


def agreeing():
    """Greeted, and able to agree on chunks."""
    return chunks.negotiating(args.host, args.port)


def chunked(name=None, extended=False, contexts=()):
    """In transmission, with structured replies or extended headers."""
    return chunks.connect(args.export if name is None else name, extended,
                          contexts, args.host, args.port)


def kinds_of_chunks():
    """For extended: in each mode of replies in chunks that the server has."""
    return (False,) if EXTENDED in LACKING[args.server] else (False, True)


def in_chunks(name=None, contexts=()):
    """A client in each of them, one after the other."""
    for extended in kinds_of_chunks():
        with chunked(name, extended, contexts) as c:
            yield c


# What they expect.

def equal(got, wanted, what=""):
    assert got == wanted, "%s: got %r, expected %r" % (what, got, wanted)


def lives_in_negotiation(c):
    """The connection still takes options, and is in step."""
    equal(c.info(args.export).final.kind, wire.REP_ACK, "INFO afterwards")


def lives(c):
    """The connection still takes requests, and is in step."""
    equal(len(c.read(0, 512)), 512, "READ afterwards")


def one_reply(replies, kind):
    equal([reply.kind for reply in replies], [kind], "reply types")


def one_error(replies, kind):
    one_reply(replies, kind)
    well_formed_text(replies[0].data)


def well_formed_text(data):
    assert len(data) <= wire.MAX_STRING, "text of %d bytes" % len(data)
    assert b"\0" not in data, "NUL in %r" % data[:80]
    data.decode()


def fill(length, seed=1):
    """Bytes without a pattern that a misplaced block could hide in."""
    step = struct.pack(">Q", 0x9E3779B97F4A7C15 * seed % 2**64)
    block = b"".join(struct.pack(">I", number) + step[:4]
                     for number in range(512))
    return (block * (length // len(block) + 1))[:length]


def beyond(size, length):
    """Offsets from which that length runs past the end, or wraps."""
    return (size - length + 1, size, size + 1, 2**63 - 1, 2**63,
            2**64 - length, 2**64 - 1)


def takes_flags(c, command, allowed, length=512, payload=b""):
    """1.15: each flag of the protocol that belongs there, else EINVAL."""
    for bit in range(16):
        flag, what = 1 << bit, "command %d, bit %d" % (command, bit)
        if flag == wire.FAST_ZERO and not c.flags & wire.SEND_FAST_ZERO:
            continue        # commands.py has it
        if flag == wire.PAYLOAD_LEN and getattr(c, "extended", False):
            continue        # payloads.py has it
        error = c.error_of(command, 0, length, flag, payload)
        if not allowed & flag:
            equal(error, wire.EINVAL, what)
        elif flag == wire.FAST_ZERO:
            assert error in (wire.OK, wire.ENOTSUP), what
        else:
            equal(error, wire.OK, what)
