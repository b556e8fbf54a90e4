/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_COMPAT_TLS_H
#define NBDT_COMPAT_TLS_H

#include <linux/types.h>

struct socket;

int nbdt_compat_tls_rekey(struct socket *sock, bool tx, void *info,
			  unsigned int size);

#endif /* NBDT_COMPAT_TLS_H */
