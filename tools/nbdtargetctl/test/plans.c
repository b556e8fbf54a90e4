// SPDX-License-Identifier: GPL-2.0
/*
 * Plans of apply from random configurations to others, carried out on a model: at no
 * time may anybody use an export by a listener who may neither before nor after, wherever
 * a plan ends, and whichever of its steps fails or is refused; nor does the default go from
 * an export to one that isn't open. The next goes on from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/diff.h"
#include "config/run.h"
#include "nbdtarget.h"
#include "object/export.h"

#define ROUNDS 5000
#define LISTENERS 2
#define EXPORTS 2
#define RULES 2
#define LAST PHASE_LISTENER_WIDER
#define NONE -1

/* What a rule may ask for: nothing, one of two networks, a name by TLS. */
enum { ANYBODY, NETWORK, OTHER_NETWORK, NAMED, PATTERNS };

/* Of each network: without TLS, with that name, with another. */
#define CLIENTS 6

struct model_rules {
	bool deny;
	int n;
	struct {
		bool deny;
		int pattern;
	} rule[RULES];
};

struct model {
	struct {
		bool there;
		uint64_t tls;
		struct model_rules rules;
	} l[LISTENERS];
	struct {
		bool there, tls;
		unsigned int bound;	/* to these; 0: to all */
		struct model_rules rules;
	} e[EXPORTS];
	int is_default;			/* of these; NONE */
};

/* Which clients may use which export by which listener. */
struct access_map {
	unsigned int of[LISTENERS][EXPORTS];
};

static const char *const networks[] = { "10.0.0.0", "192.0.2.0" };
static const char *const names[] = { "a", "b" };

/* What a run is about, and what was wrong first. */
static struct model model, before, after;
static int steps, failing;
static char wrong[4096];

static bool chance(int percent)
{
	return rand() % 100 < percent;
}

/* --- Who may --- */

static bool fits(int pattern, int client)
{
	switch (pattern) {
	case NETWORK:
	case OTHER_NETWORK:
		return client / 3 == pattern - NETWORK;
	case NAMED:
		return client % 3 == 1;
	}
	return true;
}

static bool allows(const struct model_rules *r, int client)
{
	int i;

	for (i = 0; i < r->n; i++)
		if (fits(r->rule[i].pattern, client))
			return !r->rule[i].deny;
	return !r->deny;
}

static bool may_use(const struct model *m, int l, int e, int client)
{
	bool tls = client % 3;

	return m->l[l].there && m->e[e].there &&
	       m->l[l].tls != (tls ? NBDTARGET_TLS_MODE_OFF :
			       NBDTARGET_TLS_MODE_REQUIRED) &&
	       (tls || !m->e[e].tls) &&
	       (!m->e[e].bound || m->e[e].bound & 1U << l) &&
	       allows(&m->l[l].rules, client) && allows(&m->e[e].rules, client);
}

static struct access_map access_of(const struct model *m)
{
	struct access_map map = { 0 };
	int l, e, client;

	for (l = 0; l < LISTENERS; l++)
		for (e = 0; e < EXPORTS; e++)
			for (client = 0; client < CLIENTS; client++)
				if (may_use(m, l, e, client))
					map.of[l][e] |= 1U << client;
	return map;
}

static void expect(bool ok, const char *what, const char *step)
{
	if (!ok && !*wrong)
		snprintf(wrong, sizeof(wrong), "%s, behind %s", what, step);
}

/* As to who may use it. */
static bool export_is_as_wanted(int e)
{
	int client;

	for (client = 0; client < CLIENTS; client++)
		if (allows(&model.e[e].rules, client) !=
		    allows(&after.e[e].rules, client))
			return false;
	return model.e[e].there && model.e[e].tls == after.e[e].tls &&
	       model.e[e].bound == after.e[e].bound;
}

/*
 * Who asks for no name gets the one that was the default, until the one that is to be is
 * open; from one that goes, or is to be it no more and no other is, there is none.
 */
