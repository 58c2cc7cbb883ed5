/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fairlead-run exec [--tty] SPEC -- PROGRAM ARG...`: a further process in a running container.
 * Descriptors 0, 1, 2 are the streams; 3 brings "WIDTH HEIGHT\n" lines for the terminal; on 4 goes the reason when the
 * program could not be started. The exit code is the program's, 128 + signal where a signal ended it.
 * The program ends when this process does (PR_SET_PDEATHSIG).
 */
#define _GNU_SOURCE
#include "lane.h"
#include "steps.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SIZE_FD 3
#define REASON_FD 4
/* How long the output of processes that the program left behind is still waited for. */
#define DRAIN_MS 200

struct session {
	const struct spec *spec;
	bool has_tty;
	int target, cgroup; /* pidfd of the container's PID 1; its cgroup.procs */
	int master;
	int child_ends[3], own_ends[3];
	char **args;
};

static void give_up(const char *what)
{
	dprintf(REASON_FD, "%s: %s", what, strerror(errno));
	_exit(126);
}

static void open_terminal(struct session *session, pid_t target)
{
	char path[64];
	int unlock = 0;
	snprintf(path, sizeof(path), "/proc/%d/root/dev/pts/ptmx", target);
	session->master = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (session->master < 0 || ioctl(session->master, TIOCSPTLCK, &unlock) < 0)
		give_up("open a terminal");
	int peer = ioctl(session->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		give_up("open a terminal");
	for (int i = 0; i < 3; i++)
		session->child_ends[i] = peer;
}

static void open_pipes(struct session *session)
{
	for (int i = 0; i < 3; i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) < 0)
			give_up("make pipes");
		session->child_ends[i] = i == 0 ? ends[0] : ends[1];
		session->own_ends[i] = i == 0 ? ends[1] : ends[0];
		fcntl(session->own_ends[i], F_SETFL, O_NONBLOCK);
	}
}

static void become_program(const struct session *session, int report)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	join_cgroup(session->cgroup, report);
	if (setns(session->target, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) < 0)
		fail_step(report, 126, "join the container's namespaces");
	setsid();
	if (session->has_tty && ioctl(session->child_ends[0], TIOCSCTTY, 0) < 0)
		fail_step(report, 126, "take the terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(session->child_ends[i], i) < 0)
			fail_step(report, 126, "take the streams");
	close(SIZE_FD);
	/* A stand-in's folder may lack the working folder that its image would have had. */
	if (chdir(session->spec->cwd ? session->spec->cwd : "/") < 0 && chdir("/") < 0)
		fail_step(report, 126, "enter the working folder");
	take_identity(session->spec, report);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(REASON_FD);
	run_program(session->spec, session->args, report);
}

/* Reads "WIDTH HEIGHT\n" lines; false at the end. */
static bool resize(int master)
{
	char text[256];
	ssize_t got = read(SIZE_FD, text, sizeof(text) - 1);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	text[got] = '\0';
	for (char *line = text, *rest = NULL; (line = strtok_r(line, "\n", &rest)); line = NULL) {
		unsigned width, height;
		if (sscanf(line, "%u %u", &width, &height) != 2)
			continue;
		struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };
		ioctl(master, TIOCSWINSZ, &size);
	}
	return true;
}

static void set_lanes(const struct session *session, struct lane lanes[3])
{
	memset(lanes, 0, sizeof(struct lane) * 3);
	for (int i = 0; i < 3; i++) {
		int own = session->has_tty ? (i == 2 ? -1 : session->master) : session->own_ends[i];
		lanes[i].in = i == 0 ? 0 : own;
		lanes[i].out = i == 0 ? own : i;
	}
	if (session->has_tty) {
		lanes[0].keeps_out = true;
		lanes[1].in = fcntl(session->master, F_DUPFD_CLOEXEC, 5);
		lanes[2].out = -1;
	}
}

/* Moves bytes until the program is gone and its output is drained; its status. */
static int pump(const struct session *session, pid_t child)
{
	static struct lane lanes[3];
	int status = 0, pidfd = (int)syscall(SYS_pidfd_open, child, 0), sizes = session->has_tty ? SIZE_FD : -1;
	bool is_gone = false;
	set_lanes(session, lanes);
	for (;;) {
		struct pollfd polls[8];
		for (int i = 0; i < 3; i++)
			lane_wants(&lanes[i], &polls[2 * i]);
		polls[6] = (struct pollfd){ is_gone ? -1 : pidfd, POLLIN, 0 };
		polls[7] = (struct pollfd){ sizes, POLLIN, 0 };
		if (is_gone)
			polls[0].fd = polls[1].fd = polls[7].fd = -1;
		int ready = poll(polls, 8, is_gone ? DRAIN_MS : -1);
		if (ready < 0 && errno != EINTR)
			break;
		bool is_stuck = lanes[1].from != lanes[1].to || lanes[2].from != lanes[2].to;
		if (is_gone && ready == 0 && !is_stuck)
			break;
		for (int i = 0; ready > 0 && i < 3; i++)
			lane_moves(&lanes[i], &polls[2 * i]);
		if (ready > 0 && polls[7].fd >= 0 && polls[7].revents && !resize(session->master))
			sizes = -1;
		if (ready > 0 && polls[6].revents)
			is_gone = true;
		if (is_gone && lane_is_done(&lanes[1]) && lane_is_done(&lanes[2]))
			break;
	}
	waitpid(child, &status, 0);
	return status;
}

static void wait_for_exec(int report, pid_t child)
{
	char text[1024];
	ssize_t got = read(report, text, sizeof(text));
	int status = 0;
	if (got <= 0)
		return;
	dprintf(REASON_FD, "%.*s", (int)got, text);
	waitpid(child, &status, 0);
	_exit(exit_code_of(status));
}

static int run(struct session *session)
{
	int report[2];
	pid_t target = container_of(session->spec->pid_file);
	session->target = target > 0 ? (int)syscall(SYS_pidfd_open, target, 0) : -1;
	session->cgroup = open_cgroup(session->spec);
	if (session->target < 0)
		give_up("container is not running");
	if (session->has_tty)
		open_terminal(session, target);
	else
		open_pipes(session);
	if (pipe2(report, O_CLOEXEC) < 0)
		give_up("make pipes");
	/* A pid namespace is entered by the children only. */
	if (setns(session->target, CLONE_NEWPID) < 0)
		give_up("join the container's pid namespace");
	pid_t child = fork();
	if (child < 0)
		give_up("fork");
	if (child == 0)
		become_program(session, report[1]);
	close(report[1]);
	for (int i = 0; i < (session->has_tty ? 1 : 3); i++)
		close(session->child_ends[i]);
	wait_for_exec(report[0], child);
	return exit_code_of(pump(session, child));
}

int command_exec(int argc, char **argv)
{
	struct session session = { .master = -1 };
	int at = 2;
	signal(SIGPIPE, SIG_IGN);
	if (at < argc && !strcmp(argv[at], "--tty")) {
		session.has_tty = true;
		at++;
	}
	if (at + 2 >= argc || strcmp(argv[at + 1], "--") != 0)
		errx(2, "usage: fairlead-run exec [--tty] SPEC -- PROGRAM ARG...");
	session.spec = spec_read(argv[at]);
	session.args = &argv[at + 2];
	fcntl(SIZE_FD, F_SETFD, FD_CLOEXEC);
	fcntl(REASON_FD, F_SETFD, FD_CLOEXEC);
	return run(&session);
}
