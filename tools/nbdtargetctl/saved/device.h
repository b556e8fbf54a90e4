/* SPDX-License-Identifier: GPL-2.0 */
/* What a device is known by, to tell whether it is the same as it was. */
#ifndef NBDTARGETCTL_DEVICE_H
#define NBDTARGETCTL_DEVICE_H

#include <jansson.h>
#include <stdbool.h>

#include "object/export.h"

char *device_boot(void);
char *device_identity(dev_t dev, const char *path, dev_t metadata);
bool device_is_known(const char *id);
void device_describe(const struct export *e, uint64_t size, json_t *o);

/* Of what was described, each NULL or why not. */
const char *device_is_other(const struct export *e, const json_t *o);
const char *device_was_written(const struct export *e, const json_t *o);
const char *device_is_unsure(const struct export *e, const json_t *o);
const char *device_is_unproved(const struct export *e, const json_t *o);

/* Whether some device is known by what was described. */
bool device_is_there(const json_t *o);

bool device_reads_zero(const struct export *e, const uint64_t *offsets,
		       size_t n, size_t len);

#endif /* NBDTARGETCTL_DEVICE_H */
