// SPDX-License-Identifier: GPL-2.0
/*
 * What the TLS agent may do: strangers talk to a large library in it, so it keeps the
 * two capabilities that the module asks for, for good, and what its user may read.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/rights.h"
#include "base/fail.h"

/* In the first of two words. */
#define KEPT (CAP_TO_MASK(CAP_NET_ADMIN) | CAP_TO_MASK(CAP_SYS_ADMIN))

/* Not without CAP_SETPCAP; then there is less of it as well. */
static void drop_bounds(void)
{
	int cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (cap != CAP_NET_ADMIN && cap != CAP_SYS_ADMIN)
			prctl(PR_CAPBSET_DROP, cap);
}

/* Whether there is nothing but what is kept. */
static bool is_bare(const struct __user_cap_data_struct data[2])
{
	return !(data[0].permitted & ~KEPT) && !data[1].permitted &&
	       !data[0].inheritable && !data[1].inheritable;
}

/* 0, or it was said that more is left than should be. */
int rights_drop(const struct tool *t)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	drop_bounds();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, data))
		return fail(t, NULL, "capabilities: %s", strerror(errno));
	if (is_bare(data))
		return 0;
	data[0].permitted &= KEPT;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	memset(&data[1], 0, sizeof(data[1]));
	if (syscall(SYS_capset, &head, data))
		return fail(t, NULL, "capabilities: %s", strerror(errno));
	return 0;
}
