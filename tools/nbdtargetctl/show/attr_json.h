/* SPDX-License-Identifier: GPL-2.0 */
/* What attributes became in C structures as JSON. */
#ifndef NBDTARGETCTL_ATTR_JSON_H
#define NBDTARGETCTL_ATTR_JSON_H

#include <jansson.h>

#include "nl/attr.h"

json_t *attr_json(const struct attr_set *set, const void *object);
json_t *attr_json_all(const struct attr_list *list);

#endif /* NBDTARGETCTL_ATTR_JSON_H */
