// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log: what an administrator who isn't looking should find there, one
 * line each, that names the client, the export and the reason.
 *
 * Clients can cause lines, so there are only so many in a while, of each kind apart:
 * a flood of one hides no other.  How many were left out, the next one says.  What
 * others chose is shown as in text.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/spinlock.h>

#include "admin/log.h"
#include "base/identity.h"
#include "base/proto.h"
#include "base/target.h"
#include "base/text.h"
#include "block/export.h"
#include "block/request.h"
#include "content/metadata.h"
#include "session/conn.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* Lines of one kind in a while. */
#define LINES		10
#define WHILE		(10 * HZ)

/* Who, for a person: address and port, and what was proved. */
#define WHO_MAX		256

/* Of lines of one kind. */
struct limit {
	spinlock_t lock;		/* guards what follows */
	unsigned long since;		/* jiffies */
	unsigned int lines;
	unsigned int left_out;
};

#define LIMIT(name)	{ .lock = __SPIN_LOCK_UNLOCKED((name).lock) }

static struct limit denials = LIMIT(denials);
static struct limit troubles = LIMIT(troubles);
static struct limit io_errors = LIMIT(io_errors);
static struct limit refusals = LIMIT(refusals);
static struct limit comings = LIMIT(comings);

#define STATE_LINE	"export '%s': device %s (%u:%u) %s%s\n"

static const char *const states[] = {
	[NBDTARGET_EXPORT_STATE_OK] = "is there again",
	[NBDTARGET_EXPORT_STATE_GONE] = "is gone: ",
	[NBDTARGET_EXPORT_STATE_READ_ONLY] = "has become read-only",
};

/* May there be another line?  If others were left out, it is said here. */
static bool may_say(struct limit *limit, const char *what)
{
	unsigned int left_out = 0;
	bool may;

	spin_lock(&limit->lock);
	if (!limit->lines || time_after(jiffies, limit->since + WHILE)) {
		left_out = limit->left_out;
		limit->since = jiffies;
		limit->lines = 0;
		limit->left_out = 0;
	}
	may = limit->lines < LINES;
	if (may)
		limit->lines++;
	else
		limit->left_out++;
	spin_unlock(&limit->lock);
	if (left_out)
		pr_notice("%u more lines about %s were left out\n", left_out,
			  what);
	return may;
}

/* By the client's thread. */
static const char *who(const struct nbdt_conn *conn, char to[WHO_MAX])
{
	const struct nbdt_identity *identity = conn->tls.identity;
	const char *kind = "dn", *name = NULL;
	char shown[WHO_MAX - 80];

	if (identity)
		name = identity->name;
	if (identity && identity->auth == NBDTARGET_TLS_AUTH_PSK)
		kind = "psk";
	if (identity && !name && identity->nr_alt_names) {
		kind = "san";
		name = identity->alt_names[0];
	}
	if (name)
		scnprintf(to, WHO_MAX, "client %pISpc (%s=%s)", &conn->peer,
			  kind, nbdt_text_show(shown, sizeof(shown), name,
					       strlen(name)));
	else
		scnprintf(to, WHO_MAX, "client %pISpc", &conn->peer);
	return to;
}

void nbdt_log_denied(struct nbdt_conn *conn, struct nbdt_export *export,
		     const char *why)
{
	char client[WHO_MAX], name[NBDT_NAME_SHOWN];

	if (may_say(&denials, "clients that were denied exports"))
		pr_notice("%s, export '%s': denied, %s\n", who(conn, client),
			  nbdt_text_show_name(name, export->name), why);
}

void nbdt_log_trouble(struct nbdt_conn *conn, struct nbdt_export *export,
		      const char *why)
{
	char client[WHO_MAX], name[NBDT_NAME_SHOWN], text[NBDT_NAME_SHOWN];

	if (!may_say(&troubles, "clients that failed"))
		return;
	why = why ?: "for no reason that is known";
	nbdt_text_show_name(text, why);
	if (export)
		pr_notice("%s, export '%s': %s\n", who(conn, client),
			  nbdt_text_show_name(name, export->name), text);
	else
		pr_notice("%s failed in negotiation: %s\n", who(conn, client),
			  text);
}

/* READ, WRITE and so on, by number. */
static const char *const commands[] = {
	[NBDT_CMD_READ] = "READ",
	[NBDT_CMD_WRITE] = "WRITE",
	[NBDT_CMD_FLUSH] = "FLUSH",
	[NBDT_CMD_TRIM] = "TRIM",
	[NBDT_CMD_CACHE] = "CACHE",
	[NBDT_CMD_WRITE_ZEROES] = "WRITE_ZEROES",
};

