/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log in the form that container runtimes write: "<RFC 3339 time> <stream> <F|P> <text>". */
#ifndef FAIRLEAD_RUN_CRILOG_H
#define FAIRLEAD_RUN_CRILOG_H

#include <stddef.h>
#include <stdint.h>

struct crilog {
	const char *path;
	int fd;
	uint64_t size, max_bytes;
	unsigned keep;
};

/* Text of a stream that has no line end yet. */
struct crilog_stream {
	const char *name;
	size_t length;
	char pending[16384];
};

int crilog_open(struct crilog *log);
void crilog_write(struct crilog *log, struct crilog_stream *stream, const char *bytes, size_t length);
/* Writes what has no line end, at the stream's end. */
void crilog_flush(struct crilog *log, struct crilog_stream *stream);

#endif
