/* SPDX-License-Identifier: GPL-2.0 */
/* Listeners, as the module reports them. */
#ifndef NBDTARGETCTL_LISTENER_H
#define NBDTARGETCTL_LISTENER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "nl/attr.h"

struct listener {
	uint64_t present;
	uint64_t id;
	struct address address;
	uint64_t port;
	uint64_t ifindex;
	bool wildcard;
	uint64_t connections;
	uint64_t accepted;
	uint64_t refused;
	bool closed;
	uint64_t tls;			/* NBDTARGET_TLS_MODE_* */
};

extern const struct attr_set listener_attrs;
extern const struct attr_names listener_tls_modes;

const char *listener_tls(const struct listener *l);
void listener_endpoint(const struct listener *l, struct endpoint *ep);
json_t *listener_json(const struct listener *l);
json_t *listener_json_all(const struct attr_list *list);
void listener_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_LISTENER_H */