void nbdt_log_io_error(struct nbdt_export *export,
		       const struct nbdt_request *req)
{
	const struct nbdt_cmd *cmd = &req->cmd;
	const char *command = NULL;
	char name[NBDT_NAME_SHOWN];

	if (!may_say(&io_errors, "errors of devices"))
		return;
	if (cmd->type < ARRAY_SIZE(commands))
		command = commands[cmd->type];
	pr_err("export '%s': %s of %llu bytes at %llu failed, error %d\n",
	       nbdt_text_show_name(name, export->name), command ?: "request",
	       (unsigned long long)cmd->length,
	       (unsigned long long)cmd->offset, -req->status);
}

void nbdt_log_refused(struct nbdt_listener *listener, int err)
{
	u32 n = nbdt_target_max_connections();

	if (!may_say(&refusals, "clients that were refused"))
		return;
	if (err == -EUSERS)
		pr_warn("listener %u refused a client, as there may be %u connection%s\n",
			listener->id, n, n == 1 ? "" : "s");
	else
		pr_warn("listener %u refused a client, error %d\n",
			listener->id, -err);
}

/* If that is wanted. */
void nbdt_log_conn(struct nbdt_conn *conn, enum nbdt_event event)
{
	char client[WHO_MAX], name[NBDT_NAME_SHOWN];
	const char *reason = READ_ONCE(conn->reason);

	if (!nbdt_target_log_clients() ||
	    !may_say(&comings, "clients that came and went"))
		return;
	who(conn, client);
	nbdt_text_show_name(name, conn->export->name);
	if (event == NBDT_EVENT_OPEN)
		pr_info("%s, export '%s': began\n", client, name);
	else
		pr_info("%s, export '%s': ended after %llu requests: %s\n",
			client, name, conn->origin.stats.requests,
			reason ?: "for no reason that is known");
}

/* At most one a second. */
static void log_state(struct nbdt_export *export)
{
	u32 state = READ_ONCE(export->state), id = export->disk.device_id;
	const char *path = export->disk.path;
	char name[NBDT_NAME_SHOWN], device[NBDT_NAME_SHOWN];
	const char *why = "";

	/* It may be there again already. */
	if (state == NBDTARGET_EXPORT_STATE_GONE)
		why = READ_ONCE(export->dead) ?: "it was for a moment";
	nbdt_text_show_name(name, export->name);
	nbdt_text_show_name(device, path);
	if (state == NBDTARGET_EXPORT_STATE_OK)
		pr_notice(STATE_LINE, name, device, id >> 20, id & 0xfffff,
			  states[state], why);
	else
		pr_err(STATE_LINE, name, device, id >> 20, id & 0xfffff,
		       states[state], why);
}

static const char *why_stay(int err)
{
	switch (err) {
	case -EBUSY:
		return ": somebody else uses it";
	case -EROFS:
		return ": it is read-only";
	case -EINVAL:
		return ": it has another size, other blocks, or another identity";
	default:
		return "";
	}
}

/* One for each time that its device comes. */
static void log_stay(struct nbdt_export *export)
{
	int err = READ_ONCE(export->return_err);
	char name[NBDT_NAME_SHOWN];

	pr_err("export '%s': its device has come back and can't be opened, error %d%s; see set-export --reopen\n",
	       nbdt_text_show_name(name, export->name), -err, why_stay(err));
}

/* Once for each export. */
static void log_metadata(struct nbdt_export *export)
{
	char name[NBDT_NAME_SHOWN], device[NBDT_NAME_SHOWN];
	struct nbdt_metadata_info info;

	nbdt_metadata_info(&export->disk.content, &info);
	nbdt_text_show_name(name, export->name);
	nbdt_text_show_name(device, info.path);
	pr_err("export '%s': metadata device %s has failed, error %d: %s\n",
	       name, device, -info.err, info.go_on ?
	       "its bitmaps are inconsistent" : "writes fail from now on");
}

void nbdt_log_export(struct nbdt_export *export, enum nbdt_event event)
{
	if (event == NBDT_EVENT_STATE)
		log_state(export);
	else if (event == NBDT_EVENT_STAY)
		log_stay(export);
	else if (event == NBDT_EVENT_METADATA)
		log_metadata(export);
}
