/* SPDX-License-Identifier: GPL-2.0 */
/* JSON as this tool writes it. */
#ifndef NBDTARGETCTL_JSON_H
#define NBDTARGETCTL_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/* These take over the value, which may be NULL. */
void json_put(json_t *object, const char *key, json_t *value);
void json_add(json_t *array, json_t *value);
void json_print(json_t *value, bool one_line);

json_t *json_take(char *s);
json_t *json_hex(struct text text);
char *json_get_hex(const json_t *o, const char *key);
void json_put_text(json_t *object, const char *key, struct text text);

#endif /* NBDTARGETCTL_JSON_H */
