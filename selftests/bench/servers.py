# SPDX-License-Identifier: GPL-2.0
"""The servers, and how clients get at them.

Each server is a context in which DISK is served to NBD clients at a port of
127.0.0.1, as "bench"; it yields a function that tells the nanoseconds of CPU
time that the server has used so far.

All of them read from and write to the disk: qemu-nbd and nbdkit are told to
keep nothing in the page cache, nbd-server can't be, so bench/guest sees to it
that the cache is empty and dirty pages don't stay.  Otherwise the figures were
those of the page cache, with the disk's part put off until nobody looks.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import wire
from target import cpu_time, limits

# What a bitmap that survives is kept on.
METADATA = "/dev/ram1"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True, **options).stdout


def wait_until(what, condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise RuntimeError(f"waited in vain until {what}")


def listening(port):
    return bool(run("ss", "-Htln", f"sport = :{port}"))


def family(pid):
    """A process and its descendants (nbd-server forks for each client)."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid] + [other for child in children.split()
                    for other in family(int(child))]


@contextlib.contextmanager
def process(port, *command):
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(f"{command[0]} listens", lambda: listening(port))
        yield lambda: sum(cpu_time(pid) for pid in family(server.pid))
    finally:
        server.terminate()
        server.wait()


def qemu_nbd(disk, port):
    return process(port, "qemu-nbd", "-t", "-e", "8", "-p", str(port),
                   "-f", "raw", "-x", "bench", "--cache=none", "--aio=native",
                   disk)


def nbdkit(disk, port):
    return process(port, "nbdkit", "-f", "-p", str(port), "file", disk,
                   "cache=none")


@contextlib.contextmanager
def nbd_server(disk, port):
    """As a daemon: in the foreground it serves one client and ends."""
    config = pathlib.Path("/run/nbd-server.conf")
    pid_file = pathlib.Path("/run/nbd-server.pid")
    config.write_text(f"[generic]\nport = {port}\nuser = root\ngroup = root\n"
                      f"[bench]\nexportname = {disk}\nflush = true\n"
                      "fua = true\n")
    subprocess.run(["nbd-server", "-C", str(config), "-p", str(pid_file)],
                   check=True, stdout=subprocess.DEVNULL)
    wait_until("nbd-server listens", lambda: pid_file.exists() and
               listening(port))
    server = int(pid_file.read_text())
    try:
        yield lambda: sum(cpu_time(pid) for pid in family(server))
    finally:
        os.kill(server, signal.SIGTERM)
        wait_until("nbd-server is gone", lambda: not listening(port))


@contextlib.contextmanager
def nbdtarget(disk, port, *listener_options, export_options=()):
    run("nbdtargetctl", "add-export", "bench", disk, *export_options)
    run("nbdtargetctl", "add-listener", f"127.0.0.1:{port}", *listener_options)

    def connection_time():
        conns = json.loads(run("nbdtargetctl", "--json", "show", "connections"))
        return sum(cpu_time(conn["pid"]) for conn in conns)
    try:
        yield connection_time
    finally:
        run("nbdtargetctl", "remove-listener", f"127.0.0.1:{port}")
        run("nbdtargetctl", "remove-export", "bench", "--force")


@contextlib.contextmanager
def recording(disk, port):
    """The target with a dirty bitmap that records."""
    with nbdtarget(disk, port) as share:
        run("nbdtargetctl", "add-bitmap", "bench", "b0")
        yield share


@contextlib.contextmanager
def logged(disk, port):
    """The same, and the bitmap survives a crash: every region that is written to is
    in the log before anybody measures."""
    run("nbdtargetctl", "format-metadata", METADATA, "--for", disk, "--force")
    with nbdtarget(disk, port, export_options=("--metadata", METADATA)) as share:
        run("nbdtargetctl", "add-bitmap", "bench", "b0")
        with wire.connect("bench", port=port) as c:
            for at in range(0, c.size, wire.MIB):
                c.write(at, bytes(4096))
            c.disconnect()
        yield share


@contextlib.contextmanager
def polling(disk, port):
    """The target looking for requests for as long as this slow VM takes."""
    with limits(poll_time=1000), nbdtarget(disk, port) as share:
        yield share


@contextlib.contextmanager
def floor(_, port):
    """See modules/nbdtarget_floor.c: answers, and does nothing else."""
    run("modprobe", "nbdtarget_floor", f"port={port}")

    def threads_time():
        return sum(cpu_time(int(pid)) for pid in
                   run("pgrep", "^nbdt_floor").split())
    try:
        yield threads_time
    finally:
        run("rmmod", "nbdtarget_floor")


NBD = {"nbdtarget": nbdtarget, "qemu-nbd": qemu_nbd, "nbdkit": nbdkit,
       "nbd-server": nbd_server, "floor": floor}
# One virtual CPU is never idle when a client is about to ask.
NBD_WALL = {**NBD, "polling": polling}


@contextlib.contextmanager
def nbd_client(number, port):
    """/dev/nbdNUMBER connected to it."""
    device = f"/dev/nbd{number}"
    run("nbd-client", "-N", "bench", "127.0.0.1", str(port), device)
    try:
        yield device
    finally:
        run("nbd-client", "-d", device)


@contextlib.contextmanager
def nbd_clients(count, port):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(nbd_client(number, port))
               for number in range(count)]


def write_all(folder, values):
    for name, value in values.items():
        (folder / name).write_text(value)


@contextlib.contextmanager
def nvmet(disk):
    """DISK served by nvmet-tcp."""
    root = pathlib.Path("/sys/kernel/config/nvmet")
    run("modprobe", "-a", "nvmet-tcp", "nvme-tcp")
    subsystem = root / "subsystems/bench"
    namespace = subsystem / "namespaces/1"
    port = root / "ports/1"
    link = port / "subsystems/bench"
    subsystem.mkdir()
    write_all(subsystem, {"attr_allow_any_host": "1"})
    namespace.mkdir()
    write_all(namespace, {"device_path": disk, "enable": "1"})
    port.mkdir()
    write_all(port, {"addr_adrfam": "ipv4", "addr_trtype": "tcp",
                     "addr_traddr": "127.0.0.1", "addr_trsvcid": "4420"})
    link.symlink_to(subsystem)
    try:
        yield
    finally:
        link.unlink()
        port.rmdir()
        write_all(namespace, {"enable": "0"})
        namespace.rmdir()
        subsystem.rmdir()


@contextlib.contextmanager
def nvmet_tcp(disk):
    """The disk of an NVMe initiator that is connected to nvmet-tcp."""
    def disks():
        return {disk.name for disk in pathlib.Path("/sys/block").glob("nvme*n*")
                if pathlib.Path("/dev", disk.name).exists()}
    before = disks()
    pathlib.Path("/etc/nvme").mkdir(exist_ok=True)
    with nvmet(disk):
        run("nvme", "connect", "-t", "tcp", "-a", "127.0.0.1", "-s", "4420",
            "-n", "bench", "-q", "nqn.2014-08.org.nvmexpress:uuid:bench")
        try:
            wait_until("the NVMe disk is there", lambda: disks() - before)
            yield f"/dev/{(disks() - before).pop()}"
        finally:
            run("nvme", "disconnect", "-n", "bench")
