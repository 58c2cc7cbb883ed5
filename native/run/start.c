/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fairlead-run start SPEC`: begins a container and returns when its program runs (or says on standard error why not).
 *
 *   caller --fork--> monitor (own session, outlives the caller)  --clone--> PID 1 of the container
 *                      reads the output into the log                 namespaces mnt, pid, uts, ipc; the pod's net
 *                      and to clients that are attached              dies with the monitor (PR_SET_PDEATHSIG)
 *                      writes the exit file at the end
 */
#define _GNU_SOURCE
#include "attach.h"
#include "crilog.h"
#include "steps.h"
#include "streams.h"

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

/* How long output of processes that PID 1 left behind is still waited for: it can be only where it shares another's processes. */
#define DRAIN_MS 200

struct output {
	int fd;
	char kind; /* for clients */
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

static void become_container(const struct spec *spec, const struct streams *streams, const int joined[2], int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	join_cgroup(joined[1], report);
	if (setns(joined[0], CLONE_NEWNET) < 0)
		fail_step(report, 1, "enter the pod's network namespace");
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		fail_step(report, 1, "set host name");
	build_root(spec, report);
	streams_take(spec, streams, report);
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
static bool read_output(struct crilog *log, struct attach *attach, struct output *output)
{
	char bytes[ATTACH_BYTES];
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
	attach_output(attach, output->kind, bytes, (size_t)got);
	return true;
}

/* PID 1 is gone: what its pipes hold is all there will be. */
static void drain(struct crilog *log, struct attach *attach, struct output outputs[2])
{
	for (int i = 0; i < 2; i++) {
		struct pollfd rest = { outputs[i].fd, POLLIN, 0 };
		while (outputs[i].fd >= 0 && poll(&rest, 1, DRAIN_MS) > 0) {
			/* Not to overtake what a client has not taken yet. */
			for (int left; (left = attach_patience_ms(attach)) >= 0;) {
				struct pollfd polls[ATTACH_POLLS];
				attach_wants(attach, polls);
				if (poll(polls, ATTACH_POLLS, left) > 0)
					attach_moves(attach, polls);
			}
			if (!read_output(log, attach, &outputs[i]))
				break;
		}
	}
}

static int watch(const struct spec *spec, pid_t init, struct attach *attach, struct output outputs[2])
{
	struct crilog log = { .path = spec->log ? spec->log : "/dev/null", .max_bytes = spec->log_max_bytes, .keep = spec->log_keep };
	int status = 0, pidfd = (int)syscall(SYS_pidfd_open, init, 0);
	if (!spec->log)
		log.max_bytes = UINT64_MAX;
	crilog_open(&log);
	for (;;) {
		struct pollfd polls[3 + ATTACH_POLLS];
		int patience = attach_patience_ms(attach);
		for (int i = 0; i < 2; i++)
			polls[i] = (struct pollfd){ patience < 0 ? outputs[i].fd : -1, POLLIN, 0 };
		polls[2] = (struct pollfd){ pidfd, POLLIN, 0 };
		attach_wants(attach, polls + 3);
		int ready = poll(polls, 3 + ATTACH_POLLS, patience);
		if (ready < 0 && errno != EINTR)
			break;
		if (ready <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (polls[i].fd >= 0 && polls[i].revents && attach_patience_ms(attach) < 0)
				read_output(&log, attach, &outputs[i]);
		attach_moves(attach, polls + 3);
		if (polls[2].revents)
			break;
	}
	if (spec->pid_target)
		kill_cgroup(spec);
	drain(&log, attach, outputs);
	attach_end(attach);
	waitpid(init, &status, 0);
	return status;
}

static void redirect(int from, int to)
{
	if (from != to)
		dup2(from, to);
}

/* PID 1 of namespaces of its own; a container that shares another's processes is one of them instead. */
static pid_t clone_init(const struct spec *spec, int report)
{
	int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
	if (spec->pid_target) {
		pid_t target = container_of(spec->pid_target);
		int pidfd = target > 0 ? (int)syscall(SYS_pidfd_open, target, 0) : -1;
		if (pidfd < 0 || setns(pidfd, CLONE_NEWPID) < 0)
			fail_step(report, 1, "join the processes of the target container");
		close(pidfd);
	} else
		flags |= CLONE_NEWPID;
	pid_t init = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
	if (init < 0)
		fail_step(report, 1, "make namespaces");
	return init;
}

static void monitor(const struct spec *spec, int report)
{
	static struct attach attach = { .listener = -1 };
	struct streams streams;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int joined[2] = { open(spec->netns, O_RDONLY | O_CLOEXEC), open_cgroup(spec) };
	setsid();
	if (joined[0] < 0)
		fail_step(report, 1, spec->netns);
	if (spec->cgroup && joined[1] < 0)
		fail_step(report, 1, spec->cgroup);
	streams_make(spec, &streams, report);
	pid_t init = clone_init(spec, report);
	if (init == 0)
		become_container(spec, &streams, joined, report);
	write_pid_file(spec, init);
	streams_keep(spec, &streams);
	attach.input = streams.own[0];
	attach.is_terminal = spec->has_tty;
	attach.is_once = spec->is_stdin_once;
	if (attach_listen(&attach, spec->attach) < 0)
		fail_step(report, 1, "listen for clients that attach");
	for (int i = 0; i < 3; i++)
		redirect(nothing, i);
	close(report);
	for (int i = 0; i < 2; i++)
		if (joined[i] >= 0)
			close(joined[i]);
	prctl(PR_SET_NAME, "fairlead-mon");
	struct output outputs[2] = {
		{ streams.own[1], ATTACH_OUTPUT, { "stdout", 0, "" } },
		{ streams.own[2], ATTACH_ERROR, { "stderr", 0, "" } },
	};
	write_exit_file(spec, watch(spec, init, &attach, outputs));
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
