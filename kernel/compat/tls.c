// SPDX-License-Identifier: GPL-2.0
/*
 * Another key for one direction of a socket that kTLS has.
 *
 * Until 6.13 kTLS refuses a second key.  From 6.14 its socket option takes one, but
 * only from user space: of a buffer of the kernel it copies more than it has declared
 * room for, which FORTIFY_SOURCE tells of each time.  So on every kernel what the
 * option would do is done here, with what <net/tls.h> says of kTLS's state, which is
 * this kernel's own, as it is compiled against: the cipher's key, the nonce's fixed
 * part, and the number of the next record, under the socket's lock.  That this is
 * enough was read in net/tls of 6.1 and of the newest, and is tested on both:
 *
 *  - Receiving, kTLS takes records apart one by one, when it is asked for them.  It
 *    stops at one that isn't data, so behind a KeyUpdate that was just received
 *    nothing is decrypted yet.  From 6.14 it also refuses to go on before it was told
 *    that the new key is there.  With TLS 1.3 it waits for each record, whatever does
 *    the cipher.
 *  - Sending, a record is encrypted by the call that ends it, and whatever was
 *    begun is ended by a record that isn't data.  Where a device does the cipher, the
 *    call may return before that has: then it is too early.
 *
 * A device that does all of TLS (TLS_HW) has a copy of the key; kTLS never gives
 * TLS 1.3 to one.
 */
#include <linux/atomic.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <net/sock.h>
#include <net/tls.h>
#include <crypto/aead.h>

#include "compat/tls.h"

/* What kTLS counts as under way besides what is; in 6.1 to 6.7 it may be nothing. */
#ifdef NBDT_HAVE_TLS_COMPL_LOCK
#define ENCRYPT_IDLE	0
#else
#define ENCRYPT_IDLE	1
#endif

/* The socket's lock isn't needed: the caller alone sends. */
static bool is_idle(const struct tls_context *ctx)
{
	const struct tls_sw_context_tx *tx = tls_sw_ctx_tx(ctx);

	return !tx->open_rec && atomic_read(&tx->encrypt_pending) <= ENCRYPT_IDLE;
}

/* kTLS waits for this behind a KeyUpdate; nobody polls the socket for it. */
static void finish_key_update(struct tls_context *ctx)
{
#ifdef NBDT_HAVE_TLS_KEY_UPDATE
	WRITE_ONCE(tls_sw_ctx_rx(ctx)->key_update_pending, false);
#endif
}

/*
 * The parts of what the socket option takes: its head, the IV, the key, the salt and
 * the number of the next record.
 */
static int set_key_locked(struct tls_context *ctx, bool tx, const u8 *info,
			  unsigned int size)
{
	const struct tls_prot_info *prot = &ctx->prot_info;
	const u8 *iv = info + sizeof(struct tls_crypto_info);
	const u8 *key = iv + prot->iv_size;
	const u8 *seq = info + size - prot->rec_seq_size;
	const u8 *salt = seq - prot->salt_size;
	struct cipher_context *cipher = tx ? &ctx->tx : &ctx->rx;
	int err;

	err = crypto_aead_setkey(tx ? tls_sw_ctx_tx(ctx)->aead_send :
				      tls_sw_ctx_rx(ctx)->aead_recv,
				 key, salt - key);
	if (err)
		return err;
	memcpy(cipher->iv, salt, prot->salt_size);
	memcpy(cipher->iv + prot->salt_size, iv, prot->iv_size);
	memcpy(cipher->rec_seq, seq, prot->rec_seq_size);
	memcpy(tx ? &ctx->crypto_send : &ctx->crypto_recv, info, size);
	if (!tx)
		finish_key_update(ctx);
	return 0;
}

static int set_key(struct socket *sock, bool tx, void *info, unsigned int size)
{
	struct sock *sk = sock->sk;
	int err;

	lock_sock(sk);
	err = set_key_locked(tls_get_ctx(sk), tx, info, size);
	release_sock(sk);
	return err;
}

/**
 * nbdt_compat_tls_rekey - have another key for one direction
 * @sock: under TLS 1.3 in both directions; the caller alone uses it
 * @tx: the direction: sending, after a KeyUpdate was sent, or receiving, when one was
 *	received and nothing after it
 * @info: what the options TLS_TX and TLS_RX of linux/tls.h take, of the version and
 *	cipher that are in use
 * @size: of that
 *
 * Return: 0; -EAGAIN when the cipher is still at work with the old key, which
 * takes no more than a moment; -EOPNOTSUPP when a device does it; -ENOMEM.
 */
int nbdt_compat_tls_rekey(struct socket *sock, bool tx, void *info,
			  unsigned int size)
{
	const struct tls_context *ctx = tls_get_ctx(sock->sk);
	unsigned int noio;
	int err;

	if ((tx ? ctx->tx_conf : ctx->rx_conf) != TLS_SW)
		return -EOPNOTSUPP;
	if (tx && !is_idle(ctx))
		return -EAGAIN;
	/* A cipher may need memory for it, and that is what clients write for. */
	noio = memalloc_noio_save();
	err = set_key(sock, tx, info, size);
	memalloc_noio_restore(noio);
	return err;
}
