// SPDX-License-Identifier: GPL-2.0
/* version: of the tool and of the module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nl/nl.h"
#include "object/target.h"
#include "show/json.h"
#include "verb/verbs.h"

/* The version of the module, or NULL; sysfs has it for everybody. */
static char *module_version(struct tool *t)
{
	struct attr_list list;
	const struct target *tg;
	char buf[128] = "";
	char *s = NULL;
	FILE *f;

	if (!target_get(t, &list) && list.n) {
		tg = attr_list_item(&list, 0);
		s = text_format(tg->version, 0);
	} else {
		f = fopen("/sys/module/nbdtarget/version", "r");
		if (f && fgets(buf, sizeof(buf), f)) {
			buf[strcspn(buf, "\n")] = '\0';
			s = text_format(text_of(buf), 0);
		}
		if (f)
			fclose(f);
	}
	attr_list_free(&list);
	return s;
}

static int version(struct tool *t, const struct args *a)
{
	char *module = NULL;
	json_t *o;

	(void)a;
	if (!t->nl)
		t->nl = nl_new();
	if (!nl_connect(t->nl))
		module = module_version(t);
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
