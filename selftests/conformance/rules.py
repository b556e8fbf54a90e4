# SPDX-License-Identifier: GPL-2.0
"""The rules that the suite shows, and who is known to break which.

The ids are those of the project's protocol checklist, which says what each of
them requires and where in the protocol's text that stands.
"""

CLIENT = "a rule for clients"
TLS = "there is no TLS yet"


class Elsewhere(str):
    """A test program in tests/ that has it: what shows the rule isn't to be had
    of any server, as it takes a device of a special kind or an administrator."""


# Rules of the checklist's sections 1.1 and 1.4 to 1.11, the decisions of 1.13,
# and tables cited as a whole.  None: a test of this suite shows it, or the suite
# fails.
RULES = {
    "CV1": None, "CV2": None, "CV3": None,
    "CV4": "not visible to a peer",
    "CV5": None,
    "CV6": "transport",

    "HS1": None, "HS2": None, "HS3": None, "HS4": None, "HS5": None,
    "HS6": None, "HS7": None, "HS8": None, "HS9": None, "HS10": None,
    "HS11": None,
    "HS12": "a server that is told to end closes what still negotiates",
    "HS13": TLS,
    "HS14": None,

    "EN1": None, "EN2": None, "EN3": None, "EN4": None, "EN5": None,
    "EN6": None,
    "AB1": None, "AB2": None, "AB3": None, "AB4": None,
    "LI1": None, "LI2": None, "LI3": TLS,
    "LI4": "listing can't be disabled",
    "LI5": None, "LI6": None,
    "ST1": None, "ST2": TLS, "ST3": TLS, "ST4": None, "ST5": TLS, "ST6": TLS,
    "ST7": TLS, "ST8": TLS,
    "IG1": None, "IG2": None, "IG3": None, "IG4": None, "IG5": None,
    "IG6": TLS, "IG7": TLS,
    "IG8": None, "IG9": None, "IG10": None, "IG11": None, "IG12": None,
    "IG13": None, "IG14": None, "IG15": None, "IG16": None,
    "SR1": None, "SR2": None, "SR3": None, "SR4": None, "SR5": None,
    "LM1": None, "LM2": None, "LM3": None, "LM4": None, "LM5": None,
    "LM6": None, "LM7": None, "LM8": None, "LM9": None, "LM10": None,
    "SM1": None, "SM2": None, "SM3": None, "SM4": None, "SM5": None,
    "SM6": None, "SM7": None, "SM8": None, "SM9": None,
    "EH1": None, "EH2": None, "EH3": None, "EH4": None, "EH5": None,
    "EH6": TLS,

    "SZ1": None, "SZ2": None, "SZ3": None, "SZ4": None, "SZ5": None,
    "SZ6": None, "SZ7": None, "SZ8": None, "SZ9": None, "SZ10": None,
    "SZ11": None,
    "SZ12": CLIENT,

    "TX1": None, "TX2": None, "TX3": None, "TX4": None,
    "TX5": Elsewhere("30-bios"),
    "TX6": None, "TX7": None, "TX8": None, "TX9": None, "TX10": None,
    "TX11": None,
    "TX12": Elsewhere("33-removal"),
    "TX13": None, "TX14": None, "TX15": None, "TX16": None,
    "FL1": None, "FL2": None, "FL3": None, "FL4": None, "FL5": None,
    "FL6": None,
    "FL7": Elsewhere("30-bios"),
    "FL8": None, "FL9": None,

    "RD1": None, "RD2": None,
    "RD3": Elsewhere("32-errors"), "RD4": Elsewhere("32-errors"),
    "RD5": None, "RD6": None, "RD7": None, "RD8": None, "RD9": None,
    "WR1": None, "WR2": None, "WR3": None, "WR4": None,
    "FS1": None, "FS2": None,
    "FS3": "FLUSH is always advertised",
    "TR1": None, "TR2": None, "TR3": None,
    "CA1": None, "CA2": None,
    "WZ1": None, "WZ2": None, "WZ3": None, "WZ4": None, "WZ5": None,
    "WZ6": None, "WZ7": None,
    "BS1": None, "BS2": None, "BS3": None, "BS4": None, "BS5": None,
    "BS6": None, "BS7": None, "BS8": None, "BS9": None, "BS10": None,
    "BS11": None,
    "BS12": Elsewhere("32-errors"),
    "BS13": None, "BS14": None,
    "EX1": None, "EX2": None, "EX3": None, "EX4": None, "EX5": None,
    "EX6": None,

    # What is decided where servers differ.
    "1.13.1": None, "1.13.2": None, "1.13.3": TLS, "1.13.4": None,
    "1.13.5": None, "1.13.6": None, "1.13.7": None, "1.13.8": None,

    # Whole tables: errors, what there has to be, and what is accepted with what.
    "1.10": None, "1.12": None, "1.15": None,
}

