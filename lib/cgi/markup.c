/* Pages are read on telephones, in the dark, and on paper. */

#include <string.h>

#include "cgi/escape.h"
#include "cgi/markup.h"

/* Each ink has a contrast of 4.5 at least on its ground (WCAG 1.4.3, AA). */
static const char rules[] =
    ":root{color-scheme:light dark;--ink:#1a1a1a;--ground:#fff;--dim:#595959;"
    "--line:#c8c8c8;--name:#00579b;--good:#1b6b1f;--changed:#8a4b00;"
    "--gone:#b3141b;--bar:#3a75b0}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--ground:#161616;"
    "--dim:#a6a6a6;--line:#4a4a4a;--name:#7ab8f5;--good:#7fce83;"
    "--changed:#f0b060;--gone:#ff8f88;--bar:#5b9bd5}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:1rem/1.5 system-ui,sans-serif;color:var(--ink);"
    "background:var(--ground);max-width:44rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.4rem;line-height:1.3;overflow-wrap:anywhere}\n"
    "h2{font-size:1rem;margin:1.4rem 0 .4rem;"
    "border-top:1px solid var(--line);padding-top:.6rem}\n"
    "p{margin:.5rem 0;overflow-wrap:anywhere}\n"
    "code,pre,dt,summary{font:.85rem/1.4 ui-monospace,monospace;"
    "overflow-wrap:anywhere}\n"
    "pre{white-space:pre-wrap;margin:.2rem 0 .6rem}\n"
    "summary{cursor:pointer}:focus-visible{outline:2px solid var(--name)}\n"
    ".dim{color:var(--dim)}.gone{color:var(--gone)}"
    ".name{color:var(--name)}.close p{margin:.1rem 0}\n";

void
markup_add(struct buffer *to, const char *text)
{
	escape_add_html(to, text, strlen(text));
}

void
markup_begin(struct buffer *to, const char *title, const char *own_rules)
{
	buffer_add_text(to,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "\n<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<title>");
	markup_add(to, title);
	buffer_add_text(to, "</title>\n<style>\n");
	buffer_add_text(to, rules);
	buffer_add_text(to, own_rules);
	buffer_add_text(to, "</style></head>\n<body><main>\n<h1>");
	markup_add(to, title);
	buffer_add_text(to, "</h1>\n");
}

void
markup_end(struct buffer *to)
{
	buffer_add_text(to, "</main></body></html>\n");
}
