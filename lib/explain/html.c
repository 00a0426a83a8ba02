/*
 * A list is opened by its first item, and closed by the first thing that is
 * not in such a list.
 */

#include "explain/html.h"

#include <stdlib.h>
#include <string.h>

#include "cgi/markup.h"

#define STATIONS 32

static struct {
	enum list { LIST_NONE, LIST_PAIRS, LIST_PHASES, LIST_MODULES } list;
	bool in_pair; /* a remark may follow */
	size_t count;
	const char *titles[STATIONS];
	double reached[STATIONS]; /* milliseconds since the start */
} html;

/* What the pages of failures do not need. */
static const char own_rules[] =
    "body{max-width:64rem;font-size:15px}\n"
    "h2 time{color:var(--dim);font-weight:normal;margin-right:.6rem}\n"
    "p{margin:.3rem 0}\n"
    "dl{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);"
    "gap:.25rem 1rem;margin:.4rem 0}\n"
    "dt{grid-column:1}dd{grid-column:2;margin:0;color:var(--dim)}\n"
    "dt b{color:var(--name)}.good{color:var(--good)}"
    ".changed{color:var(--changed)}.bold{font-weight:bold}\n"
    "ol{list-style:none;margin:.4rem 0;padding:0}\n"
    "li{display:grid;grid-template-columns:8rem 5.5rem 3rem 1fr;"
    "gap:.5rem;align-items:center}\n"
    "li span{text-align:right;white-space:nowrap}\n"
    "li i{display:block;height:.8rem;min-width:2px;background:var(--bar)}\n"
    ".stations li{grid-template-columns:20rem 5.5rem 3rem 1fr}"
    "a{color:inherit}\n"
    "ul{list-style:none;margin:.4rem 0;padding:0}\n"
    "ul li{grid-template-columns:minmax(0,1fr) 5.5rem 5.5rem 20%}\n"
    "ul code{padding-left:calc(var(--depth)*.8rem)}\n"
    "@media(max-width:40rem){dl{display:block}dd{margin:0 0 .5rem 1rem}"
    "li{grid-template-columns:6rem 4.6rem 2.4rem 1fr;gap:.3rem;"
    "font-size:.85rem}ul li{grid-template-columns:minmax(0,1fr) 4.6rem 4.6rem;"
    "row-gap:0;margin-bottom:.3rem}"
    "ul code{grid-column:1/-1;padding-left:calc(var(--depth)*.4rem)}"
    "ul span,ul li i{grid-row:2}ul span{grid-column:2}"
    "ul span+span{grid-column:3}ul li i{grid-column:1;height:.5rem}"
    ".stations li{grid-template-columns:minmax(0,1fr) 4.6rem 2.4rem}"
    ".stations i{grid-column:1/-1;margin-bottom:.5rem}}\n"
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
    "-webkit-print-color-adjust:exact}}\n";

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

static const char *const classes[] = {
	[TEXT_PLAIN] = "plain",
	[TEXT_BOLD] = "bold",
	[TEXT_NAME] = "name",
	[TEXT_GOOD] = "good",
	[TEXT_CHANGED] = "changed",
	[TEXT_GONE] = "gone",
};

void
html_begin(void)
{
	memset(&html, 0, sizeof(html));
}

/* A row of a time line: a share of the time, behind another share. */
static void
add_bar(struct buffer *to, double milliseconds, double before, double share)
{
	buffer_print(to,
	    "<span>%.1f ms</span><span>%.0f %%</span>"
	    "<i style=\"margin-left:%.2f%%;width:%.2f%%\"></i></li>\n",
	    milliseconds, 100 * share, 100 * before, 100 * share);
}

/* What it took to reach each station, from the one before. */
static void
add_stations(struct buffer *to)
{
	double before = 0, end;
	size_t i;

	if (html.count == 0)
		return;
	end = html.reached[html.count - 1];
	buffer_add_text(to, "<ol class=\"stations\">\n");
	for (i = 0; i < html.count; i++) {
		buffer_print(to, "<li><a href=\"#%zu\">", i + 1);
		markup_add(to, html.titles[i]);
		buffer_add_text(to, "</a>");
		add_bar(to, html.reached[i] - before, before / end,
		    (html.reached[i] - before) / end);
		before = html.reached[i];
	}
	buffer_add_text(to, "</ol>\n");
}

void
html_end(struct buffer *to, const char *log)
{
	struct buffer page = { 0 };

	open_list(to, LIST_NONE);
	markup_begin(&page, "What became of one request", own_rules);
	buffer_add_text(&page,
	    "<p>A server starts this program anew for each request (fork and "
	    "exec). The list shows how long it took from one station to the "
	    "next. The time in front of a title counts from the "
	    "start.</p>\n");
	add_stations(&page);
	if (to->bytes != NULL)
		buffer_add(&page, to->bytes, to->length);
	buffer_add_text(&page, html.count > 0 ? "</section>\n" : "");
	if (log != NULL && *log != '\0') {
		buffer_add_text(&page, "<section><h2>THE LOG</h2>\n<pre>");
		markup_add(&page, log);
		buffer_add_text(&page, "</pre></section>\n");
	}
	markup_end(&page);
	page.failed |= to->failed;
	free(to->bytes);
	*to = page;
}

void
html_station(struct buffer *to, double milliseconds, const char *title)
{
	open_list(to, LIST_NONE);
	buffer_add_text(to, html.count > 0 ? "</section>\n" : "");
	/* An application may call start_response() for ever. */
	if (html.count == STATIONS)
		html.count--;
	html.titles[html.count] = title;
	html.reached[html.count++] = milliseconds;
	buffer_print(to, "<section id=\"%zu\"><h2><time>%.1f ms</time> ",
	    html.count, milliseconds);
	markup_add(to, title);
	buffer_add_text(to, "</h2>\n");
}

void
html_paragraph(struct buffer *to, enum text_style style, const char *text)
{
	open_list(to, LIST_NONE);
	buffer_print(to, "<p class=\"%s\">", classes[style]);
	markup_add(to, text);
	buffer_add_text(to, "</p>\n");
}

void
html_pair(
    struct buffer *to, const char *name, const char *between, const char *value)
{
	open_list(to, LIST_PAIRS);
	buffer_add_text(to, "<dt><b>");
	markup_add(to, name);
	buffer_add_text(to, "</b>");
	markup_add(to, between);
	markup_add(to, value);
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
	buffer_print(to, "<dd class=\"%s\">", classes[style]);
	markup_add(to, text);
	buffer_add_text(to, "</dd>\n");
}

void
html_phase(struct buffer *to, const struct text_phase *phase)
{
	open_list(to, LIST_PHASES);
	buffer_add_text(to, "<li>");
	markup_add(to, phase->name);
	add_bar(to, phase->milliseconds, phase->before, phase->share);
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
	markup_add(to, module->name);
	buffer_print(to,
	    "%s</code><span>%.1f ms</span><span>%.1f ms</span>"
	    "<i style=\"width:%.1f%%\"></i></li>\n",
	    module->failed ? " (failed)" : "", module->all, module->own,
	    100 * module->share);
}
