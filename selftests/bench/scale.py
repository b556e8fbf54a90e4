# SPDX-License-Identifier: GPL-2.0
"""Many connections, and unequal ones, to the target alone.

What must not grow with the number of connections: the cost of a request, and
the memory of each.  What a greedy client must not take from a modest one: its
place in the queue.
"""

import contextlib
import json
import pathlib
import re
import sys

import servers
from servers import run

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import wire     # pylint: disable=wrong-import-position

COUNTS = (1, 8, 64, 512)
PORT = 10990


def fio(ms, *jobs):
    """What fio's jobs read; each a dictionary of options."""
    words = []
    for number, job in enumerate(jobs):
        words.append(f"--name=job{number}")
        words += [f"--{name}={value}" for name, value in job.items()]
    said = run(
        "fio", "--rw=randread", "--bs=4k", "--time_based", f"--runtime={ms}ms",
        "--norandommap", "--randseed=1", "--output-format=json",
        "--group_reporting=0", "--lat_percentiles=1", *words)
    # Its NBD client has something to say before.
    report = json.loads(said[re.search("^{", said, re.MULTILINE).start():])
    return [job["read"] for job in report["jobs"]]


def kernel_client(device, depth):
    return {"filename": device, "direct": 1, "ioengine": "libaio",
            "iodepth": depth}


def memory():
    """KiB that nobody has; caches don't count, as they are dropped."""
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(r"MemFree: *(\d+)", text)[1])


def request_cost(device, share, ms):
    """Of a client that has one request at a time: I/O per second, ns each."""
    before = share()
    (done,) = fio(ms, kernel_client(device, 1))
    return {"iops": done["iops"],
            "server_ns": (share() - before) / done["total_ios"]}


def idle(ms):
    """What one client gets beside COUNT idle ones, and what each of them costs."""
    with servers.nbdtarget("/dev/ram0", PORT) as share, \
            servers.nbd_clients(1, PORT) as (device,), \
            contextlib.ExitStack() as clients:
        found, before, have = {}, memory(), 0
        for count in COUNTS:
            while have < count:
                clients.enter_context(wire.connect("bench", port=PORT))
                have += 1
            kib = before - memory()
            # Both ends of the connection, the client's socket included.
            found[count] = {"kib": kib / count,
                            **request_cost(device, share, ms)}
        return found


def active(ms):
    """COUNT clients at work at the same time, each with one request."""
    found = {}
    for count in COUNTS:
        with servers.nbdtarget("/dev/ram0", PORT):
            jobs = fio(ms, {"ioengine": "nbd", "iodepth": 1, "thread": 1,
                            "uri": f"nbd://127.0.0.1:{PORT}/bench",
                            "numjobs": count})
        rates = [job["iops"] for job in jobs]
        found[count] = {"iops": sum(rates), "least": min(rates),
                        "most": max(rates)}
    return found


def beside(ms):
    """The latency of a client with one request, alone and beside one of 128."""
    with servers.nbdtarget("/dev/ram0", PORT), \
            servers.nbd_clients(2, PORT) as (modest, greedy):
        (alone,) = fio(ms, kernel_client(modest, 1))
        together, load = fio(ms, kernel_client(modest, 1),
                             kernel_client(greedy, 128))
    # From before the request is made: making it may be most of the way.
    return {"alone_ns": alone["lat_ns"]["mean"],
            "together_ns": together["lat_ns"]["mean"],
            "worst_ns": together["lat_ns"]["percentile"]["99.000000"],
            "greedy_iops": load["iops"], "modest_iops": together["iops"]}


def measure(ms):
    return {"idle": idle(ms), "active": active(ms), "beside": beside(ms)}
