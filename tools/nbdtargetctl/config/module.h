/* SPDX-License-Identifier: GPL-2.0 */
/* The module itself: what is in its file, loading and unloading it. */
#ifndef NBDTARGETCTL_MODULE_H
#define NBDTARGETCTL_MODULE_H

#include <stdbool.h>

#include "base/tool.h"

/* That which is installed. A file is named with a '/' in it. */
#define MODULE_NAME "nbdtarget"

/* A field that it has in its file, for free(); NULL when it can't be read. */
char *module_field(const char *module, const char *field);

/* Was the one that is loaded made of the same sources? */
bool module_is_loaded_from(const char *module);

/* 0, or the exit status after it was said why. */
int module_load(struct tool *t, const char *module);
int module_unload(struct tool *t);

#endif /* NBDTARGETCTL_MODULE_H */
