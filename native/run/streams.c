/* SPDX-License-Identifier: Apache-2.0 */
/* See streams.h. */
#define _GNU_SOURCE
#include "streams.h"
#include "steps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

void streams_make(const struct spec *spec, struct streams *streams, int report)
{
	memset(streams, -1, sizeof(*streams));
	if (spec->has_tty) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams->channel) < 0)
			fail_step(report, 1, "make a channel");
		return;
	}
	for (int i = 0; i < 3; i++) {
		int ends[2];
		if (i == 0 && !spec->has_stdin) {
			streams->child[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
			continue;
		}
		if (pipe2(ends, O_CLOEXEC) < 0)
			fail_step(report, 1, "make pipes");
		streams->child[i] = ends[i == 0 ? 0 : 1];
		streams->own[i] = ends[i == 0 ? 1 : 0];
	}
	if (spec->has_stdin)
		fcntl(streams->own[0], F_SETFL, O_NONBLOCK);
}

union descriptor_room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int channel, int fd)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	union descriptor_room room;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room) };
	memset(&room, 0, sizeof(room));
	room.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(fd));
	return sendmsg(channel, &message, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int channel)
{
	char byte;
	int fd = -1;
	struct iovec part = { &byte, 1 };
	union descriptor_room room;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room) };
	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static int open_terminal(int channel, int report)
{
	int unlock = 0, master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		fail_step(report, 1, "open a terminal");
	int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0 || send_descriptor(channel, master) < 0 || ioctl(peer, TIOCSCTTY, 0) < 0)
		fail_step(report, 1, "open a terminal");
	return peer;
}

void streams_take(const struct spec *spec, const struct streams *streams, int report)
{
	int terminal = spec->has_tty ? open_terminal(streams->channel[1], report) : -1;
	for (int i = 0; i < 3; i++)
		if (dup2(spec->has_tty ? terminal : streams->child[i], i) < 0)
			fail_step(report, 1, "take the streams");
}

void streams_keep(const struct spec *spec, struct streams *streams)
{
	for (int i = 0; i < 3; i++)
		if (streams->child[i] >= 0)
			close(streams->child[i]);
	if (!spec->has_tty)
		return;
	/* Closed first: a container that dies before it has a terminal must not be waited for. */
	close(streams->channel[1]);
	streams->own[1] = receive_descriptor(streams->channel[0]);
	close(streams->channel[0]);
	if (streams->own[1] < 0)
		return;
	fcntl(streams->own[1], F_SETFL, O_NONBLOCK);
	if (spec->has_stdin)
		streams->own[0] = fcntl(streams->own[1], F_DUPFD_CLOEXEC, 3);
}