# Features of the protocol that a server has not: what needs them is skipped.
LACKING = {
    "nbdtarget": (),
    "qemu-7.2": ("extended headers",),
    "qemu-10": ("answer but its end to a payload that it didn't offer",),
    "nbdkit-1.32": ("extended headers",),
}

class Race(str):
    """A deviation that depends on what is faster, and may not be seen."""


# Of QEMU, whatever its version.
QEMU = {
    "no more options": "has no limit of options",
    "longer than the cap": "caps option data at 32 MiB",
    "EXPORT_NAME that holds a NUL": "takes the name up to the NUL",
    "an option after GO": "answers EINVAL to a wrong magic",
    "wrong request magic": "answers EINVAL to a wrong magic",
    "before a wrong magic": "answers EINVAL to a wrong magic",
    "an extended request in structured": "answers EINVAL to a wrong magic",
    "default export": "has no default export",
    "LM2: what is malformed": "ignores what follows the queries",
    "ENOSPC": "answers EINVAL",
    "EPERM": "answers EINVAL",
    "bogus ones": "answers EINVAL",
    "zeroes that may not be a hole": "believes tmpfs that they are",
    "DISC: what is in flight": Race("closes within a reply"),
}

# Deviations by server: words of the test's name, and what the server does.  A
# test that they name has to fail, and each of them has to name one.
DEVIATIONS = {
    "nbdtarget": {},
    "qemu-7.2": QEMU,
    "qemu-10": {
        **QEMU,
        "EX1: lengths of 64 bits": "answers EINVAL past the end",
        "a compact request after": "answers EINVAL to a wrong magic",
    },
    "nbdkit-1.32": {
        "gets nothing else: closed": "answers ERR_INVALID",
        "longer than the cap": "caps option data at 64 MiB",
        "errors don't end": "takes 32 options",
        "no more options": "takes 32 options",
        "default export": "has no default export",
        "EXPORT_NAME of no length": "has no default export",
        "LIST names all": "refuses a second LIST",
        "unknown, repeated and unordered": "tells infos as often as asked",
        "BLOCK_SIZE is told": "has no block sizes",
        "block sizes are what": "has no block sizes",
        "any alignment work": "has no block sizes",
        "a second STRUCTURED_REPLY": "agrees again",
        "LM2: what is malformed": "answers before it has read all",
        "queries list what matches": "lists what matches twice two times",
        "told once, with an id": "selects what matches twice two times",
        "a SET that fails": "keeps what was selected",
        "SM9: both options": "looks no export up",
        "READ above 32 MiB is refused": "reads up to 64 MiB",
        "a WRITE above 32 MiB": "writes up to 64 MiB",
        "a READ above 32 MiB comes in parts": "sends 64 MiB in a chunk",
        "FLUSH ignores offset": "answers EINVAL",
        "empty requests succeed": "answers EINVAL",
        "TRIM succeeds": "answers EINVAL to an empty READ",
        "1.15 EX4: each flag is taken": "refuses FUA where it means nothing",
        "zeroes that may not be a hole": "believes tmpfs that they are",
        "DISC: what is in flight": Race("answers ESHUTDOWN"),
    },
}
