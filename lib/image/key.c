/*
 * The files and folders that the import depends on, and the variables of the
 * environment that it could see. key.py finds them; what they are like is
 * looked at here as the other program does it. Variables of the request are
 * not among them: an application never finds those in os.environ (B13).
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/request.h"
#include "image/key.h"
#include "python/source.h"

static const char text[] = {
#include <key.inc>
	0
};

/* What key.py defines. */
static PyObject *names;

/* A set: the files of code that was executed; NULL when nobody wants to know */
static PyObject *executed;

/*
 * A new reference to what one of its functions returns, or NULL. Its arguments
 * are a tuple, which is consumed, or NULL for none.
 */
static PyObject *
call(const char *function, PyObject *arguments)
{
	PyObject *found = names != NULL ? PyDict_GetItemString(names, function)
					: NULL,
		 *result = NULL;

	if (found != NULL)
		result = PyObject_CallObject(found, arguments);
	Py_XDECREF(arguments);
	return result;
}

/* Not every file leaves a module: settings are executed, plug-ins dropped. */
static int
note_executed(const char *event, PyObject *arguments, void *unused)
{
	PyObject *code;

	(void)unused;
	if (executed == NULL || strcmp(event, "exec") != 0)
		return 0;
	code = PyTuple_GetItem(arguments, 0);
	if (code != NULL && PyCode_Check(code) &&
	    PySet_Add(executed, ((PyCodeObject *)code)->co_filename) == 0)
		return 0;
	PyErr_Clear();
	return 0;
}

int
key_watch(void)
{
	static PyMethodDef none = { NULL, NULL, 0, NULL };
	PyObject *done;

	names = NULL;
	if ((executed = PySet_New(NULL)) != NULL &&
	    PySys_AddAuditHook(note_executed, NULL) == 0)
		names = source_define(
		    Py_BuildValue("{sOsO}", "__builtins__",
			PyEval_GetBuiltins(), "executed", executed),
		    &none, text, "<image/key>");
	done = call("watch", NULL);
	Py_XDECREF(done);
	return done != NULL ? 0 : -1;
}

void
key_forget(void)
{
	Py_XDECREF(call("watch_no_more", NULL));
	Py_CLEAR(executed);
	PyErr_Clear();
}

static int
append(PyObject *list, const char *words)
{
	PyObject *bytes = PyBytes_FromString(words);
	int result = bytes != NULL ? PyList_Append(list, bytes) : -1;

	Py_XDECREF(bytes);
	return result;
}

/* Triples of a name, a value or None, and whether it was asked for. */
static int
take_variables(struct key *key, PyObject *list)
{
	struct image_variable *to;
	Py_ssize_t i, count = PyList_GET_SIZE(list);
	const char *name;
	PyObject *value;
	int asked;

	key->variables = to = calloc((size_t)count + 1, sizeof(*to));
	for (i = 0; to != NULL && i < count; i++) {
		if (!PyArg_ParseTuple(
			PyList_GET_ITEM(list, i), "yOp", &name, &value, &asked))
			return -1;
		/* B13: who asks for the request's finds none, always. */
		if (request_is_meta(name, strlen(name)))
			continue;
		*to++ = (struct image_variable){ (uint64_t)name,
			value != Py_None ? (uint64_t)PyBytes_AsString(value)
					 : 0 };
		key->asked_count += asked != 0;
		key->variable_count++;
	}
	return to != NULL ? 0 : -1;
}

/* Triples of a name, where it lies now, and what of it counts. */
static int
take_files(struct key *key, PyObject *list)
{
	struct image_file *to;
	Py_ssize_t i, count = PyList_GET_SIZE(list);
	const char *name, *here;
	unsigned long how;

	key->file_count = (size_t)count;
	key->files = to = calloc((size_t)count + 1, sizeof(*to));
	for (i = 0; to != NULL && i < count; i++, to++) {
		if (!PyArg_ParseTuple(
			PyList_GET_ITEM(list, i), "yyk", &name, &here, &how))
			return -1;
		*to = (struct image_file){ .name = (uint64_t)name, .how = how };
		place_look(here, how, &to->was);
	}
	return to != NULL ? 0 : -1;
}

/* Beginnings of names. */
static int
take_families(struct key *key, PyObject *list)
{
	size_t i, count = (size_t)PyList_GET_SIZE(list);

	key->families = calloc(count + 1, sizeof(*key->families));
	key->family_count = count;
	for (i = 0; key->families != NULL && i < count; i++)
		key->families[i] = PyBytes_AsString(
		    PyList_GET_ITEM(list, (Py_ssize_t)i));
	return key->families != NULL && !PyErr_Occurred() ? 0 : -1;
}

int
key_collect(
    struct key *key, char **environment, const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	PyObject *variables = PyList_New(0), *settings = PyList_New(0),
		 *found = NULL, *list, *families, *files;
	int i, result = variables != NULL && settings != NULL ? 0 : -1;

	for (; result == 0 && *environment != NULL; environment++)
		result = append(variables, *environment);
	for (i = 0; result == 0 && i < options->count; i++)
		if (options->given[i].letter == OPTION_ENV_FILE)
			result = append(settings, options->given[i].value);
	if (result == 0)
		found = call("collect",
		    Py_BuildValue("(OyyiyyO)", variables, key->working,
			key->caller.execfn, key->caller.is_line,
			invocation->file, invocation->folder, settings));
	/* It stays for good, and the names in it. */
	if (found == NULL ||
	    !PyArg_ParseTuple(found, "O!O!O!", &PyList_Type, &list,
		&PyList_Type, &families, &PyList_Type, &files) ||
	    take_variables(key, list) == -1 ||
	    take_families(key, families) == -1 || take_files(key, files) == -1)
		result = -1;
	Py_XDECREF(settings);
	Py_XDECREF(variables);
	return result;
}

bool
key_is_newer(const struct key *key, int64_t time)
{
	size_t i;

	for (i = 0; i < key->file_count; i++)
		if (key->files[i].how == IMAGE_WHOLE &&
		    (key->files[i].was.changed >= time ||
			key->files[i].was.touched >= time))
			return true;
	return false;
}

bool
key_has(const struct key *key, const struct image_stat *file)
{
	size_t i;

	for (i = 0; i < key->file_count; i++)
		if (key->files[i].how == IMAGE_WHOLE &&
		    place_same(&key->files[i].was, file, IMAGE_WHOLE))
			return true;
	return false;
}

char *
key_obstacle(void)
{
	PyObject *what = call("obstacle", NULL);
	char *copy = NULL;

	if (what == NULL)
		copy = strdup("Python does not tell what the import has made");
	else if (PyUnicode_Check(what))
		copy = strdup(PyUnicode_AsUTF8(what));
	Py_XDECREF(what);
	PyErr_Clear();
	return copy;
}
