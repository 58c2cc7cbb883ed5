/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about processes and the smallest steps on them. */
#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void fail_step(int report, int code, const char *what)
{
	char text[PATH_MAX + 256];
	int length = snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	if (length > 0 && write(report, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1) < 0)
		code = 1;
	_exit(code);
}

int open_cgroup(const struct spec *spec)
{
	char path[PATH_MAX];
	if (!spec->cgroup)
		return -1;
	snprintf(path, sizeof(path), "%s/cgroup.procs", spec->cgroup);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void join_cgroup(int cgroup_procs, int report)
{
	/* "0" is the writer itself, whatever its number is in which pid namespace. */
	if (cgroup_procs >= 0 && write(cgroup_procs, "0", 1) < 0)
		fail_step(report, 1, "join cgroup");
}

void kill_cgroup(const struct spec *spec)
{
	char path[PATH_MAX];
	if (!spec->cgroup)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.kill", spec->cgroup);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		errno = 0; /* Nothing of it is left. */
	close(fd);
}

unsigned long long start_of(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	char *at = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

pid_t container_of(const char *pid_file)
{
	FILE *file = pid_file ? fopen(pid_file, "re") : NULL;
	int pid = 0;
	unsigned long long start = 0;
	bool is_whole = file && fscanf(file, "%*d %*u %d %llu", &pid, &start) == 2;
	if (file)
		fclose(file);
	if (is_whole && start_of(pid) == start)
		return pid;
	errno = ESRCH;
	return -1;
}

int exit_code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
