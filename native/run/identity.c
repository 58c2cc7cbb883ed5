/* SPDX-License-Identifier: Apache-2.0 */
/* Who the program is: user, groups, capabilities; then the program itself. */
#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void drop_bounding(uint64_t keep, int report)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (keep & (1ULL << cap) || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			fail_step(report, 1, "drop capability");
	}
}

static void set_capabilities(uint64_t keep, int report)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3, .pid = 0 };
	struct __user_cap_data_struct now[2], data[2] = { 0 };
	if (syscall(SYS_capget, &header, now) < 0)
		fail_step(report, 1, "read capabilities");
	for (int word = 0; word < 2; word++) {
		__u32 mask = (__u32)(keep >> (32 * word)) & now[word].permitted;
		data[word] = (struct __user_cap_data_struct){ .effective = mask, .permitted = mask, .inheritable = 0 };
	}
	if (syscall(SYS_capset, &header, data) < 0)
		fail_step(report, 1, "set capabilities");
}

void take_identity(const struct spec *spec, int report)
{
	bool is_root = spec->uid == 0;
	if (!spec->is_privileged)
		drop_bounding(spec->capabilities, report);
	if (setgroups(spec->group_count, spec->groups) < 0)
		fail_step(report, 1, "set groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		fail_step(report, 1, "set group");
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		fail_step(report, 1, "set user");
	/* Another user than root has lost its capabilities by setresuid already. */
	if (is_root && !spec->is_privileged)
		set_capabilities(spec->capabilities, report);
	if (spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail_step(report, 1, "set no_new_privs");
}

void run_program(const struct spec *spec, char **args, int report)
{
	char what[512];
	environ = spec->env.items;
	execvp(args[0], args);
	snprintf(what, sizeof(what), "exec: \"%.400s\"", args[0]);
	fail_step(report, errno == ENOENT ? 127 : 126, what);
}
