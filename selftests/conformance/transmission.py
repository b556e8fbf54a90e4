# SPDX-License-Identifier: GPL-2.0
"""1.8: what holds for all requests, and the flags of exports."""

import ktap
import wire
from suite import args, connected, equal, fill, lives, rule
from wire import Closed, KIB, MAX_PAYLOAD, MIB


@rule("TX1", "TX6", "cookies come back untouched, in simple replies")
def cookies():
    with connected() as c:
        for cookie in (0, 1, 2**31, 2**32, 2**63, 2**64 - 1,
                       0x0123456789ABCDEF, wire.REQUEST_MAGIC,
                       wire.SIMPLE_REPLY_MAGIC << 32):
            for command in (wire.CMD_READ, wire.CMD_FLUSH, 99):
                length = 512 if command == wire.CMD_READ else 0
                c.submit(command, 0, length, cookie=cookie)
                equal(c.receive_reply().cookie, cookie, "cookie")


@rule("TX1", "requests with one cookie are all answered")
def same_cookie():
    with connected() as c:
        c.send(wire.request(wire.CMD_FLUSH, cookie=5) * 10)
        for _ in range(10):
            equal(c.unpack(">IIQ"), (wire.SIMPLE_REPLY_MAGIC, 0, 5), "reply")


@rule("TX2", "many requests in flight are all answered, in any order")
def many_in_flight():
    with connected() as c:
        data = fill(256 * 4096, 5)
        c.write(0, data)
        wanted = {}
        for number in range(256):
            at = number * 37 % 256 * 4096
            wanted[c.submit(wire.CMD_READ, at, 4096)] = data[at:at + 4096]
        replies = c.collect()
        equal(set(replies), set(wanted), "cookies")
        for cookie, block in wanted.items():
            equal(replies[cookie].error, 0, "error")
            assert replies[cookie].data == block


@rule("TX2", "WR1", "mixed commands in flight each do what they say")
def mixed_in_flight():
    with connected() as c:
        c.write(0, fill(MIB, 6))
        for number in range(32):
            at = number * 32 * KIB
            c.submit(wire.CMD_WRITE, at, 4096, payload=fill(4096, number + 50))
            c.submit(wire.CMD_WRITE_ZEROES, at + 4096, 4096)
            c.submit(wire.CMD_READ, at + 8192, 4096)
            c.submit(wire.CMD_FLUSH)
        for reply in c.collect().values():
            equal(reply.error, 0, "error")
        for number in range(32):
            at = number * 32 * KIB
            assert c.read(at, 4096) == fill(4096, number + 50)
            assert c.read(at + 4096, 4096) == bytes(4096)


@rule("TX3", "FS1", "FL6", "what is written and flushed is seen everywhere")
def flush_seen_everywhere():
    with connected() as c, connected() as d:
        for number in range(8):
            data = fill(5000, number + 80)
            c.write(1000, data)
            (d if number % 2 else c).flush()
            assert d.read(1000, 5000) == data


@rule("FS2", "FLUSH ignores offset and length, even bogus ones")
def bogus_flush():
    with connected() as c:
        for offset, length in ((512, 512), (2**64 - 1, 2**32 - 1), (0, 1)):
            equal(c.error_of(wire.CMD_FLUSH, offset, length), wire.OK, "")
        lives(c)


@rule("TX4", "1.15", "1.13.8", "FUA is accepted on every command")
def fua_everywhere():
    with connected() as c:
        assert c.flags & wire.SEND_FUA
        data = fill(4096, 9)
        c.write(4096, data, wire.FUA)
        equal(c.read(4096, 4096, wire.FUA), data, "READ")
        equal(c.error_of(wire.CMD_FLUSH, flags=wire.FUA), wire.OK, "FLUSH")
        c.cache(4096, 4096, wire.FUA)
        c.write_zeroes(4096, 4096, wire.FUA)
        equal(c.read(4096, 4096), bytes(4096), "zeroes")
        c.trim(4096, 4096, wire.FUA)


@rule("TX11", "DISC: what is in flight is answered, then the server closes")
def disconnect():
    with connected() as c:
        for number in range(64):
            c.submit(wire.CMD_READ, number * 4096, 4096)
            c.submit(wire.CMD_WRITE, MIB + number * 4096, 4096,
                     payload=fill(4096, number))
        c.send(wire.request(wire.CMD_DISC))
        for reply in c.collect().values():
            equal(reply.error, 0, "error")
        c.expect_close()
    with connected() as c:
        for number in range(64):
            assert c.read(MIB + number * 4096, 4096) == fill(4096, number)


@rule("TX11", "a bogus DISC is a DISC")
def bogus_disconnect():
    for flags, offset, length in ((0, 1, 1), (0, 2**64 - 1, 2**32 - 1),
                                  (0, 0, MAX_PAYLOAD + 1), (wire.FUA, 0, 0)):
        with connected() as c:
            c.send(wire.request(wire.CMD_DISC, offset, length, flags))
            c.expect_close()


@rule("TX11", "nothing after DISC is processed")
def nothing_after_disconnect():
    with connected() as c:
        c.write(0, b"before")
        c.send(wire.request(wire.CMD_DISC) +
               wire.request(wire.CMD_WRITE, 0, 6) + b"after!")
        c.expect_close()
    with connected() as c:
        equal(c.read(0, 6), b"before", "READ")


@rule("TX13", "EX6", "a wrong request magic ends the connection")
def wrong_request_magic():
    for magic in (0, wire.REQUEST_MAGIC ^ 1, wire.EXTENDED_REQUEST_MAGIC,
                  0x12560953, 0x25609514, wire.SIMPLE_REPLY_MAGIC,
                  wire.REQUEST_MAGIC << 8 & 0xFFFFFFFF):
        with connected() as c:
            c.send(wire.request(wire.CMD_READ, 0, 512, magic=magic))
            c.expect_close()


