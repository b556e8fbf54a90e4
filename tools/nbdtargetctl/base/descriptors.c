// SPDX-License-Identifier: GPL-2.0
/* How many files this program may have open: as many as it is about to need. */
#include <sys/resource.h>

#include "base/descriptors.h"

/* Beside those: what all of it takes. */
#define OTHERS 256

/* From now on; false when it may not. Others than root may up to the hard limit. */
bool descriptors_allow(size_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	n += OTHERS;
	if (limit.rlim_cur >= n)
		return true;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}
