/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fairlead-run attach [--stdin] SPEC`: the streams of a container's own program, from now on, until it ends.
 * Descriptors as those of exec: 0, 1, 2 are the streams; 3 brings "WIDTH HEIGHT\n" lines; on 4 goes the reason of a failure.
 */
#define _GNU_SOURCE
#include "attach.h"
#include "steps.h"

#include <err.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE_FD 3
#define REASON_FD 4

struct client {
	int socket, input, sizes;
	size_t length; /* of a message that the monitor has not taken */
	char message[ATTACH_BYTES + 1];
};

static int dial(const struct spec *spec)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[PATH_MAX], name[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s", spec->attach ? spec->attach : "");
	snprintf(name, sizeof(name), "%s", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", basename(name));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || chdir(dirname(folder)) < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		dprintf(REASON_FD, "attach to the container's streams: %s", strerror(errno));
		exit(126);
	}
	return fd;
}

static void send_message(struct client *client)
{
	ssize_t sent = send(client->socket, client->message, client->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	client->length = 0;
}

/* Reads from `fd` into a message; the descriptor is not looked at any more at its end. */
static void pass(struct client *client, int *fd, char kind)
{
	ssize_t got = read(*fd, client->message + 1, ATTACH_BYTES);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		*fd = -1;
	if (got <= 0 && kind != ATTACH_INPUT)
		return;
	client->message[0] = kind;
	client->length = 1 + (size_t)(got > 0 ? got : 0);
	send_message(client);
}

static void put_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);
		if (put < 0 && errno != EINTR)
			exit(0); /* Nobody reads any more. */
		if (put > 0) {
			bytes += put;
			length -= (size_t)put;
		}
	}
}

/* False when the monitor has ended the connection. */
static bool take(const struct client *client)
{
	char bytes[ATTACH_BYTES + 1];
	ssize_t got = recv(client->socket, bytes, sizeof(bytes), 0);
	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	int fd = bytes[0] == ATTACH_OUTPUT ? 1 : bytes[0] == ATTACH_ERROR ? 2 : REASON_FD;
	put_all(fd, bytes + 1, (size_t)got - 1);
	return true;
}

int command_attach(int argc, char **argv)
{
	static struct client client = { .sizes = SIZE_FD };
	bool has_input = argc > 2 && !strcmp(argv[2], "--stdin");
	if (argc != (has_input ? 4 : 3))
		errx(2, "usage: fairlead-run attach [--stdin] SPEC");
	signal(SIGPIPE, SIG_IGN);
	client.socket = dial(spec_read(argv[argc - 1]));
	client.input = has_input ? 0 : -1;
	for (;;) {
		bool is_free = client.length == 0;
		struct pollfd polls[] = {
			{ client.socket, (short)(POLLIN | (is_free ? 0 : POLLOUT)), 0 },
			{ is_free ? client.input : -1, POLLIN, 0 },
			{ is_free ? client.sizes : -1, POLLIN, 0 },
			{ 1, 0, 0 }, /* POLLERR: nobody reads any more */
		};
		if (poll(polls, 4, -1) < 0 && errno != EINTR)
			return 1;
		if (polls[3].revents & POLLERR)
			return 0;
		if (polls[0].revents & POLLOUT)
			send_message(&client);
		if ((polls[0].revents & (POLLIN | POLLHUP)) && !take(&client))
			return 0;
		if (client.length == 0 && polls[2].revents)
			pass(&client, &client.sizes, ATTACH_SIZE);
		if (client.length == 0 && polls[1].revents)
			pass(&client, &client.input, ATTACH_INPUT);
	}
}
