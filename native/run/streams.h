/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of a container's program: pipes, or a terminal of the container's own. */
#ifndef FAIRLEAD_RUN_STREAMS_H
#define FAIRLEAD_RUN_STREAMS_H

#include "spec.h"

/* Made by the monitor before it clones; -1 is none. */
struct streams {
	int child[3];  /* what the program gets, but for a terminal */
	int own[3];    /* the monitor's ends: input, output, errors */
	int channel[2]; /* a terminal is made in the container and comes through here */
};

void streams_make(const struct spec *spec, struct streams *streams, int report);
/* In the container, whose root is built. */
void streams_take(const struct spec *spec, const struct streams *streams, int report);
/* In the monitor, after the clone. */
void streams_keep(const struct spec *spec, struct streams *streams);

#endif
