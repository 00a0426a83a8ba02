/*
 * Elements are opened when the first of their kind comes, and closed when
 * something else does: list is what is open.
 */

#include "explain/html.h"

#include <string.h>

#include "cgi/escape.h"

static struct {
	enum list { LIST_NONE, LIST_PAIRS, LIST_PHASES, LIST_MODULES } list;
	bool in_pair; /* a remark may follow */
	int phase; /* its number, for the colour */
} html;

/* Colours have a contrast of 4.5 at least on their ground (WCAG 1.4.3, AA). */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>What became of one request</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1a1a1a;--ground:#fff;--dim:#595959;"
    "--line:#c8c8c8;--name:#00579b;--good:#1b6b1f;--changed:#8a4b00;"
    "--gone:#b3141b;--bar:#3a75b0}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--ground:#161616;"
    "--dim:#a6a6a6;--line:#4a4a4a;--name:#7ab8f5;--good:#7fce83;"
    "--changed:#f0b060;--gone:#ff8f88;--bar:#5b9bd5}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);"
    "background:var(--ground);max-width:64rem;margin:0 auto;"
    "padding:1rem}\n"
    "h1{font-size:1.4rem}h2{font-size:1rem;margin:1.4rem 0 .4rem;"
    "border-top:1px solid var(--line);padding-top:.6rem}\n"
    "h2 time{color:var(--dim);font-weight:normal;margin-right:.6rem}\n"
    "p{margin:.3rem 0;overflow-wrap:anywhere}\n"
    "code,dt{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "dl{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);"
    "gap:.25rem 1rem;margin:.4rem 0}\n"
    "dt{grid-column:1}dd{grid-column:2;margin:0;color:var(--dim)}\n"
    "dt b,.name{color:var(--name)}.good{color:var(--good)}"
    ".changed{color:var(--changed)}.gone{color:var(--gone)}"
    ".bold{font-weight:bold}\n"
    "ol{list-style:none;margin:.4rem 0;padding:0}\n"
    "li{display:grid;grid-template-columns:8rem 5.5rem 3rem 1fr;"
    "gap:.5rem;align-items:center}\n"
    "li span{text-align:right;white-space:nowrap}\n"
    "li i{display:block;height:.8rem;min-width:2px;background:var(--bar)}\n"
    "ul{list-style:none;margin:.4rem 0;padding:0}\n"
    "ul li{grid-template-columns:minmax(0,1fr) 5.5rem 5.5rem 20%}\n"
    "ul code{padding-left:calc(var(--depth)*.8rem)}\n"
    "@media(max-width:40rem){dl{display:block}dd{margin:0 0 .5rem 1rem}"
    "li{grid-template-columns:6rem 4.6rem 2.4rem 1fr;gap:.3rem;"
    "font-size:.85rem}ul li{grid-template-columns:minmax(0,1fr) 4.6rem 4.6rem}"
    "ul li i{display:none}}\n"
    "@page{size:A4;margin:10mm}"
    "@media print{:root{--ink:#000;--ground:#fff;--dim:#444;--line:#999;"
    "--name:#00447a;--good:#155818;--changed:#6e3c00;--gone:#8f1016;"
    "--bar:#3a75b0}"
    "body{font-size:7pt;line-height:1.25;padding:0;max-width:none}"
    "code,dt{font-size:6.5pt;line-height:1.25}"
    "h1{font-size:11pt;margin:0}h2{font-size:8pt;break-after:avoid;"
    "margin:.3rem 0 0;padding-top:.15rem}p{margin:0}"
    "dl,ul,ol{margin:.1rem 0;row-gap:0}li{line-height:1.1}"
    "li i{height:.45rem;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}}\n"
    "</style></head>\n<body><main>\n<h1>What became of one request</h1>\n"
    "<p>A server starts the program for each request, by fork and exec; the "
    "time before a title is since then.</p>\n<section>";

