# SPDX-License-Identifier: GPL-2.0
"""How long a small read takes beside heavy work: of the same client, of another one,
or of the target itself.

On a disk of 10 TiB that does nothing (null_blk), by the clock that instructions drive:
one CPU does all of it, the heavy work included, so a read can't take as long as alone
where others want that CPU.  probe.c does the reads.
"""

import contextlib
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import chunks
import servers
import target
import wire
from servers import run

PORT = 10991
COUNT = 40          # reads
QUEUED = 1          # ...that wait for gigabytes on their connection
TIB_MIB = 1 << 20
DISK = 10 * TIB_MIB
TIB = 1 << 40
MIB = 1 << 20

# By name: how many requests are under way, of what kind, and how long each is.
REQUESTS = {
    "WRITE_ZEROES of 1 TiB": (1, wire.CMD_WRITE_ZEROES, TIB),
    "READs of 32 MiB, depth 128": (128, wire.CMD_READ, 32 * MIB),
    "BLOCK_STATUS of 10 TiB": (1, wire.CMD_BLOCK_STATUS, 10 * TIB),
}


def connect():
    return chunks.connect("bench", extended=True, contexts=["qemu:dirty-bitmap:b0"],
                          port=PORT)


def probe(program, reader, heavy, depth=0, kind=0, length=0, count=COUNT):
    """Of its reads, in ns; and how many heavy requests were answered."""
    fds = reader.socket.fileno(), heavy.socket.fileno()
    said = run(program, str(count), *map(str, fds), str(depth), str(kind), "0",
               str(length), pass_fds=fds)
    return dict(zip(("mean_ns", "median_ns", "worst_ns", "heavy"),
                    map(int, said.split())))


def with_requests(program, name, same):
    with connect() as reader, connect() as other:
        depth, _, length = REQUESTS[name]
        count = QUEUED if same and depth * length > 1 << 30 else COUNT
        return probe(program, reader, reader if same else other, *REQUESTS[name],
                     count)


def quietly(program):
    with connect() as reader:
        return probe(program, reader, reader)


@contextlib.contextmanager
def scan():
    run("nbdtargetctl", "scan-export", "bench")
    try:
        yield
    finally:
        run("nbdtargetctl", "scan-export", "bench", "--stop")


@contextlib.contextmanager
def checkpoint():
    """Until it is given up; writes are held meanwhile."""
    command = subprocess.Popen(
        ["nbdtargetctl", "checkpoint", "bench", "--freeze", "b0", "--start", "b1",
         "--timeout", "600", "--", "sleep", "600"], stdin=subprocess.DEVNULL)
    try:
        servers.wait_until("a checkpoint is held", lambda: subprocess.run(
            ["pgrep", "-x", "sleep"], stdout=subprocess.DEVNULL).returncode == 0)
        yield
    finally:
        command.terminate()
        command.wait()


@contextlib.contextmanager
def deaf():
    """A client that doesn't read what it asks for."""
    with connect() as client:
        for _ in range(64):
            client.submit(wire.CMD_READ, 0, MIB)
        yield


OTHERS = {"a scan": scan, "a checkpoint that is held": checkpoint,
          "a client that doesn't read": deaf}


def measure(program):
    """By what is beside it: alone, by another client or the target, by the same."""
    with target.disk("null", DISK, "memory_backed=0") as disk, servers.nbdtarget(disk, PORT):
        run("nbdtargetctl", "add-bitmap", "bench", "b0")
        alone = quietly(program)
        figures = {"alone": {"other": alone}}
        for name in REQUESTS:
            print(f"bench: beside {name}", file=sys.stderr, flush=True)
            figures[name] = {}
            for who in ("other", "same"):
                figures[name][who] = with_requests(program, name, who == "same")
                print(f"  {who}: {figures[name][who]}", file=sys.stderr, flush=True)
        for name, beside in OTHERS.items():
            print(f"bench: beside {name}", file=sys.stderr, flush=True)
            with beside():
                figures[name] = {"other": quietly(program)}
        return figures
