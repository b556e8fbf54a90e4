// SPDX-License-Identifier: GPL-2.0
/*
 * nbdtarget - NBD target in the kernel
 *
 * The floors, from top to bottom.  Each includes and calls only what is below
 * it (selftests/floors).  What happens below is told upward by base/event.h, and
 * by a few functions that come down: take, run, kill, resume, gate_opened, dead.
 *
 *	admin/		netlink: nl_*.c, a file for each noun; netlink.c is the
 *			family, nl.c what they share
 *	session/	one client: front.c (all listeners, and what becomes of
 *			whom they accept), session.c (its thread's life), conn.c
 *			(all connections, and their ends), handover.c (those that
 *			go on in another module), tls.c (handshakes)
 *			and agent.c (who does them), pace.c and poll.h (when its
 *			thread runs), placement.c (on which CPU)
 *	transport/	listener.c accepts, stream.c moves bytes, ktls.c knows TLS
 *			records, sock.c has a socket and its thread meet
 *	block/		one device under a name: export.c (name, settings, life),
 *			disk.c (the device), pages.c (what the host has cached of
 *			it), origin.c (whose requests), and how requests
 *			(request.h) are carried out
 *	content/	what is known of a device: map.c (zeroes), scan.c, which
 *			reads it to find out, content.c and proof.c (whether that
 *			is still so), bitmap.c and bitmaps*.c (writes), context.c
 *			(their names).  In memory; of bitmaps, metadata.c has
 *			what survives a crash: intent.c says what is being
 *			written to, scribe.c writes it, ledger.c knows the blocks
 *	base/		what all use: target.c (limits), proto.c (wire format and
 *			rules), access.c, identity.c, gate.c, event.c, work.c,
 *			watch.c (disks that become others)
 *	compat/		what differs between kernels
 *
 * transport/ and block/ know nothing of each other.
 *
 * The way of a WRITE.  The connection's thread (session/session.c) has agreed on
 * an export (negotiate.c, option_*.c; permit.c says what it may use) and goes
 * round in transmit.c: it receives through stream.c, has proto.c judge the
 * header, gets memory from stock.c (accounted by mem.c), and dispatches.
 * block/dispatch.c asks turn.c for its turn (gate, ranges, parts), which leaves
 * word in the dirty bitmaps and the map; if it isn't its turn, or the write-intent
 * log hasn't got it yet, it waits aside, and a worker asks again.  It goes to io.c,
 * or to a worker in slow.c when it isn't whole blocks, or the host has some of it
 * cached.  complete.c takes it back to where it came from (origin.h); the thread
 * answers in reply.c.  BLOCK_STATUS never leaves the thread: status.c.  A READ is cut
 * in transmit.c, by what is known to be zero.  checkpoint.c shuts the gates of several
 * exports at once.
 *
 * Where something new goes:
 *
 *  - an option of negotiation: number and name in base/proto.[ch] and
 *    session/conn_trace.h, a row in negotiate.c, a function in the option_*.c that
 *    it is akin to; its data is parsed in proto.c, which selftests/fuzz runs
 *  - another family of addresses to listen on: branches, not a table, in
 *    transport/listener.c, sock.c and stream.c (how it ends), base/access.c,
 *    admin/nl_place.c, session/conn_trace.h; in the tool
 *    base/address.c and show/uri.c
 *  - a verb or attribute: uapi/nbdtarget.yaml, admin/nl_NOUN.c; in the tool
 *    verb/NOUN.c, verb/verbs.h and command.c, or object/NOUN.c; its manual page
 *    and completion
 *  - a setting of an export: struct nbdt_export_config, and _change if it can be
 *    changed; nbdt_disk_config as well, if it is about the device
 *  - a counter: base/stats.h (field and sum), counted in session/reply.c, told in
 *    admin/nl.c; in the tool object/stats.c
 *  - a bound: on all of the target base/target.h, asked in session/; on an export
 *    block/export.h, asked in export.c when a client comes, or in transmit.c before
 *    a payload is read (-EBUSY, and nbdt_origin_resume() when it is worth another
 *    try)
 *  - something known of content: content/, asked for in context.c
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/stringify.h>
#include <net/genetlink.h>

#include "admin/netlink.h"
#include "base/target.h"
#include "base/watch.h"
#include "base/work.h"
#include "block/arrival.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/front.h"
#include "session/mem.h"
#include "session/placement.h"
#include "session/stock.h"
#include "transport/rekey.h"
#include "nbdtarget.h"

static int __init nbdt_init(void)
{
	int err;

	nbdt_mem_set_default();
	nbdt_rekey_init();
	err = nbdt_stock_init();
	if (err)
		goto err_rekey;
	err = nbdt_placement_init();
	if (err)
		goto err_stock;
	err = nbdt_work_init();
	if (err)
		goto err_placement;
	nbdt_arrival_init(nbdt_export_count, nbdt_export_arrived);
	err = nbdt_watch_init(nbdt_arrival_note);
	if (err)
		goto err_work;
	err = nbdt_front_init();
	if (err)
		goto err_watch;
	err = nbdt_netlink_init();
	if (err)
		goto err_front;
	return 0;

err_front:
	nbdt_front_exit();
err_watch:
	nbdt_watch_exit();
err_work:
	nbdt_work_exit();
err_placement:
	nbdt_placement_exit();
err_stock:
	nbdt_stock_exit();
err_rekey:
	nbdt_rekey_exit();
	return err;
}

/*
 * Nothing is configured any more, or the module would have users.  From the outside
 * to the inside: no more commands, no more connections, no more namespaces; then
 * nothing is left that could run.
 */
static void __exit nbdt_exit(void)
{
	nbdt_netlink_exit();
	nbdt_conn_exit();
	nbdt_front_exit();
	nbdt_export_exit();
	nbdt_watch_exit();
	nbdt_work_exit();
	nbdt_placement_exit();
	nbdt_stock_exit();
	nbdt_rekey_exit();
}

module_init(nbdt_init);
module_exit(nbdt_exit);

MODULE_DESCRIPTION("NBD target: exports block devices to NBD clients");
MODULE_LICENSE("GPL");
MODULE_VERSION(NBDT_VERSION);
/* For who is about to load it: what connections are handed over in. */
MODULE_INFO(handover, __stringify(NBDTARGET_HANDOVER_FORMAT));
MODULE_ALIAS_GENL_FAMILY(NBDTARGET_FAMILY_NAME);
