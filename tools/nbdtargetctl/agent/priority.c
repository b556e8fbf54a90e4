// SPDX-License-Identifier: GPL-2.0
/*
 * What is agreed on with clients: a policy, the administrator's or the system's, as
 * far as the kernel's TLS goes.
 *
 * A policy is a priority string of GnuTLS. It is never widened: of versions, ciphers
 * and ways to agree on keys those are left that it has and that can be had here:
 * versions and ciphers that the kernel takes over, keys that a later theft doesn't
 * reveal, and nothing after the handshake. What it says of groups, signatures
 * and all else holds as it is. Pre-shared keys are no part of usual policies;
 * who made a file of them wants them.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/cipher.h"
#include "agent/priority.h"
#include "base/fail.h"
#include "base/mem.h"

/* The system's, where it has one, or else the library's. */
static const char *default_policy(void)
{
	gnutls_priority_t priority;

	if (gnutls_priority_init(&priority, "@SYSTEM", NULL))
		return "NORMAL";
	gnutls_priority_deinit(priority);
	return "@SYSTEM";
}

/* Frees S. */
static char *add(char *s, const char *name)
{
	char *longer = mem_printf("%s:+%s", s, name);

	free(s);
	return longer;
}

/* What of a policy is left, to be freed; empty when nothing is. */
static char *narrow_versions(gnutls_priority_t policy)
{
	const unsigned int *list;
	char *s = mem_copy("");
	int i, n = gnutls_priority_protocol_list(policy, &list);

	for (i = 0; i < n; i++) {
		if (list[i] == GNUTLS_TLS1_3)
			s = add(s, "VERS-TLS1.3");
		else if (list[i] == GNUTLS_TLS1_2)
			s = add(s, "VERS-TLS1.2");
	}
	return s;
}

static char *narrow_exchanges(gnutls_priority_t policy,
			      struct priority_kinds kinds)
{
	const unsigned int *list;
	char *s = mem_copy("");
	int i, n = gnutls_priority_kx_list(policy, &list);

	for (i = 0; i < n && kinds.x509; i++)
		if (list[i] == GNUTLS_KX_ECDHE_ECDSA ||
		    list[i] == GNUTLS_KX_ECDHE_RSA ||
		    list[i] == GNUTLS_KX_DHE_RSA)
			s = add(s, gnutls_kx_get_name(list[i]));
	if (kinds.psk) {
		s = add(s, gnutls_kx_get_name(GNUTLS_KX_ECDHE_PSK));
		s = add(s, gnutls_kx_get_name(GNUTLS_KX_DHE_PSK));
	}
	return s;
}

static int init(const struct tool *t, gnutls_priority_t *priority,
		const char *string)
{
	const char *where = string;
	int err = gnutls_priority_init(priority, string, &where);

	if (!err)
		return 0;
	return fail(t, NULL, "priority '%s': %s, at '%s'", string,
		    gnutls_strerror(err), where);
}

/* 0, or it was said what can't be had. */
static int narrow(const struct tool *t, const char *name,
		  gnutls_priority_t policy, struct priority_kinds kinds,
		  gnutls_priority_t *priority)
{
	const char *unwanted = cipher_unwanted(policy);
	char *versions = narrow_versions(policy);
	char *ciphers = cipher_priority(policy);
	char *exchanges = narrow_exchanges(policy, kinds);
	char *all = mem_printf("%s:-VERS-ALL%s:-CIPHER-ALL%s:-KX-ALL%s:%%NO_TICKETS%s",
			       name, versions, ciphers, exchanges,
			       cipher_is_chosen() ?
			       ":%SERVER_PRECEDENCE" : "");
	int ret;

	if (unwanted)
		ret = fail(t, NULL, "priority '%s' doesn't allow %s, which --ciphers names",
			   name, unwanted);
	else if (!*versions || !*ciphers || !*exchanges)
		ret = fail(t, NULL, "priority '%s' leaves no %s that the kernel's TLS has",
			   name, !*versions ? "version" : !*ciphers ? "cipher" :
			   "key exchange");
	else
		ret = init(t, priority, all);
	free(versions);
	free(ciphers);
	free(exchanges);
	free(all);
	return ret;
}

/* NULL is the default policy. 0, or it was said what is wrong. */
int priority_load(const struct tool *t, const char *policy,
		  struct priority_kinds kinds, gnutls_priority_t *priority)
{
	const char *name = policy ? policy : default_policy();
	gnutls_priority_t wide;
	int ret = init(t, &wide, name);

	if (ret)
		return ret;
	ret = narrow(t, name, wide, kinds, priority);
	gnutls_priority_deinit(wide);
	return ret;
}
