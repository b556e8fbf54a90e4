// SPDX-License-Identifier: GPL-2.0
/* version: of the tool and of the module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "show/json.h"
#include "verb/verbs.h"

/*
 * The version of the module that is loaded, or NULL. From sysfs, which has it for
 * everybody; asking the module itself would load it.
 */
static char *module_version(void)
{
	FILE *f = fopen("/sys/module/nbdtarget/version", "re");
	char buf[128] = "";
	char *s = NULL;

	if (f && fgets(buf, sizeof(buf), f)) {
		buf[strcspn(buf, "\n")] = '\0';
		s = text_format(text_of(buf), 0);
	}
	if (f)
		fclose(f);
	return s;
}

static int version(struct tool *t, const struct args *a)
{
	char *module = module_version();
	json_t *o;

	(void)a;
	if (t->json) {
		o = json_object();
		json_put(o, "tool", json_string(NBDTARGETCTL_VERSION));
		json_put(o, "module",
			 module ? json_string(module) : json_null());
		json_print(o, false);
	} else {
		printf("nbdtargetctl %s\n", NBDTARGETCTL_VERSION);
		if (module)
			printf("nbdtarget.ko %s\n", module);
	}
	free(module);
	return TOOL_OK;
}

const struct verb verb_version = {
	.name = "version",
	.args = "",
	.summary = "Shows the versions of this tool and of the module.",
	.run = version,
};
