/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is either there or the end of the program. */
#ifndef NBDTARGETCTL_MEM_H
#define NBDTARGETCTL_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/tool.h"

void *mem_zalloc(size_t size);
void *mem_resize(void *p, size_t size);
char *mem_copy(const char *s);
char *mem_printf(const char *fmt, ...) __printf(1, 2);
char *mem_vprintf(const char *fmt, va_list ap);

/* Bytes, one at least. */
bool mem_is_zero(const char *p, size_t len);

#endif /* NBDTARGETCTL_MEM_H */
