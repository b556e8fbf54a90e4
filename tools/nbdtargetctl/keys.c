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

/*
 * What setsockopt(2) takes has the same parts in the same order for every
 * cipher: the head, IV, key, salt and record number.
 */
#define SEQ_SIZE 8
#define CRYPTO_MAX sizeof(struct tls12_crypto_info_aes_gcm_256)

static const struct cipher {
	gnutls_cipher_algorithm_t gnutls;
	const char *name;	/* in a priority string */
	uint16_t kernel;
	size_t iv_size;
	size_t key_size;
	size_t salt_size;
	size_t size;		/* of all */
} ciphers[] = {
	{ GNUTLS_CIPHER_AES_256_GCM, "AES-256-GCM", TLS_CIPHER_AES_GCM_256,
	  TLS_CIPHER_AES_GCM_256_IV_SIZE, TLS_CIPHER_AES_GCM_256_KEY_SIZE,
	  TLS_CIPHER_AES_GCM_256_SALT_SIZE,
	  sizeof(struct tls12_crypto_info_aes_gcm_256) },
	{ GNUTLS_CIPHER_AES_128_GCM, "AES-128-GCM", TLS_CIPHER_AES_GCM_128,
	  TLS_CIPHER_AES_GCM_128_IV_SIZE, TLS_CIPHER_AES_GCM_128_KEY_SIZE,
	  TLS_CIPHER_AES_GCM_128_SALT_SIZE,
	  sizeof(struct tls12_crypto_info_aes_gcm_128) },
	{ GNUTLS_CIPHER_CHACHA20_POLY1305, "CHACHA20-POLY1305",
	  TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_CHACHA20_POLY1305_IV_SIZE,
	  TLS_CIPHER_CHACHA20_POLY1305_KEY_SIZE, 0,
	  sizeof(struct tls12_crypto_info_chacha20_poly1305) },
	{ GNUTLS_CIPHER_AES_128_CCM, "AES-128-CCM", TLS_CIPHER_AES_CCM_128,
	  TLS_CIPHER_AES_CCM_128_IV_SIZE, TLS_CIPHER_AES_CCM_128_KEY_SIZE,
	  TLS_CIPHER_AES_CCM_128_SALT_SIZE,
	  sizeof(struct tls12_crypto_info_aes_ccm_128) },
};

static bool usable[ARRAY_SIZE(ciphers)];

/* Those that are offered, the best first, as places in ciphers. */
static size_t offered[ARRAY_SIZE(ciphers)] = { 0, 1, 2, 3 };
static size_t nr_offered = ARRAY_SIZE(ciphers);
static bool is_chosen;		/* by the administrator */

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

static bool offer(const char *name, size_t len)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (strlen(ciphers[i].name) == len &&
		    !strncmp(ciphers[i].name, name, len))
			break;
	if (i == ARRAY_SIZE(ciphers))
		return false;
	for (j = 0; j < nr_offered; j++)
		if (offered[j] == i)
			return true;
	offered[nr_offered++] = i;
	return true;
}

/*
 * Offer no others than those of LIST, with commas between, and choose by their
 * order, not by the client's. NULL, or what in LIST is no name of a cipher.
 */
const char *keys_choose(const char *list)
{
	size_t len;

	nr_offered = 0;
	is_chosen = true;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (!offer(list, len))
			return list;
		if (!list[len])
			return NULL;
	}
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
	for (i = 0; i < nr_offered; i++) {
		usable[offered[i]] = takes(&ciphers[offered[i]]);
		any |= usable[offered[i]];
	}
	return any ? NULL : "this kernel's TLS has none of the ciphers";
}

/* Does their order count for more than the client's? */
bool keys_ciphers_are_chosen(void)
{
	return is_chosen;
}

static char *join(char *s, const char *between, const struct cipher *c)
{
	char *longer = mem_printf("%s%s%s", s, between, c->name);

	free(s);
	return longer;
}

/* As a part of a priority string, which the caller frees. */
char *keys_ciphers(void)
{
	char *s = mem_copy("");
	size_t i;

	for (i = 0; i < nr_offered; i++)
		if (usable[offered[i]])
			s = join(s, ":+", &ciphers[offered[i]]);
	return s;
}

/* All that can be chosen, as a list that the caller frees. */
char *keys_names(void)
{
	char *s = mem_copy("");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		s = join(s, i ? ", " : "", &ciphers[i]);
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
