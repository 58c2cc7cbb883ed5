/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system of a container, built inside its own mount namespace:
 *
 *   tmpfs at spec->root             scratch space: dies with the namespace, nothing is left on the host
 *     upper/ work/                  what the container writes
 *     merged/                       overlay of both over the host's root  -> pivot_root
 *
 * A bind without a source shows the container's own root once more, as it is then: for those who look for the node's root below a folder.
 * Sources of binds are taken as detached mounts before pivot_root and attached after it, so that every link on the
 * way to a target is followed inside of the new root and never outside.
 */
#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef MS_RDONLY
#define MS_RDONLY 1
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_REC 16384
#define MS_PRIVATE (1 << 18)
#endif
#define DETACH 2 /* MNT_DETACH of umount2(2) */

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

static int open_source(const char *path)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

/* Device files below it open nothing: a disk could be written by its own. */
static void make_read_only(int tree, int report)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		fail_step(report, 1, "make mount read-only");
}

/* Makes every folder on the way to `path`, and `path` itself as a folder or an empty file. */
static void make_target(const char *path, bool is_folder, int report)
{
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s", path);
	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(part, 0755);
		*at = '/';
	}
	if (is_folder) {
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			fail_step(report, 1, path);
		return;
	}
	struct stat status;
	/* A link (resolv.conf often is one) gives way to a file of the container's own. */
	if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		unlink(path);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EISDIR)
		fail_step(report, 1, path);
	if (fd >= 0)
		close(fd);
}

static void attach(int tree, const char *target, int report)
{
	struct stat status;
	if (fstat(tree, &status) < 0)
		fail_step(report, 1, target);
	make_target(target, S_ISDIR(status.st_mode), report);
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		fail_step(report, 1, target);
	close(tree);
}

static void mount_or_fail(const char *type, const char *target, unsigned long flags, const char *options, int report)
{
	make_target(target, true, report);
	if (mount(type, target, type, flags, options) < 0)
		fail_step(report, 1, target);
}

static void make_device(const char *path, unsigned major_number, unsigned minor_number)
{
	mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number));
	chmod(path, 0666);
}

static void mount_dev(int report)
{
	mount_or_fail("tmpfs", "/dev", MS_NOSUID, "mode=755,size=64k", report);
	mount_or_fail("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5", report);
	mount_or_fail("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=64m", report);
	make_device("/dev/null", 1, 3);
	make_device("/dev/zero", 1, 5);
	make_device("/dev/full", 1, 7);
	make_device("/dev/random", 1, 8);
	make_device("/dev/urandom", 1, 9);
	make_device("/dev/tty", 5, 0);
	if (symlink("pts/ptmx", "/dev/ptmx") < 0 || symlink("/proc/self/fd", "/dev/fd") < 0 ||
	    symlink("/proc/self/fd/0", "/dev/stdin") < 0 || symlink("/proc/self/fd/1", "/dev/stdout") < 0 ||
	    symlink("/proc/self/fd/2", "/dev/stderr") < 0)
		fail_step(report, 1, "/dev");
}

