# SPDX-License-Identifier: GPL-2.0
"""1.5: structured replies, extended headers, metadata contexts."""

import struct

import wire
from chunks import meta_request
from suite import (ALLOCATION, EXTENDED, agreeing, args, chunked, connected,
                   equal, in_chunks, kinds_of_chunks, lives,
                   lives_in_negotiation, negotiating, one_error, one_reply,
                   rule)
from wire import (EINVAL, OPT_EXTENDED_HEADERS, OPT_LIST_META_CONTEXT,
                  OPT_SET_META_CONTEXT, OPT_STRUCTURED_REPLY, REP_ACK,
                  REP_ERR_INVALID, REP_ERR_UNKNOWN)

META = (OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT)


# STRUCTURED_REPLY.

@rule("SR1",
      "STRUCTURED_REPLY with data gets ERR_INVALID, and agrees on nothing")
def structured_with_data():
    with negotiating() as c:
        for length in (1, 4096):
            one_error(c.option(OPT_STRUCTURED_REPLY, bytes(length)),
                      REP_ERR_INVALID)
        c.go(args.export)
        lives(c)        # by simple replies


@rule("SR2", "TX7", "HS10",
      "STRUCTURED_REPLY is agreed on, and READ in chunks")
def structured():
    with agreeing() as c:
        one_reply(c.option(OPT_STRUCTURED_REPLY), REP_ACK)
        c.go(args.export)
        lives(c)
        equal(c.error_of(wire.CMD_READ, c.size, 512), EINVAL, "past the end")
        lives(c)


@rule("SR3", "HS10", "1.13.1", "a second STRUCTURED_REPLY gets ERR_INVALID")
def structured_twice():
    with agreeing() as c:
        c.agree(False)
        one_error(c.option(OPT_STRUCTURED_REPLY), REP_ERR_INVALID)
        c.go(args.export)
        lives(c)


@rule("SR4",
      "STRUCTURED_REPLY after extended headers gets ERR_EXT_HEADER_REQD",
      needs=(EXTENDED,))
def structured_after_extended():
    with agreeing() as c:
        c.agree(True)
        one_error(c.option(OPT_STRUCTURED_REPLY), wire.REP_ERR_EXT_HEADER_REQD)
        c.go(args.export)
        lives(c)


@rule("SR5", "FL4", "TX6", "DF is offered with chunks only")
def df_flag():
    with connected() as c:
        equal(c.flags & wire.SEND_DF, 0, "flag with simple replies")
        equal(c.error_of(wire.CMD_READ, 0, 512, wire.DF), EINVAL, "DF")
        lives(c)
    for c in in_chunks():
        assert c.flags & wire.SEND_DF
        equal(c.error_of(wire.CMD_READ, 0, 512, wire.DF), wire.OK, "DF")


@rule("EN3", "EN6", "FL4",
      "EXPORT_NAME after STRUCTURED_REPLY: chunks, and DF")
def export_name_structured():
    with agreeing() as c:
        c.agree(False)
        _, flags = c.export_name(args.export)
        assert flags & wire.SEND_DF
        lives(c)


# EXTENDED_HEADERS.

@rule("EH1",
      "EXTENDED_HEADERS with data gets ERR_INVALID, and agrees on nothing",
      needs=(EXTENDED,))
def extended_with_data():
    with agreeing() as c:
        c.agree(False)
        for length in (1, 4096):
            one_error(c.option(OPT_EXTENDED_HEADERS, bytes(length)),
                      REP_ERR_INVALID)
        c.go(args.export)
        lives(c)        # by structured replies


@rule("EH2", "EH3", "EH5", "TX8",
      "extended headers, whether chunks came before or not",
      needs=(EXTENDED,))
def extended():
    for structured_first in (True, False):
        with agreeing() as c:
            if structured_first:
                c.agree(False)
            one_reply(c.option(OPT_EXTENDED_HEADERS), REP_ACK)
            c.extended = True
            c.go(args.export)
            c.write(0, b"extended")
            equal(c.read(0, 8), b"extended", "READ")


@rule("EH4", "HS10",
      "a second EXTENDED_HEADERS gets ERR_INVALID", needs=(EXTENDED,))
def extended_twice():
    with agreeing() as c:
        c.agree(True)
        one_error(c.option(OPT_EXTENDED_HEADERS), REP_ERR_INVALID)
        c.go(args.export)
        lives(c)


@rule("EN5", "EXPORT_NAME after EXTENDED_HEADERS ends the connection",
      needs=(EXTENDED,))
def export_name_extended():
    with agreeing() as c:
        c.agree(True)
        c.send_option(wire.OPT_EXPORT_NAME, args.export.encode())
        c.expect_close()


@rule("IG14", "EH2", "after EXTENDED_HEADERS there is GO, and it says why not",
      needs=(EXTENDED,))
