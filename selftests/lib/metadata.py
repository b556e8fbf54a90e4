# SPDX-License-Identifier: GPL-2.0
"""Metadata devices: made, checked, spoilt; and the bitmaps that are on them."""

import contextlib
import json
import os
import subprocess

from target import connect, ctl, disk, run, show

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def bitmaps(name="disk0"):
    return {each["name"]: each for each in show("bitmaps")
            if each["export-name"] == name}


def dirty_of(name):
    return bitmaps()[name]["dirty-bytes"]


def write(at, length=4096, name="disk0"):
    with connect(name) as c:
        c.write(at, bytes(length))


@contextlib.contextmanager
def formatted(mib=64, meta=4, *words):
    """A disk, and a metadata device for it."""
    with disk("null", mib) as data, disk("null", meta) as path:
        ctl("format-metadata", path, "--for", data, *words)
        yield data, path


def check_metadata(path):
    return json.loads(ctl("check-metadata", path, "--json"))


def check_status(path):
    return subprocess.run(["nbdtargetctl", "check-metadata", path],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode


def copy_of(path):
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file.read()


def put_back(path, data):
    with open(path, "r+b", buffering=0) as file:
        file.write(data)
        os.fsync(file.fileno())


def spoil(path, block, count=1):
    """Whatever is there isn't any more."""
    run("dd", "if=/dev/urandom", "of=" + path, "bs=4096", "oflag=direct",
        "seek=%d" % block, "count=%d" % count, "conv=notrunc", "status=none")


@contextlib.contextmanager
def hanging(name):
    """Whatever comes, waits."""
    run("dmsetup", "suspend", "--noflush", "--nolockfs", name)
    try:
        yield
    finally:
        run("dmsetup", "resume", name)


def in_log(text):
    return text in run("dmesg")
