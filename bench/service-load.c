// SPDX-License-Identifier: Apache-2.0
// Load for the Service benches: a server that echoes one byte, and a client that counts connections, round trips or datagrams without answer for a time.
// One thread each, blocking: what is measured is the path of a packet, not a program.

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct addrinfo *resolve(const char *host, const char *port, int type)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found)) {
		fprintf(stderr, "bad address %s\n", host);
		exit(2);
	}
	return found;
}

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int open_socket(const struct addrinfo *to)
{
	int one = 1;
	int fd = check(socket(to->ai_family, to->ai_socktype, 0), "socket");

	if (to->ai_socktype == SOCK_STREAM)
		check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
	return fd;
}

static void serve_tcp(const char *host, const char *port)
{
	struct addrinfo *at = resolve(host, port, SOCK_STREAM);
	int one = 1, listener = open_socket(at);

	check(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	check(bind(listener, at->ai_addr, at->ai_addrlen), "bind");
	check(listen(listener, 1024), "listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char byte;

		while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
			;
		close(fd);
	}
}

static void serve_udp(const char *host, const char *port)
{
	struct addrinfo *at = resolve(host, port, SOCK_DGRAM);
	int fd = open_socket(at);

	check(bind(fd, at->ai_addr, at->ai_addrlen), "bind");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		char byte;

		if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length) == 1)
			sendto(fd, &byte, 1, 0, (struct sockaddr *)&from, length);
	}
}

static int connected(const struct addrinfo *to)
{
	// No TIME_WAIT: the ports of a client would be used up within seconds.
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = open_socket(to);

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
	check(connect(fd, to->ai_addr, to->ai_addrlen), "connect");
	return fd;
}

static void exchange(int fd)
{
	char byte = 'x';

	check(write(fd, &byte, 1), "write");
	check(read(fd, &byte, 1) == 1 ? 0 : -1, "read");
}

int main(int argc, char **argv)
{
	double start, end;
	long count = 0;
	struct addrinfo *to;
	int fd;

	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(argv[1], "serve-tcp"))
		serve_tcp(argv[2], argv[3]);
	if (!strcmp(argv[1], "serve-udp"))
		serve_udp(argv[2], argv[3]);
	start = now();
	end = start + atof(argv[4]);
	to = resolve(argv[2], argv[3], strcmp(argv[1], "udp") && strcmp(argv[1], "flood") ? SOCK_STREAM : SOCK_DGRAM);
	if (!strcmp(argv[1], "flood")) {
		for (fd = connected(to); now() < end; count++)
			if (write(fd, "x", 1) < 0 && errno != ECONNREFUSED)
				check(-1, "write");
	} else if (!strcmp(argv[1], "connections")) {
		for (; now() < end; count++) {
			fd = connected(to);
			exchange(fd);
			close(fd);
		}
	} else {
		fd = connected(to);
		for (; now() < end; count++)
			exchange(fd);
	}
	printf("%.1f\n", count / (now() - start));
	return 0;
}
