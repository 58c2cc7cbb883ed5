/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions over UDP as fast as they are answered, or at a pace: dns-load IP PORT SECONDS THREADS OPEN RATE FILE. One line of JSON.
 *
 * FILE holds whole queries, each behind its length in two octets (big end first); their ids are set here. Each thread has a connected socket of its own and OPEN
 * questions under way; what is not answered within a second is lost, and asked again under another id. RATE questions a second in all, 0 for as many as
 * there are answers. Questions go out and answers come in by dozens per system call, so that two threads ask more than any server answers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32
#define IDS 65536
#define ANSWER_BYTES 4096
#define LOST_NS 1000000000ull
/* Latencies by their logarithm: 32 steps to a doubling, from 1 ns on. */
#define STEPS 32
#define BUCKETS (40 * STEPS)

struct question {
	const uint8_t *bytes;
	uint16_t length;
};

static struct question *questions;
static size_t question_count;
static struct sockaddr_storage server;
static socklen_t server_bytes;
static double seconds;
static unsigned long open_each, rate_each;

struct load {
	pthread_t thread;
	unsigned number;
	uint64_t answered, lost, sent, octets;
	uint64_t rcodes[16];
	uint64_t buckets[BUCKETS];
	uint64_t sent_ns[IDS];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "dns-load: Cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Position of a latency among the buckets: its leading bit, and the five behind it. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned power = 63 - __builtin_clzll(ns | 1);
	unsigned part = power >= 5 ? (ns >> (power - 5)) & (STEPS - 1) : 0;
	unsigned bucket = power * STEPS + part;

	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double bucket_us(unsigned bucket)
{
	unsigned power = bucket / STEPS;

	return (double)(1ull << power) * (1.0 + (bucket % STEPS + 0.5) / STEPS) / 1000.0;
}

static void read_questions(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *all;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 2 || fseek(file, 0, SEEK_SET))
		die("read the questions");
	all = malloc(size);
	questions = malloc(sizeof(*questions) * (size / 2));
	if (!all || !questions || fread(all, 1, size, file) != (size_t)size)
		die("read the questions");
	fclose(file);
	for (long at = 0; at + 2 <= size;) {
		uint16_t length = all[at] << 8 | all[at + 1];

		if (length < 12 || at + 2 + length > size) {
			errno = EINVAL;
			die("read the questions");
		}
		questions[question_count++] = (struct question){ all + at + 2, length };
		at += 2 + length;
	}
}

static void take(struct load *load, const uint8_t *bytes, unsigned length, uint64_t now, unsigned *open)
{
	uint16_t id;

	if (length < 12)
		return;
	id = bytes[0] << 8 | bytes[1];
	if (!load->sent_ns[id])
		return;
	load->buckets[bucket_of(now - load->sent_ns[id])]++;
	load->sent_ns[id] = 0;
	load->answered++;
	load->octets += length;
	load->rcodes[bytes[3] & 15]++;
	(*open)--;
}

static void forget_lost(struct load *load, uint64_t now, unsigned *open)
{
	for (unsigned id = 0; id < IDS; id++)
		if (load->sent_ns[id] && now - load->sent_ns[id] > LOST_NS) {
			load->sent_ns[id] = 0;
			load->lost++;
			(*open)--;
		}
}

