# SPDX-License-Identifier: GPL-2.0
"""1.5: EXPORT_NAME, ABORT, LIST, STARTTLS, INFO and GO."""

import wire
from suite import (args, connected, equal, fill, lives, lives_in_negotiation,
                   negotiating, one_error, rule)
from wire import info_request


# EXPORT_NAME.

@rule("EN1", "IG15", "an EXPORT_NAME of no length is the default export")
def export_name_default():
    with negotiating() as c:
        size, _ = c.export_name("")
        lives(c)
    with connected() as c:
        equal(size, c.size, "size")


@rule("EN1", "CV2", "names are taken as they are, byte by byte")
def export_name_exact():
    with connected(args.other) as c:
        size = c.size
    with negotiating() as c:
        equal(c.export_name(args.other)[0], size, "size")


@rule("EN2", "an unknown EXPORT_NAME ends the connection")
def export_name_unknown():
    for name in (args.missing, args.export + "x", args.export[:-1] or "x",
                 args.export.swapcase() + "?", "x" * 4096):
        with negotiating() as c:
            c.send_option(wire.OPT_EXPORT_NAME, name.encode())
            c.expect_close()


@rule("EN2", "CV3", "an EXPORT_NAME of 4097 bytes ends the connection")
def export_name_too_long():
    with negotiating() as c:
        c.send_option(wire.OPT_EXPORT_NAME, b"x" * 4097)
        c.expect_close()


@rule("EN2", "CV2", "1.13.7",
      "an EXPORT_NAME that holds a NUL ends the connection")
def export_name_nul():
    for name in (args.export.encode() + b"\0", b"\0",
                 args.export.encode() + b"\0x"):
        with negotiating() as c:
            c.send_option(wire.OPT_EXPORT_NAME, name)
            c.expect_close()


@rule("EN4", "SZ1", "SZ6", "SZ7", "EXPORT_NAME clients may send any alignment")
def export_name_unaligned():
    with negotiating() as c:
        c.export_name(args.export)
        c.write(1, b"unaligned")
        equal(c.read(1, 9), b"unaligned", "READ")


@rule("EN6", "EXPORT_NAME tells the same size and flags as GO")
def export_name_flags():
    for name in (args.export, args.read_only, args.other):
        with connected(name) as c, negotiating() as d:
            equal(d.export_name(name), (c.size, c.flags), name)


# ABORT.

@rule("AB1", "AB4", "ABORT is acknowledged, then the server closes")
def abort():
    with negotiating() as c:
        equal([r.kind for r in c.option(wire.OPT_ABORT)], [wire.REP_ACK], "")
        c.expect_close()


@rule("AB2", "data of ABORT is ignored")
def abort_with_data():
    with negotiating() as c:
        replies = c.option(wire.OPT_ABORT, fill(1000))
        equal([r.kind for r in replies], [wire.REP_ACK], "")
        c.expect_close()


@rule("AB3", "a client may leave without reading the reply to ABORT")
def abort_and_leave():
    for _ in range(10):
        with negotiating() as c:
            c.send_option(wire.OPT_ABORT)
    with connected() as c:
        lives(c)


@rule("AB1", "nothing after ABORT is answered")
def options_after_abort():
    with negotiating() as c:
        c.send_option(wire.OPT_ABORT)
        c.send_option(wire.OPT_LIST)
        equal(c.option_replies(wire.OPT_ABORT)[-1].kind, wire.REP_ACK, "")
        c.expect_close()


# LIST.

@rule("LI1", "LI6", "LIST names all exports, then ACK")
def list_all():
    with negotiating() as c:
        names = [name for name, _ in c.list()]
        for name in (args.export, args.read_only, args.other):
            equal(names.count(name), 1, "times %r is listed" % name)
        assert args.missing not in names
        equal([name for name, _ in c.list()], names, "second LIST")


@rule("LI2", "1.13.2", "LIST with data gets ERR_INVALID and no list")
def list_with_data():
    with negotiating() as c:
        for length in (1, 4, 4096, 60000):
            one_error(c.option(wire.OPT_LIST, bytes(length)),
                      wire.REP_ERR_INVALID)
        lives_in_negotiation(c)


