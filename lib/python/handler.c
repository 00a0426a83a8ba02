/*
 * What the handler does would be of no use: it reads os.environ, which has
 * nothing of the request, and prints to a log. Its method is replaced in the
 * class, for the time of the import and only for a script that names it.
 */

#include <string.h>

#include "python/handler.h"

static const struct place {
	const char *sign; /* a name in the script's code */
	const char *module, *class; /* or NULL: a function of the module */
	const char *name;
} places[] = {
	{ "CGIHandler", "wsgiref.handlers", "BaseCGIHandler", "run" },
	{ "wsgicgi", "mercurial.hgweb.wsgicgi", NULL, "launch" },
};
#define PLACES (sizeof(places) / sizeof(*places))

static struct {
	bool named;
	PyObject *application; /* that was handed over */
	PyObject *owner[PLACES], *before[PLACES];
} handler;

/* run(self, application) or launch(application): the last one is it. */
static PyObject *
note_application(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	Py_ssize_t count = PyTuple_GET_SIZE(arguments);
	PyObject *named = NULL;

	(void)self;
	if (keywords != NULL)
		named = PyDict_GetItemString(keywords, "application");
	if (named == NULL && count > 0)
		named = PyTuple_GET_ITEM(arguments, count - 1);
	if (named == NULL) {
		PyErr_SetString(PyExc_TypeError, "an application is missing");
		return NULL;
	}
	if (handler.application == NULL)
		handler.application = Py_NewRef(named);
	Py_RETURN_NONE;
}

/* Whether code, or code inside it, has a name that ends like this. */
static bool
has_name(PyObject *code, const char *name)
{
	PyObject *names = PyObject_GetAttrString(code, "co_names"),
		 *constants = PyObject_GetAttrString(code, "co_consts"), *item;
	const char *text, *found;
	bool result = false;
	Py_ssize_t i;

	for (i = 0; names != NULL && !result && i < PyTuple_GET_SIZE(names);
	     i++) {
		text = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, i));
		found = text != NULL ? strstr(text, name) : NULL;
		result = found != NULL && found[strlen(name)] == '\0';
	}
	for (i = 0;
	     constants != NULL && !result && i < PyTuple_GET_SIZE(constants);
	     i++) {
		item = PyTuple_GET_ITEM(constants, i);
		result = PyCode_Check(item) && has_name(item, name);
	}
	PyErr_Clear();
	Py_XDECREF(constants);
	Py_XDECREF(names);
	return result;
}

/* The method, or function, that takes its place. */
static PyObject *
make_noter(bool is_method)
{
	static PyMethodDef definition = { "run",
		(PyCFunction)(void (*)(void))note_application,
		METH_VARARGS | METH_KEYWORDS, NULL };
	PyObject *function = PyCFunction_New(&definition, NULL), *method;

	if (function == NULL || !is_method)
		return function;
	method = PyInstanceMethod_New(function);
	Py_DECREF(function);
	return method;
}

/* What the module has is imported early; where it is missing, never mind. */
static void
replace_function(size_t index)
{
	const struct place *place = &places[index];
	PyObject *owner = PyImport_ImportModule(place->module),
		 *noter = make_noter(place->class != NULL);

	if (owner != NULL && place->class != NULL)
		Py_SETREF(owner, PyObject_GetAttrString(owner, place->class));
	if (owner != NULL && noter != NULL) {
		handler.before[index] = PyObject_GetAttrString(
		    owner, place->name);
		if (handler.before[index] != NULL &&
		    PyObject_SetAttrString(owner, place->name, noter) == 0)
			handler.owner[index] = Py_NewRef(owner);
	}
	PyErr_Clear();
	Py_XDECREF(noter);
	Py_XDECREF(owner);
}

void
handler_watch(PyObject *code)
{
	size_t i;

	for (i = 0; i < PLACES; i++)
		if (has_name(code, places[i].sign)) {
			handler.named = true;
			replace_function(i);
		}
}

/* BaseCGIHandler inherits run(): so it is enough to delete ours. */
PyObject *
handler_take(void)
{
	PyObject *error = PyErr_GetRaisedException(), *taken;
	size_t i;

	for (i = 0; i < PLACES; i++) {
		if (handler.owner[i] != NULL && places[i].class != NULL)
			PyObject_DelAttrString(
			    handler.owner[i], places[i].name);
		else if (handler.owner[i] != NULL)
			PyObject_SetAttrString(handler.owner[i], places[i].name,
			    handler.before[i]);
		PyErr_Clear();
		Py_CLEAR(handler.owner[i]);
		Py_CLEAR(handler.before[i]);
	}
	if (error != NULL)
		PyErr_SetRaisedException(error);
	taken = handler.application;
	handler.application = NULL;
	return taken;
}

bool
handler_is_idle(void)
{
	return handler.named;
}
