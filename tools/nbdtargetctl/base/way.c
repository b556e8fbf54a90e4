// SPDX-License-Identifier: GPL-2.0
/*
 * The way to a file: all folders that it leads through, and all links, have to be those
 * of root or the user who asks. Whoever can write to one of them can put another in the
 * place of what lies behind.
 *
 * It is gone along as the kernel does, part by part. Only so are those folders seen in
 * which there is nothing but a link onward.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/way.h"
#include "base/fail.h"
#include "base/mem.h"

/* As many as the kernel follows. */
#define LINKS_MAX 40

struct way {
	char *at;		/* a folder without links in it; "" is the root */
	char *rest;		/* from there on */
	unsigned int links;	/* that were followed */
};

/* In a sticky folder, as /tmp is, nobody moves what isn't theirs. */
const char *way_bad_owner(const struct stat *st)
{
	bool sticky = S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX;

	if (st->st_uid && st->st_uid != geteuid())
		return "belongs to somebody else";
	/* The mode of a link says nothing. */
	if (st->st_mode & 022 && !sticky && !S_ISLNK(st->st_mode))
		return "may be written by others";
	return NULL;
}

static void replace(char **s, char *by)
{
	free(*s);
	*s = by;
}

/* The next part of the rest, which is shortened by it; NULL at its end. */
static char *take_part(struct way *w)
{
	char *begin = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(begin, "/");
	char *part = len ? mem_printf("%.*s", (int)len, begin) : NULL;

	replace(&w->rest, mem_copy(begin + len));
	return part;
}

static int follow(const struct tool *t, struct way *w, const char *link)
{
	char to[PATH_MAX];
	ssize_t n = readlink(link, to, sizeof(to) - 1);

	if (n >= 0 && ++w->links > LINKS_MAX) {
		n = -1;
		errno = ELOOP;
	}
	if (n < 0)
		return fail(t, link, "%s", strerror(errno));
	to[n] = '\0';
	if (*to == '/')
		*w->at = '\0';
	replace(&w->rest, mem_printf("%s/%s", to, w->rest));
	return 0;
}

/* ".." of a folder without links. */
static void go_up(struct way *w)
{
	char *last = strrchr(w->at, '/');

	if (last)
		*last = '\0';
}

/* Takes over PATH, where the next part is. */
static int go_on(const struct tool *t, struct way *w, char *path)
{
	const char *wrong;
	struct stat st;
	int ret;

	if (lstat(path, &st)) {
		ret = fail(t, path, "%s", strerror(errno));
		goto out;
	}
	wrong = S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) ?
		way_bad_owner(&st) : NULL;
	if (wrong) {
		ret = fail(t, path, "%s", wrong);
		goto out;
	}
	if (S_ISLNK(st.st_mode)) {
		ret = follow(t, w, path);
		goto out;
	}
	replace(&w->at, path);
	return 0;

out:
	free(path);
	return ret;
}

static int go_along(const struct tool *t, struct way *w)
{
	char *part;
	int ret = 0;

	while (!ret && (part = take_part(w))) {
		if (!strcmp(part, ".."))
			go_up(w);
		else if (strcmp(part, "."))
			ret = go_on(t, w, mem_printf("%s/%s", w->at, part));
		free(part);
	}
	return ret;
}

static int check_root(const struct tool *t)
{
	const char *wrong;
	struct stat st;

	if (stat("/", &st))
		return fail(t, "/", "%s", strerror(errno));
	wrong = way_bad_owner(&st);
	return wrong ? fail(t, "/", "%s", wrong) : 0;
}

/*
 * Folders and links on the way to PATH, and that if it is one; 0, or it was said
 * whose is somebody else's.
 */
int way_check(const struct tool *t, const char *path)
{
	struct way w = { .at = mem_copy("") };
	char *here = *path == '/' ? mem_copy("") : getcwd(NULL, 0);
	int ret = here ? check_root(t) : fail(t, path, "%s", strerror(errno));

	if (!ret) {
		w.rest = mem_printf("%s/%s", here, path);
		ret = go_along(t, &w);
	}
	free(here);
	free(w.at);
	free(w.rest);
	return ret;
}
