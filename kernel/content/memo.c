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
 * Whether it may be believed is decided as restore-bitmaps does, and by more: the machine
 * hasn't been started anew, the disk has the number that it had, the device begins where
 * it did on it, and the disk's counters of what was written and discarded are what they
 * were.  The counter that is left is what the disk has if nobody but the export ever
 * wrote (nbdt_proof_count()), so that what others write while this is done shows, too.
 * It is compared with what the proof of the next export began with, which watches from
 * there on.
 *
 * Blocks of which nothing is known aren't written.  One that isn't good has nothing known.
 *
 * Who calls it: the metadata, as it opens and closes, alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "base/text.h"
#include "content/content.h"
#include "content/map.h"
#include "content/memo.h"
#include "content/scribe.h"

/* Of an export's name, in the log. */
#define NAME_MAX_SHOWN	128

static void say(const struct nbdt_content *content, const char *what,
		const char *why)
{
	char name[NAME_MAX_SHOWN];

	nbdt_text_show(name, sizeof(name), content->name,
		       strlen(content->name));
	pr_notice_ratelimited("export '%s': what is known to be zero %s: %s\n",
			      name, what, why);
}

/* --- Leaving it --- */

static void fill_entry(struct nbdtarget_meta_map *entry,
		       const struct nbdt_content *content, const char *boot)
{
	const struct nbdt_proof *proof = &content->proof;

	memset(entry, 0, sizeof(*entry));
	entry->size = cpu_to_le64(content->map->size);
	entry->shift = cpu_to_le32(content->map->shift);
	entry->blocks = cpu_to_le32(nbdt_ledger_map_blocks(content->map));
	entry->disk = cpu_to_le64(READ_ONCE(proof->number));
	entry->sector = cpu_to_le64(get_start_sect(content->bdev));
	entry->written = cpu_to_le64(nbdt_proof_count(proof));
	strscpy(entry->boot, boot, sizeof(entry->boot));
}

/* What is known is read after the counters were. */
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
 * @scribe: stopped; the head that nbdt_scribe_finish() writes is to have it
 * @content: nothing writes to its device
 * @boot: what the machine's start is known by; empty: nothing is left
 */
void nbdt_memo_save(struct nbdt_scribe *scribe, struct nbdt_content *content,
		    const char *boot)
{
	struct nbdtarget_meta_map entry;
	u64 start;

	if (!*boot || READ_ONCE(scribe->err) ||
	    !nbdt_content_is_believed(content))
		return;
	fill_entry(&entry, content, boot);
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
			   struct nbdt_content *content, const char *boot)
{
	const struct nbdtarget_meta_map *entry = &ledger->head->map;
	const struct nbdt_proof *proof = &content->proof;

	if (content->map_off)
		return "the map is off now";
	if (!*boot || strncmp(entry->boot, boot, sizeof(entry->boot)))
		return "the machine was started anew";
	if (le64_to_cpu(entry->disk) != READ_ONCE(proof->number) ||
	    le64_to_cpu(entry->sector) != get_start_sect(content->bdev))
		return "the device was set up anew";
	if (le64_to_cpu(entry->size) != content->map->size ||
	    le32_to_cpu(entry->shift) != content->map->shift)
		return "the map has another size or granularity now";
	if (!is_sane(ledger, entry, content->map))
		return "the metadata is damaged";
	if (le64_to_cpu(entry->written) != nbdt_proof_count(proof) ||
	    !nbdt_content_is_believed(content))
		return "others may have written to the device";
	return NULL;
}

/**
 * nbdt_memo_load - know again what was known, if it may be believed
 * @scribe: the head that was found is in its ledger, and may be believed itself
 * @content: nobody writes to its device yet, and its proof has begun
 * @boot: as nbdt_memo_save()
 */
void nbdt_memo_load(struct nbdt_scribe *scribe, struct nbdt_content *content,
		    const char *boot)
{
	struct nbdt_ledger *ledger = &scribe->ledger;
	const struct nbdtarget_meta_head *head = ledger->head;
	const char *why;

	/* Left in good order, or it isn't there. */
	if (~head->flags & cpu_to_le32(NBDTARGET_META_CLEAN |
				       NBDTARGET_META_MAP))
		return;
	why = why_not(ledger, content, boot);
	if (!why && nbdt_ledger_read_map(ledger, &head->map, content->map))
		why = "part of it can't be read";
	if (why)
		say(content, "isn't all known again", why);
}
