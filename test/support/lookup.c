// SPDX-License-Identifier: Apache-2.0
// Asks the C library for a name's addresses, as programs do: prints one a line, ends with 1 where there is none.

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static void print(const struct addrinfo *found)
{
	char text[INET6_ADDRSTRLEN];
	const void *address = found->ai_family == AF_INET
		? (const void *)&((const struct sockaddr_in *)found->ai_addr)->sin_addr
		: (const void *)&((const struct sockaddr_in6 *)found->ai_addr)->sin6_addr;

	puts(inet_ntop(found->ai_family, address, text, sizeof(text)));
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int error = argc < 2 ? EAI_NONAME : getaddrinfo(argv[1], NULL, &hints, &found);

	if (error != 0) {
		fprintf(stderr, "%s\n", gai_strerror(error));
		return 1;
	}
	for (const struct addrinfo *it = found; it != NULL; it = it->ai_next)
		print(it);
	freeaddrinfo(found);
	return 0;
}
