/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the specification of a container. It knows the records' form, not what they are used for. */
#define _GNU_SOURCE
#include "spec.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

static void *grow(void *items, size_t count, size_t size)
{
	void *bigger = reallocarray(items, count + 2, size);
	if (!bigger)
		errx(1, "Cannot read container specification: out of memory");
	return bigger;
}

static void list_add(struct list *list, char *value)
{
	list->items = grow(list->items, list->count, sizeof(char *));
	list->items[list->count++] = value;
	list->items[list->count] = NULL;
}

static void bind_add(struct spec *spec, char *value, bool read_only)
{
	char *split = strchr(value, '\n');
	if (!split)
		errx(1, "Cannot read container specification: bind \"%s\" has no target", value);
	*split = '\0';
	spec->binds = grow(spec->binds, spec->bind_count, sizeof(struct bind));
	spec->binds[spec->bind_count++] = (struct bind){ value, split + 1, read_only };
}

static void set_text(struct spec *spec, const char *key, char *value)
{
	const struct {
		const char *key;
		const char **field;
	} texts[] = {
		{ "netns", &spec->netns }, { "hostname", &spec->hostname }, { "cgroup", &spec->cgroup },
		{ "root", &spec->root },   { "cwd", &spec->cwd },	     { "log", &spec->log },
		{ "exit", &spec->exit_file }, { "pid", &spec->pid_file },
		{ "attach", &spec->attach }, { "pid-target", &spec->pid_target },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!strcmp(key, texts[i].key)) {
			*texts[i].field = value;
			return;
		}
	}
	errx(1, "Cannot read container specification: unknown key \"%s\"", key);
}

static bool set_number(struct spec *spec, const char *key, const char *value)
{
	uint64_t number = strtoull(value, NULL, 10);
	if (!strcmp(key, "log-max-bytes"))
		spec->log_max_bytes = number;
	else if (!strcmp(key, "log-keep"))
		spec->log_keep = (unsigned)number;
	else if (!strcmp(key, "scratch-mb"))
		spec->scratch_mb = (unsigned)number;
	else if (!strcmp(key, "uid"))
		spec->uid = (uid_t)number;
	else if (!strcmp(key, "gid"))
		spec->gid = (gid_t)number;
	else if (!strcmp(key, "capabilities"))
		spec->capabilities = number;
	else if (!strcmp(key, "pause"))
		spec->is_pause = number != 0;
	else if (!strcmp(key, "stdin"))
		spec->has_stdin = number != 0;
	else if (!strcmp(key, "stdin-once"))
		spec->is_stdin_once = number != 0;
	else if (!strcmp(key, "tty"))
		spec->has_tty = number != 0;
	else if (!strcmp(key, "privileged"))
		spec->is_privileged = number != 0;
	else if (!strcmp(key, "no-new-privileges"))
		spec->no_new_privileges = number != 0;
	else if (!strcmp(key, "read-only-root"))
		spec->read_only_root = number != 0;
	else if (!strcmp(key, "group") && spec->group_count < 32)
		spec->groups[spec->group_count++] = (gid_t)number;
	else
		return false;
	return true;
}

static void set_record(struct spec *spec, char *record)
{
	char *value = strchr(record, '=');
	if (!value)
		errx(1, "Cannot read container specification: record without \"=\"");
	*value++ = '\0';
	if (!strcmp(record, "arg"))
		list_add(&spec->args, value);
	else if (!strcmp(record, "env"))
		list_add(&spec->env, value);
	else if (!strcmp(record, "mask"))
		list_add(&spec->masks, value);
	else if (!strcmp(record, "scratch"))
		list_add(&spec->scratches, value);
	else if (!strcmp(record, "bind"))
		bind_add(spec, value, false);
	else if (!strcmp(record, "bind-read-only"))
		bind_add(spec, value, true);
	else if (!set_number(spec, record, value))
		set_text(spec, record, value);
}

static char *read_all(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		err(1, "Cannot read container specification %s", path);
	char *text = calloc(1, (size_t)status.st_size + 1);
	if (!text)
		errx(1, "Cannot read container specification %s: out of memory", path);
	size_t done = 0;
	while (done < (size_t)status.st_size) {
		ssize_t got = read(fd, text + done, (size_t)status.st_size - done);
		if (got <= 0)
			err(1, "Cannot read container specification %s", path);
		done += (size_t)got;
	}
	close(fd);
	*length = done;
	return text;
}

struct spec *spec_read(const char *path)
{
	struct spec *spec = calloc(1, sizeof(*spec));
	if (!spec)
		errx(1, "Cannot read container specification: out of memory");
	spec->scratch_mb = 64;
	spec->log_max_bytes = 10 << 20;
	spec->log_keep = 2;
	size_t length;
	char *text = read_all(path, &length);
	for (char *at = text; at < text + length; ) {
		char *next = at + strlen(at) + 1; /* set_record cuts the record, so measure it first */
		set_record(spec, at);
		at = next;
	}
	if (!spec->env.items)
		spec->env.items = grow(NULL, 0, sizeof(char *)), spec->env.items[0] = NULL;
	return spec;
}
