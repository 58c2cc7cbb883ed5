/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of bytes between two descriptors, with a buffer, so that a slow reader never stops the other lanes. */
#ifndef FAIRLEAD_RUN_LANE_H
#define FAIRLEAD_RUN_LANE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct lane {
	int in, out; /* -1 when closed */
	bool keeps_out; /* the end of `in` does not close `out` (a terminal) */
	size_t from, to;
	char bytes[32768];
};

/* Fills two entries for poll(2). */
void lane_wants(const struct lane *lane, struct pollfd polls[2]);
void lane_moves(struct lane *lane, const struct pollfd polls[2]);
/* True when nothing can come any more. */
bool lane_is_done(const struct lane *lane);

#endif
