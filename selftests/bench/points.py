# SPDX-License-Identifier: GPL-2.0
"""What is measured: the points, and who takes part at them."""

import collections

# rw, size, depth: fio's; extra: more of its options; clients: disks of the
# NBD client, each with a connection of its own and a job of fio.
Point = collections.namedtuple("Point", "rw size depth extra clients",
                               defaults=((), 1))

POINTS = {
    "4k read depth 1": Point("randread", "4k", 1),
    "4k read depth 32": Point("randread", "4k", 32),
    "128k read depth 1": Point("randread", "128k", 1),
    "128k read depth 8": Point("randread", "128k", 8),
    "1m read depth 4": Point("randread", "1m", 4),
    "4k write depth 1": Point("randwrite", "4k", 1),
    "4k write depth 32": Point("randwrite", "4k", 32),
    "128k write depth 1": Point("randwrite", "128k", 1),
    "128k write depth 8": Point("randwrite", "128k", 8),
    "1m write depth 4": Point("randwrite", "1m", 4),
    "4k 70/30 depth 32": Point("randrw", "4k", 32, ("--rwmixread=70",)),
    # A FLUSH after each write; for FUA, Linux sends one more of these.
    "4k write, FLUSH": Point("randwrite", "4k", 1, ("--fsync=1",)),
    "4k write, FUA": Point("randwrite", "4k", 1, ("--sync=dsync",)),
    "4k read, 4 clients": Point("randread", "4k", 8, (), 4),
    "4k write, 4 clients": Point("randwrite", "4k", 8, (), 4),
}

# Those of the table in the README, which a fresh run is compared with.
COMMITTED = ("4k read depth 1", "4k read depth 32", "128k read depth 8",
             "4k write depth 1", "4k write depth 32", "128k write depth 8")

# With and without a dirty bitmap that records.
RECORDED = ("4k write depth 1", "4k write depth 32", "128k write depth 8")

# By wall clock: few enough to be repeated.
WALL = COMMITTED

USER_SPACE = ("qemu-nbd", "nbdkit", "nbd-server")
NBD_SERVERS = ("nbdtarget", *USER_SPACE, "floor")
ALL = (*NBD_SERVERS, "nvmet-tcp", "device")
# And the target with a longer --poll-time.
ALL_WALL = (*ALL, "polling")
# nvmet-tcp works in kworkers that others use too, and the device in whoever
# asks it: their own share can't be told.
WITH_SHARE = NBD_SERVERS