static void check_default(const char *step)
{
	int was = before.is_default, be = after.is_default;
	int is = model.is_default;

	if (is == was)
		return;
	expect(is == NONE || is == be, "another is the default", step);
	if (is == NONE)
		expect(be == NONE || !model.e[was].there,
		       "none is the default", step);
	else if (is == be && was != NONE && model.e[was].there)
		expect(export_is_as_wanted(is), "the default isn't open", step);
}

static void check_now(const char *step)
{
	struct access_map was = access_of(&before), is = access_of(&model);
	struct access_map be = access_of(&after);
	int l, e;

	for (l = 0; l < LISTENERS; l++)
		for (e = 0; e < EXPORTS; e++)
			expect(!(is.of[l][e] & ~(was.of[l][e] | be.of[l][e])),
			       "somebody may who may neither before nor after",
			       step);
	check_default(step);
}

/* What is known not to be done from the beginning is no reason to shut anybody out. */
static void check_nobody_lost(void)
{
	struct access_map was = access_of(&before), is = access_of(&model);
	struct access_map be = access_of(&after);
	int l, e;

	for (l = 0; l < LISTENERS; l++)
		for (e = 0; e < EXPORTS; e++)
			expect(!(was.of[l][e] & be.of[l][e] & ~is.of[l][e]),
			       "somebody may not who may before and after",
			       "what was refused");
}

/* --- As a configuration --- */

static void put_rule(struct rule *to, bool deny, int pattern)
{
	to->action = deny ? NBDTARGET_ACCESS_DENY : NBDTARGET_ACCESS_ALLOW;
	if (pattern == NAMED) {
		to->dn = text_of("CN=x");
	} else if (pattern != ANYBODY) {
		struct endpoint ep;

		endpoint_parse(networks[pattern - NETWORK], &ep);
		to->peer = ep.address;
		to->prefix = 24;
	}
}

static struct rules *put_rules(struct config *c, const struct model_rules *m)
{
	struct rules *r = config_alloc(c, sizeof(*r));
	int i;

	r->deny_default = m->deny ? NBDTARGET_ACCESS_DENY : NBDTARGET_ACCESS_ALLOW;
	r->list = config_alloc(c, RULES * sizeof(*r->list));
	r->n = m->n;
	for (i = 0; i < m->n; i++)
		put_rule(&r->list[i], m->rule[i].deny, m->rule[i].pattern);
	items_add(&c->access, r);
	return r;
}

static void endpoint_of(int l, struct endpoint *ep)
{
	endpoint_parse("127.0.0.1", ep);
	ep->port = 1 + l;
}

static void put_listener(struct config *c, const struct model *m, int i)
{
	struct listener *l = config_alloc(c, sizeof(*l));
	struct rules *r;
	struct endpoint ep;

	endpoint_of(i, &ep);
	l->address = ep.address;
	l->port = ep.port;
	l->tls = m->l[i].tls;
	items_add(&c->listeners, l);
	r = put_rules(c, &m->l[i].rules);
	r->listener = true;
	r->ep = ep;
}

static void put_export(struct config *c, const struct model *m, int i)
{
	struct export *e = config_alloc(c, sizeof(*e));
	int l;

	e->name = text_of(names[i]);
	e->device = text_of("/nowhere");
	e->tls_required = m->e[i].tls;
	e->is_default = m->is_default == i;
	for (l = 0; l < LISTENERS; l++)
		if (m->e[i].bound & 1U << l)
			endpoint_of(l, &e->listeners.at[e->listeners.n++]);
	items_add(&c->exports, e);
	put_rules(c, &m->e[i].rules)->export_name = e->name;
}

static void put_model(struct config *c, const struct model *m)
{
	static const struct target target;
	int i;

	for (i = 0; i < CONFIG_N_SECTIONS; i++)
		c->has[i] = true;
	c->target = &target;
	for (i = 0; i < LISTENERS; i++)
		if (m->l[i].there)
			put_listener(c, m, i);
	for (i = 0; i < EXPORTS; i++)
		if (m->e[i].there)
			put_export(c, m, i);
}

