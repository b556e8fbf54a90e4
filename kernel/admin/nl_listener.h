/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_LISTENER_H
#define NBDT_NL_LISTENER_H

#include "base/event.h"

struct nbdt_listener;
struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_listener;

void nbdt_nl_listener_event(struct nbdt_listener *listener,
			    enum nbdt_event event);

#endif /* NBDT_NL_LISTENER_H */
