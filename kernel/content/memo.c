// SPDX-License-Identifier: GPL-2.0
/*
 * The memo: what an export that ends knows of its device (map.c), left on its metadata
 * device for the one that comes next.
 *
 * It is written when nothing writes to the data device any more, to blocks that nobody
 * uses, and counts by the head that says that all is in good order.  The next head, which
 * the next export writes before any client is there, doesn't have it.  So after a crash
 * there is none, and nothing is known: the counters that would have to prove it are gone
 * with the machine in any case.
 *
 * It is believed when it is proved that nobody has written since (left.c), and when some
 * of what it says is zero, read from the device, is.  The last is a heuristic, for what no
 * proof shows: what was written below the device.
 *
 * Blocks of which nothing is known aren't written.  One that isn't good has nothing known.
 *
 * Who calls it: the metadata, as it opens; and its writer, as the last thing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/string.h>

#include "base/text.h"
#include "content/content.h"
#include "content/look.h"
#include "content/map.h"
#include "content/memo.h"
#include "content/scribe.h"

static void say(const struct nbdt_content *content, const char *what,
		const char *why)
{
	char name[NBDT_NAME_SHOWN];

	pr_notice_ratelimited("export '%s': what is known to be zero %s: %s\n",
			      nbdt_text_show_name(name, content->name), what,
			      why);
}

/* --- Leaving it --- */

static void fill_entry(struct nbdtarget_meta_map *entry,
		       const struct nbdt_map *map)
{
	memset(entry, 0, sizeof(*entry));
	entry->size = cpu_to_le64(map->size);
	entry->shift = cpu_to_le32(map->shift);
	entry->blocks = cpu_to_le32(nbdt_ledger_map_blocks(map));
}

static int write_map(struct nbdt_ledger *ledger,
		     const struct nbdt_content *content,
		     struct nbdtarget_meta_map *entry)
{
	struct nbdtarget_meta_head *head = ledger->head;
	u64 id = le64_to_cpu(head->next_id);
	u32 filled = 0;
	int err;

	head->next_id = cpu_to_le64(id + 1);
	err = nbdt_ledger_write_map(ledger, id, le64_to_cpu(entry->start),
				    content->map, &filled);
	if (err)
		return err;
	entry->id = cpu_to_le64(id);
	entry->generation = cpu_to_le64(ledger->generation);
	entry->filled = cpu_to_le32(filled);
	head->map = *entry;
	head->flags |= cpu_to_le32(NBDTARGET_META_MAP);
	return 0;
}

/**
 * nbdt_memo_save - leave what is known to be zero
 * @scribe: is writing its last; the head that comes is to have it, and says already
 *	what the device is like
 * @content: nothing writes to its device any more, which may be closed; what it says
 *	was believed after the counters were read: who else writes is seen by the next
 *	export
 */
void nbdt_memo_save(struct nbdt_scribe *scribe,
		    const struct nbdt_content *content)
{
	struct nbdtarget_meta_map entry;
	u64 start;

	if (!*scribe->ledger.head->left.boot || READ_ONCE(scribe->err))
		return;
	fill_entry(&entry, content->map);
	start = nbdt_scribe_room(scribe, le32_to_cpu(entry.blocks));
	if (!start) {
		say(content, "can't be kept",
		    "there is no room on the metadata device (see format-metadata --needed)");
		return;
	}
	entry.start = cpu_to_le64(start);
	if (write_map(&scribe->ledger, content, &entry))
		say(content, "can't be kept",
		    "the metadata device can't be written");
}

/* --- Finding it --- */

static bool is_sane(const struct nbdt_ledger *ledger,
		    const struct nbdtarget_meta_map *entry,
		    const struct nbdt_map *map)
{
	u64 start = le64_to_cpu(entry->start);
	u32 blocks = le32_to_cpu(entry->blocks);

	return blocks == nbdt_ledger_map_blocks(map) &&
	       entry->generation == ledger->head->mark.generation &&
	       start >= NBDTARGET_META_AREA_START &&
	       start <= ledger->blocks && blocks <= ledger->blocks - start;
}

/* Why nothing of it is known any more; NULL if it is. */
static const char *why_not(const struct nbdt_ledger *ledger,
			   const struct nbdt_content *content,
			   const char *unproved)
{
	const struct nbdtarget_meta_map *entry = &ledger->head->map;

	if (content->map_off)
		return "the map is off now";
	if (unproved)
		return unproved;
	if (le64_to_cpu(entry->size) != content->map->size ||
	    le32_to_cpu(entry->shift) != content->map->shift)
		return "the map has another size or granularity now";
	if (!is_sane(ledger, entry, content->map))
		return "the metadata is damaged";
	return NULL;
}

/* What was known is in the map; is it so?  Why not, or NULL. */
static const char *try_samples(const struct nbdt_content *content)
{
	int zero = nbdt_look_samples(content);

	if (zero > 0)
		return NULL;
	nbdt_map_forget(content->map);
	return zero ? "the device couldn't be read" :
		      "there is data where there was none";
}

/**
 * nbdt_memo_load - know again what was known, if it may be believed
 * @scribe: the head that was found is in its ledger, and may be believed itself
 * @content: nobody writes to its device yet, and its proof has begun
 * @unproved: why it isn't proved that nobody has written to it since; NULL if it is
 *
 * Waits for the device.
 */
void nbdt_memo_load(struct nbdt_scribe *scribe, struct nbdt_content *content,
		    const char *unproved)
{
	struct nbdt_ledger *ledger = &scribe->ledger;
	const struct nbdtarget_meta_head *head = ledger->head;
	const char *why, *data;

	/* Left in good order, or it isn't there. */
	if (~head->flags & cpu_to_le32(NBDTARGET_META_CLEAN |
				       NBDTARGET_META_MAP))
		return;
	why = why_not(ledger, content, unproved);
	if (!why) {
		if (nbdt_ledger_read_map(ledger, &head->map, content->map))
			why = "part of it can't be read";
		data = try_samples(content);
		if (data)
			why = data;
	}
	if (why)
		say(content, "isn't all known again", why);
}
