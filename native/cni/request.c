/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the frame of one request; does no I/O. */
#include "request.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const VARIABLES[FIELD_CONFIG] = {
	[FIELD_COMMAND] = "CNI_COMMAND",
	[FIELD_CONTAINERID] = "CNI_CONTAINERID",
	[FIELD_NETNS] = "CNI_NETNS",
	[FIELD_IFNAME] = "CNI_IFNAME",
	[FIELD_ARGS] = "CNI_ARGS",
	[FIELD_PATH] = "CNI_PATH",
	[FIELD_NETNS_OVERRIDE] = "CNI_NETNS_OVERRIDE",
};

void request_from_environment(struct request *request)
{
	for (int i = 0; i < FIELD_CONFIG; i++) {
		const char *value = getenv(VARIABLES[i]);

		request->field[i] = value != NULL ? value : "";
		request->length[i] = strlen(request->field[i]);
	}
}

static unsigned char *put_u32(unsigned char *at, size_t value)
{
	uint32_t wire = htonl((uint32_t)value);

	memcpy(at, &wire, sizeof(wire));
	return at + sizeof(wire);
}

unsigned char *request_frame(const struct request *request, size_t *length)
{
	size_t body = 0;
	unsigned char *frame, *at;

	for (int i = 0; i < FIELD_COUNT; i++)
		body += 4 + request->length[i];
	*length = strlen(FRAME_MAGIC) + 4 + body;
	frame = malloc(*length);
	if (frame == NULL)
		return NULL;
	memcpy(frame, FRAME_MAGIC, strlen(FRAME_MAGIC));
	at = put_u32(frame + strlen(FRAME_MAGIC), body);
	for (int i = 0; i < FIELD_COUNT; i++) {
		at = put_u32(at, request->length[i]);
		memcpy(at, request->field[i], request->length[i]);
		at += request->length[i];
	}
	return frame;
}
