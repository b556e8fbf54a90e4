// SPDX-License-Identifier: GPL-2.0
/*
 * Other keys for a connection under TLS 1.3, while it goes on.
 *
 * An AES key is good for some 2^24.5 records (RFC 8446, 5.5), and clients know that:
 * GnuTLS sends a KeyUpdate by itself after 2^24.  From there on its records have
 * another key, and who can't follow loses the client.  What is to be had on this
 * side was weighed: a cipher that nobody wears out, ChaCha20-Poly1305, costs those
 * whose CPU does AES for them several times the time of all else, TLS 1.2 takes
 * away what 1.3 protects, both don't help with clients that want neither, and taking
 * records apart without kTLS means to write it again.  So the keys in kTLS are changed,
 * on every kernel (compat/tls.c).  It costs nothing until a key changes, and then some
 * microseconds.
 *
 * What it takes are the secrets that the keys were made of, one for each direction.
 * The agent has them from the handshake and hands them over with its report, once.
 * They are believed when they give the keys that kTLS has.  From each the next one
 * is made, and forgotten is the one before (RFC 8446, 7.2): who gets to know it
 * can't read what was sent until then.  No agent is needed later, and nothing but
 * this file reads them.
 *
 * Receiving.  A KeyUpdate is the last record under the old key.  It comes up alone
 * (ktls.c), with nothing decrypted behind it, and the key is changed before anything
 * else is received.
 *
 * Sending.  Ours is sent when the client asked for it, or when a key of ours was used
 * a lot, in front of whatever is sent next, which waits until it is out and the
 * key is changed: one test of a flag that all that send make.  The client
 * can't tell that from at once, and one that asks many times gets one answer, as
 * is allowed.  One whose key was used a lot is asked for another.
 *
 * A client that does nothing but change its key makes work: after some tens without
 * a record of data in between it is ended.
 *
 * All of it belongs to the socket's thread but for the counts.  Memory is taken in
 * the beginning.  What hashes the secrets is had at the module's beginning, and kept:
 * later on secrets come under a lock of generic netlink, where no program that loads
 * a module may be waited for.
 */
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <net/sock.h>
#include <net/tls.h>
#include <crypto/algapi.h>
#include <crypto/hash.h>

#include "compat/tls.h"
#include "compat/unaligned.h"
#include "transport/record.h"
#include "transport/rekey.h"
#include "transport/sock.h"

/* Of the longest hash, and what is made of it for a cipher: see RFC 8446, 5.3. */
#define SECRET_MAX	48
#define NONCE_SIZE	12
#define SEQ_SIZE	8

/* A KeyUpdate: its type, its length, and whether one is asked for in turn. */
#define KEY_UPDATE		24
#define KEY_UPDATE_SIZE	5

/* KeyUpdates in a row that are followed; libraries that bound it allow as many. */
#define ROW_MAX		32

/* The least number of records that a client may still send until it follows. */
#define FOLLOW_MIN	4096

struct cipher {
	u16 type;
	u8 iv_size;
	u8 key_size;
	u8 salt_size;
	u8 hash_size;
};

#define CIPHER(name, hash) {						\
	TLS_CIPHER_##name, TLS_CIPHER_##name##_IV_SIZE,			\
	TLS_CIPHER_##name##_KEY_SIZE, TLS_CIPHER_##name##_SALT_SIZE, hash }

static const struct cipher ciphers[] = {
	CIPHER(AES_GCM_128, 32),
	CIPHER(AES_GCM_256, 48),
	CIPHER(AES_CCM_128, 32),
	CIPHER(CHACHA20_POLY1305, 32),
};

/* Kept from the module's beginning to its end, so that it is there; or NULL. */
static struct {
	const char *name;
	size_t size;
	struct crypto_shash *kept;
} hashes[] = {
	{ "hmac(sha256)", 32 },
	{ "hmac(sha384)", SECRET_MAX },
};

struct nbdt_rekey {
	/* Set in the beginning, then read-only. */
	struct crypto_shash *hmac;	/* its key is set for each use */
	size_t size;			/* of a secret */
	const struct cipher *cipher;	/* set when the secrets were believed */

