# SPDX-License-Identifier: GPL-2.0
"""1.4: the greeting, and what holds for options and sessions as a whole."""

import struct

import wire
from suite import (args, client, connected, equal, fill, lives,
                   lives_in_negotiation, negotiating, one_error, rule)
from wire import Closed, KIB, info_request

# Data bytes of an option that are read; more ends the connection.
OPTION_CAP = 256 * KIB
# Options that a client may send before the connection ends.
OPTION_COUNT = 64


@rule("HS1", "HS2", "HS3", "CV1", "CV5",
      "the greeting offers fixed newstyle and no zeroes, and nothing else")
def greeting():
    with client() as c:
        equal(c.greeting(), wire.FIXED_NEWSTYLE | wire.NO_ZEROES, "flags")


@rule("HS2", "EN3", "NO_ZEROES agreed: EXPORT_NAME is answered by 10 bytes")
def ten_bytes():
    with negotiating() as c:
        c.export_name(args.export)
        lives(c)


@rule("HS2", "EN3", "NO_ZEROES not agreed: 124 zero bytes follow")
def padded():
    with negotiating(wire.FIXED_NEWSTYLE) as c:
        c.export_name(args.export, zeroes=True)
        lives(c)


@rule("HS4", "an unknown client flag ends the connection")
def unknown_client_flags():
    for bit in (2, 3, 8, 15, 16, 24, 31):
        for base in (0, wire.FIXED_NEWSTYLE | wire.NO_ZEROES):
            with negotiating(base | 1 << bit) as c:
                c.expect_close()


@rule("HS4", "all client flags at once end the connection")
def all_client_flags():
    with negotiating(0xFFFFFFFF) as c:
        c.expect_close()


@rule("HS5", "HS6", "a plain newstyle client gets its export by EXPORT_NAME")
def plain_newstyle():
    for flags in (0, wire.NO_ZEROES):
        with negotiating(flags) as c:
            c.export_name(args.export, zeroes=not flags)
            lives(c)


@rule("HS6", "HS5", "a plain newstyle client gets nothing else: closed")
def plain_newstyle_options():
    for option, data in ((wire.OPT_LIST, b""), (wire.OPT_ABORT, b""),
                         (wire.OPT_GO, info_request(args.export)),
                         (wire.OPT_STARTTLS, b""), (99, b"")):
        with negotiating(0) as c:
            c.send_option(option, data)
            c.expect_close()


@rule("HS7", "each option has its number echoed and one final reply")
def one_final_reply():
    with negotiating() as c:
        for option, data in ((wire.OPT_LIST, b""), (wire.OPT_LIST, b"x"),
                             (wire.OPT_INFO, info_request(args.export)),
                             (wire.OPT_INFO, info_request(args.missing)),
                             (wire.OPT_INFO, b""), (wire.OPT_GO, b""),
                             (wire.OPT_STARTTLS, b""), (99, b"")):
            # A second final reply would be met by the next option, whose
            # number differs.
            c.option(option, data)
            equal(len(c.option(98)), 1, "replies to 98")


@rule("HS8", "unknown options get ERR_UNSUP and their data is consumed")
def unknown_options():
    with negotiating() as c:
        for option in (0, wire.OPT_PEEK_EXPORT, 12, 99, 0x7FFFFFFF, 0x80000000,
                       0xFFFFFFFF):
            for length in (0, 1, 4097):
                one_error(c.option(option, fill(length)), wire.REP_ERR_UNSUP)
        lives_in_negotiation(c)


@rule("HS8", "data of options that looks like options isn't taken for any")
def nested_options():
    with negotiating() as c:
        nested = struct.pack(">QII", wire.IHAVEOPT, wire.OPT_ABORT, 0)
        one_error(c.option(99, nested * 100), wire.REP_ERR_UNSUP)
        lives_in_negotiation(c)


@rule("HS8", "an unknown option as long as the cap is consumed")
def option_of_cap():
    with negotiating() as c:
        one_error(c.option(99, bytes(OPTION_CAP)), wire.REP_ERR_UNSUP)
        lives_in_negotiation(c)