static void *run(void *argument)
{
	struct load *load = argument;
	static __thread uint8_t out[BATCH][512], in[BATCH][ANSWER_BYTES];
	struct mmsghdr outs[BATCH] = {}, ins[BATCH] = {};
	struct iovec out_parts[BATCH], in_parts[BATCH];
	int fd = socket(server.ss_family, SOCK_DGRAM, 0), room = 1 << 22;
	uint64_t start, now, checked;
	size_t next = load->number * 7919;
	unsigned open = 0;
	uint16_t id = load->number * 30011;

	if (fd < 0 || connect(fd, (struct sockaddr *)&server, server_bytes))
		die("open a socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (unsigned i = 0; i < BATCH; i++) {
		out_parts[i].iov_base = out[i];
		in_parts[i] = (struct iovec){ in[i], ANSWER_BYTES };
		outs[i].msg_hdr = (struct msghdr){ .msg_iov = &out_parts[i], .msg_iovlen = 1 };
		ins[i].msg_hdr = (struct msghdr){ .msg_iov = &in_parts[i], .msg_iovlen = 1 };
	}
	start = checked = now_ns();
	for (;;) {
		struct pollfd waiting = { fd, POLLIN, 0 };
		unsigned batch = 0;
		uint64_t due = open_each;
		int got;

		now = now_ns();
		if (now - start > seconds * 1e9)
			break;
		if (rate_each) {
			uint64_t by_now = (double)(now - start) * rate_each / 1e9;

			due = by_now > load->sent ? by_now - load->sent : 0;
		}
		while (batch < BATCH && (rate_each ? batch < due : open + batch < open_each)) {
			const struct question *question = &questions[next++ % question_count];

			while (load->sent_ns[id])
				id++;
			memcpy(out[batch], question->bytes, question->length);
			out[batch][0] = id >> 8;
			out[batch][1] = id;
			out_parts[batch].iov_len = question->length;
			load->sent_ns[id++] = now;
			batch++;
		}
		if (batch) {
			int sent = sendmmsg(fd, outs, batch, 0);

			if (sent < 0)
				sent = 0;
			for (unsigned i = sent; i < batch; i++)
				load->sent_ns[out[i][0] << 8 | out[i][1]] = 0;
			load->sent += sent;
			open += sent;
		}
		got = recvmmsg(fd, ins, BATCH, MSG_DONTWAIT, NULL);
		now = now_ns();
		for (int i = 0; i < got; i++)
			take(load, in[i], ins[i].msg_len, now, &open);
		if (now - checked > LOST_NS / 4) {
			forget_lost(load, now, &open);
			checked = now;
		}
		if (got <= 0 && (rate_each || open >= open_each))
			ppoll(&waiting, 1, &(struct timespec){ 0, rate_each ? 50000 : 10000000 }, NULL);
	}
	close(fd);
	return NULL;
}

static double percentile(const uint64_t *buckets, uint64_t all, double part)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		if ((seen += buckets[i]) > all * part)
			return bucket_us(i);
	return 0;
}

int main(int count, char **words)
{
	static uint64_t buckets[BUCKETS], rcodes[16];
	uint64_t answered = 0, lost = 0, octets = 0;
	struct load *loads;
	unsigned threads;
	uint64_t start;
	double elapsed;

	if (count != 8) {
		fprintf(stderr, "usage: dns-load IP PORT SECONDS THREADS OPEN RATE FILE\n");
		return 2;
	}
	if (strchr(words[1], ':')) {
		struct sockaddr_in6 *ip = (struct sockaddr_in6 *)&server;

		*ip = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(atoi(words[2])) };
		server_bytes = sizeof(*ip);
		if (inet_pton(AF_INET6, words[1], &ip->sin6_addr) != 1)
			die("read the address");
	} else {
		struct sockaddr_in *ip = (struct sockaddr_in *)&server;

		*ip = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(words[2])) };
		server_bytes = sizeof(*ip);
		if (inet_pton(AF_INET, words[1], &ip->sin_addr) != 1)
			die("read the address");
	}
	seconds = atof(words[3]);
	threads = atoi(words[4]);
	open_each = atol(words[5]) / threads;
	rate_each = atol(words[6]) / threads;
	read_questions(words[7]);
	loads = calloc(threads, sizeof(*loads));
	if (!loads)
		die("begin");
	start = now_ns();
	for (unsigned i = 0; i < threads; i++) {
		loads[i].number = i;
		if (pthread_create(&loads[i].thread, NULL, run, &loads[i]))
			die("begin a thread");
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(loads[i].thread, NULL);
		answered += loads[i].answered;
		lost += loads[i].lost;
		octets += loads[i].octets;
		for (unsigned k = 0; k < BUCKETS; k++)
			buckets[k] += loads[i].buckets[k];
		for (unsigned k = 0; k < 16; k++)
			rcodes[k] += loads[i].rcodes[k];
	}
	elapsed = (now_ns() - start) / 1e9;
	printf("{\"answersPerS\":%.0f,\"lost\":%lu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"meanBytes\":%.0f,\"rcodes\":{", answered / elapsed, lost,
	       percentile(buckets, answered, 0.5), percentile(buckets, answered, 0.99), answered ? (double)octets / answered : 0);
	for (unsigned k = 0, first = 1; k < 16; k++)
		if (rcodes[k]) {
			printf("%s\"%u\":%lu", first ? "" : ",", k, rcodes[k]);
			first = 0;
		}
	printf("}}\n");
	return 0;
}
