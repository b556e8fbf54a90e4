# SPDX-License-Identifier: GPL-2.0
"""Helpers for tests in Python that drive the target."""

import contextlib
import json
import os
import re
import subprocess
import time

import wire
from ktap import skip

LIB = os.path.dirname(os.path.abspath(__file__))
HOST = "127.0.0.1"
# Whether this is no emulated machine, where each process takes 100 ms to start.
FAST = "uml" in os.uname().release
# How much less a test does: where the kernel checks each access to memory; and in an
# emulated machine, unless NBDT_ALL says that it is to do all of it.
if os.path.exists("/sys/kernel/debug/kmemleak"):
    SCALE = 4
else:
    SCALE = 1 if FAST or os.environ.get("NBDT_ALL") else 2
PORT = 10809

# Exit statuses of nbdtargetctl.
GOOD = 0
REFUSED = 1
USAGE = 2
UNREACHABLE = 3


def takes_long():
    """Skips what mostly repeats others' results, where only some of all is done."""
    if SCALE > 1 and not os.environ.get("NBDT_ALL"):
        skip("takes long, unless NBDT_ALL is set")


def run(*command, **kwargs):
    """Run a command that has to succeed; what it wrote to stdout."""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **kwargs)
    assert done.returncode == 0, "%s: status %d: %s%s" % (
        " ".join(command)[:200], done.returncode, done.stdout, done.stderr)
    return done.stdout


def ctl(*words, **kwargs):
    return run("nbdtargetctl", *words, **kwargs)


def refused(status, pattern, *words, **kwargs):
    """nbdtargetctl refuses: this exit status, and stderr says this."""
    done = subprocess.run(["nbdtargetctl", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **kwargs)
    shown = "nbdtargetctl %s: status %d, stderr: %s" % (
        " ".join(words)[:200], done.returncode, done.stderr[:500])
    assert done.returncode == status, shown
    assert done.stderr.strip(), shown
    assert re.search(pattern, done.stderr), \
        "%s doesn't match %s" % (shown, pattern)
    assert done.stdout == "", "also wrote to stdout: " + done.stdout[:200]
    return done.stderr


def show(*what):
    return json.loads(ctl("show", *what, "--json"))


def export(name):
    """The one export of that name, as show --json has it."""
    found = [each for each in show("exports") if each["name"] == name]
    assert len(found) == 1, "%d exports named %r" % (len(found), name[:80])
    return found[0]


def wait_for(condition, what, seconds=wire.TIMEOUT):
    """Until condition() is true; its value. Never judges by time alone.
    What it waits for may be a function, to say how far it came."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited in vain for " + (
            what() if callable(what) else what)
        time.sleep(0.02)


class Process(subprocess.Popen):
    """What a block needs. One that fails ends it, and doesn't wait for an end that
    only the rest of the block would bring."""

    def __exit__(self, kind, *more):
        if kind:
            self.kill()
        return super().__exit__(kind, *more)


def cpu_time(pid):
    """Nanoseconds that a process's threads have run, ended ones included."""
    cpuclock_sched = 2
    return time.clock_gettime_ns(~pid << 3 | cpuclock_sched)


@contextlib.contextmanager
def disk(*words):
    """A scratch disk of lib/disk; its path."""
    path = run(LIB + "/disk", *map(str, words)).strip()
    try:
        yield path
    finally:
        run(LIB + "/disk", "drop", path)


def change_table(name, table, lockfs=False):
    """What a mapped device is made of; with LOCKFS as others do it, who have what is
    mounted on it, or holds it, stand still first."""
    run("dmsetup", "suspend", *(() if lockfs else ("--nolockfs",)), name)
    run("dmsetup", "load", name, "--table", table)
    run("dmsetup", "resume", name)


@contextlib.contextmanager
def exported(name, device, *options):
    ctl("add-export", name, device, *options)
    try:
        yield
    finally:
        ctl("remove-export", name, "--force", "--if-exists")


@contextlib.contextmanager
def listening(address="%s:%d" % (HOST, PORT)):
    ctl("add-listener", address)
    try:
        yield
    finally:
        ctl("remove-listener", address, "--force", "--if-exists")


LIMITS = ("max-connections", "negotiation-timeout", "stall-timeout",
          "max-in-flight", "memory-limit", "poll-time", "peer-timeout",
          "placement")


@contextlib.contextmanager
def limits(**changes):
    """Change limits of the target, limits(negotiation_timeout=0.5); all of
    them are put back afterwards."""
    target = show("target")
    before = {name: target[name] / 1000 if name.endswith("-timeout")
              else target[name] for name in LIMITS}
    try:
        if changes:
            _set_target({name.replace("_", "-"): value
                         for name, value in changes.items()})
        yield
    finally:
        _set_target(before)


def _set_target(values):
    words = []
    for name, value in values.items():
        words += ["--" + name, str(value)]
    ctl("set-target", *words)


def connect(name, **kwargs):
    return wire.connect(name, HOST, PORT, **kwargs)
