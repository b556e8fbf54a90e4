// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of a session, from GnuTLS straight to the socket. They are on the
 * stack for as long as that takes, and wiped from it.
 */
#include <errno.h>
#include <gnutls/socket.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keys.h"
#include "tool.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD 4
#endif

union crypto {
	struct tls_crypto_info info;
	struct tls12_crypto_info_aes_gcm_128 gcm_128;
	struct tls12_crypto_info_aes_gcm_256 gcm_256;
	struct tls12_crypto_info_aes_ccm_128 ccm_128;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
};

/* Where the parts of each cipher's structure are. */
#define CIPHER(gnutls_, name_, kernel_, member_, salt_) {		\
	.gnutls = GNUTLS_CIPHER_##gnutls_,				\
	.name = name_,							\
	.kernel = TLS_CIPHER_##kernel_,					\
	.size = sizeof(((union crypto *)NULL)->member_),		\
	.key = offsetof(union crypto, member_.key),			\
	.key_size = TLS_CIPHER_##kernel_##_KEY_SIZE,			\
	.iv = offsetof(union crypto, member_.iv),			\
	.iv_size = TLS_CIPHER_##kernel_##_IV_SIZE,			\
	.salt = offsetof(union crypto, member_.salt),			\
	.salt_size = salt_,						\
	.seq = offsetof(union crypto, member_.rec_seq),			\
}

static const struct cipher {
	gnutls_cipher_algorithm_t gnutls;
	const char *name;	/* in a priority string */
	uint16_t kernel;
	size_t size;
	size_t key, key_size;
	size_t iv, iv_size;
	size_t salt, salt_size;
	size_t seq;
} ciphers[] = {
	CIPHER(AES_256_GCM, "AES-256-GCM", AES_GCM_256, gcm_256, 4),
	CIPHER(AES_128_GCM, "AES-128-GCM", AES_GCM_128, gcm_128, 4),
	CIPHER(CHACHA20_POLY1305, "CHACHA20-POLY1305", CHACHA20_POLY1305,
	       chacha, 0),
	CIPHER(AES_128_CCM, "AES-128-CCM", AES_CCM_128, ccm_128, 4),
};

static bool usable[ARRAY_SIZE(ciphers)];

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

static bool takes(const struct cipher *c)
{
	union crypto crypto = { .info.version = TLS_1_3_VERSION };
	int fds[2];
	bool ok;

	if (!connect_pair(fds))
		return true;
	crypto.info.cipher_type = c->kernel;
	ok = !setsockopt(fds[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	     !setsockopt(fds[0], SOL_TLS, TLS_TX, &crypto, c->size);
	close(fds[0]);
	close(fds[1]);
	return ok;
}

/* What can the kernel do? NULL, or why it can't do TLS at all. */
const char *keys_probe(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool any = false;
	size_t i;

	if (fd < 0)
		return strerror(errno);
	/* It isn't connected; so much the better if that is what is wrong. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) &&
	    errno != ENOTCONN) {
		close(fd);
		return "this kernel has no TLS, see 'modprobe tls'";
	}
	close(fd);
	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		usable[i] = takes(&ciphers[i]);
		any |= usable[i];
	}
	return any ? NULL : "this kernel's TLS has none of the ciphers";
}

/* As a part of a priority string, which the caller frees. */
char *keys_ciphers(void)
{
	char *s = mem_copy("");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		char *longer;

		if (!usable[i])
			continue;
		longer = mem_printf("%s:+%s", s, ciphers[i].name);
		free(s);
		s = longer;
	}
	return s;
}

static const struct cipher *find_cipher(gnutls_session_t session)
{
	gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(session);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].gnutls == cipher)
			return &ciphers[i];
	return NULL;
}

/* TLS 1.2 has the IV's second part in each record: its number will do. */
static int fill(union crypto *crypto, const struct cipher *c,
		gnutls_session_t session, bool read)
{
	bool old = gnutls_protocol_get_version(session) == GNUTLS_TLS1_2;
	unsigned char seq[8], *base = (unsigned char *)crypto;
	gnutls_datum_t mac, iv, key;
	int err;

	err = gnutls_record_get_state(session, read, &mac, &iv, &key, seq);
	if (err)
		return -EINVAL;
	if (key.size != c->key_size ||
	    iv.size < c->salt_size + (old && c->salt_size ? 0 : c->iv_size))
		return -EINVAL;
	memset(crypto, 0, sizeof(*crypto));
	crypto->info.version = old ? TLS_1_2_VERSION : TLS_1_3_VERSION;
	crypto->info.cipher_type = c->kernel;
	memcpy(base + c->key, key.data, c->key_size);
	memcpy(base + c->salt, iv.data, c->salt_size);
	if (old && c->salt_size)
		memcpy(base + c->iv, seq, c->iv_size);
	else
		memcpy(base + c->iv, iv.data + c->salt_size, c->iv_size);
	memcpy(base + c->seq, seq, sizeof(seq));
	return 0;
}

static int install(gnutls_session_t session, int fd, const struct cipher *c,
		   bool read)
{
	union crypto crypto;
	int err = fill(&crypto, c, session, read);

	if (!err && setsockopt(fd, SOL_TLS, read ? TLS_RX : TLS_TX, &crypto,
			       c->size))
		err = -errno;
	gnutls_memset(&crypto, 0, sizeof(crypto));
	return err;
}

/*
 * Have the kernel encrypt and decrypt from here on. The library may have done
 * it by itself, where it is configured to. 0 or a negative errno.
 */
int keys_install(gnutls_session_t session, int fd)
{
	const struct cipher *c = find_cipher(session);
	gnutls_transport_ktls_enable_flags_t on;
	int err = 0, no_pad = 1;

	if (!c)
		return -EOPNOTSUPP;
	on = gnutls_transport_is_ktls_enabled(session);
	if (!on && setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return -errno;
	if (!(on & GNUTLS_KTLS_SEND))
		err = install(session, fd, c, false);
	if (!err && !(on & GNUTLS_KTLS_RECV))
		err = install(session, fd, c, true);
	/* Nobody pads; the kernel then decrypts to where data is wanted. */
	if (!err && gnutls_protocol_get_version(session) == GNUTLS_TLS1_3)
		setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &no_pad,
			   sizeof(no_pad));
	return err;
}
