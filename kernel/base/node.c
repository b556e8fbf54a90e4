// SPDX-License-Identifier: GPL-2.0
/*
 * Block devices by their paths.
 *
 * To look up a path may take any time: file systems hang, and so do those who serve
 * one from user space.  So it is done by a thread of ours, as who asked for it: from
 * his root, with his rights.  Of what else he is it knows nothing: not his working
 * directory, for which reason a path begins with '/', and /proc/self is the thread.
 *
 * Who has a root keeps its file system mounted, and puts it as soon as all is looked
 * up.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/sched.h>

#include "base/node.h"

/* The current task's. */
void nbdt_root_get(struct nbdt_root *root)
{
	get_fs_root(current->fs, &root->path);
	root->cred = get_current_cred();
}

/* Once, or of none. */
void nbdt_root_put(struct nbdt_root *root)
{
	if (!root->cred)
		return;
	path_put(&root->path);
	put_cred(root->cred);
	root->cred = NULL;
}

/* As for mount(2) and its like. */
static int device_at(const struct path *path, dev_t *dev)
{
	const struct inode *inode = d_backing_inode(path->dentry);

	if (!S_ISBLK(inode->i_mode))
		return -ENOTBLK;
	if (path->mnt->mnt_flags & MNT_NODEV ||
	    inode->i_sb->s_iflags & SB_I_NODEV)
		return -EACCES;
	*dev = inode->i_rdev;
	return 0;
}

/**
 * nbdt_node_find - see what is at a path
 * @root: from where, and for whom
 * @path: of a block device, beginning with '/'
 *
 * Before opening what may be a tape or a watchdog.  Waits for no device, but for
 * the file systems that the path is in; a signal that kills ends that where they
 * allow it.
 *
 * Return: what there is.
 */
struct nbdt_node nbdt_node_find(const struct nbdt_root *root, const char *path)
{
	const struct cred *own = override_creds(root->cred);
	struct nbdt_node node = {};
	struct file *file;

	/* No more than the path, of which there is no other interface. */
	file = file_open_root(&root->path, path, O_PATH, 0);
	revert_creds(own);
	if (IS_ERR(file)) {
		node.err = PTR_ERR(file);
		return node;
	}
	node.err = device_at(&file->f_path, &node.dev);
	__fput_sync(file);
	return node;
}
