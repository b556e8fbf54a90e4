// SPDX-License-Identifier: GPL-2.0
/* The ciphers that are offered: those of the kernel, or the chosen of them. */
#include <linux/tls.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cipher.h"
#include "base/mem.h"

static const struct cipher ciphers[] = {
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
const char *cipher_choose(const char *list)
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

/* Which can the kernel do? NULL, or why it can't do TLS at all. */
const char *cipher_probe(void)
{
	const char *wrong = ktls_probe();
	bool any = false;
	size_t i;

	if (wrong)
		return wrong;
	for (i = 0; i < nr_offered; i++) {
		usable[offered[i]] = ktls_takes(&ciphers[offered[i]]);
		any |= usable[offered[i]];
	}
	return any ? NULL : "this kernel's TLS has none of the ciphers";
}

/* Does their order count for more than the client's? */
bool cipher_is_chosen(void)
{
	return is_chosen;
}

static char *join(char *s, const char *between, const struct cipher *c)
{
	char *longer = mem_printf("%s%s%s", s, between, c->name);

	free(s);
	return longer;
}

static bool allows(gnutls_priority_t policy, const struct cipher *c)
{
	const unsigned int *list;
	int i, n = gnutls_priority_cipher_list(policy, &list);

	for (i = 0; i < n; i++)
		if (list[i] == c->gnutls)
			return true;
	return false;
}

/* Those that POLICY allows, as a part of a priority string, to be freed. */
char *cipher_priority(gnutls_priority_t policy)
{
	char *s = mem_copy("");
	size_t i;

	for (i = 0; i < nr_offered; i++)
		if (usable[offered[i]] && allows(policy, &ciphers[offered[i]]))
			s = join(s, ":+", &ciphers[offered[i]]);
	return s;
}

/* One that was chosen, and POLICY doesn't allow; or NULL. */
const char *cipher_unwanted(gnutls_priority_t policy)
{
	size_t i;

	for (i = 0; i < nr_offered && is_chosen; i++)
		if (!allows(policy, &ciphers[offered[i]]))
			return ciphers[offered[i]].name;
	return NULL;
}

/* All that can be chosen, as a list that the caller frees. */
char *cipher_names(void)
{
	char *s = mem_copy("");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		s = join(s, i ? ", " : "", &ciphers[i]);
	return s;
}

/* The one that a session has; NULL for one that the kernel has not. */
const struct cipher *cipher_of(gnutls_session_t session)
{
	gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(session);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].gnutls == cipher)
			return &ciphers[i];
	return NULL;
}
