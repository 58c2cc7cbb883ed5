/* SPDX-License-Identifier: Apache-2.0 */
/* See attach.h. A client never stops the container for good: nothing is lost to one that reads, one that does not is cut off. */
#define _GNU_SOURCE
#include "attach.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int attach_listen(struct attach *attach, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[PATH_MAX], name[PATH_MAX];
	for (int i = 0; i < ATTACH_CLIENTS; i++)
		attach->clients[i].fd = -1;
	if (!path)
		return 0;
	snprintf(folder, sizeof(folder), "%s", path);
	snprintf(name, sizeof(name), "%s", path);
	/* An address holds 107 bytes, which a folder of ours may pass: the name alone is bound, from within. */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", basename(name));
	attach->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attach->listener < 0 || chdir(dirname(folder)) < 0)
		return -1;
	unlink(address.sun_path);
	int result = bind(attach->listener, (struct sockaddr *)&address, sizeof(address));
	if (result == 0)
		result = listen(attach->listener, ATTACH_CLIENTS);
	return chdir("/") < 0 ? -1 : result;
}

static void end_input(struct attach *attach)
{
	if (attach->input >= 0)
		close(attach->input);
	attach->input = -1;
	attach->from = attach->to = 0;
}

static void note_end(struct attach *attach)
{
	attach->is_ending = attach->is_ending || (attach->is_once && !attach->is_terminal);
	if (attach->is_ending && attach->from == attach->to)
		end_input(attach);
}

static void drop(struct attach *attach, struct attach_client *client)
{
	close(client->fd);
	client->fd = -1;
	client->length = 0;
	if (client->has_input)
		note_end(attach);
	client->has_input = false;
}

static void send_message(struct attach *attach, struct attach_client *client)
{
	ssize_t sent = send(client->fd, client->message, client->length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0)
		client->length = 0;
	else if (errno != EAGAIN && errno != EINTR)
		drop(attach, client);
}

int attach_patience_ms(struct attach *attach)
{
	int least = -1;
	for (int i = 0; i < ATTACH_CLIENTS; i++) {
		struct attach_client *client = &attach->clients[i];
		if (client->fd < 0 || client->length == 0)
			continue;
		long long left = client->stuck_since_ms + PATIENCE_MS - now_ms();
		if (left <= 0)
			drop(attach, client);
		else if (least < 0 || left < least)
			least = (int)left;
	}
	return least;
}

void attach_wants(const struct attach *attach, struct pollfd *polls)
{
	bool is_typed = attach->from != attach->to;
	polls[0] = (struct pollfd){ attach->listener, POLLIN, 0 };
	polls[1] = (struct pollfd){ is_typed ? attach->input : -1, POLLOUT, 0 };
	for (int i = 0; i < ATTACH_CLIENTS; i++) {
		const struct attach_client *client = &attach->clients[i];
		short events = (short)((is_typed ? 0 : POLLIN) | (client->length > 0 ? POLLOUT : 0));
		polls[2 + i] = (struct pollfd){ client->fd, events, 0 };
	}
}

static void turn_away(int fd)
{
	static const char reason[] = "rtoo many clients are attached to the container";
	send(fd, reason, sizeof(reason) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void welcome(struct attach *attach)
{
	int fd = accept4(attach->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < ATTACH_CLIENTS; i++) {
		struct attach_client *client = &attach->clients[i];
		if (client->fd >= 0)
			continue;
		client->fd = fd;
		client->length = 0;
		client->has_input = false;
		return;
	}
	turn_away(fd);
}

static void write_typed(struct attach *attach)
{
	ssize_t put = write(attach->input, attach->typed + attach->from, attach->to - attach->from);
	if (put > 0)
		attach->from += (size_t)put;
	else if (put < 0 && errno != EAGAIN && errno != EINTR)
		end_input(attach);
	if (attach->is_ending && attach->from == attach->to)
		end_input(attach);
}

static void set_size(const struct attach *attach, const char *text)
{
	unsigned width, height;
	if (!attach->is_terminal || attach->input < 0 || sscanf(text, "%u %u", &width, &height) != 2)
		return;
	struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };
	ioctl(attach->input, TIOCSWINSZ, &size);
}

static void take_message(struct attach *attach, struct attach_client *client)
{
	char bytes[ATTACH_BYTES + 2];
	ssize_t got = recv(client->fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(attach, client);
		return;
	}
	bytes[got] = '\0';
	if (bytes[0] == ATTACH_SIZE)
		set_size(attach, bytes + 1);
	if (bytes[0] != ATTACH_INPUT)
		return;
	client->has_input = true;
	if (got == 1)
		note_end(attach);
	if (got > 1 && attach->input >= 0) {
		attach->from = 0;
		attach->to = (size_t)got - 1;
		memcpy(attach->typed, bytes + 1, attach->to);
		write_typed(attach);
	}
}

void attach_moves(struct attach *attach, const struct pollfd *polls)
{
	if (polls[0].revents)
		welcome(attach);
	if (polls[1].fd >= 0 && polls[1].revents)
		write_typed(attach);
	for (int i = 0; i < ATTACH_CLIENTS; i++) {
		struct attach_client *client = &attach->clients[i];
		short events = client->fd == polls[2 + i].fd ? polls[2 + i].revents : 0;
		if (client->fd >= 0 && client->length > 0 && (events & POLLOUT))
			send_message(attach, client);
		/* While something typed waits, only a client's end is looked at. */
		if (client->fd >= 0 && attach->from == attach->to && (events & (POLLIN | POLLHUP | POLLERR)))
			take_message(attach, client);
		else if (client->fd >= 0 && (events & POLLHUP))
			drop(attach, client);
	}
}

void attach_output(struct attach *attach, char stream, const char *bytes, size_t length)
{
	for (int i = 0; i < ATTACH_CLIENTS; i++) {
		struct attach_client *client = &attach->clients[i];
		if (client->fd < 0)
			continue;
		client->message[0] = stream;
		memcpy(client->message + 1, bytes, length);
		client->length = length + 1;
		client->stuck_since_ms = now_ms();
		send_message(attach, client);
	}
}

void attach_end(struct attach *attach)
{
	close(attach->listener);
	attach->listener = -1;
	for (int left; (left = attach_patience_ms(attach)) >= 0;) {
		struct pollfd polls[ATTACH_POLLS];
		attach_wants(attach, polls);
		for (int i = 0; i < ATTACH_CLIENTS; i++)
			polls[2 + i].events = POLLOUT;
		if (poll(polls + 2, ATTACH_CLIENTS, left) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < ATTACH_CLIENTS; i++)
			if (attach->clients[i].fd >= 0 && attach->clients[i].length > 0 && polls[2 + i].revents)
				send_message(attach, &attach->clients[i]);
	}
	for (int i = 0; i < ATTACH_CLIENTS; i++)
		if (attach->clients[i].fd >= 0)
			close(attach->clients[i].fd);
}
