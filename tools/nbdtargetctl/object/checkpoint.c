// SPDX-License-Identifier: GPL-2.0
/* Checkpoints: what the module is asked for. */
#include "nbdtarget.h"
#include "nl/nl.h"
#include "object/checkpoint.h"

static struct nlmsghdr *request(struct tool *t, const struct checkpoint *c)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_CHECKPOINT);
	struct nlattr *nest;
	int i;

	nest = mnl_attr_nest_start(nlh, NBDTARGET_A_CHECKPOINT_EXPORTS);
	for (i = 0; i < c->n; i++)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_EXPORT,
				  c->exports[i]);
	mnl_attr_nest_end(nlh, nest);
	if (c->freeze)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_FREEZE,
				  c->freeze);
	if (c->start)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_START, c->start);
	if (c->name)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_NAME, c->name);
	if (c->timeout)
		mnl_attr_put_u32(nlh, NBDTARGET_A_CHECKPOINT_TIMEOUT,
				 *c->timeout);
	if (c->hold)
		mnl_attr_put(nlh, NBDTARGET_A_CHECKPOINT_HOLD, 0, NULL);
	return nlh;
}

/* 0 when there is none in the reply. */
static uint32_t id_in(const struct nl_reply *reply)
{
	struct nlmsghdr *nlh = nl_reply_next(reply, NULL);
	struct nlattr *attr;

	if (!nlh)
		return 0;
	mnl_attr_for_each(attr, nlh, 4) {
		if (mnl_attr_get_type(attr) == NBDTARGET_A_CHECKPOINT_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(attr);
	}
	return 0;
}

/* The id is that of one that is held until checkpoint_end(), or 0. */
int checkpoint_begin(struct tool *t, const struct checkpoint *c, uint32_t *id)
{
	struct nl_reply reply = { 0 };
	int ret = nl_do(t->nl, request(t, c), &reply);

	*id = ret ? 0 : id_in(&reply);
	nl_reply_free(&reply);
	return ret;
}

/* abort_: all is as before. */
int checkpoint_end(struct tool *t, uint32_t id, bool abort_)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_CHECKPOINT_END);

	mnl_attr_put_u32(nlh, NBDTARGET_A_CHECKPOINT_ID, id);
	if (abort_)
		mnl_attr_put(nlh, NBDTARGET_A_CHECKPOINT_ABORT, 0, NULL);
	return nl_do(t->nl, nlh, NULL);
}