	u8 secret[2][SECRET_MAX];	/* of what is received, and sent */
	bool is_sent;			/* our KeyUpdate; its key isn't yet */
	bool asks;			/* it asks for one in turn */
	bool has_asked;			/* and the client didn't yet follow */
	u64 asked_at;			/* records received then */
	unsigned int row;		/* KeyUpdates without data in between */

	/* Read by anybody. */
	u32 count[2];			/* changes of the key */
};

/* What the options TLS_RX and TLS_TX take. */
struct info {
	u8 bytes[sizeof(union tls_crypto_context)]
		__aligned(__alignof__(union tls_crypto_context));
	unsigned int size;
};

/* A kernel may lack them: then secrets are refused, and nothing else. */
void __init nbdt_rekey_init(void)
{
	struct crypto_shash *hmac;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		hmac = crypto_alloc_shash(hashes[i].name, 0, 0);
		hashes[i].kept = IS_ERR(hmac) ? NULL : hmac;
	}
}

/* Nobody has secrets any more. */
void nbdt_rekey_exit(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i].kept)
			crypto_free_shash(hashes[i].kept);
	}
}

/* One more of those that are kept. */
static struct crypto_shash *get_hmac(size_t size)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i].size != size)
			continue;
		return hashes[i].kept ?
		       crypto_alloc_shash(hashes[i].name, 0, 0) :
		       ERR_PTR(-EOPNOTSUPP);
	}
	return ERR_PTR(-EINVAL);
}

/**
 * nbdt_rekey_create - take the secrets of a connection
 * @rx_secret: of the client's traffic
 * @tx_secret: of ours
 * @size: bytes of each
 *
 * Return: to be freed by nbdt_rekey_free(); or -EINVAL when no cipher of TLS 1.3 has
 * such secrets, -EOPNOTSUPP when the kernel can't make keys of them, -ENOMEM.
 */
struct nbdt_rekey *nbdt_rekey_create(const void *rx_secret,
				     const void *tx_secret, size_t size)
{
	struct crypto_shash *hmac = get_hmac(size);
	struct nbdt_rekey *r;

	if (IS_ERR(hmac))
		return ERR_CAST(hmac);
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r) {
		crypto_free_shash(hmac);
		return ERR_PTR(-ENOMEM);
	}
	r->hmac = hmac;
	r->size = size;
	memcpy(r->secret[false], rx_secret, size);
	memcpy(r->secret[true], tx_secret, size);
	return r;
}

/**
 * nbdt_rekey_save - what another module has to know to go on with these keys
 * @s: its socket; the caller is its thread
 * @state: to be wiped by the caller, as the secrets are in it
 */
void nbdt_rekey_save(const struct nbdt_sock *s, struct nbdt_rekey_state *state)
{
	const struct nbdt_rekey *r = s->rekey;

	static_assert(sizeof(state->secret) == sizeof(r->secret));
	memset(state, 0, sizeof(*state));
	if (!r)
		return;
	memcpy(state->secret, r->secret, sizeof(state->secret));
	memcpy(state->count, r->count, sizeof(state->count));
	state->size = r->size;
	state->asked_at = r->asked_at;
	state->is_due = s->rekey_due;
	state->is_sent = r->is_sent;
	state->asks = r->asks;
	state->has_asked = r->has_asked;
}

/**
 * nbdt_rekey_resume - go on with keys of a connection that another module had
 * @state: of nbdt_rekey_save(), with secrets; is_due is for the socket
 *
 * Return: as nbdt_rekey_create().
 */
struct nbdt_rekey *nbdt_rekey_resume(const struct nbdt_rekey_state *state)
{
	struct nbdt_rekey *r = nbdt_rekey_create(state->secret[false],
						 state->secret[true],
						 state->size);

	if (IS_ERR(r))
		return r;
	memcpy(r->count, state->count, sizeof(r->count));
	r->asked_at = state->asked_at;
	r->is_sent = state->is_sent;
	r->asks = state->asks;
	r->has_asked = state->has_asked;
	return r;
}

/* NULL is fine. */
void nbdt_rekey_free(struct nbdt_rekey *r)
{
	if (!r)
		return;
	crypto_free_shash(r->hmac);
	kfree_sensitive(r);
}