@rule("LI5", "IG2", "LIST shows the description that INFO tells")
def list_descriptions():
    with negotiating() as c:
        for name, description in c.list():
            told = c.info(name, (wire.INFO_DESCRIPTION,)).description
            equal(told or "", description, "description of %r" % name)


# Options that aren't built.

@rule("ST1", "ST4", "STARTTLS is refused, with and without data, in the clear")
def starttls():
    with negotiating() as c:
        for data in (b"", b"x", bytes(5000)):
            (reply,) = c.option(wire.OPT_STARTTLS, data)
            assert reply.kind in (wire.REP_ERR_UNSUP, wire.REP_ERR_POLICY,
                                  wire.REP_ERR_PLATFORM) or \
                (data and reply.kind == wire.REP_ERR_INVALID), reply
        lives_in_negotiation(c)


# INFO and GO.

ASKING = ((wire.OPT_INFO, "INFO"), (wire.OPT_GO, "GO"))
ALL_INFOS = (wire.INFO_EXPORT, wire.INFO_NAME, wire.INFO_DESCRIPTION,
             wire.INFO_BLOCK_SIZE)


def malformed_infos(name):
    """Data of INFO and GO whose lengths don't add up."""
    name = name.encode()
    whole = info_request(name, ALL_INFOS)
    yield from (whole[:length] for length in range(6))
    yield whole[:-1]
    yield whole[:-2]
    yield whole[:4 + len(name)]
    yield whole[:4 + len(name) + 1]
    yield whole + b"x"
    yield whole + b"xx"
    for length in (len(name) + 1, len(whole) - 5, len(whole), 0x7FFFFFFF,
                   0x80000000, 0xFFFFFFFA, 0xFFFFFFFC, 0xFFFFFFFF):
        yield info_request(name, ALL_INFOS, name_length=length)
    for count in (0, len(ALL_INFOS) - 1, len(ALL_INFOS) + 1, 0x7FFF, 0x8000,
                  0xFFFF):
        yield info_request(name, ALL_INFOS, count=count)


def refuse_malformed(option):
    c = negotiating()
    try:
        for number, data in enumerate(malformed_infos(args.export)):
            if number % 30 == 29:
                c.close()
                c = negotiating()
            one_error(c.option(option, data), wire.REP_ERR_INVALID)
        lives_in_negotiation(c)
    finally:
        c.close()


@rule("IG1", "malformed INFO gets ERR_INVALID")
def malformed_info():
    refuse_malformed(wire.OPT_INFO)


@rule("IG1", "malformed GO gets ERR_INVALID")
def malformed_go():
    refuse_malformed(wire.OPT_GO)


@rule("IG1", "CV3", "names of up to 4096 bytes are looked up, longer refused")
def info_name_lengths():
    for option, _ in ASKING:
        with negotiating() as c:
            for length in (1, 255, 256, 4095, 4096):
                name = ("no-such-" * 512)[:length]
                one_error(c.option(option, info_request(name)),
                          wire.REP_ERR_UNKNOWN)
            for length in (4097, 5000, 60000):
                one_error(c.option(option, info_request(b"n" * length)),
                          wire.REP_ERR_INVALID)
            lives_in_negotiation(c)


@rule("IG1", "CV2", "1.13.7", "a name that holds a NUL gets ERR_INVALID")
def info_name_nul():
    for option, _ in ASKING:
        with negotiating() as c:
            for name in (b"\0", args.export.encode() + b"\0",
                         b"\0" + args.export.encode()):
                one_error(c.option(option, info_request(name)),
                          wire.REP_ERR_INVALID)
            lives_in_negotiation(c)


@rule("IG2", "IG4", "unknown, repeated and unordered info types do no harm")
def unknown_infos():
    for kinds in ((4, 5, 0xFFFF), ALL_INFOS[::-1], ALL_INFOS * 3,
                  (0x8000,) + ALL_INFOS + (7,), tuple(range(4, 20000))):
        with negotiating() as c:
            info = c.info(args.export, kinds)
            equal(info.final.kind, wire.REP_ACK, kinds[:5])
            assert wire.INFO_EXPORT in info.kinds
            equal(len(set(info.kinds)), len(info.kinds), "infos told once")
            assert set(info.kinds) <= set(ALL_INFOS), info.kinds
            equal(c.go(args.export, kinds).values, info.values, "GO")


