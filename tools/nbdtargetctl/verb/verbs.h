/* SPDX-License-Identifier: GPL-2.0 */
/* All verbs, in the order in which they are listed. */
#ifndef NBDTARGETCTL_VERBS_H
#define NBDTARGETCTL_VERBS_H

#include "base/options.h"

extern const struct verb verb_add_export;
extern const struct verb verb_set_export;
extern const struct verb verb_remove_export;
extern const struct verb verb_scan_export;
extern const struct verb verb_forget_map;
extern const struct verb verb_add_bitmap;
extern const struct verb verb_remove_bitmap;
extern const struct verb verb_clear_bitmap;
extern const struct verb verb_enable_bitmap;
extern const struct verb verb_disable_bitmap;
extern const struct verb verb_merge_bitmap;
extern const struct verb verb_rename_bitmap;
extern const struct verb verb_checkpoint;
extern const struct verb verb_save_bitmaps;
extern const struct verb verb_restore_bitmaps;
extern const struct verb verb_format_metadata;
extern const struct verb verb_check_metadata;
extern const struct verb verb_add_listener;
extern const struct verb verb_set_listener;
extern const struct verb verb_remove_listener;
extern const struct verb verb_set_access;
extern const struct verb verb_show;
extern const struct verb verb_set_target;
extern const struct verb verb_disconnect;
extern const struct verb verb_clear;
extern const struct verb verb_monitor;
extern const struct verb verb_tls_agent;
extern const struct verb verb_version;

#endif /* NBDTARGETCTL_VERBS_H */
