# SPDX-License-Identifier: GPL-2.0
"""Metadata devices: made, checked, spoilt, failing; and the bitmaps that are on them."""

import contextlib
import errno
import json
import os
import subprocess

import genl
from target import change_table, connect, ctl, disk, export, run, show, wait_for

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
    """Whatever comes, waits, until the end, or until what this gives is called."""
    run("dmsetup", "suspend", "--noflush", "--nolockfs", name)
    try:
        yield lambda: run("dmsetup", "resume", name)
    finally:
        run("dmsetup", "resume", name)


def in_log(text):
    return text in run("dmesg")


def metadata_writes():
    return export("disk0")["metadata-writes"]


def began(*words):
    return subprocess.Popen(["nbdtargetctl", *words], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def ended(tool):
    """Its status, and what it said."""
    said = tool.communicate()[1]
    return tool.returncode, said


@contextlib.contextmanager
def fragile(name, path):
    """A mapped device that can be made to fail; its path."""
    sectors = int(run("blockdev", "--getsz", path))
    with disk("dm", name, "0 %d linear %s 0" % (sectors, path)) as mapped:
        yield mapped


class Fragile:
    """disk0 on a device, with metadata that can be cut off."""

    def __init__(self, data, meta, path, options):
        self.data, self.meta, self.path = data, meta, path
        self.options = options
        self.sectors = int(run("blockdev", "--getsz", path))

    def add(self, *words):
        ctl("add-export", "disk0", self.data, "--metadata", self.meta,
            *self.options, *words)

    def fail(self):
        change_table("meta", "0 %d error" % self.sectors)

    def mend(self):
        change_table("meta", "0 %d linear %s 0" % (self.sectors, self.path))

    def crash(self):
        """Nothing more arrives; then all begins anew."""
        self.fail()
        ctl("remove-export", "disk0", "--force")
        self.mend()


@contextlib.contextmanager
def fragile_disk(mib, *options):
    with formatted(mib, 4, "--bound", "128M", "--region", "2M") as (data, path), \
            fragile("meta", path) as meta:
        each = Fragile(data, meta, path, options)
        each.add()
        try:
            yield each
        finally:
            ctl("remove-export", "disk0", "--force", "--if-exists")


class Module:
    """Exports and bitmaps by messages of our own, as programs take long to start."""

    def __init__(self, family):
        self.family = family

    def add(self, name, data, meta):
        f = self.family
        f.request(f["CMD_EXPORT_ADD"],
                  genl.string(f["A_EXPORT_NAME"], name) +
                  genl.string(f["A_EXPORT_DEVICE"], data) +
                  genl.string(f["A_EXPORT_METADATA"], meta))

    def remove(self, name):
        f = self.family
        (reply,) = f.request(f["CMD_EXPORT_DEL"],
                             genl.string(f["A_EXPORT_NAME"], name))
        words = genl.attribute(f["A_EXPORT_ID"],
                               dict(genl.parse(reply))[f["A_EXPORT_ID"]])

        def gone():
            try:
                f.request(f["CMD_EXPORT_GET"], words)
            except genl.Refused as error:
                assert error.errno == errno.ENOENT, error
                return True
            return False
        wait_for(gone, "the end of an export")

    def bitmaps(self, export):
        f = self.family
        found = {}
        for reply in f.dump(f["CMD_BITMAP_GET"]):
            told = dict(genl.parse(reply))
            if told[f["A_BITMAP_EXPORT_NAME"]].rstrip(b"\0").decode() == export:
                found[told[f["A_BITMAP_NAME"]].rstrip(b"\0").decode()] = told
        return found

    def content(self, export, name):
        f = self.family
        found = bytearray()
        while True:
            (reply,) = f.request(
                f["CMD_BITMAP_READ"],
                genl.string(f["A_CONTENT_EXPORT_NAME"], export) +
                genl.string(f["A_CONTENT_BITMAP_NAME"], name) +
                genl.u64(f["A_CONTENT_OFFSET"], len(found)))
            data = dict(genl.parse(reply)).get(f["A_CONTENT_DATA"], b"")
            if not data:
                return found
            found += data

    def dirty(self, export, name):
        """The granules."""
        return {number * 8 + bit for number, byte in enumerate(self.content(export, name))
                if byte for bit in range(8) if byte >> bit & 1}

    def dirty_count(self, export, name):
        return int.from_bytes(self.content(export, name), "little").bit_count()
