// SPDX-License-Identifier: GPL-2.0
/* Checkpoints, to the administrator. */
#include <linux/netlink.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "admin/nl.h"
#include "admin/nl_checkpoint.h"
#include "admin/nl_export.h"
#include "admin/nl_job.h"
#include "block/checkpoint.h"
#include "block/export.h"
#include "compat/compat.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
static struct netlink_range_validation checkpoint_timeout_range = {
	.min = 100,
	.max = 600000,
};

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy
checkpoint_exports_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_EXPORT] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static const struct nla_policy
checkpoint_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_EXPORTS] =
		NLA_POLICY_NESTED(checkpoint_exports_policy),
	[NBDTARGET_A_CHECKPOINT_FREEZE] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_BITMAP_NAME,
	},
	[NBDTARGET_A_CHECKPOINT_START] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_BITMAP_NAME,
	},
	[NBDTARGET_A_CHECKPOINT_TIMEOUT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &checkpoint_timeout_range),
	[NBDTARGET_A_CHECKPOINT_HOLD] = { .type = NLA_FLAG },
	[NBDTARGET_A_CHECKPOINT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_BITMAP_NAME,
	},
};

static const struct nla_policy
checkpoint_end_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[NBDTARGET_A_CHECKPOINT_ABORT] = { .type = NLA_FLAG },
};

static struct nbdt_checkpoint_owner owner_of(struct genl_info *info)
{
	return (struct nbdt_checkpoint_owner) {
		.net = genl_info_net(info),
		.portid = info->snd_portid,
	};
}

static void put_exports(struct nbdt_checkpoint_config *config)
{
	while (config->nr)
		nbdt_export_put(config->exports[--config->nr]);
}

/* All that are named, with references, also when it fails. */
static int get_exports(struct genl_info *info,
		       struct nbdt_checkpoint_config *config)
{
	struct nlattr *nest = info->attrs[NBDTARGET_A_CHECKPOINT_EXPORTS];
	struct nbdt_export *export;
	struct nlattr *attr;
	int left;

	if (!nest || !nla_len(nest)) {
		nbdt_set_err_msg(info->extack, "the exports are missing");
		return -EINVAL;
	}
	nla_for_each_nested(attr, nest, left) {
		if (config->nr == NBDT_CHECKPOINT_EXPORTS) {
			nbdt_set_err_msg(info->extack,
					 "a checkpoint is of up to %u exports",
					 NBDT_CHECKPOINT_EXPORTS);
			return -E2BIG;
		}
		export = nbdt_nl_find_export(info, nla_data(attr));
		if (!export)
			return -ENOENT;
		config->exports[config->nr++] = export;
	}
	return 0;
}

/* Nobody who isn't told of it could end it. */
static int reply_checkpoint(struct genl_info *info, u32 id)
{
	struct sk_buff *msg = nbdt_nl_message();
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 NBDTARGET_CMD_CHECKPOINT);
	if (!head || nla_put_u32(msg, NBDTARGET_A_CHECKPOINT_ID, id)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return nbdt_nl_job_reply(info, msg);
}

static int run_checkpoint(struct genl_info *info,
			  const struct nbdt_checkpoint_config *config)
{
	u32 id = 0;
	int err;

	err = nbdt_checkpoint_begin(config, &id, info->extack);
	if (err || !id)
		return err;
	err = reply_checkpoint(info, id);
	if (err)
		nbdt_checkpoint_end(id, &config->owner, true, info->extack);
	return err;
}

/* Waits for requests in flight, and for the devices. */
static int checkpoint(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *timeout = info->attrs[NBDTARGET_A_CHECKPOINT_TIMEOUT];
	struct nbdt_checkpoint_config config = {
		.freeze = nbdt_nl_string(info, NBDTARGET_A_CHECKPOINT_FREEZE),
		.start = nbdt_nl_string(info, NBDTARGET_A_CHECKPOINT_START),
		.name = nbdt_nl_string(info, NBDTARGET_A_CHECKPOINT_NAME),
		.timeout = timeout ? nla_get_u32(timeout) :
				     NBDT_CHECKPOINT_TIMEOUT,
		.hold = info->attrs[NBDTARGET_A_CHECKPOINT_HOLD],
		.owner = owner_of(info),
	};
	int err;

	config.exports = kcalloc(NBDT_CHECKPOINT_EXPORTS,
				 sizeof(*config.exports), GFP_KERNEL);
	if (!config.exports)
		return -ENOMEM;
	err = get_exports(info, &config);
	if (!err)
		err = run_checkpoint(info, &config);
	put_exports(&config);
	kfree(config.exports);
	return err;
}

/* Waits for metadata to be written. */
static int checkpoint_end(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_CHECKPOINT_ID];
	struct nbdt_checkpoint_owner owner = owner_of(info);

	if (!id) {
		nbdt_set_err_msg(info->extack,
				 "the checkpoint's number is missing");
		return -EINVAL;
	}
	return nbdt_checkpoint_end(nla_get_u32(id), &owner,
				   info->attrs[NBDTARGET_A_CHECKPOINT_ABORT],
				   info->extack);
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_WAIT_OP(CHECKPOINT, CHECKPOINT, checkpoint), .doit = checkpoint },
	{ NBDT_NL_WAIT_OP(CHECKPOINT_END, CHECKPOINT, checkpoint_end),
	  .doit = checkpoint_end },
};

const struct nbdt_nl_ops nbdt_nl_checkpoint = { ops, ARRAY_SIZE(ops) };
