/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CNI executable: passes one request of the container runtime to the node's agent and prints its answer.
 *
 *   runtime --environment, stdin--> fairlead-cni --frame--> agent's unix socket ("socket" of the configuration)
 *                                        |
 *                                        +-- VERSION: answered here, its input names no socket
 *                                        +-- agent away: DEL goes to "<socket>.queue", the others fail with code 11 or 50
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-call.h"
#include "del-queue.h"
#include "json-scan.h"
#include "request.h"

/* Well-known codes of CNI specification 1.1.0, section "Error". */
enum cni_error {
	CNI_INVALID_ENVIRONMENT = 4,
	CNI_IO_FAILURE = 5,
	CNI_DECODING_FAILURE = 6,
	CNI_INVALID_CONFIG = 7,
	CNI_TRY_AGAIN_LATER = 11,
	CNI_PLUGIN_NOT_AVAILABLE = 50,
};

/* The policy gate of the agent may hold an ADD; the runtime's own limit (kubelet: 4 minutes) is longer. */
#define DEFAULT_TIMEOUT_MS 60000
#define LATEST_VERSION "1.1.0"

/* src/cni/versions.ts holds the same list; a contract test compares both. */
static const char *const VERSIONS[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", LATEST_VERSION };

struct config {
	char text[CONFIG_BYTES_MAX + 1];
	size_t length;
	char socket[108];
	char version[16];
	struct json_member members[2];
};

static const char *answer_version(const struct config *config)
{
	for (size_t i = 0; i < sizeof(VERSIONS) / sizeof(VERSIONS[0]); i++)
		if (strcmp(VERSIONS[i], config->version) == 0)
			return VERSIONS[i];
	return LATEST_VERSION;
}

static int fail(const struct config *config, enum cni_error code, const char *message, const char *details)
{
	printf("{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":", answer_version(config), code);
	json_print_string(stdout, message);
	if (details != NULL) {
		fputs(",\"details\":", stdout);
		json_print_string(stdout, details);
	}
	fputs("}\n", stdout);
	return 1;
}

static int print_versions(const struct config *config)
{
	size_t count = sizeof(VERSIONS) / sizeof(VERSIONS[0]);

	printf("{\"cniVersion\":\"%s\",\"supportedVersions\":[", answer_version(config));
	for (size_t i = 0; i < count; i++)
		printf("%s\"%s\"", i == 0 ? "" : ",", VERSIONS[i]);
	puts("]}");
	return 0;
}

/* Reads one byte more than allowed, so that too much is told from just enough. */
static int read_config(struct config *config)
{
	config->length = 0;
	while (config->length < sizeof(config->text)) {
		ssize_t got = read(STDIN_FILENO, config->text + config->length, sizeof(config->text) - config->length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return 0;
		config->length += (size_t)got;
	}
	errno = EFBIG;
	return -1;
}

static int scan_config(struct config *config, size_t *offset)
{
	config->members[0] = (struct json_member){ "socket", config->socket, sizeof(config->socket), JSON_ABSENT };
	config->members[1] = (struct json_member){ "cniVersion", config->version, sizeof(config->version), JSON_ABSENT };
	if (json_scan_object(config->text, config->length, config->members, 2, offset) < 0)
		return -1;
	if (config->members[1].kind != JSON_STRING)
		config->version[0] = '\0';
	return 0;
}

static int timeout_ms(void)
{
	const char *text = getenv("FAIRLEAD_CNI_TIMEOUT_MS");
	long value = text != NULL ? strtol(text, NULL, 10) : 0;

	return value > 0 && value <= 3600 * 1000 ? (int)value : DEFAULT_TIMEOUT_MS;
}

static int queue_del(const struct config *config, const struct request *request, const unsigned char *frame, size_t length)
{
	if (request->length[FIELD_CONTAINERID] == 0 || request->length[FIELD_IFNAME] == 0)
		return fail(config, CNI_INVALID_ENVIRONMENT, "Cannot delete the attachment: CNI_CONTAINERID or CNI_IFNAME is not set",
			    NULL);
	if (del_queue_put(config->socket, request, frame, length) < 0)
		return fail(config, CNI_TRY_AGAIN_LATER, "Cannot queue the deletion: the agent is away and the queue cannot be written",
			    strerror(errno));
	return 0;
}

static int agent_missing(const struct config *config, const struct request *request, enum call_result result)
{
	bool is_status = strcmp(request->field[FIELD_COMMAND], "STATUS") == 0;
	const char *message = result == CALL_AWAY ? "Cannot reach the Fairlead agent: nobody listens on its socket"
						  : "Cannot reach the Fairlead agent: it gave no answer in time";

	return fail(config, is_status ? CNI_PLUGIN_NOT_AVAILABLE : CNI_TRY_AGAIN_LATER, message, config->socket);
}

static int print_answer(struct answer *answer)
{
	bool is_written = fwrite(answer->text, 1, answer->length, stdout) == answer->length && fflush(stdout) == 0;

	free(answer->text);
	return is_written ? answer->status : 1;
}

static int pass_on(const struct config *config, const struct request *request)
{
	struct answer answer = { 0 };
	size_t length;
	unsigned char *frame = request_frame(request, &length);
	enum call_result result;
	int status;

	if (frame == NULL)
		return fail(config, CNI_IO_FAILURE, "Cannot build the request: out of memory", NULL);
	result = agent_call(config->socket, frame, length, timeout_ms(), &answer);
	if (result == CALL_ANSWERED)
		status = print_answer(&answer);
	else if (result == CALL_FAILED)
		status = fail(config, CNI_IO_FAILURE, "Cannot use the agent's socket", strerror(errno));
	else if (strcmp(request->field[FIELD_COMMAND], "DEL") == 0)
		status = queue_del(config, request, frame, length);
	else
		status = agent_missing(config, request, result);
	free(frame);
	return status;
}

static bool is_known_command(const char *command)
{
	static const char *const commands[] = { "ADD", "DEL", "CHECK", "GC", "STATUS" };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i], command) == 0)
			return true;
	return false;
}

static int run(struct config *config)
{
	struct request request;
	size_t offset;
	char where[64];

	request_from_environment(&request);
	if (read_config(config) < 0)
		return fail(config, CNI_IO_FAILURE, "Cannot read the network configuration from standard input", strerror(errno));
	bool is_version = strcmp(request.field[FIELD_COMMAND], "VERSION") == 0;
	if (is_version && config->length == 0)
		return print_versions(config);
	if (scan_config(config, &offset) < 0) {
		snprintf(where, sizeof(where), "not a JSON object: byte %zu of %zu", offset, config->length);
		return fail(config, CNI_DECODING_FAILURE, "Cannot decode the network configuration", where);
	}
	if (is_version)
		return print_versions(config);
	if (!is_known_command(request.field[FIELD_COMMAND]))
		return fail(config, CNI_INVALID_ENVIRONMENT, "Cannot serve the request: CNI_COMMAND is missing or unknown",
			    request.field[FIELD_COMMAND]);
	if (config->members[0].kind != JSON_STRING || config->socket[0] != '/')
		return fail(config, CNI_INVALID_CONFIG,
			    "Cannot find the agent: \"socket\" of the network configuration must be an absolute path of at most 107 bytes",
			    NULL);
	request.field[FIELD_CONFIG] = config->text;
	request.length[FIELD_CONFIG] = config->length;
	return pass_on(config, &request);
}

int main(void)
{
	static struct config config;

	return run(&config);
}
