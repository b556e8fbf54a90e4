// SPDX-License-Identifier: GPL-2.0
/*
 * How long reads of 4 KiB take beside requests that are heavy:
 *
 *	probe COUNT FD HEAVY DEPTH TYPE OFFSET LENGTH
 *
 * FD and HEAVY are connections in transmission, with extended headers; they may be the
 * same one.  DEPTH requests are under way on HEAVY all the time, of which the payload
 * isn't looked at; with DEPTH 0 it is somebody else who is heavy.  Meanwhile COUNT
 * reads are made on FD, one after the other, at places that differ.
 *
 * Prints how long one took by the clock, in ns: the mean, the median and the longest; and
 * how many of the heavy ones were answered meanwhile.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE		4096
#define BEFORE		4		/* reads that don't count, if there are many */
#define REQUEST_MAGIC	0x21e41c71
#define REPLY_MAGIC	0x6e8a278c
#define TYPE_READ	0
#define FLAG_DONE	1
#define COOKIE_READ	1
#define COOKIE_HEAVY	2

struct header {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;
	uint64_t offset;
	uint64_t length;
} __attribute__((packed));

/* What has come of the chunk that is coming. */
struct stream {
	int fd;
	struct header header;
	size_t have;
	uint64_t payload;		/* that is yet to come */
};

static struct {
	uint16_t type;
	uint64_t offset, length;
	struct stream *stream;
	uint64_t done;
} heavy;

static bool answered;			/* the read */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void ask(int fd, uint64_t cookie, uint16_t type, uint64_t offset,
		uint64_t length)
{
	const struct header header = {
		.magic = htobe32(REQUEST_MAGIC),
		.type = htobe16(type),
		.cookie = htobe64(cookie),
		.offset = htobe64(offset),
		.length = htobe64(length),
	};

	if (send(fd, &header, sizeof(header), 0) != sizeof(header))
		err(1, "a request");
}

static void ask_heavily(void)
{
	ask(heavy.stream->fd, COOKIE_HEAVY, heavy.type, heavy.offset, heavy.length);
}

static void take_chunk(const struct header *header)
{
	if (be32toh(header->magic) != REPLY_MAGIC)
		errx(1, "a reply has the magic %x", be32toh(header->magic));
	/* Of those that are refused there would be no end. */
	if (be16toh(header->type) & 0x8000)
		errx(1, "a request was refused: chunk %x", be16toh(header->type));
	if (!(be16toh(header->flags) & FLAG_DONE))
		return;
	if (be64toh(header->cookie) == COOKIE_READ) {
		answered = true;
		return;
	}
	heavy.done++;
	ask_heavily();
}

/* What there is, without waiting; at most one chunk. */
static void receive(struct stream *s)
{
	static char scratch[1 << 20];
	ssize_t n;

	if (s->have < sizeof(s->header))
		n = recv(s->fd, (char *)&s->header + s->have,
			 sizeof(s->header) - s->have, MSG_DONTWAIT);
	else
		/* TCP throws away what it would copy. */
		n = recv(s->fd, scratch, s->payload < sizeof(scratch) ?
			 s->payload : sizeof(scratch), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		err(1, "a reply");
	if (s->have < sizeof(s->header)) {
		s->have += n;
		if (s->have == sizeof(s->header))
			s->payload = be64toh(s->header.length);
	} else {
		s->payload -= n;
	}
	if (s->have == sizeof(s->header) && !s->payload) {
		s->have = 0;
		take_chunk(&s->header);
	}
}

static uint64_t read_once(struct stream *streams, int n, uint64_t number)
{
	uint64_t begin = now();
	struct pollfd fds[2];
	int i;

	answered = false;
	ask(streams[0].fd, COOKIE_READ, TYPE_READ, number % 64 * SIZE, SIZE);
	while (!answered) {
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){ .fd = streams[i].fd, .events = POLLIN };
		if (poll(fds, n, -1) < 0)
			err(1, "poll");
		for (i = 0; i < n; i++)
			if (fds[i].revents)
				receive(&streams[i]);
	}
	return now() - begin;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void measure(struct stream *streams, int n, uint64_t count)
{
	uint64_t *took = calloc(count, sizeof(*took)), sum = 0, done, i;

	if (!took)
		err(1, "memory");
	for (i = 0; i < BEFORE && count > BEFORE; i++)
		read_once(streams, n, i);
	done = heavy.done;
	for (i = 0; i < count; i++) {
		took[i] = read_once(streams, n, i);
		sum += took[i];
	}
	qsort(took, count, sizeof(*took), compare);
	printf("%llu %llu %llu %llu\n", (unsigned long long)(sum / count),
	       (unsigned long long)took[count / 2],
	       (unsigned long long)took[count - 1],
	       (unsigned long long)(heavy.done - done));
	free(took);
}

int main(int argc, char **argv)
{
	struct stream streams[2] = { { 0 } };
	int n, i, depth;

	if (argc != 8)
		errx(2, "probe COUNT FD HEAVY DEPTH TYPE OFFSET LENGTH");
	streams[0].fd = atoi(argv[2]);
	streams[1].fd = atoi(argv[3]);
	n = streams[0].fd == streams[1].fd ? 1 : 2;
	heavy.stream = &streams[n - 1];
	depth = atoi(argv[4]);
	heavy.type = atoi(argv[5]);
	heavy.offset = strtoull(argv[6], NULL, 0);
	heavy.length = strtoull(argv[7], NULL, 0);
	for (i = 0; i < depth; i++)
		ask_heavily();
	measure(streams, n, strtoull(argv[1], NULL, 0));
	return 0;
}
