/* SPDX-License-Identifier: Apache-2.0 */
/* fairlead-run: begins the processes of pods. See start.c, exec.c and attach-client.c for its commands. */
#define _GNU_SOURCE
#include "attach.h"
#include "steps.h"

#include <err.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "start"))
		return command_start(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "exec"))
		return command_exec(argc, argv);
	if (argc > 2 && !strcmp(argv[1], "attach"))
		return command_attach(argc, argv);
	errx(2, "usage: fairlead-run start SPEC | exec [--tty] SPEC -- PROGRAM ARG... | attach [--stdin] SPEC");
}
