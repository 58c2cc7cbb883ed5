/* SPDX-License-Identifier: Apache-2.0 */
/* DEL requests that wait on disk for the agent: one file per attachment in "<socket>.queue". */
#ifndef FAIRLEAD_CNI_DEL_QUEUE_H
#define FAIRLEAD_CNI_DEL_QUEUE_H

#include <stddef.h>

#include "request.h"

/*
 * Stores the frame so that it survives a crash of the machine once this returns 0. A DEL of the same container and
 * interface replaces its predecessor, so that a runtime that repeats itself fills no disk. Returns -1 with errno.
 */
int del_queue_put(const char *socket_path, const struct request *request, const unsigned char *frame, size_t length);

#endif
