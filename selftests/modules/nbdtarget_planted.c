// SPDX-License-Identifier: GPL-2.0
/*
 * Plants a bug on purpose: loaded with bug=NAME it makes that one mistake, in
 * its init function, and stays.  The debug kernel has to notice, and a run of
 * the VM in which it did has to fail: selftests/planted sees to it that both
 * is so.  Each is the kind of mistake that a review overlooks in a target that
 * holds requests, locks and references for strangers.
 *
 * Never load it anywhere else.
 */
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "Which one; see the table in the source");

struct planted {
	refcount_t	refs;
	char		data[100];
};

static DEFINE_SPINLOCK(outer);
static DEFINE_SPINLOCK(inner);

static struct planted *planted_alloc(void)
{
	struct planted *planted = kzalloc(sizeof(*planted), GFP_KERNEL);

	if (planted)
		refcount_set(&planted->refs, 1);
	return planted;
}

/* A request is written to after it was freed. */
static void use_after_free(void)
{
	struct planted *planted = planted_alloc();
	struct planted *alias = planted;

	/* Or the compiler would see through it. */
	OPTIMIZER_HIDE_VAR(alias);
	kfree(planted);
	if (alias)
		WRITE_ONCE(alias->data[7], 1);
}

/* One byte behind the end of what was allocated. */
static void out_of_bounds(void)
{
	struct planted *planted = planted_alloc();
	size_t at = sizeof(planted->data);

	OPTIMIZER_HIDE_VAR(at);
	if (planted)
		WRITE_ONCE(planted->data[at], 1);
	kfree(planted);
}

/* It would take two threads at the wrong moment for this to hang. */
static void lock_inversion(void)
{
	spin_lock(&outer);
	spin_lock(&inner);
	spin_unlock(&inner);
	spin_unlock(&outer);

	spin_lock(&inner);
	spin_lock(&outer);
	spin_unlock(&outer);
	spin_unlock(&inner);
}

/* An allocation that may wait for memory, where nobody may wait. */
static void sleep_in_atomic(void)
{
	struct planted *planted;

	spin_lock(&outer);
	planted = planted_alloc();
	spin_unlock(&outer);
	kfree(planted);
}

/* Nobody knows where it is any more. */
static void leak(void)
{
	struct planted *planted = planted_alloc();

	OPTIMIZER_HIDE_VAR(planted);
}

/* A reference is taken when the last one is gone. */
static void refcount_error(void)
{
	struct planted *planted = planted_alloc();

	if (!planted)
		return;
	if (refcount_dec_and_test(&planted->refs))
		refcount_inc(&planted->refs);
	kfree(planted);
}

static const struct {
	const char *name;
	void (*plant)(void);
} bugs[] = {
	{ "none", NULL },
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "lock-inversion", lock_inversion },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "leak", leak },
	{ "refcount-error", refcount_error },
};

static int __init planted_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bug, bugs[i].name))
			continue;
		if (bugs[i].plant)
			bugs[i].plant();
		return 0;
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("Bugs for the debug kernel to find");
MODULE_LICENSE("GPL");
