# SPDX-License-Identifier: GPL-2.0
"""Network namespaces for tests in Python, each at the other end of a cable.

    initial namespace                       red
    red0 10.9.0.1/24  <-- veth -->  red1 10.9.0.2/24
"""

import contextlib
import ctypes
import os

from target import run, wait_for

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def _enter(path):
    with open(path) as file:
        assert not libc.setns(file.fileno(), CLONE_NEWNET)


@contextlib.contextmanager
def inside(name):
    """Sockets that are made meanwhile are the namespace's: of a name, or a path."""
    _enter(os.path.join("/run/netns", name))
    try:
        yield
    finally:
        _enter("/proc/1/ns/net")


@contextlib.contextmanager
def namespace(name, net):
    """Addresses are those of net, 10.9.0, with 1 here and 2 there. It has ended, in
    all of its parts, behind it."""
    here, there = name + "0", name + "1"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there,
            "netns", name)
        run("ip", "address", "add", net + ".1/24", "dev", here)
        run("ip", "-n", name, "address", "add", net + ".2/24", "dev", there)
        run("ip", "link", "set", here, "up")
        run("ip", "-n", name, "link", "set", there, "up")
        yield
    finally:
        run("ip", "netns", "delete", name)
        wait_for(lambda: not os.path.exists("/sys/class/net/" + here),
                 "the namespace to end")


def netem(name, *what):
    """What becomes of what is sent there."""
    run("tc", "qdisc", "replace", "dev", name + "0", "root", "netem", *what)


@contextlib.contextmanager
def away(name):
    """Nothing gets there any more."""
    netem(name, "loss", "100%")
    try:
        yield
    finally:
        run("tc", "qdisc", "delete", "dev", name + "0", "root")
