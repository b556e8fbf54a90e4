# SPDX-License-Identifier: GPL-2.0
"""What connecting costs: to each server, and to the target under TLS, with and without
tickets.

A connection is from SYN to the server's FIN, with GO and one READ of 4 KiB, by a client
in Python, one after the other.  Under TLS both sides have a certificate of an elliptic
curve (P-256), and the client's is required.
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from points import USER_SPACE
import servers
import tls
import wire

PORT = 10980
FIRST_PORT = 10960
COUNT = 40      # connections for each figure

# What the agent is told, and whether the client comes back.
WAYS = {"no tickets": ((), False),
        "a ticket is given": (("--tickets", "3600"), False),
        "a ticket is used": (("--tickets", "3600"), True)}


def connect_plainly(port):
    with wire.connect("bench", port=port) as client:
        client.read(0, 4096)
        client.disconnect()


def measure_plain(port):
    """In ns of a clock that instructions drive: of all that runs there, waiting
    included, and of the client's process."""
    connect_plainly(port)
    before = time.monotonic_ns(), time.process_time_ns()
    for _ in range(COUNT):
        connect_plainly(port)
    after = time.monotonic_ns(), time.process_time_ns()
    return {name: (end - begin) / COUNT for name, begin, end in
            zip(("all_ns", "client_ns"), before, after)}


def plain(disk):
    figures = {}
    for number, name in enumerate(("nbdtarget", *USER_SPACE)):
        print(f"bench: connecting: {name}", file=sys.stderr, flush=True)
        with servers.NBD[name](disk, FIRST_PORT + number):
            figures[name] = measure_plain(FIRST_PORT + number)
    return figures


def connect(context, session=None):
    """Its session; it was resumed if there was one before."""
    with tls.Client("127.0.0.1", PORT) as client:
        client.handshake()
        client.secure(context, session)
        if client.socket.session_reused != bool(session):
            raise RuntimeError("a session that should be resumed wasn't")
        client.go("bench")
        client.read(0, 4096)
        found = client.socket.session
        client.disconnect()
        return found


def measure_one(agent, context, resumes):
    """Of all that runs there; of the agent and of the client's process."""
    session = connect(context) if resumes else None
    if resumes and not session.has_ticket:
        raise RuntimeError("the client got no ticket")
    connect(context, session)
    before = (time.monotonic_ns(), servers.cpu_time(agent.process.pid),
              time.process_time_ns())
    for _ in range(COUNT):
        connect(context, session)
    after = (time.monotonic_ns(), servers.cpu_time(agent.process.pid),
             time.process_time_ns())
    return {name: (end - begin) / COUNT for name, begin, end in
            zip(("all_ns", "agent_ns", "client_ns"), before, after)}


def encrypted(disk):
    figures = {}
    with tempfile.TemporaryDirectory() as work:
        authority = tls.Authority(f"{work}/ca")
        folder = tls.server_folder(f"{work}/server", authority)
        context = tls.context(authority, authority.sign_client("client"))
        for name, (options, resumes) in WAYS.items():
            print(f"bench: connecting: {name}", file=sys.stderr, flush=True)
            with servers.nbdtarget(disk, PORT, "--tls", "required"), \
                    tls.agent(folder, *options) as agent:
                figures[name] = measure_one(agent, context, resumes)
    return figures


def measure(disk):
    return {"plain": plain(disk), "tls": encrypted(disk)}
