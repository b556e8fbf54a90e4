// SPDX-License-Identifier: GPL-2.0
/* Aligned columns on a terminal. Cells are printable text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "show/table.h"

/* Adds a cell, which is the table's from now on. */
void table_take(struct table *tb, char *cell)
{
	tb->cells = mem_resize(tb->cells, (tb->n + 1) * sizeof(*tb->cells));
	tb->cells[tb->n++] = cell;
}

void table_cell(struct table *tb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	table_take(tb, mem_vprintf(fmt, ap));
	va_end(ap);
}

void table_text(struct table *tb, struct text s, unsigned int how)
{
	table_take(tb, text_format(s, how));
}

static unsigned int column_width(const struct table *tb, size_t column)
{
	unsigned int width = text_width(tb->columns[column].title), w;
	size_t i;

	for (i = column; i < tb->n; i += tb->width) {
		w = text_width(tb->cells[i]);
		width = w > width ? w : width;
	}
	return width;
}

/* Blanks are owed until something follows them, so that none end a line. */
static void print_cell(const struct table *tb, size_t column, const char *s,
		       unsigned int width, unsigned int *owed)
{
	unsigned int pad = width - text_width(s);
	bool right = tb->columns[column].right;

	if (right)
		*owed += pad;
	if (*s) {
		printf("%*s%s", *owed, "", s);
		*owed = 0;
	}
	if (!right)
		*owed += pad;
	*owed += 2;
}

static void print_row(const struct table *tb, char *const *cells,
		      const unsigned int *widths, const char *indent)
{
	unsigned int owed = 0;
	size_t i;

	fputs(indent, stdout);
	for (i = 0; i < tb->width; i++)
		print_cell(tb, i, cells ? cells[i] : tb->columns[i].title,
			   widths[i], &owed);
	putchar('\n');
}

/* Prints it under its titles and frees its cells. */
void table_print(struct table *tb, const char *indent)
{
	unsigned int *widths = mem_zalloc(tb->width * sizeof(*widths));
	size_t i;

	for (i = 0; i < tb->width; i++)
		widths[i] = column_width(tb, i);
	print_row(tb, NULL, widths, indent);
	for (i = 0; i < tb->n; i += tb->width)
		print_row(tb, tb->cells + i, widths, indent);
	for (i = 0; i < tb->n; i++)
		free(tb->cells[i]);
	free(tb->cells);
	free(widths);
	tb->cells = NULL;
	tb->n = 0;
}
