/* Small, and without style tricks; everything from elsewhere is escaped. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cgi/page.h"
#include "cgi/reply.h"

static void
put_html(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<': fputs("&lt;", to); break;
		case '>': fputs("&gt;", to); break;
		case '&': fputs("&amp;", to); break;
		case '"': fputs("&quot;", to); break;
		default: putc(*text, to);
		}
}

/* RFC 9110 12.4.2, in thousandths; what is no weight counts as none. */
static int
read_weight(const char *text)
{
	int whole = 0, digits = 0, weight = 0;

	if (sscanf(text, "%1d.%n%3d", &whole, &digits, &weight) < 1 ||
	    whole > 1)
		return 0;
	if (whole == 1)
		return 1000;
	digits = digits > 0 ? (int)strspn(text + digits, "0123456789") : 0;
	return digits == 1 ? weight * 100 : digits == 2 ? weight * 10 : weight;
}

/* Among the parameters of one item. */
static int
find_weight(const char *parameters)
{
	const char *p = parameters;

	while (*p != '\0' && *p != ',') {
		p += strspn(p, "; \t");
		if (strncasecmp(p, "q=", 2) == 0)
			return read_weight(p + 2);
		p += strcspn(p, ";,");
	}
	return 1000;
}

/*
 * The quality that an Accept header gives to a type (RFC 9110 12.5.1): what
 * names it more exactly counts, whatever its order, and breaks a tie.
 */
static int
quality(const char *accept, const char *type, const char *family)
{
	const char *const ranges[] = { "*/*", family, type };
	size_t length, best = 0, i;
	const char *item;
	int found = 0;

	for (item = accept; *item != '\0'; item += strcspn(item, ",")) {
		item += strspn(item, ", \t");
		length = strcspn(item, ",; \t");
		for (i = best; i < 3; i++) {
			if (length != strlen(ranges[i]) ||
			    strncasecmp(item, ranges[i], length) != 0)
				continue;
			best = i;
			found = find_weight(item + length);
		}
	}
	return found > 0 ? found * 3 + (int)best : 0;
}

static bool
prefers_text(const struct page *page)
{
	int text = quality(page->accept, "text/plain", "text/*"),
	    html = quality(page->accept, "text/html", "text/*");

	return text > html || (text == html && page->text);
}

static void
put_html_page(FILE *to, const struct page *page)
{
	fprintf(to,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	    "<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n<p>",
	    page->status, page->status, page->happened);
	put_html(to, page->advice);
	fprintf(to, "</p>\n<p>cgi2wsgi: <code>%s</code>, request <code>",
	    page->code);
	put_html(to, page->id);
	fputs("</code></p>\n", to);
	if (page->message != NULL) {
		fputs("<pre>", to);
		put_html(to, page->message);
		fputs("\n\n", to);
		put_html(to, page->trace != NULL ? page->trace : "");
		fputs("</pre>\n", to);
	}
	fputs("</html>\n", to);
}

static void
put_text_page(FILE *to, const struct page *page)
{
	fprintf(to, "%s\n\n%s\n%s\n\ncgi2wsgi: %s, request %s\n", page->status,
	    page->happened, page->advice, page->code, page->id);
	if (page->message != NULL)
		fprintf(to, "\n%s\n\n%s", page->message,
		    page->trace != NULL ? page->trace : "");
}

char *
page_make(const struct page *page, size_t *length)
{
	bool text = prefers_text(page);
	char *body, *head, *whole = NULL;
	size_t size;
	FILE *to = open_memstream(&body, &size);

	if (to == NULL)
		return NULL;
	(text ? put_text_page : put_html_page)(to, page);
	if (fclose(to) != 0)
		return NULL;
	head = reply_head(page->status,
	    text ? "Content-Type: text/plain; charset=utf-8\r\n"
		 : "Content-Type: text/html; charset=utf-8\r\n",
	    (int64_t)size, length);
	if (page->head_only)
		size = 0;
	if (head != NULL && (whole = realloc(head, *length + size)) != NULL) {
		memcpy(whole + *length, body, size);
		*length += size;
	}
	free(body);
	return whole;
}
