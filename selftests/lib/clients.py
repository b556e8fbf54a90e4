# SPDX-License-Identifier: GPL-2.0
"""Clients that write while their server is restarted or upgraded: lib/steady and fio, on
their own and through others, which have to live through that.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import wire
from target import HOST, LIB, PORT, Process, wait_for


@contextlib.contextmanager
def process(*words, **kwargs):
    started = subprocess.Popen(words, stdin=subprocess.DEVNULL, **kwargs)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()
        for file in started.stdout, started.stderr:
            if file:
                file.close()


class Steady:
    """lib/steady, with a name; the words are its options and the target."""

    def __init__(self, name, folder, mib, *words):
        self.name = name
        self.count_file = "%s/%s.count" % (folder, name)
        self.words = (*words, str(mib), self.count_file)

    @contextlib.contextmanager
    def running(self):
        with process(LIB + "/steady", *self.words, text=True,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) as self.process:
            yield

    def count(self):
        """How many of its writes were acknowledged."""
        if not os.path.exists(self.count_file):
            return 0
        with open(self.count_file) as file:
            return int(file.read() or 0)

    def goes_on(self):
        """Wait until all of its writers have had answers since, or it has ended."""
        before = self.count()
        wait_for(lambda: self.process.poll() is not None or
                 self.count() > before + 10, "%s to write" % self.name)

    def end(self):
        self.process.terminate()
        said, self.error = self.process.communicate(timeout=wire.TIMEOUT)
        self.result = json.loads(said) if not self.process.returncode else None

    def check(self):
        """What it has to say, after it has seen no error; and tell of it."""
        assert self.result, self.error
        print("# %s: %d ms without an answer, %d ms for one write" % (
            self.name, self.result["gap"], self.result["longest"]),
            file=sys.__stdout__, flush=True)
        return self.result


class Verifying:
    """fio, which reads back what it has written, again and again."""

    def __init__(self, stack, mib, *words):
        self.output = stack.enter_context(tempfile.TemporaryFile("w+"))
        self.process = stack.enter_context(Process(
            ["fio", "--name=it", "--rw=randwrite", "--size=%dM" % mib,
             "--bsrange=4k-128k", "--blockalign=4k", "--iodepth=8",
             "--verify=crc32c", "--verify_backlog=32", "--verify_fatal=1",
             "--verify_state_save=0",
             "--time_based", "--runtime=600", "--output-format=json", *words],
            stdout=self.output, stderr=self.output))

    def end(self):
        assert self.process.poll() is None, self.said()
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(wire.TIMEOUT)
        said = self.said()
        # 128: that it was told to end.
        assert status == 128 and '"error" : 0,' in said, (status, said)
        job = json.loads(said[said.index("{"):said.rindex("}") + 1])["jobs"][0]
        assert job["error"] == 0, said
        print("# fio: %d writes, %d reads" % (
            job["write"]["total_ios"], job["read"]["total_ios"]),
            file=sys.__stdout__, flush=True)

    def said(self):
        self.output.seek(0)
        return self.output.read()


@contextlib.contextmanager
def through_qemu(name, folder, port=PORT, credentials=None):
    """qemu-storage-daemon has the export, and hands it on; its URI. With credentials,
    a folder as QEMU takes it, by TLS."""
    path = "%s/%s.sock" % (folder, name)
    node = {"driver": "nbd", "node-name": "node", "export": name,
            "reconnect-delay": 300,
            "server": {"type": "inet", "host": HOST, "port": str(port)}}
    words = []
    if credentials:
        words = ["--object", "tls-creds-x509,id=tls,endpoint=client,dir=" + credentials]
        node["tls-creds"] = "tls"
    with process("qemu-storage-daemon", *words, "--blockdev", json.dumps(node),
                 "--nbd-server", "addr.type=unix,max-connections=0,addr.path=" + path,
                 "--export", "type=nbd,id=it,node-name=node,writable=on,name=it"):
        wait_for(lambda: os.path.exists(path), "qemu-storage-daemon")
        yield "nbd+unix:///it?socket=" + path


def libnbd_uri(name, port=PORT, credentials=None):
    if credentials:
        return "nbds://%s:%d/%s?tls-certificates=%s" % (HOST, port, name, credentials)
    return "nbd://%s:%d/%s" % (HOST, port, name)


def missing(places, ranges):
    """Those that are in none of the ranges, each (offset, length)."""
    return [place for place in places
            if not any(at <= place < at + length for at, length in ranges)]
