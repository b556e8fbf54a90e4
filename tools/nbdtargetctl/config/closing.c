// SPDX-License-Identifier: GPL-2.0
/*
 * Exports that a run before has removed, and that it didn't see closed, as it was killed
 * or its time was up. They are listed no more, but hold their devices: one that needs one
 * of these would be refused. Which they hold isn't told, so that is taken for theirs which
 * is held and by no export that there is. Nobody waits for another: one may hang.
 */
#include <stddef.h>
#include <stdlib.h>

#include "base/blockdev.h"
#include "config/closing.h"
#include "object/awaited.h"
#include "object/target.h"

struct closing {
	struct awaited awaited;
	const struct items *wanted;	/* exports */
	const struct config *now;
};

static bool has_device(const struct config *now, dev_t device)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < now->exports.n; i++) {
		e = now->exports.at[i];
		if (blockdev_overlap(device, export_device(e)) ||
		    blockdev_overlap(device, export_metadata_device(e)))
			return true;
	}
	return false;
}

static bool is_kept(const struct closing *c, struct text device)
{
	char *path = text_copy(device);
	bool is = blockdev_is_held(path) &&
		  !has_device(c->now, blockdev_number(path));

	free(path);
	return is;
}

static bool is_any_kept(const struct closing *c)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < c->wanted->n; i++) {
		e = c->wanted->at[i];
		if ((!e->read_only && is_kept(c, e->device)) ||
		    (e->metadata.len && is_kept(c, e->metadata)))
			return true;
	}
	return false;
}

static int is_over(struct tool *t, const struct awaited *e)
{
	const struct closing *c = (void *)((char *)e -
					   offsetof(struct closing, awaited));
	const struct target *tg;
	struct attr_list list;
	int ret = target_get(t, &list);

	if (!ret && list.n) {
		tg = attr_list_item(&list, 0);
		ret = !tg->closing || !is_any_kept(c);
	}
	attr_list_free(&list);
	return ret;
}

/*
 * Whether anybody had to be waited for, which takes its time.  That it isn't over is said;
 * what is refused for that says so, too, and nothing else is.
 */
bool closing_wait(struct tool *t, const struct items *wanted,
		  const struct config *now)
{
	const struct closing c = {
		.awaited = {
			.thing = "the end of exports that were removed before",
			.is_over = is_over,
		},
		.wanted = wanted,
		.now = now,
	};

	if (is_over(t, &c.awaited))
		return false;
	awaited_wait(t, &c.awaited, NULL, NULL);
	return true;
}