/* What in /proc would reach the machine rather than the container. */
static void guard_proc(int report)
{
	static const char *const read_only[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs" };
	static const char *const hidden[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug" };
	for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		int tree = open_source(read_only[i]);
		if (tree < 0 && errno == ENOENT)
			continue;
		if (tree < 0)
			fail_step(report, 1, read_only[i]);
		make_read_only(tree, report);
		if (syscall(SYS_move_mount, tree, "", AT_FDCWD, read_only[i], MOVE_MOUNT_F_EMPTY_PATH) < 0)
			fail_step(report, 1, read_only[i]);
		close(tree);
	}
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			fail_step(report, 1, hidden[i]);
}

/* Disks that the host mounts below its root: seen read-only at the same place. Virtual file systems are not. */
static bool is_disk(const char *type)
{
	static const char *const disks[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "9p", "virtiofs", "nfs4", "squashfs", "erofs" };
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		if (!strcmp(type, disks[i]))
			return true;
	return false;
}

struct disk {
	char *target;
	int tree;
};

static size_t open_disks(struct disk *disks, size_t room, int report)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0, count = 0;
	if (!mounts)
		fail_step(report, 1, "/proc/self/mountinfo");
	while (count < room && getline(&line, &size, mounts) > 0) {
		char target[PATH_MAX], type[64];
		const char *after = strstr(line, " - ");
		if (sscanf(line, "%*s %*s %*s %*s %4095s", target) != 1 || !after || sscanf(after, " - %63s", type) != 1)
			continue;
		/* A space in a path is written as \040; such a disk is left out rather than guessed at. */
		if (!strcmp(target, "/") || !is_disk(type) || strchr(target, '\\'))
			continue;
		int tree = (int)syscall(SYS_open_tree, AT_FDCWD, target, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (tree < 0)
			continue;
		make_read_only(tree, report);
		disks[count++] = (struct disk){ strdup(target), tree };
	}
	free(line);
	fclose(mounts);
	return count;
}

static void enter_overlay(const struct spec *spec, int report)
{
	char options[PATH_MAX * 2 + 64], merged[PATH_MAX];
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail_step(report, 1, "make mounts private");
	snprintf(options, sizeof(options), "mode=755,size=%um", spec->scratch_mb);
	if (mount("tmpfs", spec->root, "tmpfs", MS_NODEV, options) < 0 || chdir(spec->root) < 0)
		fail_step(report, 1, "mount scratch space");
	if (mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0 || mkdir("merged", 0755) < 0)
		fail_step(report, 1, "make scratch folders");
	snprintf(merged, sizeof(merged), "%s/merged", spec->root);
	snprintf(options, sizeof(options), "lowerdir=/,upperdir=%s/upper,workdir=%s/work", spec->root, spec->root);
	if (mount("overlay", merged, "overlay", MS_NODEV, options) < 0)
		fail_step(report, 1, "mount overlay over the host's root");
	if (chdir(merged) < 0)
		fail_step(report, 1, "enter overlay");
}

static void swap_roots(int report)
{
	/* The new root on top of the old one, then the old one away: pivot_root(2), "pivot_root(".", ".")". */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", DETACH) < 0 || chdir("/") < 0)
		fail_step(report, 1, "pivot to the new root");
}

void build_root(const struct spec *spec, int report)
{
	struct disk disks[64];
	int *sources = calloc(spec->bind_count + 1, sizeof(int));
	if (!sources)
		fail_step(report, 1, "allocate");
	enter_overlay(spec, report);
	for (size_t i = 0; i < spec->bind_count; i++) {
		if (!*spec->binds[i].source)
			continue;
		sources[i] = open_source(spec->binds[i].source);
		if (sources[i] < 0)
			fail_step(report, 1, spec->binds[i].source);
		if (spec->binds[i].read_only)
			make_read_only(sources[i], report);
	}
	size_t disk_count = open_disks(disks, sizeof(disks) / sizeof(disks[0]), report);
	swap_roots(report);
	for (size_t i = 0; i < disk_count; i++)
		attach(disks[i].tree, disks[i].target, report);
	mount_or_fail("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, report);
	mount_or_fail("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL, report);
	mount_dev(report);
	if (!spec->is_privileged)
		guard_proc(report);
	mount_or_fail("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", report);
	mount_or_fail("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755", report);
	for (size_t i = 0; i < spec->masks.count; i++)
		mount_or_fail("tmpfs", spec->masks.items[i], MS_NOSUID | MS_NODEV, "mode=755,size=16m", report);
	for (size_t i = 0; i < spec->scratches.count; i++)
		mount_or_fail("tmpfs", spec->scratches.items[i], MS_NOSUID | MS_NODEV, "mode=1777", report);
	for (size_t i = 0; i < spec->bind_count; i++) {
		if (!*spec->binds[i].source && (sources[i] = open_source("/")) < 0)
			fail_step(report, 1, "/");
		attach(sources[i], spec->binds[i].target, report);
	}
	if (spec->read_only_root && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		fail_step(report, 1, "make the root read-only");
	free(sources);
}
