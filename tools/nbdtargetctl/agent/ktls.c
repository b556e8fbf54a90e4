// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's TLS: what it can do, and the keys of a session, from GnuTLS
 * straight to the socket. They are on the stack for as long as that takes, and
 * wiped from it.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/socket.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/ktls.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD 4
#endif

/*
 * What setsockopt(2) takes has the same parts in the same order for every
 * cipher: the head, IV, key, salt and record number.
 */
#define SEQ_SIZE 8
#define CRYPTO_MAX sizeof(struct tls12_crypto_info_aes_gcm_256)

/* Can it be told that nobody pads, and copes with those who do? */
static int no_pad;

/* Is there one? NULL, or why there is none. */
const char *ktls_probe(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return strerror(errno);
	/* It isn't connected; so much the better if that is what is wrong. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	    errno != ENOTCONN) {
		close(fd);
		return "this kernel has no TLS, see 'modprobe tls'";
	}
	close(fd);
	return NULL;
}

/* Two connected TCP sockets; false when this namespace has no way for them. */
static bool connect_pair(int fds[2])
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[1] = -1;
	if (listener >= 0 && fds[0] >= 0 &&
	    !bind(listener, (struct sockaddr *)&addr, len) &&
	    !listen(listener, 1) &&
	    !getsockname(listener, (struct sockaddr *)&addr, &len) &&
	    !connect(fds[0], (struct sockaddr *)&addr, len))
		fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (fds[1] < 0 && fds[0] >= 0)
		close(fds[0]);
	return fds[1] >= 0;
}

