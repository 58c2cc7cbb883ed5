/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is, as the kubelet part wrote it: records "key=value", each ended by a NUL byte. Reading only. */
#ifndef FAIRLEAD_RUN_SPEC_H
#define FAIRLEAD_RUN_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A host file or folder that appears inside; the value of a record is "source\ntarget". Without a source: the container's own root. */
struct bind {
	const char *source;
	const char *target;
	bool read_only;
};

struct list {
	char **items; /* ended by NULL */
	size_t count;
};

struct spec {
	const char *netns;
	const char *hostname;
	const char *cgroup;   /* folder of the container in cgroup v2 */
	const char *root;     /* empty folder that the root file system is built in */
	const char *cwd;
	const char *log;      /* CRI log file */
	const char *exit_file;
	const char *pid_file;
	const char *attach;   /* socket for clients of the program's streams */
	const char *pid_target; /* pid file of the container whose processes it sees; NULL: its own alone */
	uint64_t log_max_bytes;
	unsigned log_keep;
	unsigned scratch_mb;
	bool is_pause;        /* PID 1 is this program, which only reaps */
	bool has_stdin;
	bool is_stdin_once;
	bool has_tty;
	bool is_privileged;
	bool no_new_privileges;
	bool read_only_root;
	uid_t uid;
	gid_t gid;
	gid_t groups[32];
	size_t group_count;
	uint64_t capabilities; /* bit mask of what is kept */
	struct list args;
	struct list env;
	struct list masks;    /* folders that appear empty */
	struct list scratches; /* further memory file systems */
	struct bind *binds;
	size_t bind_count;
};

/* Reads `path`; ends the program with a message on a malformed file. */
struct spec *spec_read(const char *path);

#endif