/* --- The verbs, on the model --- */

static const struct opt_value *option(const struct args *a, const char *name)
{
	int i;

	for (i = 0; a->verb->opts[i].name; i++)
		if (!strcmp(a->verb->opts[i].name, name) && a->opt[i].given)
			return &a->opt[i];
	return NULL;
}

static int listener_of(const char *name)
{
	struct endpoint ep;

	endpoint_parse(name, &ep);
	return ep.port - 1;
}

static int export_of(const char *name)
{
	return *name - 'a';
}

static void take_rules(struct model_rules *r, const struct args *a)
{
	const struct opt_value *o = option(a, "--default");
	struct rule rule;
	int i;

	memset(r, 0, sizeof(*r));
	r->deny = o && !strcmp(o->text, "deny");
	for (i = 0; i < a->n; i++) {
		memset(&rule, 0, sizeof(rule));
		rule_parse(a->pos[i], &rule);
		r->rule[r->n].deny = rule.action == NBDTARGET_ACCESS_DENY;
		if (rule.dn.len)
			r->rule[r->n].pattern = NAMED;
		else if (rule.peer.len)
			r->rule[r->n].pattern = rule.peer.bytes[0] == 10 ?
						NETWORK : OTHER_NETWORK;
		r->n++;
	}
}

static void take_listener(int l, const struct args *a)
{
	const struct opt_value *tls = option(a, "--tls");

	if (tls)
		model.l[l].tls = !strcmp(tls->text, "required") ?
				 NBDTARGET_TLS_MODE_REQUIRED :
				 !strcmp(tls->text, "optional") ?
				 NBDTARGET_TLS_MODE_OPTIONAL :
				 NBDTARGET_TLS_MODE_OFF;
	if (option(a, "--access"))
		model.l[l].rules.deny = true;
}

static void take_export(int e, const struct args *a)
{
	const struct opt_value *tls = option(a, "--tls");
	const struct opt_value *bound = option(a, "--listeners");
	int l;

	if (tls)
		model.e[e].tls = !strcmp(tls->text, "required");
	if (bound)
		model.e[e].bound = 0;
	for (l = 0; bound && l < LISTENERS; l++) {
		struct endpoint ep;
		char *name;

		endpoint_of(l, &ep);
		name = endpoint_format(&ep);
		if (strstr(bound->text, name))
			model.e[e].bound |= 1U << l;
		free(name);
	}
	if (option(a, "--access"))
		model.e[e].rules.deny = true;
	if (option(a, "--default"))
		model.is_default = e;
	else if (option(a, "--no-default") && model.is_default == e)
		model.is_default = NONE;
}

static void clear_export(int e)
{
	memset(&model.e[e], 0, sizeof(model.e[e]));
	if (model.is_default == e)
		model.is_default = NONE;
}

static void take(const struct args *a)
{
	const char *verb = a->verb->name;
	bool is_export = strstr(verb, "export");
	int i = 0;

	if (strcmp(verb, "set-access"))
		i = is_export ? export_of(a->pos[0]) : listener_of(a->pos[0]);
	if (!strncmp(verb, "add-", 4) || !strncmp(verb, "remove-", 7)) {
		if (is_export)
			clear_export(i);
		else
			memset(&model.l[i], 0, sizeof(model.l[i]));
	}
	if (!strcmp(verb, "add-export"))
		model.e[i].there = true;
	else if (!strcmp(verb, "add-listener"))
		model.l[i].there = true;
	if (option(a, "--export"))
		take_rules(&model.e[export_of(option(a, "--export")->text)].rules, a);
	else if (option(a, "--listener"))
		take_rules(&model.l[listener_of(option(a, "--listener")->text)].rules, a);
	else if (is_export)
		take_export(i, a);
	else
		take_listener(i, a);
}

static int perform(struct tool *t, const struct args *a)
{
	(void)t;
	if (steps++ == failing)
		return TOOL_REFUSED;
	take(a);
	check_now(a->verb->name);
	return TOOL_OK;
}

