/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and rotates one log file: path, path.1 (newest) ... path.<keep>. Losing a line beats stopping the container. */
#define _GNU_SOURCE
#include "crilog.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int crilog_open(struct crilog *log)
{
	struct stat status;
	log->fd = open(log->path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0640);
	log->size = log->fd >= 0 && fstat(log->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	return log->fd;
}

static void rotate(struct crilog *log)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];
	for (unsigned i = log->keep; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%u", log->path, i);
		if (i > 1)
			snprintf(from, sizeof(from), "%s.%u", log->path, i - 1);
		else
			snprintf(from, sizeof(from), "%s", log->path);
		rename(from, to);
	}
	if (log->keep == 0)
		unlink(log->path);
	close(log->fd);
	crilog_open(log);
}

static void put_line(struct crilog *log, const struct crilog_stream *stream, char tag)
{
	char head[96], day[32];
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	int length = snprintf(head, sizeof(head), "%s.%09ldZ %s %c ", day, now.tv_nsec, stream->name, tag);
	struct iovec parts[] = { { head, (size_t)length }, { (char *)stream->pending, stream->length }, { "\n", 1 } };
	ssize_t written = writev(log->fd, parts, 3);
	if (written > 0)
		log->size += (uint64_t)written;
	if (log->size >= log->max_bytes)
		rotate(log);
}

void crilog_write(struct crilog *log, struct crilog_stream *stream, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n') {
			put_line(log, stream, 'F');
			stream->length = 0;
			continue;
		}
		stream->pending[stream->length++] = bytes[i];
		if (stream->length == sizeof(stream->pending)) {
			put_line(log, stream, 'P');
			stream->length = 0;
		}
	}
}

void crilog_flush(struct crilog *log, struct crilog_stream *stream)
{
	if (stream->length > 0)
		put_line(log, stream, 'F');
	stream->length = 0;
}
