// SPDX-License-Identifier: GPL-2.0
/*
 * [ADDRESS][:PORT] on the command line and in what is shown. Addresses are
 * numbers; no name is ever looked up, but for that of an interface.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/number.h"
#include "nbdtarget.h"

static const char *parse_port(const char *s, uint16_t *port)
{
	uint64_t n;

	if (number_parse(s, UINT16_MAX, &n) || !n)
		return "a port is a number from 1 to 65535";
	*port = n;
	return NULL;
}

static bool is_link_local(const struct address *a)
{
	return a->len == 16 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

const char *const endpoint_no_interface = "there is no such interface";

static const char *parse_zone(const char *zone, uint32_t *ifindex)
{
	uint64_t n;

	/* It would be taken for the name of an alias, and the port be lost. */
	if (strchr(zone, ':'))
		return "a port after an IPv6 address needs brackets: [fe80::1%eth0]:10809";
	*ifindex = if_nametoindex(zone);
	if (*ifindex)
		return NULL;
	if (number_parse(zone, INT32_MAX, &n) || !n)
		return endpoint_no_interface;
	*ifindex = n;
	return NULL;
}

static const char zone_missing[] =
	"a link-local address needs its interface, as in [fe80::1%eth0]";
static const char brackets_missing[] =
	"not an IPv6 address (a port after one needs brackets: [::1]:10809)";

/* The I-th that stands for one that isn't there: no interface has such a number. */
uint32_t zone_stand_in(size_t i)
{
	return INT32_MAX - i;
}

bool endpoint_is_stand_in(const struct endpoint *ep)
{
	return ep->ifindex > INT32_MAX - ZONE_STAND_INS;
}

/* Its interface has gone, or never came: a number is all that there is of it. */
bool endpoint_is_nameless(const struct endpoint *ep)
{
	char name[IF_NAMESIZE];

	return ep->ifindex && !ep->netns && !if_indextoname(ep->ifindex, name);
}

/* ADDRESS[%ZONE] without brackets; the string is cut at the zone. */
static const char *parse_ipv6(char *s, struct endpoint *ep)
{
	char *zone = strchr(s, '%');

	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, s, ep->address.bytes) != 1)
		return "not an IPv6 address";
	ep->address.len = 16;
	if (is_link_local(&ep->address))
		return zone ? parse_zone(zone, &ep->ifindex) : zone_missing;
	return zone ? "only a link-local address takes an interface" : NULL;
}

static const char *parse_ipv4(const char *s, struct endpoint *ep)
{
	if (inet_pton(AF_INET, s, ep->address.bytes) != 1)
		return "not a numeric IPv4 or IPv6 address";
	ep->address.len = 4;
	return NULL;
}

/* [IPV6][:PORT], where the first brackets are meant literally. */
static const char *parse_bracketed(char *s, struct endpoint *ep)
{
	char *end = strchr(s, ']');
	const char *wrong;

	if (!end)
		return "']' is missing";
	*end++ = '\0';
	wrong = parse_ipv6(s + 1, ep);
	if (wrong || !*end)
		return wrong;
	if (*end != ':')
		return "only ':PORT' may follow ']'";
	return parse_port(end + 1, &ep->port);
}

static const char *parse_endpoint(char *s, struct endpoint *ep)
{
	char *colon = strchr(s, ':');
	const char *wrong;

	if (*s == '[')
		return parse_bracketed(s, ep);
	if (colon && strchr(colon + 1, ':')) {
		wrong = parse_ipv6(s, ep);
		return wrong && !ep->address.len ? brackets_missing : wrong;
	}
	if (colon) {
		*colon = '\0';
		wrong = parse_port(colon + 1, &ep->port);
		if (wrong)
			return wrong;
	}
	if (!*s || !strcmp(s, "*"))
		return NULL;
	return parse_ipv4(s, ep);
}

/* Returns NULL, or what is wrong with the string. */
const char *endpoint_parse(const char *s, struct endpoint *ep)
{
	char copy[2 * ADDRESS_MAX];

	memset(ep, 0, sizeof(*ep));
	ep->port = NBDTARGET_DEFAULT_PORT;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", s) >= sizeof(copy))
		return "not an address";
	return parse_endpoint(copy, ep);
}

void address_format(const struct address *a, char buf[ADDRESS_MAX])
{
	if (!a->len)
		snprintf(buf, ADDRESS_MAX, "*");
	else
		inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, buf,
			  ADDRESS_MAX);
}

/* The name of an interface, or its number when it has gone. */
void zone_format(uint32_t ifindex, char buf[ADDRESS_MAX])
{
	if (!if_indextoname(ifindex, buf))
		snprintf(buf, ADDRESS_MAX, "%u", ifindex);
}

bool endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->ifindex == b->ifindex &&
	       a->netns == b->netns &&
	       a->address.len == b->address.len &&
	       !memcmp(a->address.bytes, b->address.bytes, a->address.len);
}

/* As endpoint_parse() takes it, if it is one of ours; the caller frees it. */
char *endpoint_format(const struct endpoint *ep)
{
	char address[ADDRESS_MAX], zone[ADDRESS_MAX] = "";
	bool v6 = ep->address.len == 16;

	address_format(&ep->address, address);
	/* What the number stands for is known over there. */
	if (ep->ifindex && ep->netns)
		snprintf(zone, sizeof(zone), "%u", ep->ifindex);
	else if (ep->ifindex)
		zone_format(ep->ifindex, zone);
	if (ep->netns)
		return mem_printf("%s%s%s%s%s:%u in network namespace %" PRIu64,
				  v6 ? "[" : "", address, *zone ? "%" : "", zone,
				  v6 ? "]" : "", ep->port, ep->netns);
	return mem_printf("%s%s%s%s%s:%u", v6 ? "[" : "", address,
			  *zone ? "%" : "", zone, v6 ? "]" : "", ep->port);
}

/* An IPv4 client of an IPv6 socket is an IPv4 client. */
void address_unmap(struct address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->len != 16 || memcmp(a->bytes, mapped, sizeof(mapped)))
		return;
	memmove(a->bytes, a->bytes + sizeof(mapped), 4);
	a->len = 4;
}

/* All addresses, of one family or of both. */
bool address_is_any(const struct address *a)
{
	static const uint8_t any[16];

	return !memcmp(a->bytes, any, a->len);
}
