// SPDX-License-Identifier: GPL-2.0
/*
 * nbdtarget - NBD target in the kernel
 *
 * Where to find what, from a client's point of view:
 *
 *	listener.c	accepts it
 *	conn.c		gives it a thread, and ends it
 *	negotiate.c	agrees with it on an export; option_*.c, what each option does
 *	permit.c	says what it may see and use, by the rules of access.c
 *	tls.c		lends it to a program for a TLS handshake
 *	transmit.c	receives its requests
 *	dispatch.c	decides who carries them out, and what they wait for
 *	io.c		carries them out as bios; slow.c, what needs more steps
 *	reply.c		answers
 *
 * and what it may ask about: map.c knows what is zero, scan.c finds out,
 * bitmap.c what was written to, bitmaps.c which of these an export has,
 * context.c gives them names, status.c answers;
 *
 * and below these: proto.c (wire format and rules), stream.c (bytes in and out),
 * ktls.c (over TLS), sock.c (a socket and its thread), gate.c and range.c (what
 * keeps requests apart), checkpoint.c (points between them), pace.c (which
 * thread goes first), poll.h (which doesn't sleep).  export.c has the devices,
 * target.c the limits, netlink.c and nl_*.c the administrator's side, event.c
 * what it is told, trace.h the tracepoints.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <net/genetlink.h>

#include "session/conn.h"
#include "block/export.h"
#include "transport/listener.h"
#include "admin/netlink.h"
#include "session/request.h"
#include "block/slow.h"
#include "base/target.h"
#include "nbdtarget.h"

static int __init nbdt_init(void)
{
	int err;

	nbdt_target_init();
	err = nbdt_request_cache_init();
	if (err)
		return err;
	err = nbdt_slow_init();
	if (err)
		goto err_request;
	err = nbdt_listener_init();
	if (err)
		goto err_slow;
	err = nbdt_netlink_init();
	if (err)
		goto err_listener;
	return 0;

err_listener:
	nbdt_listener_exit();
err_slow:
	nbdt_slow_exit();
err_request:
	nbdt_request_cache_exit();
	return err;
}

/*
 * From the outside to the inside: no more commands, no more clients, no more
 * connections, no more devices; then nothing is left that could run.
 */
static void __exit nbdt_exit(void)
{
	nbdt_netlink_exit();
	nbdt_listener_remove_all();
	nbdt_conn_exit();
	nbdt_listener_exit();
	nbdt_export_remove_all();
	nbdt_slow_exit();
	nbdt_request_cache_exit();
}

module_init(nbdt_init);
module_exit(nbdt_exit);

MODULE_DESCRIPTION("NBD target: exports block devices to NBD clients");
MODULE_LICENSE("GPL");
MODULE_VERSION(NBDT_VERSION);
MODULE_ALIAS_GENL_FAMILY(NBDTARGET_FAMILY_NAME);
