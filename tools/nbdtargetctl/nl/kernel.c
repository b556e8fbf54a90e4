// SPDX-License-Identifier: GPL-2.0
/*
 * The run's connection to the module, made when the first verb needs it, and
 * the kernel's own words on stderr when it refuses.
 */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "nl/kernel.h"
#include "nl/nl.h"

/* No extack text with EPERM: the family itself refused us. */
static const char *permission_remedy(const struct nl_error *e)
{
	return e->text[0] ? "run it as root" :
			    "this needs CAP_NET_ADMIN, run it as root";
}

/* Reports what the last request on t->nl came to, and what to do about it. */
int kernel_fail(const struct tool *t, const char *thing, const char *remedy)
{
	const struct nl_error *e = nl_last_error(t->nl);
	const char *text = e->text[0] ? e->text : strerror(e->err);

	if (e->err == EPERM)
		remedy = permission_remedy(e);
	else if (e->unreachable)
		remedy = e->err == ENOPKG ? "'modprobe nbdtarget' says why" :
			 NULL;
	fail(t, thing, "%s%s%s", text, remedy ? "; " : "",
	     remedy ? remedy : "");
	if (e->err == EPERM || e->unreachable)
		return TOOL_UNREACHABLE;
	return TOOL_REFUSED;
}

/* The kernel may add a text to a success, too. */
void kernel_warn(const struct tool *t, const char *thing)
{
	const struct nl_error *e = nl_last_error(t->nl);

	if (e->text[0])
		fail(t, thing, "warning: %s", e->text);
}

/* 0, or the exit status after it was said that the kernel isn't there. */
int kernel_connect(struct tool *t, const char *thing)
{
	if (!t->nl)
		t->nl = nl_new();
	if (nl_connect(t->nl))
		return kernel_fail(t, thing, NULL);
	return 0;
}
