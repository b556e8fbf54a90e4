/* SPDX-License-Identifier: GPL-2.0 */
/* Aligned columns on a terminal. */
#ifndef NBDTARGETCTL_TABLE_H
#define NBDTARGETCTL_TABLE_H

#include <stddef.h>
#include <stdbool.h>

#include "base/text.h"
#include "base/tool.h"

struct table_column {
	const char *title;
	bool right;		/* for numbers */
};

struct table {
	const struct table_column *columns;
	size_t width;		/* columns */
	char **cells;
	size_t n;
};

void table_cell(struct table *tb, const char *fmt, ...)
	__printf(2, 3);
void table_text(struct table *tb, struct text s, unsigned int how);
void table_take(struct table *tb, char *cell);
void table_print(struct table *tb, const char *indent);

#endif /* NBDTARGETCTL_TABLE_H */