static const struct verb *on_model(const struct verb *verb)
{
	static struct verb verbs[32];
	size_t i;

	for (i = 0; verbs[i].name; i++)
		if (!strcmp(verbs[i].name, verb->name))
			return &verbs[i];
	verbs[i] = *verb;
	verbs[i].run = perform;
	return &verbs[i];
}

/* --- A plan --- */

/* What isn't there on a machine without the devices may be no matter here. */
static void prepare(struct plan *p, bool refusing)
{
	struct step *s;
	size_t i;

	for (i = 0; i < p->n; i++) {
		s = p->steps[i];
		if (!strcmp(s->verb->name, "add-export") &&
		    !(refusing && chance(50)))
			step_note(s, STEP_PLANNED, "there is no device");
		if (refusing && !strcmp(s->verb->name, "remove-export"))
			step_note(s, chance(50) ? STEP_REFUSED : STEP_ABSENT,
				  "refused");
		s->verb = on_model(s->verb);
	}
}

/* How many of its steps weren't done; of a file that has all of WANT, or no rules. */
static size_t carry_out(struct tool *t, const struct model *want, bool rules,
			bool refusing)
{
	struct config is = { 0 }, file = { 0 }, be = { 0 };
	struct run r = { .t = t, .quiet = true };
	const struct wish wish = { 0 };
	struct plan p = { 0 };

	put_model(&is, &model);
	put_model(&file, want);
	file.has[CONFIG_ACCESS] = rules;
	config_complete(&be, &file, &is, &is);
	diff_plan(&p, &be, &is, &wish);
	prepare(&p, refusing);
	steps = 0;
	run_plan(&r, &p, PHASE_TARGET, LAST);
	plan_free(&p);
	config_free(&be);
	config_free(&file);
	config_free(&is);
	return r.failed;
}

/* --- Random ones --- */

static void change_rules(struct model_rules *r)
{
	int i;

	memset(r, 0, sizeof(*r));
	r->deny = chance(50);
	r->n = rand() % (RULES + 1);
	for (i = 0; i < r->n; i++) {
		r->rule[i].deny = chance(40);
		r->rule[i].pattern = rand() % PATTERNS;
	}
}

static void change_model(struct model *m, int percent, bool rules)
{
	int i;

	for (i = 0; i < LISTENERS; i++) {
		if (chance(percent / 4))
			m->l[i].there = !m->l[i].there;
		if (chance(percent))
			m->l[i].tls = rand() % 3;
		if (!rules && !m->l[i].there)
			memset(&m->l[i].rules, 0, sizeof(m->l[i].rules));
		if (rules && chance(percent))
			change_rules(&m->l[i].rules);
	}
	for (i = 0; i < EXPORTS; i++) {
		if (chance(percent / 4))
			m->e[i].there = !m->e[i].there;
		if (chance(percent))
			m->e[i].tls = chance(30);
		if (chance(percent))
			m->e[i].bound = rand() % (1 << LISTENERS);
		if (!rules && !m->e[i].there)
			memset(&m->e[i].rules, 0, sizeof(m->e[i].rules));
		if (rules && chance(percent))
			change_rules(&m->e[i].rules);
	}
	if (chance(percent))
		m->is_default = rand() % (EXPORTS + 1) + NONE;
}

/* What isn't there has no state. */
static void forget_absent(struct model *m)
{
	int i;

	for (i = 0; i < LISTENERS; i++)
		if (!m->l[i].there)
			memset(&m->l[i], 0, sizeof(m->l[i]));
	for (i = 0; i < EXPORTS; i++)
		if (!m->e[i].there)
			memset(&m->e[i], 0, sizeof(m->e[i]));
	if (m->is_default != NONE && !m->e[m->is_default].there)
		m->is_default = NONE;
}

static bool same_access(void)
{
	struct access_map is = access_of(&model), be = access_of(&after);

	return !memcmp(&is, &be, sizeof(is)) &&
	       model.is_default == after.is_default;
}

