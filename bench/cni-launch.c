/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a CNI executable once per line of standard input ("container netns configuration-file"), so many at a time as asked,
 * and prints "microseconds exit-status" per run in order of their ends. A launcher in C, since starting a process from
 * Node costs as much as what is measured.
 *
 *   usage: cni-launch EXECUTABLE PARALLEL   with CNI_COMMAND, CNI_IFNAME and CNI_PATH set
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 20000

struct job {
	char container[80], netns[256], config[256];
	pid_t pid;
	double start_us;
};

static struct job jobs[JOBS_MAX];

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void start(struct job *job, const char *executable)
{
	char container[128], netns[300], command[64], ifname[64], path[512];
	char *env[] = { container, netns, command, ifname, path, NULL };
	char *argv[] = { (char *)executable, NULL };
	posix_spawn_file_actions_t actions;

	snprintf(container, sizeof(container), "CNI_CONTAINERID=%s", job->container);
	snprintf(netns, sizeof(netns), "CNI_NETNS=%s", job->netns);
	snprintf(command, sizeof(command), "CNI_COMMAND=%s", getenv("CNI_COMMAND"));
	snprintf(ifname, sizeof(ifname), "CNI_IFNAME=%s", getenv("CNI_IFNAME"));
	snprintf(path, sizeof(path), "CNI_PATH=%s", getenv("CNI_PATH"));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, job->config, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	job->start_us = now_us();
	if (posix_spawn(&job->pid, executable, &actions, NULL, argv, env) != 0) {
		perror(executable);
		exit(2);
	}
	posix_spawn_file_actions_destroy(&actions);
}

static void finish_one(int started)
{
	int status;
	pid_t pid = waitpid(-1, &status, 0);
	double end_us = now_us();

	for (int i = 0; i < started; i++)
		if (jobs[i].pid == pid)
			printf("%.1f %d\n", end_us - jobs[i].start_us, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

int main(int argc, char **argv)
{
	int count = 0, started = 0, running = 0, parallel = argc > 2 ? atoi(argv[2]) : 1;

	while (count < JOBS_MAX &&
	       scanf("%79s %255s %255s", jobs[count].container, jobs[count].netns, jobs[count].config) == 3)
		count++;
	while (started < count || running > 0) {
		if (started < count && running < parallel) {
			start(&jobs[started++], argv[1]);
			running++;
		} else {
			finish_one(started);
			running--;
		}
	}
	return 0;
}
