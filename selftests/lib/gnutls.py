# SPDX-License-Identifier: GPL-2.0
"""A client of GnuTLS, the library of QEMU, libnbd and nbdkit: what it does with
keys by itself, and when it is told to.
"""

import ctypes
import ctypes.util

import tls

CLIENT, CRD_CERTIFICATE, X509_PEM = 2, 1, 1
KU_PEER = 1
AGAIN = -28

# TLS 1.3, by the ciphers that wear out.
AES_GCM = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM"


class Error(OSError):
    pass


class Library:
    library = None

    @classmethod
    def get(cls):
        if not cls.library:
            cls.library = ctypes.CDLL(ctypes.util.find_library("gnutls"))
            cls.library.gnutls_strerror.restype = ctypes.c_char_p
            for name in ("send", "recv"):
                function = getattr(cls.library, "gnutls_record_" + name)
                function.restype = ctypes.c_ssize_t
                function.argtypes = (ctypes.c_void_p, ctypes.c_void_p,
                                     ctypes.c_size_t)
        return cls.library


def call(name, *args):
    library = Library.get()
    result = getattr(library, "gnutls_" + name)(*args)
    if result < 0:
        raise Error(-result, "%s: %s" % (
            name, library.gnutls_strerror(result).decode()))
    return result


class Socket:
    """A socket that the library has a session on."""

    def __init__(self, plain, pair, priority, session=None):
        # Its calls block as long as they like; a test has its own deadline.
        plain.settimeout(None)
        self.plain = plain
        self.session = ctypes.c_void_p()
        self.credentials = ctypes.c_void_p()
        call("certificate_allocate_credentials",
             ctypes.byref(self.credentials))
        if pair:
            call("certificate_set_x509_key_file", self.credentials,
                 pair[0].encode(), pair[1].encode(), X509_PEM)
        call("init", ctypes.byref(self.session), CLIENT)
        call("priority_set_direct", self.session, priority.encode(), None)
        call("credentials_set", self.session, CRD_CERTIFICATE,
             self.credentials)
        Library.get().gnutls_transport_set_int2(
            self.session, plain.fileno(), plain.fileno())
        if session:
            call("session_set_data", self.session, session, len(session))
        call("handshake", self.session)

    def __getattr__(self, name):
        return getattr(self.plain, name)

    def close(self):
        if self.session:
            Library.get().gnutls_deinit(self.session)
            Library.get().gnutls_certificate_free_credentials(
                self.credentials)
            self.session = None
        self.plain.close()

    def is_resumed(self):
        return bool(call("session_is_resumed", self.session))

    def session_data(self):
        """To come back with, as soon as something was received."""
        data = ctypes.create_string_buffer(65536)
        size = ctypes.c_size_t(len(data))
        call("session_get_data", self.session, data, ctypes.byref(size))
        return data.raw[:size.value]

    def update(self, asks=False):
        call("session_key_update", self.session, KU_PEER if asks else 0)

    def send(self, data):
        """In as few records as go."""
        return call("record_send", self.session, data, len(data))

    def sendall(self, data):
        while data:
            data = data[self.send(data):]

    def send_bytes(self, count):
        """So many records of one byte."""
        send, session = Library.get().gnutls_record_send, self.session
        byte = b"x"
        for _ in range(count):
            if send(session, byte, 1) != 1:
                raise Error("a byte wasn't sent")

    def recv_into(self, view):
        buffer = (ctypes.c_char * len(view)).from_buffer(view)
        while True:
            try:
                return call("record_recv", self.session, buffer, len(view))
            except Error as error:
                # A record that was no data: it has seen to it.
                if -error.errno != AGAIN:
                    raise

    def recv(self, length):
        data = bytearray(length)
        return bytes(data[:self.recv_into(memoryview(data))])


class Client(tls.Client):
    """wire.Client over that; encrypt() takes a certificate and its key, or None."""

    def encrypt(self, pair, session=None, priority=AES_GCM):
        self.socket = Socket(self.socket, pair, priority, session)

    def update(self, asks=False):
        self.socket.update(asks)