static void same_rules(void)
{
	int i;

	for (i = 0; i < EXPORTS; i++)
		if (before.e[i].there && model.e[i].there)
			expect(!memcmp(&before.e[i].rules, &model.e[i].rules,
				       sizeof(before.e[i].rules)),
			       "rules that no file has are lost", "all");
	for (i = 0; i < LISTENERS; i++)
		if (before.l[i].there && model.l[i].there)
			expect(!memcmp(&before.l[i].rules, &model.l[i].rules,
				       sizeof(before.l[i].rules)),
			       "rules that no file has are lost", "all");
}

/* One that ends well, one with something refused, one for each step that fails. */
static void try_one(struct tool *t, bool rules)
{
	const struct model was = before;
	size_t left;
	int all;

	model = was;
	failing = -1;
	left = carry_out(t, &after, rules, false);
	all = steps;
	expect(rules ? !left && same_access() : left || same_access(),
	       "it isn't as it shall be", "all");
	if (!rules)
		same_rules();
	model = was;
	left = carry_out(t, &after, rules, true);
	check_nobody_lost();
	for (failing = 0; failing < all; failing++) {
		model = was;
		carry_out(t, &after, rules, chance(20));
		if (!rules) {
			same_rules();
			continue;
		}
		all = steps > all ? steps : all;
		left = failing;
		failing = -1;
		expect(!carry_out(t, &after, rules, false) && same_access(),
		       "it isn't as it shall be", "the next");
		failing = left;
	}
}

static void print_rules(const struct model_rules *r)
{
	static const char *const patterns[] = { "all", "10/24", "192/24", "x" };
	int i;

	for (i = 0; i < r->n; i++)
		printf(" %s %s,", r->rule[i].deny ? "deny" : "allow",
		       patterns[r->rule[i].pattern]);
	printf(" %s\n", r->deny ? "deny" : "allow");
}

static void print_model(const char *what, const struct model *m)
{
	static const char *const modes[] = {
		[NBDTARGET_TLS_MODE_OFF] = "off",
		[NBDTARGET_TLS_MODE_OPTIONAL] = "optional",
		[NBDTARGET_TLS_MODE_REQUIRED] = "required",
	};
	int i;

	for (i = 0; i < LISTENERS; i++) {
		if (!m->l[i].there)
			continue;
		printf("# %s: listener %d, TLS %s:", what, i, modes[m->l[i].tls]);
		print_rules(&m->l[i].rules);
	}
	for (i = 0; i < EXPORTS; i++) {
		if (!m->e[i].there)
			continue;
		printf("# %s: export %s, TLS %d, listeners %#x:", what, names[i],
		       m->e[i].tls, m->e[i].bound);
		print_rules(&m->e[i].rules);
	}
	if (m->is_default != NONE)
		printf("# %s: export %s is the default\n", what,
		       names[m->is_default]);
}

static void test_all(struct tool *t, bool rules, const char *what)
{
	int i;

	*wrong = '\0';
	for (i = 0; i < ROUNDS && !*wrong; i++) {
		memset(&before, 0, sizeof(before));
		before.is_default = NONE;
		change_model(&before, 90, true);
		for (int l = 0; l < LISTENERS; l++)
			before.l[l].there = chance(80);
		for (int e = 0; e < EXPORTS; e++)
			before.e[e].there = chance(80);
		forget_absent(&before);
		after = before;
		change_model(&after, 20 + rand() % 60, rules);
		forget_absent(&after);
		try_one(t, rules);
	}
	printf("%sok - %s\n", *wrong ? "not " : "", what);
	if (!*wrong)
		return;
	printf("# in round %d, failing step %d: %s\n", i, failing, wrong);
	print_model("before", &before);
	print_model("after", &after);
	print_model("at the end", &model);
}

int main(void)
{
	struct tool t = { .verb = "apply", .to = fopen("/dev/null", "w") };

	srand(1);
	test_all(&t, true, "nobody may use what he may neither before nor after");
	test_all(&t, false, "rules that no file has aren't lost, nor get around");
	if (t.to)
		fclose(t.to);
	return 0;
}
