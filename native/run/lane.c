/* SPDX-License-Identifier: Apache-2.0 */
/* Moves bytes as poll(2) allows. */
#define _GNU_SOURCE
#include "lane.h"

#include <errno.h>
#include <unistd.h>

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void lane_wants(const struct lane *lane, struct pollfd polls[2])
{
	bool is_empty = lane->from == lane->to;
	polls[0] = (struct pollfd){ is_empty && lane->out >= 0 ? lane->in : -1, POLLIN, 0 };
	polls[1] = (struct pollfd){ is_empty ? -1 : lane->out, POLLOUT, 0 };
}

void lane_moves(struct lane *lane, const struct pollfd polls[2])
{
	if (polls[0].fd >= 0 && polls[0].revents) {
		ssize_t got = read(lane->in, lane->bytes, sizeof(lane->bytes));
		lane->from = 0;
		lane->to = got > 0 ? (size_t)got : 0;
		/* EIO is how a terminal says that its last user is gone. */
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			close_end(&lane->in);
			if (!lane->keeps_out)
				close_end(&lane->out);
		}
	}
	if (polls[1].fd >= 0 && polls[1].revents) {
		ssize_t put = write(lane->out, lane->bytes + lane->from, lane->to - lane->from);
		if (put > 0)
			lane->from += (size_t)put;
		else if (put < 0 && errno != EAGAIN && errno != EINTR) {
			lane->from = lane->to = 0;
			close_end(&lane->out);
			close_end(&lane->in);
		}
	}
}

bool lane_is_done(const struct lane *lane)
{
	return lane->in < 0 && lane->from == lane->to;
}
