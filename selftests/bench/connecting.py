# SPDX-License-Identifier: GPL-2.0
"""What connecting costs under TLS, with and without tickets.

A connection is from SYN to the end, with GO and one READ of 4 KiB, by a client in
Python, one after the other.  Both sides have a certificate of an elliptic curve
(P-256), and the client's is required.
"""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import servers
import tls

PORT = 10980
COUNT = 40      # connections for each figure

# What the agent is told, and whether the client comes back.
WAYS = {"no tickets": ((), False),
        "a ticket is given": (("--tickets", "3600"), False),
        "a ticket is used": (("--tickets", "3600"), True)}


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


def measure(disk):
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
