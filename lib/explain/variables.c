/*
 * The variables as the server gave them are compared with the environ that the
 * application gets. The code in between is not asked, so that what is told is
 * what really came of it.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/ascii.h"
#include "cgi/buffer.h"
#include "explain/text.h"
#include "explain/variables.h"
#include "explain/rules.h"

#define TEXT 4 /* columns */
#define ITEM 6
#define REMARK TEXT_REMARK

static struct {
	struct variable *list;
	size_t count;
} given;

void
variables_keep(const struct request *request)
{
	size_t i;

	free(given.list);
	given.count = 0;
	given.list = calloc(request->count + 1, sizeof(*given.list));
	for (i = 0; given.list != NULL && i < request->count; i++)
		if (request->variables[i].value != NULL)
			given.list[given.count++] = request->variables[i];
}

static bool
is_given(const char *name)
{
	size_t i;

	for (i = 0; i < given.count; i++)
		if (request_is_named(&given.list[i], name))
			return true;
	return false;
}

/* The value as bytes, or what else it is; memory to be freed, or NULL. */
static char *
describe_value(PyObject *value)
{
	PyObject *text = NULL, *bytes = NULL;
	char *description = NULL;

	if (PyUnicode_Check(value))
		text = Py_NewRef(value);
	else if (PyBool_Check(value) || PyTuple_Check(value))
		text = PyObject_Str(value);
	else
		text = PyUnicode_FromFormat("<%s>",
		    PyType_Check(value) ? ((PyTypeObject *)value)->tp_name
					: Py_TYPE(value)->tp_name);
	if (text != NULL)
		bytes = PyUnicode_AsLatin1String(text);
	if (bytes != NULL)
		description = strdup(PyBytes_AS_STRING(bytes));
	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(text);
	return description;
}

/* The same of what environ has under a variable's name. */
static char *
find_value(PyObject *env, const struct variable *variable)
{
	PyObject *name = PyUnicode_DecodeLatin1(
		     variable->name, (Py_ssize_t)variable->length, NULL),
		 *value = name == NULL ? NULL : PyDict_GetItem(env, name);
	char *found = value == NULL ? NULL : describe_value(value);

	Py_XDECREF(name);
	return found;
}

static void
tell_rule(enum text_style style, const char *what, const struct rule *rule)
{
	text_paragraph(
	    style, REMARK, "%s%s (%s)", what, rule->meaning, rule->source);
}

/* What a variable means; HTTP_ACCEPT_LANGUAGE is the header Accept-Language. */
static void
tell_meaning(const char *name, size_t length, const struct rule *rule)
{
	char header[64];
	bool first = true;
	size_t i;

	if (strcmp(rule->name, "HTTP_") != 0 || length > sizeof(header)) {
		tell_rule(TEXT_PLAIN, "", rule);
		return;
	}
	for (i = 5; i < length; i++) {
		header[i - 5] = first ? name[i] : ascii_lower(name[i]);
		if ((first = name[i] == '_'))
			header[i - 5] = '-';
	}
	header[i - 5] = '\0';
	text_paragraph(TEXT_PLAIN, REMARK, "%s %s (%s)", rule->meaning, header,
	    rule->source);
}

static void
tell_change(const struct variable *variable, const char *value, bool set)
{
	static const struct rule by_option = { "", "by --env", "cgi2wsgi(1)" };

	tell_rule(TEXT_CHANGED, "changed: ",
	    set ? &by_option
		: rules_find(RULES_CHANGE, variable->name, variable->length));
	/* What --env sets is often secret, whatever its name is. */
	text_pair(
	    REMARK, variable->name, variable->length, "=", set ? NULL : value);
}

static void
tell_variable(const struct variable *variable, const char *value, bool set)
{
	const char *name = variable->name;
	size_t length = variable->length;

	text_pair(ITEM, name, length, "=", variable->value);
	if (value == NULL)
		tell_rule(TEXT_GONE,
		    "left out: ", rules_find(RULES_OMISSION, name, length));
	else if (strcmp(value, variable->value) == 0)
		tell_meaning(
		    name, length, rules_find(RULES_MEANING, name, length));
	else
		tell_change(variable, value, set);
}

/*
 * A terminal has many variables that are not about the request, and their
 * values may be private: of those that did not change only names are told.
 */
static void
tell_given(PyObject *env, const struct settings *settings)
{
	struct buffer names = { 0 };
	const struct variable *v;
	char *value, *name;
	size_t i;

	for (i = 0; i < given.count; i++) {
		v = &given.list[i];
		value = find_value(env, v);
		name = strndup(v->name, v->length);
		if (!request_is_meta(v->name, v->length) && value != NULL &&
		    strcmp(value, v->value) == 0)
			buffer_print(&names, "%s%s",
			    names.length > 0 ? ", " : "",
			    name != NULL ? name : "?");
		else
			tell_variable(v, value,
			    name != NULL && settings_have(settings, name));
		free(name);
		free(value);
	}
	if (names.length > 0)
		text_paragraph(TEXT_PLAIN, TEXT,
		    "Not about the request, hence in os.environ, too: %s",
		    names.bytes);
	free(names.bytes);
}

static void
tell_added(PyObject *env, const struct settings *settings)
{
	PyObject *key, *value;
	Py_ssize_t position = 0;
	char *name, *text;
	bool set;

	while (PyDict_Next(env, &position, &key, &value)) {
		if ((name = describe_value(key)) == NULL)
			return;
		set = settings_have(settings, name);
		if (!is_given(name) && (text = describe_value(value)) != NULL) {
			text_pair(
			    ITEM, name, strlen(name), "=", set ? NULL : text);
			if (set)
				text_paragraph(TEXT_PLAIN, REMARK, "by --env");
			else
				tell_rule(TEXT_PLAIN, "",
				    rules_find(
					RULES_ADDITION, name, strlen(name)));
			free(text);
		}
		free(name);
	}
}

void
variables_tell(PyObject *env, const struct settings *settings)
{
	text_paragraph(TEXT_PLAIN, TEXT,
	    "The variables, as they were given. Every value becomes "
	    "text byte by byte, as Latin-1 (PEP 3333, \"Unicode Issues\"). "
	    "What is about the request has left os.environ, so that no "
	    "process started from here is told.");
	tell_given(env, settings);
	text_paragraph(TEXT_PLAIN, TEXT, "What is added to it:");
	tell_added(env, settings);
}
