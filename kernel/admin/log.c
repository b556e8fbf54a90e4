// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log: what an administrator who isn't looking should find there, one
 * line each, that names the thing and the reason.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>

#include "admin/log.h"
#include "base/text.h"
#include "block/export.h"
#include "nbdtarget.h"

/* Of a name or a path; what is longer is cut. */
#define NAME_MAX_SHOWN	128

#define STATE_LINE	"export '%s': device %s (%u:%u) %s\n"

static const char *const states[] = {
	[NBDTARGET_EXPORT_STATE_OK] = "is there again",
	[NBDTARGET_EXPORT_STATE_GONE] = "is gone",
	[NBDTARGET_EXPORT_STATE_READ_ONLY] = "has become read-only",
};

/* At most one a second. */
static void log_state(struct nbdt_export *export)
{
	u32 state = READ_ONCE(export->state), id = export->disk.device_id;
	const char *path = export->disk.path;
	char name[NAME_MAX_SHOWN], device[NAME_MAX_SHOWN];

	nbdt_text_show(name, sizeof(name), export->name, export->name_len);
	nbdt_text_show(device, sizeof(device), path, strlen(path));
	if (state == NBDTARGET_EXPORT_STATE_OK)
		pr_notice(STATE_LINE, name, device, id >> 20, id & 0xfffff,
			  states[state]);
	else
		pr_err(STATE_LINE, name, device, id >> 20, id & 0xfffff,
		       states[state]);
}

void nbdt_log_export(struct nbdt_export *export, enum nbdt_event event)
{
	if (event == NBDT_EVENT_STATE)
		log_state(export);
}