/* How often did the keys of each direction change? */
void nbdt_rekey_counts(const struct nbdt_rekey *r, u32 *rx, u32 *tx)
{
	*rx = READ_ONCE(r->count[false]);
	*tx = READ_ONCE(r->count[true]);
}

/*
 * HKDF-Expand-Label of RFC 8446, 7.1, without a context, for up to one block, from
 * the secret that is the HMAC's key.
 */
static int expand(const struct nbdt_rekey *r, const char *label, u8 *to,
		  size_t size)
{
	static const char prefix[] = "tls13 ";
	u8 message[32], block[SECRET_MAX], *p = message;
	size_t len = sizeof(prefix) - 1 + strlen(label);
	int err;

	put_unaligned_be16(size, p);
	p[2] = len;
	p += 3;
	p += scnprintf(p, sizeof(message) - 5, "%s%s", prefix, label);
	*p++ = 0;
	*p++ = 1;
	err = crypto_shash_tfm_digest(r->hmac, message, p - message, block);
	memcpy(to, block, size);
	memzero_explicit(block, sizeof(block));
	return err;
}

/* The key and nonce that SECRET gives, for the first record under them. */
static int make_info(const struct nbdt_rekey *r, const u8 *secret,
		     struct info *info)
{
	const struct cipher *c = r->cipher;
	const struct tls_crypto_info head = {
		.version = TLS_1_3_VERSION,
		.cipher_type = c->type,
	};
	u8 nonce[NONCE_SIZE], *p = info->bytes;
	int err;

	memset(info, 0, sizeof(*info));
	memcpy(p, &head, sizeof(head));
	p += sizeof(head);
	err = crypto_shash_setkey(r->hmac, secret, r->size) ?:
	      expand(r, "iv", nonce, sizeof(nonce)) ?:
	      expand(r, "key", p + c->iv_size, c->key_size);
	memcpy(p, nonce + c->salt_size, c->iv_size);
	p += c->iv_size + c->key_size;
	memcpy(p, nonce, c->salt_size);
	info->size = p + c->salt_size + SEQ_SIZE - info->bytes;
	memzero_explicit(nonce, sizeof(nonce));
	return err;
}

/* Are these the keys that kTLS has?  Records may have been sent under them. */
static int check_direction(const struct nbdt_rekey *r, bool tx,
			   const union tls_crypto_context *crypto)
{
	struct info info;
	int err = make_info(r, r->secret[tx], &info);

	if (!err && crypto_memneq(info.bytes, crypto, info.size - SEQ_SIZE))
		err = -EKEYREJECTED;
	memzero_explicit(&info, sizeof(info));
	return err;
}

/**
 * nbdt_rekey_check - are the secrets those of the keys in use?
 * @r: just created
 * @sock: under TLS in both directions; the caller alone uses it
 *
 * Return: 0, and from here on they can be changed; -EKEYREJECTED when they aren't,
 * or there is none to be changed in this version of TLS; or an error.
 */
int nbdt_rekey_check(struct nbdt_rekey *r, struct socket *sock)
{
	const struct tls_context *ctx = tls_get_ctx(sock->sk);
	size_t i;

	if (ctx->prot_info.version != TLS_1_3_VERSION)
		return -EKEYREJECTED;
	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == ctx->prot_info.cipher_type &&
		    ciphers[i].hash_size == r->size)
			r->cipher = &ciphers[i];
	if (!r->cipher)
		return -EKEYREJECTED;
	return check_direction(r, false, &ctx->crypto_recv) ?:
	       check_direction(r, true, &ctx->crypto_send);
}

/* Go on with the next key; the secret before is forgotten then. */
static int turn(struct nbdt_rekey *r, struct socket *sock, bool tx)
{
	u8 next[SECRET_MAX];
	struct info info;
	int err;

	err = crypto_shash_setkey(r->hmac, r->secret[tx], r->size) ?:
	      expand(r, "traffic upd", next, r->size) ?:
	      make_info(r, next, &info) ?:
	      nbdt_compat_tls_rekey(sock, tx, info.bytes, info.size);
	if (!err) {
		memcpy(r->secret[tx], next, r->size);
		WRITE_ONCE(r->count[tx], r->count[tx] + 1);
	}
	memzero_explicit(next, sizeof(next));
	memzero_explicit(&info, sizeof(info));
	return err;
}

