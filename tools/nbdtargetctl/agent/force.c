// SPDX-License-Identifier: GPL-2.0
/*
 * The credentials that are in force: loaded when the agent begins, when it is told to,
 * and when files have changed and a client comes, or has shown who it is. Those that
 * don't load leave those that did in force; those that are the same as these end nobody
 * who negotiates by them.
 *
 * What is wrong with them needn't be in the files themselves: there may be no memory,
 * a folder above may have to be put right, a file may come by and by. So they are tried
 * again by themselves, in pauses that become longer. That says nothing as long as it
 * comes to the same, and tells when there is something else to be said, or when they
 * load at last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/force.h"
#include "agent/log.h"
#include "agent/mark.h"
#include "agent/notify.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"

/* In ms. */
#define PAUSE_MIN 1000
#define PAUSE_MAX 300000

/* The wall clock may be set meanwhile: it is looked at as often. */
#define LOOK 60000

/* --- What is told --- */

/* To systemd; READY, behind what it knows that way. */
static void tell_status(const struct force *f, const char *ready)
{
	static const char wrong[] =
		"The credentials are wrong, and tried again; what was loaded before stays in force";
	const char *old = crl_old(cred_crls(f->cred));
	char *state = mem_printf("%sSTATUS=%s%s%s%s\n", ready,
				 f->said ? wrong : "The credentials are in force",
				 old ? "; the CRL of " : "", old ? old : "",
				 old ? " is old" : "");

	notify(state);
	free(state);
}

void force_ready(const struct force *f)
{
	tell_status(f, "READY=1\n");
}

static void tell_loaded(const struct force *f)
{
	struct tool notice = *f->t;

	if (notice.priority)
		notice.priority = LOG_NOTICE_PREFIX;
	fail(&notice, NULL, "the credentials that were wrong are in force now");
}

/* --- Loading --- */

/*
 * What is there now, in place of what has left such CRLs behind, or NULL.  They aren't
 * in force before whoever looks with --check can know of it.
 */
static struct cred *load(const struct force *f, const struct tool *t,
			 const struct crl_memory *before)
{
	struct cred *cred = cred_load(t, f->dir, f->policy, before);

	if (!cred || !mark_set(t, cred_crls(cred)))
		return cred;
	cred_put(cred);
	return NULL;
}

static void replace(struct force *f, struct cred *cred)
{
	bool same = cred_same(f->cred, cred);

	cred_put(f->cred);
	f->cred = cred;
	if (!same)
		f->replaced(f);
	cred_tell(f->t, cred);
	if (f->said)
		tell_loaded(f);
	free(f->said);
	f->said = NULL;
}

/* They don't load, for what is SAID; whether that is to be told. */
static void keep(struct force *f, char *said, bool tell)
{
	if (tell) {
		fputs(said, stderr);
		fail(f->t, NULL, "what was loaded before stays in force; they are tried again");
	}
	f->again = clock_now() + f->pause;
	f->pause = 2 * f->pause < PAUSE_MAX ? 2 * f->pause : PAUSE_MAX;
	free(f->said);
	f->said = said;
}

/* Tells what it came to, but not what it has said already unless it is ASKED to. */
static void try(struct force *f, bool asked)
{
	struct tool t = *f->t;
	struct cred *cred;
	char *said = NULL;
	size_t size;

	t.to = open_memstream(&said, &size);
	cred = load(f, &t, cred_crls(f->cred));
	if (t.to)
		fclose(t.to);
	if (!said)
		said = mem_copy("");
	if (!cred) {
		keep(f, said, asked || !f->said || strcmp(said, f->said));
		return;
	}
	fputs(said, stderr);
	free(said);
	replace(f, cred);
}

static void reload(struct force *f, bool asked)
{
	notify_reloading();
	f->pause = PAUSE_MIN;
	try(f, asked);
	force_ready(f);
}

void force_reload(struct force *f)
{
	reload(f, true);
}

/* A handshake that begins or ends with what was replaced would be a surprise. */
void force_refresh(struct force *f)
{
	if (cred_changed(f->cred))
		reload(f, false);
}

/* There are some that didn't load. */
static void try_again(struct force *f)
{
	try(f, false);
	if (!f->said)
		tell_status(f, "");
}

/* --- As time goes by --- */

/* A CRL has become old; how long until another does, in ms. */
static int look_at_crls(struct force *f)
{
	time_t next = crl_next(cred_crls(f->cred)), now = time(NULL);

	if (next != -1 && next <= now) {
		cred_tell(f->t, f->cred);
		tell_status(f, "");
		next = crl_next(cred_crls(f->cred));
	}
	if (next == -1)
		return -1;
	return next - now < LOOK / 1000 ? (next - now) * 1000 : LOOK;
}

/* Does what is due; how long until there is something else, in ms; -1: for ever. */
int force_tick(struct force *f)
{
	int64_t left;
	int look;

	if (f->said && f->again <= clock_now())
		try_again(f);
	look = look_at_crls(f);
	if (!f->said)
		return look;
	left = f->again - clock_now();
	if (left < 0)
		return 0;
	return look < 0 || left < look ? left : look;
}

/* 0, or it was said why not.  Where another has crashed, it has left its CRLs. */
int force_begin(struct force *f)
{
	struct crl_memory left = { .left = mark_path() };

	mark_get(&left);
	f->cred = load(f, f->t, &left);
	crl_forget(&left);
	if (!f->cred)
		return TOOL_REFUSED;
	cred_tell(f->t, f->cred);
	return 0;
}

/* Would the agent that runs load them, or begin with them if none does? */
int force_check(struct force *f)
{
	struct crl_memory crls = { 0 };

	mark_get(&crls);
	f->cred = cred_load(f->t, f->dir, f->policy, &crls);
	crl_forget(&crls);
	if (!f->cred)
		return TOOL_REFUSED;
	cred_tell(f->t, f->cred);
	return 0;
}

/* It is ended by who says so: the next may begin with whatever there is. */
void force_forget(void)
{
	mark_drop();
}

void force_end(struct force *f)
{
	cred_put(f->cred);
	free(f->said);
}
