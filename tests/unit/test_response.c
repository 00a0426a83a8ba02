/* The head of a reply, as a server reads it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "terminal/response.h"

static struct terminal_response got;

/* Reads a copy that ends where the text does, for the sanitizers. */
static int
read_bytes(const char *text, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, size);
	free(got.head);
	result = terminal_response_read(&got, copy, size);
	free(copy);
	return result;
}

static void
assert_head(const char *text, int status, const char *head)
{
	const char *body = strstr(text, "BODY");
	size_t size = strlen(text);

	assert_int_equal(read_bytes(text, size), 1);
	assert_int_equal(got.status, status);
	assert_int_equal(got.size, body != NULL ? (size_t)(body - text) : size);
	assert_int_equal(got.length, strlen(head));
	assert_memory_equal(got.head, head, got.length);
}

static void
test_cgi(void **state)
{
	/* H4: RFC 3875 6.3: status, other lines as they are, lines' ends. */
	(void)state;
	assert_head("Status: 200 OK\r\nA: b\r\n\r\nBODY", 200,
	    "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
	assert_head("A:b \nstatus:404 Not Found\nB:\n\nBODY\n\n", 404,
	    "HTTP/1.1 404 Not Found\r\nA:b \r\nB:\r\n\r\n");
	assert_head("Status: 500\r\n\r\n", 500, "HTTP/1.1 500\r\n\r\n");
	assert_head("A: b\n\r\n", 200, "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
	assert_head("Location: /x\r\n\r\n", 302,
	    "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n");
	assert_head("Location: /x\r\nStatus: 200 OK\r\n\r\n", 200,
	    "HTTP/1.1 200 OK\r\nLocation: /x\r\n\r\n");
	assert_head(
	    "Statuses: 1\n\n", 200, "HTTP/1.1 200 OK\r\nStatuses: 1\r\n\r\n");
}

static void
test_http(void **state)
{
	/* G6, H4: RFC 3875 5: a whole response stays as it is. */
	(void)state;
	assert_head("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nBODY", 404,
	    "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
	assert_head("HTTP/1.0 204\n\n", 204, "HTTP/1.0 204\n\n");
}

static void
test_incomplete(void **state)
{
	/* H4: every beginning of a head asks for more. */
	static const char text[] = "Status: 200 OK\r\nA: b\r\n\r\n";
	size_t size;

	(void)state;
	for (size = 0; size < strlen(text); size++)
		assert_int_equal(read_bytes(text, size), 0);
	assert_int_equal(read_bytes(text, size), 1);
}

static void
test_wrong(void **state)
{
	/* H4: what is no head. */
	static const char *const texts[] = { "\r\n", "\n", "<html>\n\n",
		"A\r\n\r\n", ": b\r\n\r\n", "Status: x\r\n\r\n",
		"Status:\r\n\r\n", "Status: 20\r\n\r\n", "Status: 2000\r\n\r\n",
		"Status: 099 x\r\n\r\n", "HTTP/1.1\r\n\r\n",
		"HTTP/1.1 x\r\n\r\n", "HTTP/\n\n", "HTTP/1.1 \n\n" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(read_bytes(texts[i], strlen(texts[i])), -1);
	assert_int_equal(read_bytes("A: \0b\n\n", 7), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cgi),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_wrong),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(got.head);
	return failed;
}
