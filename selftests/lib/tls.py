# SPDX-License-Identifier: GPL-2.0
"""Helpers for tests of TLS: certificates and keys, the agent, clients.

Credentials of a server are a folder for `nbdtargetctl tls-agent`, those of a
client a folder as libnbd and QEMU take it.  They are made anew for each program,
without a process for each: that would take a minute on the debug kernel.
"""

import contextlib
import datetime
import errno
import hashlib
import hmac
import ipaddress
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import genl
import wire
from target import HOST, PORT, ctl, run, show, wait_for

PSK_USER = "alice"
PSK_KEY = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def _new_key():
    return ec.generate_private_key(ec.SECP256R1())


def _name(*parts):
    return x509.Name([x509.NameAttribute(kind, text)
                      for kind, text in parts])


class Authority:
    """A CA with a folder, and what it signs there; a root, or certified by the one
    above."""

    def __init__(self, path, name="nbdtarget test CA", above=None):
        self.path = path
        os.makedirs(path)
        self.key = _new_key()
        self.name = _name((NameOID.COMMON_NAME, name))
        self.serial = 16
        above = above or self
        certificate = above._build(self.name, self.key, 9).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca = self._write("ca-cert.pem", certificate.sign(
            above.key, hashes.SHA256()))

    def _build(self, name, key, days):
        self.serial += 1
        start = datetime.datetime.utcnow() - datetime.timedelta(
            days=max(1, 1 - days))
        return x509.CertificateBuilder().subject_name(name).issuer_name(
            self.name).public_key(key.public_key()).serial_number(
            self.serial).not_valid_before(start).not_valid_after(
            start + datetime.timedelta(days=max(1, days)))

    def _write(self, name, thing):
        """Its path; of a key that nobody else may read."""
        path = os.path.join(self.path, name)
        data = (thing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
                                    NoEncryption())
                if hasattr(thing, "private_bytes") else
                thing.public_bytes(Encoding.PEM))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600),
                  "wb") as file:
            file.write(data)
        return path

    def _sign(self, file, name, purpose, alt_names, days, key=None):
        """The paths of a certificate, and of the key that it is of."""
        key = key or _new_key()
        builder = self._build(name, key, days).add_extension(
            x509.ExtendedKeyUsage([purpose]), critical=False)
        if alt_names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alt_names), critical=False)
        return (self._write(file + "-cert.pem",
                            builder.sign(self.key, hashes.SHA256())),
                self._write(file + "-key.pem", key))

    def sign_server(self, file="server", key=None):
        return self._sign(file, _name((NameOID.COMMON_NAME, "localhost")),
                          ExtendedKeyUsageOID.SERVER_AUTH,
                          [x509.DNSName("localhost"),
                           x509.IPAddress(ipaddress.ip_address(HOST))], 9,
                          key)

    def sign_rsa_server(self):
        return self.sign_server("server-rsa", rsa.generate_private_key(
            public_exponent=65537, key_size=2048))

    def sign_client(self, name, *alt_names, days=9):
        """CN=NAME,O=Test; it has ended when days are less than nothing."""
        return self._sign(name, _name((NameOID.ORGANIZATION_NAME, "Test"),
                                      (NameOID.COMMON_NAME, name)),
                          ExtendedKeyUsageOID.CLIENT_AUTH, list(alt_names),
                          days)

    def sign_name(self, file, name, *alt_names):
        """For a client whose name is a list of its parts, the most general
        first; a part is a pair (kind, text), or a list of such."""
        parts = [part if isinstance(part, list) else [part] for part in name]
        return self._sign(file, x509.Name([
            x509.RelativeDistinguishedName([
                x509.NameAttribute(*pair) for pair in part])
            for part in parts]), ExtendedKeyUsageOID.CLIENT_AUTH,
            list(alt_names), 9)

    def revoke(self, *certificates, days=9, age=1, key=None, critical=None):
        """A CRL of these, its path; the next is due when days are less than nothing,
        it is of so many days ago, forged with a key, and has a critical extension."""
        now = datetime.datetime.utcnow()
        builder = x509.CertificateRevocationListBuilder().issuer_name(
            self.name).last_update(now - datetime.timedelta(
                days=max(age, age - days))).next_update(
            now + datetime.timedelta(days=days))
        for path in certificates:
            with open(path, "rb") as file:
                certificate = x509.load_pem_x509_certificate(file.read())
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(
                    certificate.serial_number).revocation_date(
                    now - datetime.timedelta(hours=1)).build())
        if critical:
            builder = builder.add_extension(critical, critical=True)
        return self._write("crl.pem", builder.sign(key or self.key,
                                                   hashes.SHA256()))


def copy(source, folder, name, mode=0o600):
    with open(source, "rb") as file:
        write(folder, name, file.read(), mode)


