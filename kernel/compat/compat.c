// SPDX-License-Identifier: GPL-2.0
/*
 * The parts of compat.h that are too long for a header.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/mm.h>

#include "compat/compat.h"

#ifndef NL_SET_ERR_MSG_FMT
/*
 * A text is read right after the handler that wrote it, by the same thread.
 * It would take as many more refusals as there are buffers in that moment to
 * garble it, and it stays terminated even then.
 */
void nbdt_set_err_msg(struct netlink_ext_ack *extack, const char *format, ...)
{
	static char texts[64][128];
	static atomic_t next = ATOMIC_INIT(0);
	va_list args;
	char *text;

	if (!extack)
		return;
	text = texts[(unsigned int)atomic_inc_return(&next) %
		     ARRAY_SIZE(texts)];
	va_start(args, format);
	vsnprintf(text, sizeof(texts[0]), format, args);
	va_end(args);
	extack->_msg = text;
}
#endif

#ifdef NBDT_HAVE_TCP_SENDPAGE
int nbdt_compat_splice(struct socket *sock, struct iov_iter *iter, int flags)
{
	int sent = 0, n;

	while (iov_iter_count(iter)) {
		const struct bio_vec *bvec = iter->bvec;
		size_t skip = iter->iov_offset;
		size_t len = min(bvec->bv_len - skip, iov_iter_count(iter));
		bool more = len < iov_iter_count(iter);

		n = kernel_sendpage(sock, bvec->bv_page,
				    bvec->bv_offset + skip, len,
				    flags | (more ? MSG_SENDPAGE_NOTLAST |
						    MSG_MORE : 0));
		if (n < 0)
			return sent ?: n;
		iov_iter_advance(iter, n);
		sent += n;
		if (n < len)
			break;
	}
	return sent;
}
#endif
