// SPDX-License-Identifier: GPL-2.0
/*
 * nbdtarget - NBD target in the kernel
 *
 * The floors, from top to bottom.  Each includes and calls only what is below
 * it (selftests/floors); what happens below is told upward through
 * base/event.h, and in a few tables of functions that come down from above.
 *
 *	admin/		netlink: nl_*.c, a file for each noun; netlink.c is the
 *			family, nl.c what they share
 *	session/	one client: front.c (whom listeners let in), session.c
 *			(its thread's life), conn.c (all of them, and their ends)
 *	transport/	listener.c accepts, stream.c moves bytes, ktls.c knows TLS
 *			records, sock.c has a socket and its thread meet
 *	block/		one device under a name: export.c (name, options, life),
 *			disk.c (the device), and how requests are carried out
 *	content/	what is known of a device: map.c (zeroes), scan.c,
 *			bitmap.c and bitmaps*.c (writes), context.c (their names)
 *	base/		what all use: target.c (limits), proto.c (wire format and
 *			rules), access.c, identity.c, gate.c, event.c, work.c
 *	compat/		what differs between kernels
 *
 * transport/ and block/ know nothing of each other.
 *
 * The way of a WRITE.  The connection's thread (session/session.c) has agreed on
 * an export (negotiate.c, option_*.c; permit.c says what it may use) and goes
 * round in transmit.c: it receives through stream.c, has proto.c judge the
 * header, gets memory from stock.c (accounted by mem.c), and dispatches.
 * block/dispatch.c waits for its turn (turn.c: gate, ranges, parts), which leaves
 * word in the dirty bitmaps and the map, and gives it to io.c, or to a worker in
 * slow.c when it isn't whole blocks.  complete.c takes it back to where it came
 * from (origin.h); the thread answers in reply.c.  BLOCK_STATUS never leaves
 * the thread: status.c.  A READ of what is known to be zero is cut in
 * transmit.c.  checkpoint.c shuts the gates of several exports at once.
 *
 * Where something new goes:
 *
 *	an option of negotiation	a row in negotiate.c, a function in the
 *					session/option_*.c that it is akin to
 *	a kind of listener		transport/, beside listener.c; session/front.c
 *					has them all
 *	a verb or attribute		uapi/nbdtarget.yaml, admin/nl_NOUN.c, and a
 *					file in the tool
 *	an option of an export		struct nbdt_export_config, or nbdt_disk_config
 *					if it is about the device
 *	a counter			base/stats.h, counted in session/reply.c
 *	a bound on what clients take	base/target.h, asked in session/
 *	something known of content	content/, asked for in context.c
 */
#include <linux/init.h>
#include <linux/module.h>
#include <net/genetlink.h>

#include "admin/netlink.h"
#include "base/target.h"
#include "base/work.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/front.h"
#include "session/mem.h"
#include "session/stock.h"
#include "nbdtarget.h"

static int __init nbdt_init(void)
{
	int err;

	nbdt_mem_set_default();
	err = nbdt_stock_init();
	if (err)
		return err;
	err = nbdt_work_init();
	if (err)
		goto err_stock;
	err = nbdt_front_init();
	if (err)
		goto err_work;
	err = nbdt_netlink_init();
	if (err)
		goto err_front;
	return 0;

err_front:
	nbdt_front_exit();
err_work:
	nbdt_work_exit();
err_stock:
	nbdt_stock_exit();
	return err;
}

/*
 * From the outside to the inside: no more commands, no more clients, no more
 * connections, no more devices; then nothing is left that could run.
 */
static void __exit nbdt_exit(void)
{
	nbdt_netlink_exit();
	nbdt_front_remove_all();
	nbdt_conn_exit();
	nbdt_front_exit();
	nbdt_export_remove_all();
	nbdt_work_exit();
	nbdt_stock_exit();
}

module_init(nbdt_init);
module_exit(nbdt_exit);

MODULE_DESCRIPTION("NBD target: exports block devices to NBD clients");
MODULE_LICENSE("GPL");
MODULE_VERSION(NBDT_VERSION);
MODULE_ALIAS_GENL_FAMILY(NBDTARGET_FAMILY_NAME);
