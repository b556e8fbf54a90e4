# SPDX-License-Identifier: GPL-2.0
"""The servers under TLS: what each spends on a large request.

Their client is libnbd, one request at a time, as the kernel's own has no TLS;
so only the server's share is compared.  All have the same certificate of an
elliptic curve, and what they agree on with libnbd is up to them.
"""

import contextlib
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import nbd
import servers
import tls

POINTS = ("128k TLS read", "128k TLS write")
SIZE = 128 << 10
FIRST_PORT = 10950


def qemu_nbd(disk, port, folder):
    return servers.process(
        port, "qemu-nbd", "-t", "-p", str(port), "-f", "raw", "-x", "bench",
        "--cache=none", "--aio=native", "--object",
        f"tls-creds-x509,id=tls,endpoint=server,verify-peer=no,dir={folder}",
        "--tls-creds", "tls", disk)


def nbdkit(disk, port, folder):
    return servers.process(port, "nbdkit", "-f", "-p", str(port),
                           "--tls=require", f"--tls-certificates={folder}",
                           "file", disk, "cache=none")


@contextlib.contextmanager
def nbd_server(disk, port, folder):
    """In the foreground it serves one client, and there is no more."""
    config = pathlib.Path("/run/nbd-server-tls.conf")
    config.write_text(f"[generic]\nport = {port}\nuser = root\n"
                      f"group = root\nforce_tls = true\n"
                      f"certfile = {folder}/server-cert.pem\n"
                      f"keyfile = {folder}/server-key.pem\n"
                      f"cacertfile = {folder}/ca-cert.pem\n"
                      f"[bench]\nexportname = {disk}\n")
    with servers.process(port, "nbd-server", "-d", "-C", str(config)) as share:
        yield share


@contextlib.contextmanager
def nbdtarget(disk, port, folder):
    with servers.nbdtarget(disk, port, "--tls", "required") as share, \
            tls.agent(folder, "--client-certificates", "ignore"):
        yield share


SERVERS = {"nbdtarget": nbdtarget, "qemu-nbd": qemu_nbd, "nbdkit": nbdkit,
           "nbd-server": nbd_server}


def measure_one(uri, operation, disk_size, ms, share):
    handle = nbd.NBD()
    handle.set_uri_allow_local_file(True)
    handle.connect_uri(uri)
    data, count = bytearray(os.urandom(SIZE)), 0

    def request(number):
        offset = number * 7 % (disk_size // SIZE) * SIZE
        if operation == "write":
            handle.pwrite(data, offset)
        else:
            handle.pread(SIZE, offset)
    request(0)
    before, end = share(), time.monotonic() + ms / 1000
    while time.monotonic() < end:
        count += 1
        request(count)
    used = share() - before
    handle.shutdown()
    return {"server_ns": used / count}


def measure(disk, disk_size, ms):
    """The server's CPU time for each request, by server and point."""
    figures = {}
    with tempfile.TemporaryDirectory() as work:
        authority = tls.Authority(f"{work}/ca")
        folder = tls.server_folder(f"{work}/server", authority, psk=False)
        # nbd-server wants to know whom it serves.
        client = tls.client_folder(f"{work}/client", authority,
                                   authority.sign_client("client"))
        for number, (name, serve) in enumerate(SERVERS.items()):
            print(f"bench: TLS: {name}", file=sys.stderr, flush=True)
            port = FIRST_PORT + number
            uri = f"nbds://localhost:{port}/bench?tls-certificates={client}"
            figures[name] = {}
            for point in POINTS:
                with serve(disk, port, folder) as share:
                    figures[name][point] = measure_one(
                        uri, point.split()[-1], disk_size, ms, share)
    return figures