def overlong(option, length, data=b""):
    with negotiating() as c:
        try:
            c.send_option(option, data, length)
        except Closed:
            return
        c.expect_close()


@rule("HS11", "an option longer than the cap ends the connection, unanswered")
def option_over_cap():
    for option in (wire.OPT_EXPORT_NAME, wire.OPT_ABORT, wire.OPT_LIST,
                   wire.OPT_STARTTLS, wire.OPT_INFO, wire.OPT_GO, 99):
        # Whole, or it could be the data that is waited for.
        overlong(option, OPTION_CAP + 1, bytes(OPTION_CAP + 1))
        for length in (0x7FFFFFFF, 0xFFFFFFFF):
            overlong(option, length)


@rule("HS11", "HS8", "a wrong option magic ends the connection")
def wrong_option_magic():
    for magic in (0, wire.NBDMAGIC, wire.IHAVEOPT ^ 1, wire.OLDSTYLE_MAGIC,
                  wire.OPTION_REPLY_MAGIC):
        with negotiating() as c:
            c.send_option(wire.OPT_LIST, magic=magic)
            c.expect_close()


@rule("HS9", "options sent ahead are answered in order, or end the connection")
def pipelined_options():
    with negotiating() as c:
        for option in (99, 98, 97):
            c.send_option(option, b"ahead")
        try:
            for option in (99, 98, 97):
                one_error(c.option_replies(option), wire.REP_ERR_UNSUP)
        except Closed:
            return
        lives_in_negotiation(c)


@rule("HS11", "errors don't end the connection")
def many_errors():
    with negotiating() as c:
        for _ in range(10):
            c.option(99)
            c.option(wire.OPT_LIST, b"x")
            c.option(wire.OPT_INFO, b"x")
            c.option(wire.OPT_GO, info_request(args.missing))
            c.option(wire.OPT_STARTTLS, b"")
        c.go(args.export)
        lives(c)


@rule("HS11", "no more options than allowed are taken")
def too_many_options():
    with negotiating() as c:
        about = info_request(args.export)
        for _ in range(OPTION_COUNT):
            equal(c.option(wire.OPT_INFO, about)[-1].kind, wire.REP_ACK, "INFO")
        c.send_option(wire.OPT_INFO, about)
        c.expect_close()


@rule("HS11", "clients that leave anywhere in negotiation harm nobody")
def leave_anywhere():
    whole = (struct.pack(">I", 3) +
             struct.pack(">QII", wire.IHAVEOPT, wire.OPT_INFO, 6) +
             info_request("") +
             struct.pack(">QII", wire.IHAVEOPT, wire.OPT_EXPORT_NAME, 1) + b"x")
    for cut in range(len(whole)):
        with client() as c:
            c.send(whole[:cut])
    with connected() as c:
        lives(c)


@rule("HS14", "after the ACK of GO the first bytes are those of a reply")
def go_then_request():
    with negotiating() as c:
        # Sent ahead: anything between the ACK and the reply would be seen.
        c.send_option(wire.OPT_GO, info_request(args.export))
        cookie = c.submit(wire.CMD_READ, 0, 512)
        equal(c.option_replies(wire.OPT_GO)[-1].kind, wire.REP_ACK, "GO")
        equal(c.receive_reply().cookie, cookie, "cookie")


@rule("HS14", "EX6", "an option after GO ends the connection")
def option_after_go():
    with connected() as c:
        c.send_option(wire.OPT_LIST, bytes(100))    # longer than a request
        c.expect_close()


@rule("HS7", "HS8", "CV1", "negotiation in single bytes is understood")
def negotiation_in_single_bytes():
    with client() as c:
        c.greeting()
        data = info_request(args.export, (wire.INFO_BLOCK_SIZE,))
        for byte in (struct.pack(">IQII", 3, wire.IHAVEOPT, wire.OPT_GO,
                                 len(data)) + data):
            c.send(bytes([byte]))
        equal(c.option_replies(wire.OPT_GO)[-1].kind, wire.REP_ACK, "GO")
        lives(c)
