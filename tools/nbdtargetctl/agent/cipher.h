/* SPDX-License-Identifier: GPL-2.0 */
/* The ciphers that are offered to clients. */
#ifndef NBDTARGETCTL_CIPHER_H
#define NBDTARGETCTL_CIPHER_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "agent/ktls.h"

const char *cipher_choose(const char *list);
const char *cipher_probe(void);
bool cipher_is_chosen(void);
char *cipher_priority(gnutls_priority_t policy);
const char *cipher_unwanted(gnutls_priority_t policy);
char *cipher_names(void);
const struct cipher *cipher_of(gnutls_session_t session);

#endif /* NBDTARGETCTL_CIPHER_H */
