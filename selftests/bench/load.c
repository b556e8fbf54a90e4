// SPDX-License-Identifier: GPL-2.0
/*
 * Asks disks for a number of random I/Os of 4 KiB, and has lines.c count meanwhile:
 *
 *	load read|write COUNT DEPTH DISK...
 *
 * Each disk has a process of its own, on a CPU of its own: the first on CPU 0.  It
 * does some before, until all that learns has learned, and waits for the others; what
 * is counted is the COUNT that follow, of each, and nothing of the beginning and the
 * end of the processes.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

#define SIZE	4096
#define BEFORE	192		/* I/Os */
#define DEPTH_MAX 64

static int go[2], ready[2];	/* pipes: to the processes, and from them */

struct disk {
	int fd;
	uint64_t blocks;
	uint64_t random;
	bool writes;
	aio_context_t aio;
	struct iocb iocbs[DEPTH_MAX];
};

static void be_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", cpu);
}

static uint64_t next_block(struct disk *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random % d->blocks;
}

static void submit(struct disk *d, struct iocb *iocb)
{
	iocb->aio_offset = next_block(d) * SIZE;
	if (syscall(SYS_io_submit, d->aio, 1, &iocb) != 1)
		err(1, "io_submit");
}

/* The next that is done. */
static struct iocb *complete(struct disk *d)
{
	struct io_event event;

	if (syscall(SYS_io_getevents, d->aio, 1, 1, &event, NULL) != 1)
		err(1, "io_getevents");
	if (event.res != SIZE)
		errx(1, "an I/O ended with %lld", (long long)event.res);
	return (struct iocb *)(uintptr_t)event.obj;
}

static void do_some(struct disk *d, int count, int depth)
{
	int begun = 0, done = 0;

	for (; begun < depth && begun < count; begun++)
		submit(d, &d->iocbs[begun]);
	for (; done < count; done++) {
		struct iocb *iocb = complete(d);

		if (begun < count) {
			submit(d, iocb);
			begun++;
		}
	}
}

static void open_disk(struct disk *d, const char *path, int number, int depth)
{
	void *buffer;
	off_t size;
	int i;

	d->fd = open(path, (d->writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
	if (d->fd < 0)
		err(1, "%s", path);
	size = lseek(d->fd, 0, SEEK_END);
	if (size < SIZE)
		errx(1, "%s is too small", path);
	d->blocks = size / SIZE;
	d->random = 88172645463325252 + number;
	if (posix_memalign(&buffer, SIZE, (size_t)depth * SIZE))
		errx(1, "out of memory");
	memset(buffer, 0x5a, (size_t)depth * SIZE);
	if (syscall(SYS_io_setup, depth, &d->aio))
		err(1, "io_setup");
	for (i = 0; i < depth; i++) {
		d->iocbs[i].aio_fildes = d->fd;
		d->iocbs[i].aio_lio_opcode = d->writes ? IOCB_CMD_PWRITE :
							 IOCB_CMD_PREAD;
		d->iocbs[i].aio_buf = (uintptr_t)buffer + (uintptr_t)i * SIZE;
		d->iocbs[i].aio_nbytes = SIZE;
	}
}

/* One byte through a pipe. */
static void say(int fd)
{
	if (write(fd, "", 1) != 1)
		err(1, "pipe");
}

static bool hear(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);

	if (n < 0)
		err(1, "pipe");
	return n;
}

static void client(const char *path, int number, bool writes, int count,
		   int depth)
{
	struct disk d = { .writes = writes };

	close(go[1]);
	be_on(number);
	open_disk(&d, path, number, depth);
	do_some(&d, BEFORE, depth);
	say(ready[1]);
	if (!hear(go[0]))
		_exit(1);
	do_some(&d, count, depth);
	say(ready[1]);
	/* Its end isn't counted. */
	hear(go[0]);
	_exit(0);
}

static void all_ready(int n)
{
	while (n--)
		if (!hear(ready[0]))
			errx(1, "a client ended before its time");
}

static int number(const char *text, int max)
{
	long n = strtol(text, NULL, 10);

	if (n < 1 || n > max)
		errx(2, "'%s' isn't a number from 1 to %d", text, max);
	return n;
}

int main(int argc, char **argv)
{
	int count, depth, n = argc - 4, status, i;
	bool failed = false, writes;

	if (n < 1)
		errx(2, "usage: load read|write COUNT DEPTH DISK...");
	writes = !strcmp(argv[1], "write");
	if (!writes && strcmp(argv[1], "read"))
		errx(2, "'%s' is neither read nor write", argv[1]);
	count = number(argv[2], 1 << 24);
	depth = number(argv[3], DEPTH_MAX);
	if (pipe(go) || pipe(ready))
		err(1, "pipe");
	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid)
			client(argv[4 + i], i, writes, count, depth);
	}
	close(ready[1]);
	all_ready(n);
	mark_begin();
	for (i = 0; i < n; i++)
		say(go[1]);
	all_ready(n);
	mark_end();
	close(go[1]);
	while (wait(&status) > 0)
		failed |= status;
	return failed;
}
