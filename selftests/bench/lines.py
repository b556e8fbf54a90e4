# SPDX-License-Identifier: GPL-2.0
"""Several clients on as many CPUs: what an I/O costs all of them together.

In instructions, and in cache lines that one CPU takes from another; lines.c counts
both from outside the VM, while load.c does the I/O. There is no clock in it, but
there are real threads: who runs when, and where the scheduler puts them, differs from
run to run.
"""

import contextlib
import pathlib
import sys

import servers
from servers import run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from target import ctl, show

CLIENTS = (1, 2, 4)
KINDS = ("read", "write")
DEPTHS = (1, 8)
COUNT = 256             # I/Os of each client
FIRST_PORT = 10970


@contextlib.contextmanager
def placed(where, disk, port):
    before = show("target")["placement"]
    ctl("set-target", "--placement", where)
    try:
        with servers.nbdtarget(disk, port):
            yield
    finally:
        ctl("set-target", "--placement", before)


def arrival(disk, port):
    return placed("arrival", disk, port)


def scheduler(disk, port):
    return placed("scheduler", disk, port)


NBD = {"arrival": arrival, "scheduler": scheduler,
       "qemu-nbd": servers.qemu_nbd}
NAMES = ("arrival", "scheduler", "nvmet-tcp", "qemu-nbd")


def count_all(load, server, devices, found):
    for kind in KINDS:
        for depth in DEPTHS:
            print(f"bench: {server}, {len(devices)} clients, {kind}, depth "
                  f"{depth}", file=sys.stderr, flush=True)
            run(load, kind, str(COUNT), str(depth), *devices)
            found.append({"server": server, "clients": len(devices),
                          "kind": kind, "depth": depth,
                          "ios": COUNT * len(devices)})


def symbols():
    """Where the module's functions are."""
    with open("/proc/kallsyms") as file:
        return [(int(words[0], 16), words[2]) for words in map(str.split, file)
                if words[3:] == ["[nbdtarget]"] and words[1] in "tT"]


def measure_nbd(load, disk, server, count, found):
    port = FIRST_PORT + list(NBD).index(server)
    with NBD[server](disk, port), servers.nbd_clients(count, port) as devices:
        count_all(load, server, devices, found)


def measure_nvmet(load, disk, count, found):
    """Its initiator has a connection for each CPU."""
    with servers.nvmet_tcp(disk) as device:
        count_all(load, "nvmet-tcp", [device] * count, found)


def measure(load, disk, names, cpus):
    """What was done, in the order in which lines.c has counted it."""
    found = []
    run("modprobe", "nbdtarget")
    for count in CLIENTS:
        for server in names if count <= cpus else ():
            if server in NBD:
                measure_nbd(load, disk, server, count, found)
            else:
                measure_nvmet(load, disk, count, found)
    return {"points": found, "symbols": symbols()}


def join(found, counted):
    """The points with what lines.c says of each."""
    if len(counted) != len(found["points"]):
        raise RuntimeError(f"{len(found['points'])} points, of which "
                           f"{len(counted)} were counted")
    if any(counts["full"] for counts in counted):
        raise RuntimeError("lines.c had no room for all instructions")
    ours = sorted((at, name) for at, name in found["symbols"])
    return [dict(point, **per_io(point["ios"], counts, ours))
            for point, counts in zip(found["points"], counted)]


def function_at(address, ours):
    """The name of the module's function that is there, or None."""
    name = None
    for at, candidate in ours:
        if at > address:
            return name
        name = candidate
    # Behind the last is whatever was loaded after us.
    return name if ours and address < ours[-1][0] + 4096 else None


def per_io(ios, counts, ours):
    totals = [sum(column) / ios for column in zip(*counts["cpus"])]
    functions = {}
    for place, (filled, upgraded) in counts["places"].items():
        name = function_at(int(place, 16), ours)
        if name:
            functions[name] = (functions.get(name, 0) +
                               (filled + upgraded) / ios)
    return {"instructions": totals[0], "lines": totals[1] + totals[2],
            "own_lines": sum(functions.values()), "functions": functions}