/* Does it know the cipher? Yes, where there is no way to find out. */
bool ktls_takes(const struct cipher *c)
{
	const struct tls_crypto_info info = {
		.version = TLS_1_3_VERSION,
		.cipher_type = c->kernel,
	};
	unsigned char crypto[CRYPTO_MAX] = { 0 };
	int fds[2];
	bool ok;

	if (!connect_pair(fds))
		return true;
	memcpy(crypto, &info, sizeof(info));
	ok = !setsockopt(fds[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	     !setsockopt(fds[0], SOL_TLS, TLS_TX, crypto, c->size);
	close(fds[0]);
	close(fds[1]);
	return ok;
}

/* What is sent to ourselves to see that padding is understood. */
#define PROOF_DATA 64
#define PROOF_PAD 32
#define PROOF_RECORD (5 + PROOF_DATA + 1 + PROOF_PAD + 16)

/* A record as a client sends it; its length. */
static size_t seal(unsigned char to[PROOF_RECORD], gnutls_aead_cipher_hd_t aead,
		   unsigned char number, int byte, size_t pad)
{
	unsigned char plain[PROOF_DATA + 1 + PROOF_PAD] = { 0 };
	unsigned char nonce[12] = { [11] = number };
	size_t len = PROOF_DATA + 1 + pad, sealed = len + 16;
	const unsigned char head[5] = { 23, 3, 3, 0, (unsigned char)sealed };

	memset(plain, byte, PROOF_DATA);
	plain[PROOF_DATA] = 23;
	memcpy(to, head, sizeof(head));
	gnutls_aead_cipher_encrypt(aead, nonce, sizeof(nonce), head,
				   sizeof(head), 16, plain, len, to + 5,
				   &sealed);
	return sizeof(head) + sealed;
}

/* One record with padding and one without, in one piece, are read in one. */
static bool reads_padding(const int fds[2], gnutls_aead_cipher_hd_t aead)
{
	const struct tls12_crypto_info_aes_gcm_128 crypto = {
		.info = { TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128 },
	};
	const struct timeval deadline = { .tv_sec = 1 };
	unsigned char sent[2 * PROOF_RECORD], got[2 * PROOF_DATA];
	unsigned char want[2 * PROOF_DATA];
	size_t n = seal(sent, aead, 0, 'a', PROOF_PAD);
	const int on = 1;

	n += seal(sent + n, aead, 1, 'b', 0);
	memset(want, 'a', PROOF_DATA);
	memset(want + PROOF_DATA, 'b', PROOF_DATA);
	return !setsockopt(fds[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	       !setsockopt(fds[0], SOL_TLS, TLS_RX, &crypto, sizeof(crypto)) &&
	       !setsockopt(fds[0], SOL_TLS, TLS_RX_EXPECT_NO_PAD, &on,
			   sizeof(on)) &&
	       !setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &deadline,
			   sizeof(deadline)) &&
	       send(fds[1], sent, n, MSG_NOSIGNAL) == (ssize_t)n &&
	       recv(fds[0], got, sizeof(got), MSG_WAITALL) == sizeof(got) &&
	       !memcmp(got, want, sizeof(got));
}

/*
 * Kernels that are told that nobody pads decrypt to where data is wanted, and have
 * to do it once more where somebody does after all. Some (6.8.1) have lost their
 * place by then. Only what was seen to work here is used.
 */
void ktls_prove_padding(void)
{
	unsigned char zeroes[16] = { 0 };
	const gnutls_datum_t key = { zeroes, sizeof(zeroes) };
	gnutls_aead_cipher_hd_t aead;
	int fds[2];

	if (gnutls_aead_cipher_init(&aead, GNUTLS_CIPHER_AES_128_GCM, &key))
		return;
	if (connect_pair(fds)) {
		no_pad = reads_padding(fds, aead);
		close(fds[0]);
		close(fds[1]);
	}
	gnutls_aead_cipher_deinit(aead);
}

static unsigned char *append(unsigned char *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

/*
 * The library's IV is the salt and, with TLS 1.3, the kernel's IV behind it.
 * TLS 1.2 has that part in each record: its number will do to begin with. What
 * has no salt has one IV in both.
 */
static int fill(unsigned char crypto[CRYPTO_MAX], const struct cipher *c,
		gnutls_session_t session, bool read)
{
	bool old = gnutls_protocol_get_version(session) == GNUTLS_TLS1_2;
	bool counted = old && c->salt_size;
	const struct tls_crypto_info info = {
		.version = old ? TLS_1_2_VERSION : TLS_1_3_VERSION,
		.cipher_type = c->kernel,
	};
	unsigned char seq[SEQ_SIZE], *p = crypto;
	gnutls_datum_t mac, iv, key;

	if (gnutls_record_get_state(session, read, &mac, &iv, &key, seq))
		return -EINVAL;
	if (key.size != c->key_size ||
	    iv.size < c->salt_size + (counted ? 0 : c->iv_size) ||
	    c->size != sizeof(info) + c->iv_size + c->key_size +
		       c->salt_size + SEQ_SIZE)
		return -EINVAL;
	p = append(p, &info, sizeof(info));
	p = append(p, counted ? seq : iv.data + c->salt_size, c->iv_size);
	p = append(p, key.data, c->key_size);
	p = append(p, iv.data, c->salt_size);
	append(p, seq, SEQ_SIZE);
	return 0;
}

static int install(gnutls_session_t session, int fd, const struct cipher *c,
		   bool read)
{
	unsigned char crypto[CRYPTO_MAX];
	int err = fill(crypto, c, session, read);

	if (!err && setsockopt(fd, SOL_TLS, read ? TLS_RX : TLS_TX, crypto,
			       c->size))
		err = -errno;
	gnutls_memset(crypto, 0, sizeof(crypto));
	return err;
}

/*
 * Have the kernel encrypt and decrypt from here on. The library may have done
 * it by itself, where it is configured to. 0 or a negative errno; so it is for no
 * cipher at all.
 */
int ktls_install(gnutls_session_t session, const struct cipher *c, int fd)
{
	gnutls_transport_ktls_enable_flags_t on;
	int err = 0;

	if (!c)
		return -EOPNOTSUPP;
	on = gnutls_transport_is_ktls_enabled(session);
	if (!on && setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return -errno;
	if (!(on & GNUTLS_KTLS_SEND))
		err = install(session, fd, c, false);
	if (!err && !(on & GNUTLS_KTLS_RECV))
		err = install(session, fd, c, true);
	/* Hardly anybody pads; the kernel then decrypts to where data is wanted. */
	if (!err && no_pad &&
	    gnutls_protocol_get_version(session) == GNUTLS_TLS1_3)
		setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &no_pad,
			   sizeof(no_pad));
	return err;
}