def go_extended():
    with agreeing() as c:
        c.agree(True)
        for option in (wire.OPT_INFO, wire.OPT_GO):
            one_error(c.option(option, wire.info_request(args.missing)),
                      REP_ERR_UNKNOWN)
            one_error(c.option(option, b"x"), REP_ERR_INVALID)
        c.go(args.export)
        lives(c)


@rule("IG13", "1.12", "nobody has to agree on anything before GO")
def nothing_insisted_on():
    for extended in kinds_of_chunks():
        with chunked(args.other, extended) as c:
            lives(c)
    with negotiating() as c:
        c.go(args.export)
        c.write(0, b"simple")
        equal(c.read(0, 6), b"simple", "READ")
        c.disconnect()


# LIST_META_CONTEXT and SET_META_CONTEXT.

def for_meta(extended=False):
    """A client for both options, with chunks agreed on."""
    c = agreeing()
    c.agree(extended)
    return c


@rule("LM1", "LIST_META_CONTEXT without chunks: a list, or ERR_INVALID")
def list_without_chunks():
    with agreeing() as c:
        _, final = c.meta(OPT_LIST_META_CONTEXT, args.export, ())
        assert final.kind in (REP_ACK, REP_ERR_INVALID), final
        lives_in_negotiation(c)


@rule("SM2",
      "SET_META_CONTEXT without chunks gets ERR_INVALID, and selects nothing")
def set_without_chunks():
    with agreeing() as c:
        found, final = c.meta(OPT_SET_META_CONTEXT, args.export, (ALLOCATION,))
        equal((found, final.kind), ([], REP_ERR_INVALID), "SET")
        c.agree(False)
        c.go(args.export)
        equal(c.error_of(wire.CMD_BLOCK_STATUS, 0, 512), EINVAL, "status")
        lives(c)


