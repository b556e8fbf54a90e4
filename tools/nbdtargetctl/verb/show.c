// SPDX-License-Identifier: GPL-2.0
/* show: what there is, as tables, as JSON or as URIs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "object/access.h"
#include "object/bitmap.h"
#include "object/conn.h"
#include "object/export.h"
#include "object/listener.h"
#include "object/target.h"
#include "show/attr_json.h"
#include "show/json.h"
#include "show/uri.h"
#include "verb/verbs.h"

enum { SHOW_URI };

static const struct opt show_opts[] = {
	[SHOW_URI] = { "--uri", OPT_FLAG, NULL,
		"NBD URIs of the exports, one a line", 0 },
	{ .name = NULL }
};

/* What any of the forms below may need; freed in one place. */
struct view {
	struct attr_list target;
	struct attr_list exports;
	struct attr_list listeners;
	struct attr_list conns;
	struct attr_list bitmaps;
	struct attr_list access;
};

static int get_target(struct tool *t, struct view *v)
{
	return target_get(t, &v->target);
}

static int get_exports(struct tool *t, struct view *v)
{
	return export_get_all(t, &v->exports);
}

static int get_listeners(struct tool *t, struct view *v)
{
	return attr_list_get(t, NBDTARGET_CMD_LISTENER_GET, &listener_attrs,
			     &v->listeners);
}

static int get_conns(struct tool *t, struct view *v)
{
	return conn_list_get(t, &v->conns);
}

static int get_bitmaps(struct tool *t, struct view *v)
{
	return attr_list_get(t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs,
			     &v->bitmaps);
}

static int get_access(struct tool *t, struct view *v)
{
	return attr_list_get(t, NBDTARGET_CMD_ACCESS_GET, &access_attrs,
			     &v->access);
}

static int get_all(struct tool *t, struct view *v)
{
	int ret = get_target(t, v);

	if (!ret)
		ret = get_exports(t, v);
	if (!ret)
		ret = get_listeners(t, v);
	if (!ret)
		ret = get_conns(t, v);
	/* What people don't see in an overview. */
	if (!ret && t->json)
		ret = get_bitmaps(t, v);
	if (!ret && t->json)
		ret = get_access(t, v);
	return ret;
}

static void view_free(struct view *v)
{
	attr_list_free(&v->target);
	attr_list_free(&v->exports);
	attr_list_free(&v->listeners);
	attr_list_free(&v->conns);
	attr_list_free(&v->bitmaps);
	attr_list_free(&v->access);
}

static void print_target(const struct view *v)
{
	if (v->target.n)
		target_print(attr_list_item(&v->target, 0));
}

static void print_exports(const struct view *v)
{
	export_print_all(&v->exports, "");
}

static void print_listeners(const struct view *v)
{
	listener_print_all(&v->listeners, "");
}

static void print_conns(const struct view *v)
{
	conn_print_all(&v->conns, "");
}

static void print_bitmaps(const struct view *v)
{
	bitmap_print_all(&v->bitmaps, "");
}

static void print_access(const struct view *v)
{
	access_print_all(&v->access, "");
}

static void print_section(const char *title, const struct attr_list *list,
			  void (*print)(const struct attr_list *list,
					const char *indent))
{
	printf("\n%s%s\n", title, list->n ? "" : ": none");
	if (list->n)
		print(list, "  ");
}

static void print_all(const struct view *v)
{
	if (v->target.n)
		target_print_line(attr_list_item(&v->target, 0));
	print_section("exports", &v->exports, export_print_all);
	print_section("listeners", &v->listeners, listener_print_all);
	print_section("connections", &v->conns, conn_print_all);
}

static json_t *json_target(const struct view *v)
{
	return v->target.n ? attr_json(&target_attrs,
				       attr_list_item(&v->target, 0)) :
	       json_object();
}

static json_t *json_exports(const struct view *v)
{
	return attr_json_all(&v->exports);
}

static json_t *json_listeners(const struct view *v)
{
	return listener_json_all(&v->listeners);
}

static json_t *json_conns(const struct view *v)
{
	return attr_json_all(&v->conns);
}

static json_t *json_bitmaps(const struct view *v)
{
	return attr_json_all(&v->bitmaps);
}

static json_t *json_access(const struct view *v)
{
	return attr_json_all(&v->access);
}

static json_t *json_all(const struct view *v)
{
	json_t *o = json_object();

	json_put(o, "target", json_target(v));
	json_put(o, "exports", json_exports(v));
	json_put(o, "listeners", json_listeners(v));
	json_put(o, "connections", json_conns(v));
	json_put(o, "bitmaps", json_bitmaps(v));
	json_put(o, "access", json_access(v));
	return o;
}