def write(folder, name, data, mode=0o600):
    """Put in place at once, as a careful administrator does."""
    path = os.path.join(folder, name)
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                      mode), "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def server_folder(path, authority, psk=True):
    """All that the agent can take."""
    os.makedirs(path, 0o700)
    certificate, key = authority.sign_server()
    copy(certificate, path, "server-cert.pem")
    copy(key, path, "server-key.pem")
    copy(authority.ca, path, "ca-cert.pem")
    if psk:
        write(path, "keys.psk", ("%s:%s\n" % (PSK_USER, PSK_KEY)).encode())
    return path


def client_folder(path, authority, pair=None):
    os.makedirs(path, 0o700)
    copy(authority.ca, path, "ca-cert.pem")
    if pair:
        copy(pair[0], path, "client-cert.pem")
        copy(pair[1], path, "client-key.pem")
    return path


def psk_file(path, user=PSK_USER, key=PSK_KEY):
    with open(path, "w") as file:
        file.write("%s:%s\n" % (user, key))
    os.chmod(path, 0o600)
    return path


class Agent:
    """nbdtargetctl tls-agent, ready."""

    def __init__(self, folder, *options):
        self.log = tempfile.TemporaryFile()
        self.notify = os.path.join(tempfile.mkdtemp(), "notify")
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(self.notify)
        self.notified.settimeout(wire.TIMEOUT)
        self.process = subprocess.Popen(
            ["nbdtargetctl", "tls-agent", "--credentials", folder, *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(os.environ, NOTIFY_SOCKET=self.notify))
        try:
            self.expect("READY=1")
        except BaseException:
            self.stop()
            raise

    def expect(self, state):
        """The next word to systemd."""
        self.notified.settimeout(0.2)
        for _ in range(int(wire.TIMEOUT * 5)):
            try:
                said = self.notified.recv(4096).decode()
                said, *self.status = said.strip().splitlines()
                break
            except socket.timeout:
                assert self.process.poll() is None, "agent: " + self.said()
        else:
            raise AssertionError("not a word to systemd of " + state)
        assert said == state, said

    def forget_notified(self):
        """Whatever it has said to systemd."""
        self.notified.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while self.notified.recv(4096):
                pass

    def reload(self):
        """By SIGHUP; it is over, and it has said nothing else to systemd."""
        self.send_signal(signal.SIGHUP)
        for state in ("RELOADING=1", "READY=1"):
            self.expect(state)

    def said(self):
        # Without a seek(): the agent's writes go where this file is.
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode()

    def wait_said(self, *words):
        """The client may see its end before the agent's line is written."""
        wait_for(lambda: any(word in self.said() for word in words),
                 lambda: "%s in %s" % (" or ".join(words), self.said()))

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(wire.TIMEOUT)
        self.notified.close()
        return status


@contextlib.contextmanager
def agent(folder, *options):
    a = Agent(folder, *options)
    try:
        yield a
    finally:
        a.stop()


@contextlib.contextmanager
def listening(mode, port=PORT, host=HOST):
    address = "%s:%d" % (host, port)
    ctl("add-listener", address, "--tls", mode)
    try:
        yield
    finally:
        ctl("remove-listener", address, "--force", "--if-exists")


class Client(wire.Client):
    """wire.Client that can begin TLS."""

    def starttls(self):
        """Ask for TLS; the final reply. The rest is up to the caller."""
        return self.option(wire.OPT_STARTTLS)[-1]

    def encrypt(self, context, session=None):
        """After ACK: the handshake. ssl.SSLError when that fails."""
        self.socket = context.wrap_socket(self.socket,
                                          suppress_ragged_eofs=False,
                                          session=session)

    def secure(self, context, *more):
        reply = self.starttls()
        assert reply.kind == wire.REP_ACK, reply
        self.encrypt(context, *more)

    def expect_close(self):
        try:
            data = self.socket.recv(4096)
        except (ConnectionResetError, ssl.SSLError):
            return
        if data:
            raise wire.ProtocolError("expected the end, got %r" % data[:80])

    def expect_close_notify(self):
        """The server ends TLS, and not just the connection."""
        data = self.socket.recv(4096)
        assert data == b"", data[:80]


def context(authority=None, pair=None, version=None, ciphers=None):
    """What OpenSSL needs for a handshake; a server that it trusts."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    if authority:
        c.load_verify_locations(authority.ca)
    else:
        c.verify_mode = ssl.CERT_NONE
    if pair:
        c.load_cert_chain(*pair)
    if version:
        c.minimum_version = c.maximum_version = version
    if ciphers:
        c.set_ciphers(ciphers)
    return c


def connect(name, ssl_context, port=PORT, **kwargs):
    """A client in transmission, under TLS."""
    client = Client(HOST, port, **kwargs)
    try:
        client.handshake()
        client.secure(ssl_context)
        client.go(name)
    except BaseException:
        client.close()
        raise
    return client


def connections():
    return show("connections")


def wait_gone():
    """Until no connection is left."""
    wait_for(lambda: not connections(), "connections to end")


# A client that can send any record: the handshake by OpenSSL, the records by
# what is here.

TCP_ULP, SOL_TLS, TLS_TX, TLS_RX = 31, 282, 1, 2
ALERT, HANDSHAKE, DATA = 21, 22, 23


def key_update(asks=False):
    """The text of its record; whether it asks for one in turn."""
    return bytes([24, 0, 0, 1, int(asks)])


class Suite:
    """What a suite of TLS 1.3 is to the kernel, and to us."""

    def __init__(self, digest, key_length, number, salt_length, cipher):
        self.digest, self.key_length, self.number = digest, key_length, number
        self.salt_length, self.cipher = salt_length, cipher

    def expand(self, secret, label, length, context=b""):
        """HKDF-Expand-Label of RFC 8446, 7.1, for up to one block."""
        label = b"tls13 " + label
        info = (struct.pack(">HB", length, len(label)) + label +
                bytes([len(context)]) + context)
        return hmac.new(secret, info + b"\1", self.digest).digest()[:length]

    def new_secret(self):
        return os.urandom(self.digest().digest_size)

    def next_secret(self, secret):
        return self.expand(secret, b"traffic upd", len(secret))

    def keys(self, secret):
        return (self.expand(secret, b"key", self.key_length),
                self.expand(secret, b"iv", 12))

    def info(self, secret):
        """What the options TLS_TX and TLS_RX take."""
        key, iv = self.keys(secret)
        return (struct.pack("=HH", 0x304, self.number) +
                iv[self.salt_length:] + key + iv[:self.salt_length] + bytes(8))


SUITES = {
    "TLS_AES_256_GCM_SHA384": Suite(hashlib.sha384, 32, 52, 4, aead.AESGCM),
    "TLS_AES_128_GCM_SHA256": Suite(hashlib.sha256, 16, 51, 4, aead.AESGCM),
    "TLS_AES_128_CCM_SHA256": Suite(hashlib.sha256, 16, 53, 4, aead.AESCCM),
    "TLS_CHACHA20_POLY1305_SHA256": Suite(hashlib.sha256, 32, 54, 0,
                                          aead.ChaCha20Poly1305),
}


class Direction:
    """Records one way."""

    def __init__(self, suite, secret):
        self.suite = suite
        self.secret = secret
        self.updates = 0
        self._begin()

    def _begin(self):
        key, self.iv = self.suite.keys(self.secret)
        self.cipher = self.suite.cipher(key)
        self.count = 0

    def update(self):
        """Go on with the next key."""
        self.secret = self.suite.next_secret(self.secret)
        self.updates += 1
        self._begin()

    def _nonce(self):
        nonce = int.from_bytes(self.iv, "big") ^ self.count
        self.count += 1
        return nonce.to_bytes(12, "big")

    def seal(self, kind, text, padding=0):
        head = struct.pack(">BHH", DATA, 0x303, len(text) + 17 + padding)
        return head + self.cipher.encrypt(
            self._nonce(), text + bytes([kind]) + bytes(padding), head)

    def open(self, head, sealed):
        text = self.cipher.decrypt(self._nonce(), sealed, head).rstrip(b"\0")
        return text[-1], text[:-1]


class RecordSocket:
    """As much of a socket as clients use, over records that are ours. It follows
    the server's KeyUpdates, and answers them when it is told to."""

    def __init__(self, plain, suite, tx_secret, rx_secret):
        self.plain = plain
        self.tx = Direction(suite, tx_secret)
        self.rx = Direction(suite, rx_secret)
        self.unread = b""
        self.answers = True
        self.asked = 0          # by the server, for a KeyUpdate

    def __getattr__(self, name):
        return getattr(self.plain, name)

    # Sending.

    def send_record(self, kind, text):
        self.plain.sendall(self.tx.seal(kind, text))

    def update(self, asks=False):
        """Another key of ours."""
        self.send_record(HANDSHAKE, key_update(asks))
        self.tx.update()

    def send(self, data):
        """In a record of its own."""
        self.send_record(DATA, data)
        return len(data)

    def sendall(self, data):
        for start in range(0, len(data), 16384):
            self.send(data[start:start + 16384])

    # Receiving.

    def _exactly(self, length):
        data = b""
        while len(data) < length:
            step = self.plain.recv(length - len(data))
            if not step:
                raise wire.Closed("in a record")
            data += step
        return data

    def receive_record(self):
        """(type, data) of whatever comes; type 0 at the end."""
        try:
            first = self.plain.recv(1)
            if not first:
                return 0, b""
            head = first + self._exactly(4)
            sealed = self._exactly(struct.unpack(">H", head[3:])[0])
        except ConnectionResetError:
            return 0, b""
        return self.rx.open(head, sealed)

    def _follow(self, text):
        assert text[:4] == key_update()[:4] and len(text) == 5, text
        self.rx.update()
        if text[4]:
            self.asked += 1
            if self.answers:
                self.update()

    def _fill(self):
        """False at the end."""
        while not self.unread:
            kind, text = self.receive_record()
            if kind == HANDSHAKE:
                self._follow(text)
            elif kind == DATA:
                self.unread = text
            else:
                return False
        return True

    def recv(self, length):
        if not self._fill():
            return b""
        data, self.unread = self.unread[:length], self.unread[length:]
        return data

    def recv_into(self, view):
        data = self.recv(len(view))
        view[:len(data)] = data
        return len(data)


class RawClient(Client):
    """A client with TLS 1.3 that has control over each record. Nobody else uses its
    context meanwhile."""

    def encrypt(self, context):
        with tempfile.NamedTemporaryFile("r") as log:
            context.keylog_filename = log.name
            secured = context.wrap_socket(self.socket)
            secrets = {line.split()[0]: bytes.fromhex(line.split()[2])
                       for line in log if not line.startswith("#")}
        context.keylog_filename = None
        suite = SUITES[secured.cipher()[0]]
        timeout = secured.gettimeout()
        plain = socket.socket(fileno=secured.detach())
        plain.settimeout(timeout)
        self.socket = RecordSocket(plain, suite,
                                   secrets["CLIENT_TRAFFIC_SECRET_0"],
                                   secrets["SERVER_TRAFFIC_SECRET_0"])

    def send_record(self, kind, data):
        self.socket.send_record(kind, data)

    def receive_record(self):
        return self.socket.receive_record()

    def update(self, asks=False):
        self.socket.update(asks)

    def alert(self, level, what):
        self.send_record(ALERT, bytes([level, what]))

    def expect_alert(self, what=0):
        """The server's last word; close_notify, unless another is given."""
        kind, data = self.receive_record()
        assert (kind, data[1:]) == (ALERT, bytes([what])), (kind, data[:80])


class OddAgent(genl.Family):
    """An agent that does what the test says, by raw netlink."""

    def __init__(self, announced=True):
        super().__init__()
        family, self.id = self.id, genl.GENL_ID_CTRL
        (reply,) = self.request(genl.CTRL_CMD_GETFAMILY, genl.string(
            genl.CTRL_ATTR_FAMILY_NAME, "nbdtarget"))
        self.id = family
        groups = dict(genl.parse(reply))[7]
        for _, group in genl.parse(groups):
            told = dict(genl.parse(group))
            if told[1].rstrip(b"\0") == b"tls":
                (number,) = struct.unpack("=I", told[2])
        self.socket.setsockopt(genl.SOL_NETLINK, 1, number)
        if announced:
            self.announce()

    def announce(self):
        self.request(self["CMD_TLS_ANNOUNCE"])

    def accept(self):
        """Wait for a handshake and take it: (connection, descriptor)."""
        def attempt():
            try:
                (reply,) = self.request(self["CMD_TLS_ACCEPT"])
            except genl.Refused as refusal:
                assert refusal.errno == errno.EAGAIN, refusal
                return None
            return dict(genl.parse(reply))
        told = wait_for(attempt, "a handshake")
        return (struct.unpack("=I", told[self["A_TLS_CONN_ID"]])[0],
                struct.unpack("=I", told[self["A_TLS_FD"]])[0])

    def done(self, conn, status=0, more=b""):
        self.request(self["CMD_TLS_DONE"],
                     genl.u32(self["A_TLS_CONN_ID"], conn) +
                     genl.u32(self["A_TLS_STATUS"], status) + more)


class Relay:
    """Bytes between a local port, for one connection, and a socket; HEARD is what was
    said at the port."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.heard = bytearray()
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _pump(self, source, to, heard):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                heard += data
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _run(self):
        self.local, _ = self.listener.accept()
        back = threading.Thread(target=self._pump, daemon=True,
                                args=(self.upstream, self.local, bytearray()))
        back.start()
        self._pump(self.local, self.upstream, self.heard)
        back.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for end in (self.upstream, getattr(self, "local", None)):
            if end:
                # Closing alone doesn't reach one that a thread still waits for.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


class Events:
    """What nbdtargetctl monitor says, as objects."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["nbdtargetctl", "monitor", "--announce", "--json"],
            stdout=subprocess.PIPE, text=True)
        self.next("start")

    def next(self, name):
        """The next event of that name."""
        while True:
            line = self.process.stdout.readline()
            assert line, "monitor has ended"
            event = json.loads(line)
            if event["event"] == name:
                return event

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(wire.TIMEOUT)
        self.process.stdout.close()
