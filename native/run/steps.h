/* SPDX-License-Identifier: Apache-2.0 */
/* The steps by which a forked process becomes part of a container, and how it says that one failed. */
#ifndef FAIRLEAD_RUN_STEPS_H
#define FAIRLEAD_RUN_STEPS_H

#include "spec.h"

/* Writes "what: errno's text" to `report` (a pipe that exec closes) and ends the process with `code`. */
void fail_step(int report, int code, const char *what) __attribute__((noreturn));

/* rootfs.c: the new root: overlay over the host's, own /proc, /sys, /dev, /tmp, /run, the binds. */
void build_root(const struct spec *spec, int report);

/* identity.c: groups, user, capabilities; the last step before exec. */
void take_identity(const struct spec *spec, int report);

/* identity.c: replaces the process by `args`, found by the PATH of the container's environment. */
void run_program(const struct spec *spec, char **args, int report) __attribute__((noreturn));

/* process.c: joins the container's cgroup through its open cgroup.procs. */
void join_cgroup(int cgroup_procs, int report);

/* process.c: opens cgroup.procs of the container, -1 where it has no cgroup. */
int open_cgroup(const struct spec *spec);

/* process.c: ends all processes of the container's cgroup. */
void kill_cgroup(const struct spec *spec);

/* process.c: clock ticks since boot at which `pid` began, 0 when there is none. With the pid it names a process for good. */
unsigned long long start_of(pid_t pid);

/* process.c: PID 1 of the container that wrote the pid file; -1 (ESRCH) where it runs no more. */
pid_t container_of(const char *pid_file);

/* process.c: status as a shell has it: 128 + signal. */
int exit_code_of(int status);

/* start.c, exec.c: the two commands. */
int command_start(const char *spec_path);
int command_exec(int argc, char **argv);

#endif
