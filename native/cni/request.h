/* SPDX-License-Identifier: Apache-2.0 */
/* The request of one CNI call as it goes over the agent's socket and into the queue; src/cni/frames.ts reads it. */
#ifndef FAIRLEAD_CNI_REQUEST_H
#define FAIRLEAD_CNI_REQUEST_H

#include <stddef.h>

#define FRAME_MAGIC "FLC1"
#define CONFIG_BYTES_MAX (1024 * 1024)
#define ANSWER_BYTES_MAX (4 * 1024 * 1024)

/* Order of the fields in the frame. Each is its length (32 bits, big endian) and its bytes; an unset variable is empty. */
enum request_field {
	FIELD_COMMAND,
	FIELD_CONTAINERID,
	FIELD_NETNS,
	FIELD_IFNAME,
	FIELD_ARGS,
	FIELD_PATH,
	FIELD_NETNS_OVERRIDE,
	FIELD_CONFIG,
	FIELD_COUNT,
};

struct request {
	const char *field[FIELD_COUNT];
	size_t length[FIELD_COUNT];
};

/* Takes the CNI_* variables; the configuration is the caller's to set. Pointers stay owned by the environment. */
void request_from_environment(struct request *request);

/* FRAME_MAGIC, length of the rest, fields. Returns a buffer for free(), or NULL without memory. */
unsigned char *request_frame(const struct request *request, size_t *length);

#endif
