// SPDX-License-Identifier: GPL-2.0
/*
 * What the attributes of distinguished names are called: as GnuTLS has it, by which the
 * agent writes names, in upper and lower case as they are here. For one without a name
 * its number stands. Other programs write some in another way, which fits nobody.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/tool.h"
#include "object/dn_type.h"

static const char *const names[] = {
	"CN", "O", "OU", "C", "ST", "L", "DC", "UID", "EMAIL", "street",
	"title", "description", "serialNumber", "telephoneNumber", "surName",
	"givenName", "name", "initials", "generationQualifier", "dnQualifier",
	"pseudonym", "postalCode", "businessCategory", "userPrincipalName",
	"XmppAddr", "placeOfBirth", "gender", "countryOfCitizenship",
	"countryOfResidence", "jurisdictionOfIncorporationLocalityName",
	"jurisdictionOfIncorporationStateOrProvinceName",
	"jurisdictionOfIncorporationCountryName", "OGRN", "SNILS", "OGRNIP",
	"INN",
};

/* Of openssl, those that differ in more than the case of letters. */
static const struct {
	const char *there, *name;
} others[] = {
	{ "emailAddress", "EMAIL" },
	{ "SN", "surName" },
	{ "GN", "givenName" },
	{ "jurisdictionL", "jurisdictionOfIncorporationLocalityName" },
	{ "jurisdictionST", "jurisdictionOfIncorporationStateOrProvinceName" },
	{ "jurisdictionC", "jurisdictionOfIncorporationCountryName" },
};

static bool is_like(struct text type, const char *name)
{
	return strlen(name) == type.len &&
	       !strncasecmp(type.p, name, type.len);
}

/* Which of the names people may have meant, or NULL. */
static const char *meant(struct text type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (is_like(type, names[i]))
			return names[i];
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (is_like(type, others[i].there))
			return others[i].name;
	return NULL;
}

static bool is_number(struct text type)
{
	size_t i;

	for (i = 0; i < type.len; i++)
		if (!strchr("0123456789.", type.p[i]))
			return false;
	return type.len;
}

const char *dn_type_wrong(struct text type)
{
	static char wrong[256];
	const char *name = meant(type);

	if (is_number(type) || (name && text_is(type, name)))
		return NULL;
	if (name)
		snprintf(wrong, sizeof(wrong),
			 "in names the attribute '%.*s' is called %s",
			 (int)type.len, type.p, name);
	else
		snprintf(wrong, sizeof(wrong),
			 "no name has an attribute '%.*s': nbdtargetctl(8) has those that there are, and others are numbers",
			 type.len > 64 ? 64 : (int)type.len, type.p);
	return wrong;
}
