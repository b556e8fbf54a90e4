/* SPDX-License-Identifier: GPL-2.0 */
/* What is configured as a file has it. */
#ifndef NBDTARGETCTL_WRITE_H
#define NBDTARGETCTL_WRITE_H

#include <jansson.h>

#include "config/config.h"

json_t *config_json(const struct config *c);

#endif /* NBDTARGETCTL_WRITE_H */
