/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fairlead-run start SPEC`: begins a container and returns when its program runs (or says on standard error why not).
 *
 *   caller --fork--> monitor (own session, outlives the caller)  --clone--> PID 1 of the container
 *                      reads the output into the log                 namespaces mnt, pid, uts, ipc; the pod's net
 *                      writes the exit file at the end               dies with the monitor (PR_SET_PDEATHSIG)
 */
#define _GNU_SOURCE
#include "crilog.h"
#include "steps.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct output {
	int fd;
	struct crilog_stream stream;
};

static void rest_as_pause(int report)
{
	sigset_t signals;
	close(report);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (;;) {
		int number = 0;
		if (sigwait(&signals, &number) != 0)
			continue;
		if (number != SIGCHLD)
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void become_container(const struct spec *spec, int netns, int cgroup, int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	join_cgroup(cgroup, report);
	if (setns(netns, CLONE_NEWNET) < 0)
		fail_step(report, 1, "enter the pod's network namespace");
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		fail_step(report, 1, "set host name");
	build_root(spec, report);
	if (spec->is_pause)
		rest_as_pause(report);
	if (spec->cwd && chdir(spec->cwd) < 0)
		fail_step(report, 1, spec->cwd);
	take_identity(spec, report);
	/* A change of user clears it; asked for once more it holds for the program. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_program(spec, spec->args.items, report);
}

static void write_file(const char *path, const char *text)
{
	char temporary[PATH_MAX];
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	int fd = open(temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) > 0)
		rename(temporary, path);
	close(fd);
}

static void write_pid_file(const struct spec *spec, pid_t init)
{
	char text[128];
	snprintf(text, sizeof(text), "%d %llu %d %llu\n", getpid(), start_of(getpid()), init, start_of(init));
	if (spec->pid_file)
		write_file(spec->pid_file, text);
}

static void write_exit_file(const struct spec *spec, int status)
{
	char text[128];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "%d %d %lld\n", exit_code_of(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		 (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	if (spec->exit_file)
		write_file(spec->exit_file, text);
}

/* False at the end of the stream. */
static bool read_output(struct crilog *log, struct output *output)
{
	char bytes[16384];
	ssize_t got = read(output->fd, bytes, sizeof(bytes));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0) {
		crilog_flush(log, &output->stream);
		close(output->fd);
		output->fd = -1;
		return false;
	}
	crilog_write(log, &output->stream, bytes, (size_t)got);
	return true;
}

static int watch(const struct spec *spec, pid_t init, struct output outputs[2])
{
	struct crilog log = { .path = spec->log ? spec->log : "/dev/null", .max_bytes = spec->log_max_bytes, .keep = spec->log_keep };
	int status = 0, pidfd = (int)syscall(SYS_pidfd_open, init, 0);
	if (!spec->log)
		log.max_bytes = UINT64_MAX;
	crilog_open(&log);
	for (;;) {
		struct pollfd polls[] = { { outputs[0].fd, POLLIN, 0 }, { outputs[1].fd, POLLIN, 0 }, { pidfd, POLLIN, 0 } };
		if (poll(polls, 3, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			if (outputs[i].fd >= 0 && polls[i].revents)
				read_output(&log, &outputs[i]);
		if (polls[2].revents)
			break;
	}
	/* PID 1 is gone and took every process of its namespace along: what the pipes hold is all there will be. */
	for (int i = 0; i < 2; i++)
		while (outputs[i].fd >= 0 && read_output(&log, &outputs[i]))
			;
	waitpid(init, &status, 0);
	return status;
}

static void redirect(int from, int to)
{
	if (from != to)
		dup2(from, to);
}

static void monitor(const struct spec *spec, int report)
{
	int out[2], error[2], cgroup = open_cgroup(spec), nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int netns = open(spec->netns, O_RDONLY | O_CLOEXEC);
	setsid();
	if (netns < 0)
		fail_step(report, 1, spec->netns);
	if (spec->cgroup && cgroup < 0)
		fail_step(report, 1, spec->cgroup);
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
		fail_step(report, 1, "make pipes");
	pid_t init = (pid_t)syscall(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
	if (init < 0)
		fail_step(report, 1, "make namespaces");
	if (init == 0) {
		redirect(nothing, 0);
		redirect(out[1], 1);
		redirect(error[1], 2);
		become_container(spec, netns, cgroup, report);
	}
	write_pid_file(spec, init);
	redirect(nothing, 0);
	redirect(nothing, 1);
	redirect(nothing, 2);
	close(report);
	close(out[1]);
	close(error[1]);
	close(netns);
	if (cgroup >= 0)
		close(cgroup);
	prctl(PR_SET_NAME, "fairlead-mon");
	struct output outputs[2] = { { out[0], { "stdout", 0, "" } }, { error[0], { "stderr", 0, "" } } };
	write_exit_file(spec, watch(spec, init, outputs));
	_exit(0);
}

int command_start(const char *spec_path)
{
	struct spec *spec = spec_read(spec_path);
	int report[2];
	char text[PATH_MAX + 256];
	if (!spec->netns || !spec->root || (!spec->is_pause && spec->args.count == 0))
		errx(1, "Cannot start container: netns, root or arg is missing");
	if (pipe2(report, O_CLOEXEC) < 0)
		err(1, "Cannot start container: make pipe");
	pid_t child = fork();
	if (child < 0)
		err(1, "Cannot start container: fork");
	if (child == 0) {
		close(report[0]);
		if (chdir("/") < 0)
			_exit(1);
		monitor(spec, report[1]);
	}
	close(report[1]);
	size_t length = 0;
	for (ssize_t got; length < sizeof(text) - 1; length += (size_t)got)
		if ((got = read(report[0], text + length, sizeof(text) - 1 - length)) <= 0)
			break;
	if (length == 0)
		return 0;
	errx(1, "Cannot start container: %.*s", (int)length, text);
}
