/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks to the agent's socket; knows frames by their length alone. */
#include "agent-call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "request.h"

/* Magic, exit status, length. */
#define ANSWER_HEADER_BYTES 12

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_socket(const char *path, int timeout_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* Bounds connect() as well, which waits while the listener's backlog is full (unix(7)). */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int send_all(int fd, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		bytes += sent;
		length -= (size_t)sent;
	}
	return 0;
}

static int receive_all(int fd, void *into, size_t length, int64_t deadline_ms)
{
	char *at = into;

	while (length > 0) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&ready, 1, (int)left) == 0)
			return -1;
		got = recv(fd, at, length, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return -1;
		at += got;
		length -= (size_t)got;
	}
	return 0;
}

static int receive_answer(int fd, int64_t deadline_ms, struct answer *answer)
{
	unsigned char header[ANSWER_HEADER_BYTES];
	uint32_t status, length;

	if (receive_all(fd, header, sizeof(header), deadline_ms) < 0 || memcmp(header, FRAME_MAGIC, 4) != 0)
		return -1;
	memcpy(&status, header + 4, 4);
	memcpy(&length, header + 8, 4);
	answer->status = ntohl(status) == 0 ? 0 : 1;
	answer->length = ntohl(length);
	if (answer->length > ANSWER_BYTES_MAX)
		return -1;
	answer->text = malloc(answer->length + 1);
	if (answer->text == NULL)
		return -1;
	if (receive_all(fd, answer->text, answer->length, deadline_ms) == 0)
		return 0;
	free(answer->text);
	answer->text = NULL;
	return -1;
}

enum call_result agent_call(const char *socket_path, const unsigned char *frame, size_t length, int timeout_ms,
			    struct answer *answer)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	enum call_result result = CALL_UNANSWERED;
	int fd = open_socket(socket_path, timeout_ms);

	if (fd < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return CALL_AWAY;
		return errno == EAGAIN ? CALL_UNANSWERED : CALL_FAILED;
	}
	if (send_all(fd, frame, length) == 0 && receive_answer(fd, deadline_ms, answer) == 0)
		result = CALL_ANSWERED;
	close(fd);
	return result;
}