def malformed_meta(name):
    """Data of both options whose lengths don't add up."""
    whole = meta_request(name, (ALLOCATION, "base:"))
    yield from (whole[:length] for length in range(len(whole)))
    yield whole + b"x"
    for count in (0, 1, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        yield meta_request(name, (ALLOCATION, "base:"), count)
    for length in (len(name) + 1, 4097, 0x7FFFFFFF, 0xFFFFFFFC, 0xFFFFFFFF):
        yield struct.pack(">I", length) + whole[4:]
    for length in (2, 4097, 0x7FFFFFFF, 0xFFFFFFFC, 0xFFFFFFFF):
        yield meta_request(name, (), 1) + struct.pack(">I", length) + b"x"


@rule("LM2", "what is malformed of both options gets ERR_INVALID")
def malformed():
    for option in META:
        c = for_meta()
        for number, data in enumerate(malformed_meta(args.export)):
            if number % 20 == 19:
                c.close()
                c = for_meta()
            one_error(c.option(option, data), REP_ERR_INVALID)
        lives_in_negotiation(c)
        c.close()


@rule("CV2", "1.13.7",
      "a query or export's name that holds a NUL gets ERR_INVALID")
def meta_nul():
    for option in META:
        with for_meta() as c:
            for name, query in ((args.export, "a\0b"), (args.export, "\0"),
                                (args.export + "\0", ALLOCATION)):
                one_error(c.option(option, meta_request(name, (query,))),
                          REP_ERR_INVALID)
            lives_in_negotiation(c)


@rule("CV3", "1.13.6",
      "queries of more than 4096 bytes match nothing, or get ERR_INVALID")
def long_queries():
    for option in META:
        with for_meta() as c:
            for length in (4096, 4097, 60000):
                found, final = c.meta(option, args.export,
                                      ("base:" + "x" * (length - 5),))
                assert not found and final.kind in (REP_ACK, REP_ERR_INVALID)
            lives_in_negotiation(c)


@rule("LM3", "a query without a colon matches nothing, or gets ERR_INVALID")
def queries_without_colon():
    for option in META:
        with for_meta() as c:
            for query in ("", "base", "allocation", "x"):
                found, final = c.meta(option, args.export, (query,))
                assert not found and final.kind in (REP_ACK, REP_ERR_INVALID)
            lives_in_negotiation(c)


UNKNOWN = ("x-unknown:", "x-unknown:leaf", "nbd-server:x", "base:nothing",
           "base:allocation2", "base:alloc", ":", ":allocation",
           "Base:allocation", "qemu:nothing", "x-\u00fc:\u00fc")


@rule("LM4", "LM5", "CV2",
      "unknown namespaces and leaves are ignored: just ACK")
def unknown_queries():
    for option in META:
        with for_meta() as c:
            for query in UNKNOWN + (b"x-\xff\xfe:\xff",):
                one_reply(c.option(option, meta_request(args.export, (query,))),
                          REP_ACK)
            found, final = c.meta(option, args.export, UNKNOWN + (ALLOCATION,))
            equal([name for _, name in found], [ALLOCATION], "found")
            equal(final.kind, REP_ACK, "final")


@rule("LM6", "LM8", "no query lists all contexts, without ids, each once")
def list_all_contexts():
    with for_meta() as c:
        for name in (args.export, args.read_only, args.other):
            # Which also sees to the ids.
            names = c.list_contexts(name)
            assert ALLOCATION in names, names
            equal(len(set(names)), len(names), "names")
            for each in names:
                namespace, _, leaf = each.partition(":")
                assert namespace.isprintable() and " " not in namespace
                assert leaf or each.endswith(":")


@rule("LM7", "LM9",
      "queries list what matches one of them, base: all of its own")
def list_queries():
    with for_meta() as c:
        for queries in ((ALLOCATION,), ("base:",), (ALLOCATION, "base:"),
                        (ALLOCATION,) * 3, ("x-none:", "base:")):
            equal(c.list_contexts(args.export, queries), [ALLOCATION], queries)


@rule("LM7", "SM5", "a great many queries work, or are too many")
def many_queries():
    for option in META:
        with for_meta() as c:
            queries = ["x-none:%d" % n for n in range(3000)] + [ALLOCATION]
            found, final = c.meta(option, args.export, queries)
            assert (final.kind, [name for _, name in found]) in (
                (REP_ACK, [ALLOCATION]), (wire.REP_ERR_TOO_BIG, [])), final
            lives_in_negotiation(c)


def works(c):
    """base:allocation is selected, and nothing else."""
    assert c.status(0, 4096)[ALLOCATION]


def works_not(c):
    equal(c.error_of(wire.CMD_BLOCK_STATUS, 0, 4096), EINVAL, "status")
    lives(c)


@rule("LM10", "IG16",
      "lists and infos in between don't disturb what is selected")
def list_in_between():
    for extended in kinds_of_chunks():
        with for_meta(extended) as c:
            c.set_contexts(args.export, (ALLOCATION,))
            c.list_contexts(args.export, ("x-none:",))
            c.list_contexts(args.other)
            c.meta(OPT_LIST_META_CONTEXT, args.missing, ())
            c.go(args.export)
            works(c)


@rule("SM4",
      "each context that is selected is told once, with an id of its own")
def set_contexts():
    with for_meta() as c:
        names = c.list_contexts(args.export)
        # Which also sees to the ids.
        equal(c.set_contexts(args.export, names), names, "all")
        equal(c.set_contexts(args.export, (ALLOCATION,) * 3), [ALLOCATION],
              "one of them three times")
        equal(c.set_contexts(args.export, ("x-none:x",)), [], "none")
        lives_in_negotiation(c)


@rule("SM3", "SM6", "no query and wildcards select nothing")
def set_nothing():
    for queries in ((), ("base:",), ("qemu:",), ("base:", "qemu:", "x-none:")):
        with for_meta() as c:
            c.set_contexts(args.export, (ALLOCATION,))
            equal(c.set_contexts(args.export, queries), [], queries)
            c.go(args.export)
            works_not(c)


@rule("SM1", "a second SET replaces what the first one selected")
def set_replaces():
    with for_meta() as c:
        c.set_contexts(args.other, (ALLOCATION,))
        c.set_contexts(args.export, (ALLOCATION,))
        c.go(args.export)
        works(c)
    with for_meta() as c:
        c.set_contexts(args.export, (ALLOCATION,))
        c.set_contexts(args.export, ("x-none:x",))
        c.go(args.export)
        works_not(c)


@rule("SM1", "a SET that fails selects nothing, and forgets what was")
def set_fails():
    for data in (b"", b"x" * 100, meta_request(args.export, (ALLOCATION,), 2),
                 meta_request(args.missing, (ALLOCATION,))):
        with for_meta() as c:
            c.set_contexts(args.export, (ALLOCATION,))
            (reply,) = c.option(OPT_SET_META_CONTEXT, data)
            assert reply.is_error, reply
            c.go(args.export)
            works_not(c)


@rule("SM7", "BS1", "a selection counts for the export it was made for")
def selection_of_another_export():
    for c in in_chunks(contexts=(ALLOCATION,)):
        works(c)
    for extended in kinds_of_chunks():
        with for_meta(extended) as c:
            c.set_contexts(args.other, (ALLOCATION,))
            c.go(args.export)
            works_not(c)


@rule("SM7", "EN3", "a selection counts for EXPORT_NAME too")
def selection_and_export_name():
    for name, counts in ((args.export, works), (args.other, works_not)):
        with for_meta() as c:
            c.set_contexts(args.export, (ALLOCATION,))
            c.export_name(name)
            counts(c)


@rule("SM8", "base: contexts don't need extended headers")
def set_base():
    for name in (args.export, args.read_only, args.other):
        with for_meta() as c:
            equal(c.set_contexts(name, (ALLOCATION,)), [ALLOCATION], name)


@rule("SM9", "both options get ERR_UNKNOWN for an export that there isn't")
def meta_of_unknown_export():
    for option in META:
        with for_meta() as c:
            for name in (args.missing, args.export + "x", "x" * 4096):
                one_error(c.option(option, meta_request(name, (ALLOCATION,))),
                          REP_ERR_UNKNOWN)
            lives_in_negotiation(c)
