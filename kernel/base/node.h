/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NODE_H
#define NBDT_NODE_H

#include <linux/path.h>
#include <linux/types.h>

struct cred;

/* What there is at a path. */
struct nbdt_node {
	dev_t dev;			/* a block device's number, or... */
	int err;			/* ...why there is none, -errno */
};

/* What it takes to look it up later, as who asked for it would. */
struct nbdt_root {
	struct path path;		/* his root; of NULL without references */
	const struct cred *cred;
};

void nbdt_root_get(struct nbdt_root *root);
void nbdt_root_put(struct nbdt_root *root);
struct nbdt_node nbdt_node_find(const struct nbdt_root *root, const char *path);

#endif /* NBDT_NODE_H */