@rule("TX13", "requests before a wrong magic are answered or dropped whole")
def wrong_magic_later():
    with connected() as c:
        for number in range(8):
            c.submit(wire.CMD_READ, number * 512, 512)
        c.send(wire.request(wire.CMD_READ, 0, 512, magic=0))
        try:
            while c.waiting:
                equal(c.receive_reply().error, 0, "error")
            c.expect_close()
        except Closed:
            pass


@rule("TX13", "clients that leave anywhere in transmission harm nobody")
def leave_transmission():
    whole = (wire.request(wire.CMD_READ, 0, 65536) +
             wire.request(wire.CMD_WRITE, 0, 4096) + fill(4096))
    for cut in (0, 1, 27, 28, 29, 55, 56, 57, 568, 56 + 4095, len(whole)):
        with connected() as c:
            c.send(whole[:cut])
    with connected() as c:
        lives(c)


@rule("WR1", "half a payload writes nothing outside its range")
def half_a_payload():
    with connected() as c:
        c.write(0, fill(16 * KIB, 11))
        c.send(wire.request(wire.CMD_WRITE, 4096, 4096) + b"x" * 100)
    with connected() as c:
        assert c.read(0, 4096) == fill(16 * KIB, 11)[:4096]
        assert c.read(8192, 8192) == fill(16 * KIB, 11)[8192:]


@rule("TX14", "1.10", "a READ that fails has no data")
def failed_read():
    with connected() as c:
        for _ in range(3):
            c.submit(wire.CMD_READ, c.size, 65536)
            c.submit(wire.CMD_READ, 0, 512)
        errors = sorted(r.error for r in c.collect().values())
        equal(errors, [0] * 3 + [wire.EINVAL] * 3, "errors")
        lives(c)


DATA_COMMANDS = (wire.CMD_READ, wire.CMD_WRITE, wire.CMD_TRIM, wire.CMD_CACHE,
                 wire.CMD_WRITE_ZEROES)


@rule("TX15", "empty requests succeed anywhere up to the end")
def empty_requests():
    with connected() as c:
        for offset in (0, 1, 512, c.size - 1, c.size):
            for command in DATA_COMMANDS:
                equal(c.error_of(command, offset, 0), wire.OK,
                      "command %d at %d" % (command, offset))
        lives(c)


@rule("TX15", "no empty request ends the connection, wherever it points")
def empty_requests_outside():
    with connected() as c:
        for offset in (c.size + 1, 2**63, 2**64 - 1):
            for command in DATA_COMMANDS + (wire.CMD_BLOCK_STATUS,):
                c.error_of(command, offset, 0)
        lives(c)


@rule("TX13", "CV1", "requests in single bytes, and many at once, are one")
def segments():
    with connected() as c:
        for byte in wire.request(wire.CMD_WRITE, 3, 5, cookie=77) + b"split":
            c.send(bytes([byte]))
        equal(c.unpack(">IIQ"), (wire.SIMPLE_REPLY_MAGIC, 0, 77), "WRITE")
        many = b"".join(wire.request(wire.CMD_WRITE, 1000 + 7 * number, 7,
                                     cookie=number) + b"%07d" % number
                        for number in range(100))
        c.send(many)
        cookies_back = {c.unpack(">IIQ")[2] for _ in range(100)}
        equal(cookies_back, set(range(100)), "cookies")
        equal(c.read(3, 5), b"split", "READ")
        equal(c.read(1000, 700), b"".join(b"%07d" % n for n in range(100)), "")


# Flags of exports.

@rule("FL1", "FL3", "FL4", "FL9", "flags are those of what is built")
def export_flags():
    for name in (args.export, args.read_only, args.other):
        with connected(name) as c:
            assert c.flags & wire.HAS_FLAGS
            unbuilt = (wire.SEND_DF | wire.SEND_RESIZE |
                       wire.BLOCK_STATUS_PAYLOAD | 0xE000)
            equal(c.flags & unbuilt, 0, "flags of what isn't built")


@rule("FL3", "FL8", "a writable export can flush, FUA, trim, zero and cache")
def writable_flags():
    with connected() as c:
        wanted = (wire.SEND_FLUSH | wire.SEND_FUA | wire.SEND_TRIM |
                  wire.SEND_WRITE_ZEROES | wire.SEND_CACHE)
        equal(c.flags & (wanted | wire.READ_ONLY), wanted, "flags")


@rule("FL2", "a read-only export says so, and offers nothing that writes")
def read_only_flags():
    with connected(args.read_only) as c:
        writing = (wire.SEND_TRIM | wire.SEND_WRITE_ZEROES |
                   wire.SEND_FAST_ZERO)
        equal(c.flags & (wire.READ_ONLY | writing), wire.READ_ONLY, "flags")


@rule("FL5", "FAST_ZERO is only offered with WRITE_ZEROES")
def fast_zero_flag():
    for name in (args.export, args.read_only, args.other):
        with connected(name) as c:
            if c.flags & wire.SEND_FAST_ZERO:
                assert c.flags & wire.SEND_WRITE_ZEROES


@rule("FL6", "several connections may be used where that is offered")
def multi_conn():
    with connected() as c:
        if not c.flags & wire.CAN_MULTI_CONN:
            ktap.skip("not offered")
    clients = [connected() for _ in range(4)]
    for number, c in enumerate(clients):
        c.write(number * 1000, fill(1000, number + 20))
    clients[0].flush()
    for c in clients:
        for number in range(4):
            assert c.read(number * 1000, 1000) == fill(1000, number + 20)
        c.disconnect()
