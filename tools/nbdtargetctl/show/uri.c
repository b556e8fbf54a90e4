// SPDX-License-Identifier: GPL-2.0
/* nbd[s]://HOST:PORT/NAME, percent-encoded as RFC 3986 wants it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "show/uri.h"

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static void print_encoded(FILE *f, struct text s, char also)
{
	for (; s.len; s.p++, s.len--) {
		if (is_unreserved(*s.p) || *s.p == also)
			fputc(*s.p, f);
		else
			fprintf(f, "%%%02X", (unsigned char)*s.p);
	}
}

/*
 * A client can't connect to "all addresses": it gets localhost, or the
 * loopback address of the one family that is listened on.
 */
static void print_host(FILE *f, const struct endpoint *ep)
{
	char address[ADDRESS_MAX], zone[ADDRESS_MAX];
	bool any = address_is_any(&ep->address);

	address_format(&ep->address, address);
	if (!ep->address.len)
		fputs("localhost", f);
	else if (ep->address.len == 4)
		fputs(any ? "127.0.0.1" : address, f);
	else
		fprintf(f, "[%s", any ? "::1" : address);
	if (ep->ifindex) {
		zone_format(ep->ifindex, zone);
		fputs("%25", f);
		print_encoded(f, text_of(zone), '-');
	}
	if (ep->address.len == 16)
		fputc(']', f);
}

/* The caller frees it. */
char *uri_format(const struct endpoint *ep, struct text name, bool tls)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (f) {
		fputs(tls ? "nbds://" : "nbd://", f);
		print_host(f, ep);
		fprintf(f, ":%u/", ep->port);
		print_encoded(f, name, '/');
		fclose(f);
	}
	return out ? out : mem_copy("");
}
