/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that are attached to the streams of a container, on the monitor's side: messages on a unix socket (SOCK_SEQPACKET), whose
 * first byte says what follows.
 *   from a client: ATTACH_INPUT and bytes for the program (none: it will send no more), ATTACH_SIZE and "WIDTH HEIGHT"
 *   to a client:   ATTACH_OUTPUT or ATTACH_ERROR and bytes of the program, ATTACH_REASON and why it is turned away
 */
#ifndef FAIRLEAD_RUN_ATTACH_H
#define FAIRLEAD_RUN_ATTACH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum { ATTACH_INPUT = 'i', ATTACH_SIZE = 's', ATTACH_OUTPUT = 'o', ATTACH_ERROR = 'e', ATTACH_REASON = 'r' };

#define ATTACH_CLIENTS 8
#define ATTACH_BYTES 16384
#define ATTACH_POLLS (ATTACH_CLIENTS + 2)

struct attach_client {
	int fd; /* -1 where the place is free */
	bool has_input;
	size_t length; /* of the message that it has not taken yet */
	long long stuck_since_ms;
	char message[ATTACH_BYTES + 1];
};

struct attach {
	int listener;
	int input;	   /* the program's standard input or its terminal; -1 where there is none (any more) */
	bool is_terminal;
	bool is_once;	   /* the end of the first client's input is the end of the program's; a terminal stays for the next one */
	bool is_ending;	   /* once what was typed is read */
	size_t from, to;   /* what the program has not read */
	char typed[ATTACH_BYTES];
	struct attach_client clients[ATTACH_CLIENTS];
};

/* Makes the socket at `path`, of any length; -1 (with errno) where it cannot. */
int attach_listen(struct attach *attach, const char *path);
/* A client that does not take the program's output holds it up, for a while: it is cut off then. Time until then, -1 for none. */
int attach_patience_ms(struct attach *attach);
/* Fills ATTACH_POLLS entries for poll(2). */
void attach_wants(const struct attach *attach, struct pollfd *polls);
void attach_moves(struct attach *attach, const struct pollfd *polls);
void attach_output(struct attach *attach, char stream, const char *bytes, size_t length);
/* Lets clients take what they have to get, and ends them. */
void attach_end(struct attach *attach);

/* attach-client.c: `fairlead-run attach [--stdin] SPEC`. */
int command_attach(int argc, char **argv);

#endif
