/* SPDX-License-Identifier: Apache-2.0 */
/* Writes queued DEL requests; the agent reads and removes them (src/cni/del-queue.ts). */
#include "del-queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* FNV-1a with 128 bits: names need no secrecy, only that two attachments never share one. */
static unsigned __int128 fnv1a(unsigned __int128 hash, const char *bytes, size_t length)
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * prime;
	return hash;
}

static void name_of(const struct request *request, char *name, size_t capacity)
{
	unsigned __int128 hash = ((unsigned __int128)0x6c62272e07bb0142 << 64) + 0x62b821756295c58d;

	hash = fnv1a(hash, request->field[FIELD_CONTAINERID], request->length[FIELD_CONTAINERID] + 1);
	hash = fnv1a(hash, request->field[FIELD_IFNAME], request->length[FIELD_IFNAME]);
	snprintf(name, capacity, "%016llx%016llx", (unsigned long long)(hash >> 64), (unsigned long long)hash);
}

static int write_file(int directory, const char *name, const unsigned char *bytes, size_t length)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = 0;

	if (fd < 0)
		return -1;
	while (length > 0 && error == 0) {
		ssize_t written = write(fd, bytes, length);

		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		} else if (written == 0 || errno != EINTR) {
			error = written == 0 ? EIO : errno;
		}
	}
	if (error == 0 && fsync(fd) < 0)
		error = errno;
	if (close(fd) < 0 && error == 0)
		error = errno;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int open_queue(const char *socket_path)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s.queue", socket_path) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int del_queue_put(const char *socket_path, const struct request *request, const unsigned char *frame, size_t length)
{
	char final_name[40], temporary_name[64];
	int directory = open_queue(socket_path);
	int error = 0;

	if (directory < 0)
		return -1;
	name_of(request, final_name, sizeof(final_name));
	/* The agent leaves names that start with a dot alone. */
	snprintf(temporary_name, sizeof(temporary_name), ".%s.%d", final_name, (int)getpid());
	if (write_file(directory, temporary_name, frame, length) < 0 ||
	    renameat(directory, temporary_name, directory, final_name) < 0 || fsync(directory) < 0) {
		error = errno;
		unlinkat(directory, temporary_name, 0);
	}
	close(directory);
	errno = error;
	return error == 0 ? 0 : -1;
}
