// SPDX-License-Identifier: GPL-2.0
/*
 * Is an export that is there what was asked for? A device is known by its number,
 * however it is spelt: a path may lead elsewhere than it did.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fail.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "object/access.h"
#include "verb/export_compare.h"

static int compare_device(struct tool *t, const struct export *e,
			  const struct export_wanted *w, struct existing *x)
{
	dev_t is = export_device(e);
	struct stat st;

	if (e->state == NBDTARGET_EXPORT_STATE_GONE)
		existing_differs_for_good(x,
					  "its device is gone, for which there is set-export --reopen");
	if (stat(w->device, &st))
		return fail(t, w->device, "%s", strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(t, w->device, "is not a block device");
	if (st.st_rdev != is)
		existing_differs_for_good(x,
					  "it has another device, '%.*s' (%u:%u), not '%s' (%u:%u)",
					  (int)e->device.len, e->device.p,
					  major(is), minor(is), w->device,
					  major(st.st_rdev),
					  minor(st.st_rdev));
	if (e->read_only != w->read_only)
		existing_differs_for_good(x, "it is %s", e->read_only ?
					  "read-only" : "writable");
	return 0;
}

/* In the same order, as they are shown. */
static void compare_listeners(const struct export *e,
			      const struct export_wanted *w,
			      struct existing *x)
{
	char *there = export_format_listeners(&e->listeners);
	char *wanted = export_format_listeners(&w->listeners);

	if (strcmp(there, wanted))
		existing_differs(x, "its --listeners are %s", there);
	free(there);
	free(wanted);
}

static void compare_settings(const struct export *e,
			     const struct export_wanted *w,
			     struct existing *x)
{
	if (w->tls_given && w->tls_required != e->tls_required)
		existing_differs(x, e->tls_required ? "it needs TLS" :
				 "it can be used without TLS");
	if (w->on_return_given && w->on_return != e->on_return)
		existing_differs(x, "its --on-return is %s",
				 e->on_return ? "reopen" : "stay");
	if (w->description->given &&
	    !text_is(e->description, w->description->text))
		existing_differs(x, "its description is '%.*s'",
				 (int)e->description.len, e->description.p);
	if (w->max_connections->given &&
	    w->max_connections->number != e->max_connections)
		existing_differs(x, e->max_connections ?
				 "it takes up to %" PRIu64 " clients" :
				 "it takes any number of clients",
				 e->max_connections);
	if (w->listeners_given)
		compare_listeners(e, w, x);
	if (w->is_default && !e->is_default)
		existing_differs(x, "it isn't the default");
}

/* EXPORT:BITMAP */
static bool shows_bitmap(const struct export *e, const char *from)
{
	const char *colon = strrchr(from, ':');
	struct text export = { from, colon - from };

	return text_same(e->bitmap_export, export) &&
	       text_is(e->bitmap_name, colon + 1);
}

static void compare_content(const struct export *e,
			    const struct export_wanted *w,
			    struct existing *x)
{
	bool map_off = e->map == NBDTARGET_MAP_OFF;

	if (w->allocation_depth && !e->allocation_depth)
		existing_differs_for_good(x,
					  "it is without --allocation-depth");
	if (w->zeroed && !e->zeroed)
		existing_differs_for_good(x, "it was added without --zeroed");
	if (w->shared && !e->shared)
		existing_differs_for_good(x, "it was added without --shared");
	if (w->map_given && w->map_off != map_off)
		existing_differs_for_good(x, "its --map is %s",
					  w->map_off ? "auto" : "off");
	if (w->map_granularity->given &&
	    w->map_granularity->number != e->map_granularity)
		existing_differs_for_good(x, "its --map-granularity is %" PRIu64,
					  e->map_granularity);
	if (w->bitmap_from->given && !shows_bitmap(e, w->bitmap_from->text))
		existing_differs_for_good(x, "it shows another bitmap, or none");
}

/* By its path: whatever that leads to now is of no use to one that is there. */
static void compare_metadata(const struct export *e,
			     const struct export_wanted *w,
			     struct existing *x)
{
	if (w->metadata && !text_is(e->metadata, w->metadata))
		existing_differs_for_good(x, "its --metadata is '%.*s'",
					  (int)e->metadata.len, e->metadata.p);
	if (w->on_error &&
	    !strcmp(w->on_error, "continue") != e->metadata_continue)
		existing_differs_for_good(x, "its --on-metadata-error is %s",
					  e->metadata_continue ? "continue" :
					  "stop");
	if (w->least_generation->given &&
	    w->least_generation->number > e->metadata_generation)
		existing_differs_for_good(x,
					  "its metadata is of generation %" PRIu64,
					  e->metadata_generation);
}

/* Once set-access has said who may use it, that is what deny asked for. */
static int compare_access(struct tool *t, const struct export *e,
			  const struct export_wanted *w, struct existing *x)
{
	char *name;
	int any, ret = 0;

	if (!w->deny && !w->allow)
		return 0;
	name = text_copy(e->name);
	any = access_of_export(t, name);
	if (any < 0)
		ret = kernel_fail(t, name, NULL);
	else if (!any && w->deny)
		existing_differs(x, "everybody may use it");
	else if (any && w->allow)
		existing_differs_for_good(x,
					  "it has rules, for which there is set-access");
	free(name);
	return ret;
}

/* 0, and X has what differs; or it was said why that can't be told. */
int export_compare(struct tool *t, const struct export *e,
		   const struct export_wanted *w, struct existing *x)
{
	int ret = compare_device(t, e, w, x);

	if (ret)
		return ret;
	compare_settings(e, w, x);
	compare_content(e, w, x);
	compare_metadata(e, w, x);
	return compare_access(t, e, w, x);
}