/* Did it come right behind others, and too many of them? */
static bool is_flood(struct nbdt_rekey *r, struct socket *sock)
{
	u64 rx, tx;

	nbdt_record_count(sock, &rx, &tx);
	r->row = rx > 1 ? 0 : r->row + 1;
	return r->row > ROW_MAX;
}

/**
 * nbdt_rekey_follow - the client sent a record of a handshake
 * @s: its socket
 * @message: what is in it
 * @len: bytes of that
 *
 * Return: -EAGAIN when it was a KeyUpdate, and receiving goes on;
 * -EKEYEXPIRED when something else is to be agreed on anew, as TLS 1.2 may,
 * -EKEYREJECTED when it makes no sense, -ENOKEY when there are no secrets,
 * -EDQUOT when there are too many of it; or another error.
 */
int nbdt_rekey_follow(struct nbdt_sock *s, const u8 *message, int len)
{
	static const u8 head[] = { KEY_UPDATE, 0, 0, 1 };
	const struct tls_context *ctx = tls_get_ctx(s->sock->sk);
	struct nbdt_rekey *r = s->rekey;
	int err;

	if (ctx->prot_info.version != TLS_1_3_VERSION)
		return -EKEYEXPIRED;
	if (len != KEY_UPDATE_SIZE || memcmp(message, head, sizeof(head)) ||
	    message[sizeof(head)] > 1)
		return -EKEYREJECTED;
	if (!r)
		return -ENOKEY;
	if (is_flood(r, s->sock))
		return -EDQUOT;
	err = turn(r, s->sock, false);
	if (err)
		return err;
	r->has_asked = false;
	if (message[sizeof(head)])
		s->rekey_due = true;
	return -EAGAIN;
}

/**
 * nbdt_rekey_send - have another key before the next record is sent
 * @s: its socket, with rekey_due set
 *
 * Return: 0 when that may be sent; -EAGAIN when there is no room yet; another
 * error when the connection broke.
 */
int nbdt_rekey_send(struct nbdt_sock *s)
{
	struct nbdt_rekey *r = s->rekey;
	u8 message[KEY_UPDATE_SIZE] = { KEY_UPDATE, 0, 0, 1 };
	int err;

	if (!r->is_sent) {
		message[KEY_UPDATE_SIZE - 1] = r->asks;
		err = nbdt_record_send(s->sock, NBDT_RECORD_HANDSHAKE, message,
				       sizeof(message));
		if (err)
			return err;
		r->is_sent = true;
		r->asks = false;
	}
	err = turn(r, s->sock, true);
	if (err == -EAGAIN) {
		/* Nobody wakes us for it, but it is soon. */
		schedule_timeout_uninterruptible(1);
		WRITE_ONCE(s->writable, true);
	}
	if (err)
		return err;
	r->is_sent = false;
	s->rekey_due = false;
	return 0;
}

/**
 * nbdt_rekey_begin - other keys for those that were used a lot
 * @s: its socket
 * @rx: records received under the key in use
 * @tx: records sent
 * @limit: so many are a lot
 *
 * Ours is changed with what is sent next, and the client is asked to change its.
 *
 * Return: true when that is all that has to be done; false when the client was
 * asked and doesn't do it, or keys can't be changed.
 */
bool nbdt_rekey_begin(struct nbdt_sock *s, u64 rx, u64 tx, u64 limit)
{
	struct nbdt_rekey *r = s->rekey;

	if (!r)
		return false;
	if (tx >= limit)
		s->rekey_due = true;
	if (rx < limit)
		return true;
	if (r->has_asked)
		return rx - r->asked_at < max_t(u64, limit / 4, FOLLOW_MIN);
	/* When a KeyUpdate is on its way already, the next look asks. */
	if (!r->is_sent) {
		s->rekey_due = true;
		r->asks = true;
		r->has_asked = true;
		r->asked_at = rx;
	}
	return true;
}
