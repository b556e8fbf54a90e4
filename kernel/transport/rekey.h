/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_REKEY_H
#define NBDT_REKEY_H

#include <linux/types.h>

struct nbdt_rekey;
struct nbdt_sock;
struct socket;

void nbdt_rekey_init(void);
void nbdt_rekey_exit(void);

struct nbdt_rekey *nbdt_rekey_create(const void *rx_secret,
				     const void *tx_secret, size_t size);
void nbdt_rekey_free(struct nbdt_rekey *rekey);

/* What is known of keys besides what they are made of, between two modules. */
struct nbdt_rekey_state {
	u8 secret[2][48];		/* of what is received, and sent */
	u32 size;			/* of each; 0: keys can't be changed */
	u32 count[2];
	u64 asked_at;
	bool is_due;
	bool is_sent;
	bool asks;
	bool has_asked;
};

void nbdt_rekey_save(const struct nbdt_sock *s, struct nbdt_rekey_state *state);
struct nbdt_rekey *nbdt_rekey_resume(const struct nbdt_rekey_state *state);
void nbdt_rekey_counts(const struct nbdt_rekey *rekey, u32 *rx, u32 *tx);

/* By the socket's thread, once TLS is on: */
int nbdt_rekey_check(struct nbdt_rekey *rekey, struct socket *sock);
int nbdt_rekey_follow(struct nbdt_sock *s, const u8 *message, int len);
int nbdt_rekey_send(struct nbdt_sock *s);
bool nbdt_rekey_begin(struct nbdt_sock *s, u64 rx, u64 tx, u64 limit);

#endif /* NBDT_REKEY_H */
