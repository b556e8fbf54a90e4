/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_ACCESS_H
#define NBDT_ACCESS_H

#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/socket.h>
#include <linux/types.h>

struct nbdt_identity;

/* By what a rule knows a client. */
enum nbdt_rule_name {
	NBDT_RULE_ANYBODY,
	NBDT_RULE_DN,
	NBDT_RULE_ALT_NAME,
	NBDT_RULE_PSK,
};

struct nbdt_rule {
	bool deny;
	enum nbdt_rule_name name;
	char *pattern;			/* terminated; of NAME */
	bool has_peer;			/* the two that follow count */
	struct in6_addr peer;		/* IPv4 in IPv6 is IPv4 */
	u8 prefix;			/* bits of PEER */
};

/* A list of rules, never changed once others can see it. */
struct nbdt_access {
	struct kref ref;
	bool deny;			/* when no rule fits */
	u32 nr_rules;
	struct nbdt_rule rules[];
};

struct nbdt_access *nbdt_access_create(u32 nr_rules);
int nbdt_access_create_default(bool deny, struct nbdt_access **access);
int nbdt_rule_set_peer(struct nbdt_rule *rule, const void *address,
		       unsigned int len, unsigned int prefix);

/* Where the list in force is: may be replaced at any time. */
struct nbdt_access *nbdt_access_get(struct nbdt_access *const *slot);
void nbdt_access_put(struct nbdt_access *access);
u32 nbdt_access_generation(void);
void nbdt_access_replace(struct nbdt_access **slot, struct nbdt_access *access);

bool nbdt_access_allows(const struct nbdt_access *access,
			const struct sockaddr_storage *peer,
			const struct nbdt_identity *identity);

#endif /* NBDT_ACCESS_H */
