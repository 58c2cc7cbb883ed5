/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the agent's unix socket and its answer, within a deadline. */
#ifndef FAIRLEAD_CNI_AGENT_CALL_H
#define FAIRLEAD_CNI_AGENT_CALL_H

#include <stddef.h>

enum call_result {
	CALL_ANSWERED,
	/* Nobody listens: no socket, or connection refused. */
	CALL_AWAY,
	/* Somebody took the request and gave no whole answer in time, or closed before. */
	CALL_UNANSWERED,
	/* The socket exists and must not or cannot be used; errno says why. */
	CALL_FAILED,
};

struct answer {
	int status;
	char *text;
	size_t length;
};

/* answer->text is for free(). */
enum call_result agent_call(const char *socket_path, const unsigned char *frame, size_t length, int timeout_ms,
			    struct answer *answer);

#endif