static const struct form {
	const char *name;
	int (*get)(struct tool *t, struct view *v);
	void (*print)(const struct view *v);
	json_t *(*json)(const struct view *v);
	bool has_uri;
} forms[] = {
	{ "exports", get_exports, print_exports, json_exports, true },
	{ "listeners", get_listeners, print_listeners, json_listeners, true },
	{ "connections", get_conns, print_conns, json_conns, false },
	{ "bitmaps", get_bitmaps, print_bitmaps, json_bitmaps, false },
	{ "target", get_target, print_target, json_target, false },
	{ "access", get_access, print_access, json_access, false },
}, overview = { "", get_all, print_all, json_all, true };

static int show_form(struct tool *t, const struct form *form)
{
	struct view v = { 0 };
	int ret = form->get(t, &v);

	if (ret)
		ret = kernel_fail(t, NULL, NULL);
	else if (t->json)
		json_print(form->json(&v), false);
	else
		form->print(&v);
	view_free(&v);
	return ret;
}

static int show_export(struct tool *t, const char *name)
{
	struct attr_list list;
	int ret = export_get(t, name, &list);

	if (ret)
		ret = kernel_fail(t, name, ret == -ENOENT ?
				  "'nbdtargetctl show exports' lists them" :
				  NULL);
	else if (!list.n)
		ret = fail(t, name, "the kernel's answer is empty");
	else if (t->json)
		json_print(attr_json(&export_attrs, attr_list_item(&list, 0)),
			   false);
	else
		export_print(attr_list_item(&list, 0));
	attr_list_free(&list);
	return ret;
}

static void uri_out(json_t *array, const struct export *e,
		    const struct listener *l, struct text name)
{
	struct endpoint ep;
	char *uri;
	json_t *o;

	listener_endpoint(l, &ep);
	uri = uri_format(&ep, name, l->tls == NBDTARGET_TLS_MODE_REQUIRED ||
			 (l->tls && e->tls_required));
	if (array) {
		o = json_object();
		json_put_text(o, "export-name", e->name);
		json_put(o, "listener-id", json_integer(l->id));
		json_put(o, "uri", json_string(uri));
		json_add(array, o);
	} else {
		puts(uri);
	}
	free(uri);
}

/* By its name, and by none when it is the default export. */
static void uri_out_all(json_t *array, const struct export *e,
			const struct listener *l)
{
	struct endpoint ep;

	listener_endpoint(l, &ep);
	if (!export_has_listener(e, &ep))
		return;
	uri_out(array, e, l, e->name);
	if (e->is_default && e->name.len)
		uri_out(array, e, l, text_of(""));
}

/* Of all exports, or of the one with a name. */
static int show_uris(struct tool *t, const char *name)
{
	struct view v = { 0 };
	json_t *array;
	size_t i, k;
	int ret;

	ret = name ? export_get(t, name, &v.exports) : get_exports(t, &v);
	if (!ret)
		ret = get_listeners(t, &v);
	if (ret) {
		ret = kernel_fail(t, name, NULL);
		view_free(&v);
		return ret;
	}
	array = t->json ? json_array() : NULL;
	for (i = 0; i < v.exports.n; i++)
		for (k = 0; k < v.listeners.n; k++)
			uri_out_all(array, attr_list_item(&v.exports, i),
				    attr_list_item(&v.listeners, k));
	if (array)
		json_print(array, false);
	view_free(&v);
	return TOOL_OK;
}

static const struct form *find_form(const char *name)
{
	size_t i;

	if (!name)
		return &overview;
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	return NULL;
}

/* Sets name or form, whichever the arguments are. */
static int choose(struct tool *t, const struct args *a, const char **name,
		  const struct form **form)
{
	bool by_word = a->n && !strcmp(a->pos[0], "export");

	*form = by_word ? NULL : find_form(a->n ? a->pos[0] : NULL);
	*name = *form ? NULL : a->pos[by_word];
	if (a->n > 1 + by_word)
		return fail_usage(t, "one argument too many: '%s'", a->pos[1]);
	if (a->n < 1 + by_word && !*form)
		return fail_usage(t, "NAME is missing");
	if (*name && strlen(*name) > NBDTARGET_MAX_STRING)
		return fail_usage(t, "the name is longer than %d bytes",
				  NBDTARGET_MAX_STRING);
	return 0;
}

static int show(struct tool *t, const struct args *a)
{
	bool uri = a->opt[SHOW_URI].given;
	const struct form *form;
	const char *name;
	int ret = choose(t, a, &name, &form);

	if (ret)
		return ret;
	if (uri && form && !form->has_uri)
		return fail_usage(t, "--uri goes with exports only");
	ret = kernel_connect(t, name);
	if (ret)
		return ret;
	if (uri)
		return show_uris(t, name);
	return name ? show_export(t, name) : show_form(t, form);
}

const struct verb verb_show = {
	.name = "show",
	.args = "[exports|listeners|connections|bitmaps|access|target|[export] NAME]",
	.summary = "Shows everything, or the part that is asked for.",
	.details = "For an export that is named as one of these words:\n"
		   "show export NAME.",
	.opts = show_opts,
	.max_args = 2,
	.run = show,
};
