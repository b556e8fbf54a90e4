// SPDX-License-Identifier: GPL-2.0
/*
 * nbdtarget - NBD target in the kernel
 *
 * The floors, from top to bottom.  Each includes and calls only what is below
 * it (selftests/floors).  What happens below is told upward by base/event.h, and
 * by a few functions that come down: take (a client was accepted), kill, gate_opened,
 * alone (no request is in flight), ran and failed (of metadata), dead, device_arrived,
 * disk_changed, export_search and export_arrived.
 *
 *	admin/		netlink: nl_*.c, a file for each noun; netlink.c is the
 *			family, nl.c what they share
 *	session/	one client: front.c (all listeners, and what becomes of
 *			whom they accept), session.c (its thread's life), conn.c
 *			(all connections: their room, ticks and ends),
 *			handover.c (those that go on in another module), tls.c
 *			(handshakes) and agent.c (who does them), nice.c (who goes
 *			first on a CPU), poll.h (looking before it sleeps),
 *			placement.c (on which CPU), mem.c (how much they hold)
 *	transport/	listener.c accepts, stream.c moves bytes, ktls.c knows TLS
 *			records, rekey.c their keys, sock.c has a socket and its
 *			thread meet
 *	block/		one device under a name: export.c (name, settings, life),
 *			disk.c (the device), arrival.c (it has come back), pages.c
 *			(what the host has cached of it), origin.c (whose requests,
 *			and what all of an export's have together), and how
 *			requests (request.h) are carried out
 *	content/	what is known of a device: map.c (zeroes), reach.c (what
 *			a write takes of that), scan.c, which reads it to find
 *			out, content.c and proof.c (whether that is still so),
 *			bitmap.c and bitmaps*.c (writes), context.c (their
 *			names).  All in memory; on a metadata device
 *			(metadata.c) bitmaps survive a crash, and zeroes an orderly
 *			end (memo.c): intent.c says what is being written to,
 *			scribe.c writes it, ledger.c knows the blocks, left.c
 *			whether others wrote while nobody was there (look.c)
 *	base/		what all use: target.c (limits), proto.c (wire format and
 *			rules), access.c, identity.c, gate.c, event.c, work.c,
 *			watch.c (disks that become others), awake.c (no hibernation)
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
 * Where something new goes (all that an administrator sees also in
 * uapi/nbdtarget.yaml, in a manual page, and in the tool's completion):
 *
 *  - an option of negotiation: number and name in base/proto.[ch] and
 *    session/conn_trace.h, a row in negotiate.c, a function in the option_*.c that
 *    it is akin to; its data is parsed in proto.c, which selftests/fuzz runs.  What
 *    is agreed on is forgotten in option_tls.c when TLS begins, and carried on by
 *    handover.[ch] and admin/nl_handover.c
 *  - another family of addresses to listen on: branches, not a table, for who is no
 *    AF_INET is taken for IPv6: base/place.c and access.c; transport/listener.c,
 *    sock.c and stream.c (how it ends); session/conn.c (room of one address) and
 *    conn_trace.h; admin/nl_place.c, nl_access.c and nl_handover.c; in the tool
 *    base/address.c and show/uri.c
 *  - a verb or attribute: admin/nl_NOUN.c; in the tool verb/NOUN.c, verb/verbs.h
 *    and command.c, or object/NOUN.c
 *  - a setting of an export: struct nbdt_export_config, and _change if it can be
 *    changed; nbdt_disk_config as well, if it is about the device; in the tool also
 *    config/, nbdtarget.schema.json and verb/export_compare.c
 *  - a counter: base/stats.h (field and sum), counted in session/reply.c by the
 *    connection's thread and nobody else, summed up in block/origin.c, told in
 *    admin/nl.c; in the tool object/stats.c
 *  - a limit: on all of the target base/target.h, asked in session/; on an export
 *    block/export.h, asked in export.c when a client comes, or in transmit.c before
 *    a request is taken (-EBUSY, and nbdt_origin_resume() when it is worth another
 *    try).  One of a rate: what was used in struct nbdt_conn, or in struct
 *    nbdt_origins for all of an export (as memory is), asked in transmit.c for every
 *    kind of request, and resumed by a timer, as the thread sleeps without one
 *  - something known of content: content/, asked for in context.c.  If it is to
 *    survive: uapi/nbdtarget_metadata.h, which the tool's saved/ shares, metadata.c
 *    (what is gathered) and scribe.c (written); memo.c is an example
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/stringify.h>
#include <net/genetlink.h>

#include "admin/netlink.h"
#include "base/awake.h"
#include "base/target.h"
#include "base/watch.h"
#include "base/work.h"
#include "block/arrival.h"
#include "block/export.h"
#include "content/left.h"
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
	err = nbdt_awake_init();
	if (err)
		goto err_work;
	nbdt_arrival_init(nbdt_export_count, nbdt_export_search,
			  nbdt_export_arrived);
	err = nbdt_watch_init(nbdt_arrival_note, nbdt_export_look);
	if (err)
		goto err_awake;
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
err_awake:
	nbdt_awake_exit();
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
	nbdt_left_exit();
	nbdt_watch_exit();
	nbdt_arrival_exit();
	nbdt_awake_exit();
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