/* Opens what comes next, after closing what was open. */
static void
open_list(struct buffer *to, enum list list)
{
	static const char *const begins[] = {
		[LIST_NONE] = "",
		[LIST_PAIRS] = "<dl>\n",
		[LIST_PHASES] = "<ol>\n",
		[LIST_MODULES] = "<ul>\n",
	};
	static const char *const ends[] = {
		[LIST_NONE] = "",
		[LIST_PAIRS] = "</dl>\n",
		[LIST_PHASES] = "</ol>\n",
		[LIST_MODULES] = "</ul>\n",
	};

	if (html.list == list)
		return;
	buffer_add_text(to, ends[html.list]);
	buffer_add_text(to, begins[list]);
	html.list = list;
	html.in_pair = false;
}

static const char *
class_of(enum text_style style)
{
	static const char *const classes[] = {
		[TEXT_PLAIN] = "plain",
		[TEXT_BOLD] = "bold",
		[TEXT_NAME] = "name",
		[TEXT_GOOD] = "good",
		[TEXT_CHANGED] = "changed",
		[TEXT_GONE] = "gone",
	};

	return classes[style];
}

void
html_begin(struct buffer *to)
{
	html.list = LIST_NONE;
	buffer_add_text(to, head);
}

void
html_end(struct buffer *to)
{
	open_list(to, LIST_NONE);
	buffer_add_text(to, "</section>\n</main></body></html>\n");
}

void
html_station(struct buffer *to, double milliseconds, const char *title)
{
	open_list(to, LIST_NONE);
	buffer_print(
	    to, "</section>\n<section><h2><time>%.1f ms</time> ", milliseconds);
	escape_add_html(to, title);
	buffer_add_text(to, "</h2>\n");
}

void
html_paragraph(struct buffer *to, enum text_style style, const char *text)
{
	open_list(to, LIST_NONE);
	buffer_print(to, "<p class=\"%s\">", class_of(style));
	escape_add_html(to, text);
	buffer_add_text(to, "</p>\n");
}

void
html_pair(
    struct buffer *to, const char *name, const char *between, const char *value)
{
	open_list(to, LIST_PAIRS);
	buffer_add_text(to, "<dt><b>");
	escape_add_html(to, name);
	buffer_add_text(to, "</b>");
	escape_add_html(to, between);
	escape_add_html(to, value);
	buffer_add_text(to, "</dt>\n");
	html.in_pair = true;
}

void
html_remark(struct buffer *to, enum text_style style, const char *text)
{
	if (!html.in_pair) {
		html_paragraph(to, style, text);
		return;
	}
	buffer_print(to, "<dd class=\"%s\">", class_of(style));
	escape_add_html(to, text);
	buffer_add_text(to, "</dd>\n");
}

void
html_phase(struct buffer *to, const struct text_phase *phase)
{
	open_list(to, LIST_PHASES);
	buffer_add_text(to, "<li>");
	escape_add_html(to, phase->name);
	buffer_print(to,
	    "<span>%.1f ms</span><span>%d %%</span>"
	    "<i style=\"margin-left:%.2f%%;width:%.2f%%\"></i></li>\n",
	    phase->milliseconds, phase->percent, 100 * phase->before,
	    100 * phase->share);
}

void
html_modules(struct buffer *to)
{
	open_list(to, LIST_MODULES);
	buffer_add_text(to,
	    "<li class=\"bold\"><code>module</code><span>all</span>"
	    "<span>itself</span></li>\n");
}

void
html_module(struct buffer *to, const struct text_module *module)
{
	open_list(to, LIST_MODULES);
	buffer_print(to, "<li><code style=\"--depth:%d\">", module->depth);
	escape_add_html(to, module->name);
	buffer_print(to,
	    "%s</code><span>%.1f ms</span><span>%.1f ms</span>"
	    "<i style=\"width:%.1f%%\"></i></li>\n",
	    module->failed ? " (failed)" : "", module->all, module->own,
	    100 * module->share);
}
