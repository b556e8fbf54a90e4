// SPDX-License-Identifier: GPL-2.0
/*
 * Access: which clients may use what.
 *
 * An export and a listener each have a list of rules, or none, which allows
 * everything.  The first rule that fits the client decides, by its address
 * and by who it proved to be under TLS; a client that proved nothing fits no
 * rule that asks for that.
 *
 * A list is made by an administrator's command and put in place as a whole;
 * it never changes after that, so that whoever looks at it only needs a
 * reference, and sees the old list or the new.  Rules are looked at during
 * negotiation only, whenever an export is.
 *
 * Addresses are compared as numbers, in IPv6's form; IPv4 in IPv6 is IPv4,
 * so that it makes no difference which kind of listener a client came by.
 */
#include <linux/in.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "base/access.h"
#include "base/identity.h"
#include "base/pattern.h"
#include "nbdtarget.h"

/* Bits in front of an IPv4 address in IPv6's form. */
#define MAPPED_BITS	96

/* Guards the pointers to lists. */
static DEFINE_SPINLOCK(access_lock);
static u32 generation;

/*
 * Changes whenever a list is replaced, while access_lock is held: whoever sees it
 * changed finds the new list, and whoever found the old one sees it change.
 */
u32 nbdt_access_generation(void)
{
	return READ_ONCE(generation);
}

/* With room for the rules, all of them zero; NULL when there is no memory. */
struct nbdt_access *nbdt_access_create(u32 nr_rules)
{
	struct nbdt_access *access;

	access = kzalloc(struct_size(access, rules, nr_rules), GFP_KERNEL);
	if (!access)
		return NULL;
	kref_init(&access->ref);
	access->nr_rules = nr_rules;
	return access;
}

/* What makes no difference is NULL: no rules, and everybody may. */
int nbdt_access_create_default(bool deny, struct nbdt_access **access)
{
	*access = NULL;
	if (!deny)
		return 0;
	*access = nbdt_access_create(0);
	if (!*access)
		return -ENOMEM;
	(*access)->deny = true;
	return 0;
}

static void access_release(struct kref *ref)
{
	struct nbdt_access *access = container_of(ref, struct nbdt_access, ref);
	u32 i;

	for (i = 0; i < access->nr_rules; i++)
		kfree(access->rules[i].pattern);
	kfree(access);
}

/* ACCESS may be NULL, here and below: no rules, and everything is allowed. */
void nbdt_access_put(struct nbdt_access *access)
{
	if (access)
		kref_put(&access->ref, access_release);
}

/* The list in force, with a reference. */
struct nbdt_access *nbdt_access_get(struct nbdt_access *const *slot)
{
	struct nbdt_access *access;

	spin_lock(&access_lock);
	access = *slot;
	if (access)
		kref_get(&access->ref);
	spin_unlock(&access_lock);
	return access;
}

/* Takes over the caller's reference to ACCESS. */
void nbdt_access_replace(struct nbdt_access **slot, struct nbdt_access *access)
{
	spin_lock(&access_lock);
	swap(*slot, access);
	WRITE_ONCE(generation, generation + 1);
	spin_unlock(&access_lock);
	nbdt_access_put(access);
}

/**
 * nbdt_rule_set_peer - have a rule fit a network only
 * @rule: the rule
 * @address: in network byte order
 * @len: of IPv4 or IPv6
 * @prefix: how many of its bits count
 *
 * Return: 0, or -EINVAL.
 */
int nbdt_rule_set_peer(struct nbdt_rule *rule, const void *address,
		       unsigned int len, unsigned int prefix)
{
	if (len == sizeof(struct in_addr) && prefix <= 8 * len) {
		ipv6_addr_set_v4mapped(*(__be32 *)address, &rule->peer);
		prefix += MAPPED_BITS;
	} else if (len == sizeof(struct in6_addr) && prefix <= 8 * len) {
		memcpy(&rule->peer, address, len);
	} else {
		return -EINVAL;
	}
	rule->prefix = prefix;
	rule->has_peer = true;
	return 0;
}

static bool fits_any(const char *pattern, const struct nbdt_identity *identity)
{
	u32 i;

	for (i = 0; i < identity->nr_alt_names; i++)
		if (nbdt_pattern_fits_alt_name(pattern, identity->alt_names[i]))
			return true;
	return false;
}

static bool fits_identity(const struct nbdt_rule *rule,
			  const struct nbdt_identity *identity)
{
	if (rule->name == NBDT_RULE_ANYBODY)
		return true;
	if (!identity)
		return false;
	switch (rule->name) {
	case NBDT_RULE_DN:
		return identity->auth == NBDTARGET_TLS_AUTH_X509 &&
		       identity->name &&
		       nbdt_pattern_fits_dn(rule->pattern, identity->name);
	case NBDT_RULE_ALT_NAME:
		return identity->auth == NBDTARGET_TLS_AUTH_X509 &&
		       fits_any(rule->pattern, identity);
	case NBDT_RULE_PSK:
		return identity->auth == NBDTARGET_TLS_AUTH_PSK &&
		       nbdt_pattern_fits(rule->pattern, identity->name);
	default:
		return false;
	}
}

/*
 * A network of IPv6 that happens to have IPv4's corner in it (::/0) isn't
 * about IPv4.
 */
static bool fits_peer(const struct nbdt_rule *rule,
		      const struct in6_addr *peer)
{
	if (!rule->has_peer)
		return true;
	if (ipv6_addr_v4mapped(peer) && rule->prefix < MAPPED_BITS)
		return false;
	return ipv6_prefix_equal(peer, &rule->peer, rule->prefix);
}

/* In IPv6's form; connections show IPv4 as what it is. */
static void to_in6(const struct sockaddr_storage *addr, struct in6_addr *in6)
{
	if (addr->ss_family == AF_INET)
		ipv6_addr_set_v4mapped(((const struct sockaddr_in *)addr)->sin_addr.s_addr,
				       in6);
	else
		*in6 = ((const struct sockaddr_in6 *)addr)->sin6_addr;
}

/**
 * nbdt_access_allows - what do the rules say of a client?
 * @access: the rules, or NULL
 * @addr: the client's address
 * @identity: who it proved to be; NULL without TLS
 */
bool nbdt_access_allows(const struct nbdt_access *access,
			const struct sockaddr_storage *addr,
			const struct nbdt_identity *identity)
{
	struct in6_addr peer;
	u32 i;

	if (!access)
		return true;
	to_in6(addr, &peer);
	for (i = 0; i < access->nr_rules; i++) {
		const struct nbdt_rule *rule = &access->rules[i];

		if (fits_peer(rule, &peer) && fits_identity(rule, identity))
			return !rule->deny;
	}
	return !access->deny;
}
