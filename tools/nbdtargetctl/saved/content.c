// SPDX-License-Identifier: GPL-2.0
/* What a dirty bitmap or an allocation map holds, a piece at a time. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/nl.h"
#include "saved/content.h"

static struct nlmsghdr *request(struct tool *t, const struct content *c,
				uint8_t bitmap_cmd, uint8_t map_cmd,
				uint64_t offset)
{
	struct nlmsghdr *nlh = nl_request(t->nl, c->bitmap ? bitmap_cmd :
						 map_cmd);

	mnl_attr_put_strz(nlh, NBDTARGET_A_CONTENT_EXPORT_NAME, c->export);
	if (c->bitmap)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CONTENT_BITMAP_NAME,
				  c->bitmap);
	mnl_attr_put_u64(nlh, NBDTARGET_A_CONTENT_OFFSET, offset);
	return nlh;
}

/* Whether it is DATA, of which MOST bytes have room, is in LEN afterwards. */
static int take_piece(const struct nlmsghdr *nlh, struct content *c,
		      char *data, uint64_t most, uint64_t *len)
{
	const struct nlattr *attr;
	int ret = 0;

	mnl_attr_for_each(attr, nlh, 4) {
		switch (mnl_attr_get_type(attr)) {
		case NBDTARGET_A_CONTENT_GRANULARITY:
			c->granularity = mnl_attr_get_u64(attr);
			break;
		case NBDTARGET_A_CONTENT_SIZE:
			c->size = mnl_attr_get_u64(attr);
			break;
		case NBDTARGET_A_CONTENT_VERSION:
			c->version = mnl_attr_get_u64(attr);
			break;
		case NBDTARGET_A_CONTENT_RECORDING:
			c->recording = mnl_attr_get_u8(attr);
			break;
		case NBDTARGET_A_CONTENT_CONSISTENT:
			c->consistent = mnl_attr_get_u8(attr);
			break;
		case NBDTARGET_A_CONTENT_DATA:
			*len = mnl_attr_get_payload_len(attr);
			if (*len > most)
				ret = -EBADMSG;
			else
				memcpy(data, mnl_attr_get_payload(attr), *len);
			break;
		}
	}
	return ret;
}

/* As many bytes as there are, 0 at the end. */
static int read_piece(struct tool *t, struct content *c, uint64_t offset,
		      char *data, uint64_t most, uint64_t *len)
{
	struct nl_reply reply = { 0 };
	struct nlmsghdr *nlh;
	int ret;

	*len = 0;
	nlh = request(t, c, NBDTARGET_CMD_BITMAP_READ, NBDTARGET_CMD_MAP_READ,
		      offset);
	ret = nl_do(t->nl, nlh, &reply);
	nlh = ret ? NULL : nl_reply_next(&reply, NULL);
	if (nlh)
		ret = take_piece(nlh, c, data, most, len);
	nl_reply_free(&reply);
	return ret;
}

static bool is_the_same(const struct content *a, const struct content *b)
{
	return a->granularity == b->granularity && a->size == b->size &&
	       a->version == b->version && a->recording == b->recording &&
	       a->consistent == b->consistent;
}

/* The whole of it, as many bytes as it should have; it is what it was all along. */
int content_read(struct tool *t, struct content *c, char *data, uint64_t bytes)
{
	struct content first = { 0 };
	uint64_t at, len;
	int ret;

	for (at = 0; at < bytes; at += len) {
		ret = read_piece(t, c, at, data + at, bytes - at, &len);
		if (ret)
			return ret;
		if (!len)
			return -EBADMSG;
		if (!at)
			first = *c;
		if (!is_the_same(c, &first))
			return -ESTALE;
	}
	return 0;
}

static int load_piece(struct tool *t, const struct content *c, uint64_t offset,
		      const char *data, uint64_t len)
{
	struct nlmsghdr *nlh = request(t, c, NBDTARGET_CMD_BITMAP_LOAD,
				       NBDTARGET_CMD_MAP_LOAD, offset);

	if (!c->bitmap) {
		mnl_attr_put_u64(nlh, NBDTARGET_A_CONTENT_GRANULARITY,
				 c->granularity);
		mnl_attr_put_u64(nlh, NBDTARGET_A_CONTENT_SIZE, c->size);
	}
	mnl_attr_put(nlh, NBDTARGET_A_CONTENT_DATA, len, data);
	return nl_do(t->nl, nlh, NULL);
}

/* Would it be taken?  Nothing is changed. */
int content_try(struct tool *t, const struct content *c)
{
	return load_piece(t, c, 0, "", 0);
}

int content_load(struct tool *t, const struct content *c, const char *data,
		 uint64_t bytes)
{
	uint64_t at, len;
	int ret = 0;

	for (at = 0; at < bytes && !ret; at += len) {
		len = bytes - at < NBDTARGET_MAX_PIECE ? bytes - at :
		      NBDTARGET_MAX_PIECE;
		/* A map adds it to what it knows. */
		if (c->bitmap || !mem_is_zero(data + at, len))
			ret = load_piece(t, c, at, data + at, len);
	}
	return ret;
}
