/* SPDX-License-Identifier: Apache-2.0 */
/* Reads single string members of a JSON object (RFC 8259) without building a tree; knows nothing of CNI. */
#ifndef FAIRLEAD_JSON_SCAN_H
#define FAIRLEAD_JSON_SCAN_H

#include <stddef.h>
#include <stdio.h>

enum json_kind {
	JSON_ABSENT,
	JSON_STRING,
	/* Present, but no string, longer than the buffer, or with a NUL inside. */
	JSON_UNUSABLE,
};

/* A member of the outermost object to look for. Of members with the same name the last one counts, as in JSON.parse. */
struct json_member {
	const char *name;
	char *value;
	size_t capacity;
	enum json_kind kind;
};

/* Nesting deeper than this is refused, so that hostile input cannot exhaust the stack. */
#define JSON_DEPTH_MAX 256

/*
 * Checks that text is one JSON object and fills the wanted members, decoded and NUL-terminated.
 * Returns 0, or -1 where the text is no JSON object; *offset then says where reading ended.
 */
int json_scan_object(const char *text, size_t length, struct json_member *wanted, size_t count, size_t *offset);

/* Prints text as a JSON string with its quotes. Bytes of 0x80 and above pass through. */
void json_print_string(FILE *out, const char *text);

#endif
