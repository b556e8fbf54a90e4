// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what happens below is told to who is above.
 *
 * Whoever has an event names it, and doesn't know who listens; the
 * administrator's side does (netlink.c).  It says so once, before the first
 * command and with that before anything can happen.  It stays until the module is
 * gone, as what ends then has events as well.  None of them is on the way of a
 * request.
 */
#include <linux/cache.h>
#include <linux/init.h>

#include "base/event.h"

const struct nbdt_event_ops *nbdt_event_ops __ro_after_init;

/**
 * nbdt_event_init - say who wants to know what happens
 * @ops: all of its functions
 *
 * Before anything can happen, and once.
 */
void __init nbdt_event_init(const struct nbdt_event_ops *ops)
{
	nbdt_event_ops = ops;
}
