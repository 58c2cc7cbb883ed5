/* SPDX-License-Identifier: Apache-2.0 */
/* A strict JSON reader that keeps nothing but the members asked for; knows nothing of CNI. */
#include "json-scan.h"

#include <stdbool.h>
#include <string.h>

struct reader {
	const char *start;
	const char *at;
	const char *end;
};

/* Where a decoded string goes; total counts what did not fit as well. */
struct sink {
	char *buffer;
	size_t capacity;
	size_t total;
	bool has_nul;
};

static int read_value(struct reader *r, int depth);

static void skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The byte under the cursor, or -1 at the end. */
static int peek(const struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static bool take(struct reader *r, char expected)
{
	if (peek(r) != (unsigned char)expected)
		return false;
	r->at++;
	return true;
}

static void put(struct sink *s, unsigned char byte)
{
	if (byte == 0)
		s->has_nul = true;
	/* One byte stays free for the terminator. */
	if (s->total + 1 < s->capacity)
		s->buffer[s->total] = (char)byte;
	s->total++;
}

static void put_code_point(struct sink *s, unsigned int c)
{
	if (c < 0x80) {
		put(s, (unsigned char)c);
	} else if (c < 0x800) {
		put(s, (unsigned char)(0xc0 | c >> 6));
		put(s, (unsigned char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		put(s, (unsigned char)(0xe0 | c >> 12));
		put(s, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
		put(s, (unsigned char)(0x80 | (c & 0x3f)));
	} else {
		put(s, (unsigned char)(0xf0 | c >> 18));
		put(s, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
		put(s, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
		put(s, (unsigned char)(0x80 | (c & 0x3f)));
	}
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int read_hex4(struct reader *r, unsigned int *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(r));

		if (digit < 0)
			return -1;
		*value = *value << 4 | (unsigned int)digit;
		r->at++;
	}
	return 0;
}

/* After "\u": one code unit, or two where they make a surrogate pair. A lone surrogate becomes U+FFFD. */
static int read_unicode_escape(struct reader *r, struct sink *s)
{
	unsigned int high, low;

	if (read_hex4(r, &high) < 0)
		return -1;
	if (high >= 0xd800 && high <= 0xdbff && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
		const char *before = r->at;

		r->at += 2;
		if (read_hex4(r, &low) < 0)
			return -1;
		if (low >= 0xdc00 && low <= 0xdfff) {
			put_code_point(s, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
			return 0;
		}
		r->at = before;
	}
	put_code_point(s, high >= 0xd800 && high <= 0xdfff ? 0xfffd : high);
	return 0;
}

static int read_escape(struct reader *r, struct sink *s)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);
	const char *found;

	if (c <= 0)
		return -1;
	r->at++;
	if (c == 'u')
		return read_unicode_escape(r, s);
	found = strchr(names, c);
	if (found == NULL)
		return -1;
	put(s, (unsigned char)values[found - names]);
	return 0;
}

static int read_string(struct reader *r, struct sink *s)
{
	if (!take(r, '"'))
		return -1;
	for (;;) {
		int c = peek(r);

		if (c < 0x20)
			return -1;
		r->at++;
		if (c == '"')
			break;
		if (c != '\\')
			put(s, (unsigned char)c);
		else if (read_escape(r, s) < 0)
			return -1;
	}
	if (s->capacity > 0)
		s->buffer[s->total < s->capacity ? s->total : s->capacity - 1] = '\0';
	return 0;
}

static int read_digits(struct reader *r)
{
	const char *first = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at > first ? 0 : -1;
}

static int read_number(struct reader *r)
{
	take(r, '-');
	if (!take(r, '0') && read_digits(r) < 0)
		return -1;
	if (take(r, '.') && read_digits(r) < 0)
		return -1;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			take(r, '-');
		return read_digits(r);
	}
	return 0;
}

static int read_word(struct reader *r, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
		return -1;
	r->at += length;
	return 0;
}

static int read_array(struct reader *r, int depth)
{
	r->at++;
	skip_space(r);
	if (take(r, ']'))
		return 0;
	for (;;) {
		if (read_value(r, depth) < 0)
			return -1;
		if (take(r, ']'))
			return 0;
		if (!take(r, ','))
			return -1;
	}
}

static void keep_string(struct json_member *member, const struct sink *s)
{
	member->kind = s->total < s->capacity && !s->has_nul ? JSON_STRING : JSON_UNUSABLE;
}

/* The value of one member: into the wanted member of that name, or checked and dropped. */
static int read_member_value(struct reader *r, int depth, struct json_member *wanted)
{
	skip_space(r);
	if (wanted != NULL && peek(r) == '"') {
		struct sink s = { wanted->value, wanted->capacity, 0, false };

		if (read_string(r, &s) < 0)
			return -1;
		keep_string(wanted, &s);
		skip_space(r);
		return 0;
	}
	if (wanted != NULL)
		wanted->kind = JSON_UNUSABLE;
	return read_value(r, depth);
}

static struct json_member *find_wanted(struct json_member *wanted, size_t count, const char *name, const struct sink *s)
{
	if (s->has_nul || s->total >= s->capacity)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(wanted[i].name, name) == 0)
			return &wanted[i];
	return NULL;
}

static int read_object(struct reader *r, int depth, struct json_member *wanted, size_t count)
{
	r->at++;
	skip_space(r);
	if (take(r, '}'))
		return 0;
	for (;;) {
		char name[64];
		struct sink s = { name, sizeof(name), 0, false };

		skip_space(r);
		if (read_string(r, &s) < 0)
			return -1;
		skip_space(r);
		if (!take(r, ':'))
			return -1;
		if (read_member_value(r, depth, find_wanted(wanted, count, name, &s)) < 0)
			return -1;
		if (take(r, '}'))
			return 0;
		if (!take(r, ','))
			return -1;
	}
}

/* Any value and the space around it; depth is how many containers may still be opened. */
static int read_value(struct reader *r, int depth)
{
	struct sink nowhere = { NULL, 0, 0, false };
	int result;

	skip_space(r);
	switch (peek(r)) {
	case '{':
		result = depth > 0 ? read_object(r, depth - 1, NULL, 0) : -1;
		break;
	case '[':
		result = depth > 0 ? read_array(r, depth - 1) : -1;
		break;
	case '"':
		result = read_string(r, &nowhere);
		break;
	case 't':
		result = read_word(r, "true");
		break;
	case 'f':
		result = read_word(r, "false");
		break;
	case 'n':
		result = read_word(r, "null");
		break;
	default:
		result = read_number(r);
	}
	skip_space(r);
	return result;
}

int json_scan_object(const char *text, size_t length, struct json_member *wanted, size_t count, size_t *offset)
{
	struct reader r = { text, text, text + length };
	int result = -1;

	for (size_t i = 0; i < count; i++)
		wanted[i].kind = JSON_ABSENT;
	skip_space(&r);
	if (peek(&r) == '{') {
		result = read_object(&r, JSON_DEPTH_MAX - 1, wanted, count);
		skip_space(&r);
		if (r.at != r.end)
			result = -1;
	}
	*offset = (size_t)(r.at - r.start);
	return result;
}

void json_print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}