@rule("IG2", "65535 info types, as many as can be, do no harm")
def most_infos():
    with negotiating() as c:
        info = c.info(args.export, range(65535))
        equal(info.final.kind, wire.REP_ACK, "INFO")
        equal(sorted(set(info.kinds)), sorted(info.kinds), "infos told once")


@rule("IG3", "IG4", "IG10", "1.12",
      "INFO and GO tell the EXPORT info, unasked too")
def export_info():
    for kinds in ((), (wire.INFO_EXPORT,), (wire.INFO_NAME,)):
        with negotiating() as c:
            for ask in (c.info, c.go):
                info = ask(args.export, kinds)
                equal(info.final.kind, wire.REP_ACK, ask.__name__)
                equal(info.kinds.count(wire.INFO_EXPORT), 1, ask.__name__)
                assert 0 < info.size < 2**63, info.size
            lives(c)


@rule("IG5", "an unknown export gets ERR_UNKNOWN and no info before it")
def unknown_export():
    for option, _ in ASKING:
        with negotiating() as c:
            for name in (args.missing, args.export + "x", args.export[:-1] + "_",
                         "x" * 4096, "/" + args.export, "%s%n%p", "\u00fc"):
                for kinds in ((), ALL_INFOS):
                    one_error(c.option(option, info_request(name, kinds)),
                              wire.REP_ERR_UNKNOWN)
            lives_in_negotiation(c)


@rule("IG8", "SZ7", "1.13.5", "block sizes needn't be negotiated")
def no_block_size():
    for kinds in ((), (wire.INFO_EXPORT,), (wire.INFO_BLOCK_SIZE,)):
        with negotiating() as c:
            equal(c.info(args.export, kinds).final.kind, wire.REP_ACK, kinds)
            c.go(args.export, kinds)


@rule("IG9", "GO after INFO tells the same")
def go_after_info():
    for name in (args.export, args.read_only, args.other):
        for kinds in ((), ALL_INFOS, (wire.INFO_NAME, wire.INFO_BLOCK_SIZE)):
            with negotiating() as c:
                info = c.info(name, kinds)
                equal(c.go(name, kinds).values, info.values, name)


@rule("IG11", "BLOCK_SIZE is told when asked for")
def block_size_told():
    for name in (args.export, args.read_only, args.other):
        with negotiating() as c:
            info = c.info(name, (wire.INFO_BLOCK_SIZE,))
            assert wire.INFO_BLOCK_SIZE in info.kinds
            info = c.go(name, (wire.INFO_BLOCK_SIZE,))
            assert wire.INFO_BLOCK_SIZE in info.kinds


@rule("IG12", "LI1", "the NAME info is the name that LIST shows")
def name_info():
    with negotiating() as c:
        for name, _ in c.list():
            info = c.info(name, (wire.INFO_NAME,))
            assert info.name in (None, name), info.name


@rule("IG12", "IG15", "the empty name is the default export, and NAME tells")
def default_export():
    with negotiating() as c:
        equal(c.info("", (wire.INFO_NAME,)).name, args.export, "canonical")
        equal(c.info("").size, c.info(args.export).size, "size")
        c.go("")
        lives(c)


@rule("IG16", "INFO chooses nothing: another export, or none, may follow")
def info_chooses_nothing():
    with negotiating() as c:
        c.info(args.export)
        c.list()
        info = c.info(args.other)
        assert info.size != c.info(args.export).size, "exports of one size"
        equal(c.go(args.other).size, info.size, "size of the other")
    with negotiating() as c:
        c.info(args.export)
        c.option(wire.OPT_ABORT)
        c.expect_close()


@rule("IG5", "IG16", "GO that failed may be followed by one that doesn't")
def go_again():
    with negotiating() as c:
        for _ in range(3):
            one_error(c.option(wire.OPT_GO, info_request(args.missing)),
                      wire.REP_ERR_UNKNOWN)
        c.go(args.export)
        lives(c)
