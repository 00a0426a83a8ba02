/*
 * The files and folders that the import depends on, and the variables of the
 * environment that it could see. What Python can tell, key.py tells; the rest
 * is a list of what libraries in C read. Variables of the request are not
 * among them: an application never finds those in os.environ (B13).
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "image/key.h"
#include "invocation/file.h"

/* What the interpreter, libc, OpenSSL and numeric libraries read. */
static const char *const read_in_c[] = { "CGI2WSGI_ARGS", "GLIBC_TUNABLES",
	"HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE",
	"LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "LD_AUDIT",
	"LD_LIBRARY_PATH", "LD_PRELOAD", "LOCPATH", "MALLOC_ARENA_MAX",
	"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENSSL_CONF",
	"OPENSSL_MODULES", "PATH", "PYTHONCASEOK", "PYTHONDEBUG",
	"PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER",
	"PYTHONHASHSEED", "PYTHONINSPECT", "PYTHONINTMAXSTRDIGITS",
	"PYTHONIOENCODING", "PYTHONMALLOC", "PYTHONNODEBUGRANGES",
	"PYTHONNOUSERSITE", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONPERFSUPPORT",
	"PYTHONPROFILEIMPORTTIME", "PYTHONPYCACHEPREFIX", "PYTHONTRACEMALLOC",
	"PYTHONUNBUFFERED", "PYTHONUSERBASE", "PYTHONVERBOSE",
	"PYTHONWARNDEFAULTENCODING", "PYTHONWARNINGS", "PYTHON_CPU_COUNT",
	"PYTHON_FROZEN_MODULES", "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP",
	"TMPDIR", "TZ", "TZDIR", "http_proxy", "https_proxy", "no_proxy" };
#define READ_IN_C (sizeof(read_in_c) / sizeof(*read_in_c))

static const char text[] = {
#include <key.inc>
	0
};

/* What key.py defines. */
static PyObject *names;

/* A new reference to what one of its functions returns, or NULL. */
static PyObject *
call(const char *function)
{
	PyObject *found = names != NULL ? PyDict_GetItemString(names, function)
					: NULL;

	return found != NULL ? PyObject_CallNoArgs(found) : NULL;
}

int
key_watch(void)
{
	PyObject *code = Py_CompileString(text, "<image/key>", Py_file_input),
		 *done = NULL;

	names = PyDict_New();
	if (code != NULL && names != NULL &&
	    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) ==
		0)
		done = PyEval_EvalCode(code, names, names);
	Py_XDECREF(code);
	Py_XDECREF(done);
	if (done == NULL)
		return -1;
	done = call("watch");
	Py_XDECREF(done);
	return done != NULL ? 0 : -1;
}

void
key_forget(void)
{
	Py_XDECREF(call("variables"));
	PyErr_Clear();
}

static int
add_variable(struct key *key, const char *name, char **environment, bool asked)
{
	const char *value = place_variable(environment, name);
	struct key_variable *grown;
	size_t i;

	for (i = 0; i < key->variable_count; i++)
		if (strcmp(key->variables[i].name, name) == 0) {
			key->variables[i].asked |= asked;
			return 0;
		}
	grown = realloc(
	    key->variables, (key->variable_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	key->variables = grown;
	grown += key->variable_count++;
	grown->name = strdup(name);
	grown->value = value != NULL ? strdup(value) : NULL;
	grown->asked = asked;
	return 0;
}

static int
add_all_variables(struct key *key, char **environment)
{
	char **variable, *name;
	int result = 0;

	for (variable = environment; result == 0 && *variable; variable++) {
		name = strndup(*variable, strcspn(*variable, "="));
		result = name != NULL
		    ? add_variable(key, name, environment, true)
		    : -1;
		free(name);
	}
	return result;
}

static int
add_asked_variables(struct key *key, PyObject *list, char **environment)
{
	Py_ssize_t i;
	size_t n;

	for (n = 0; n < READ_IN_C; n++)
		if (add_variable(key, read_in_c[n], environment, false) == -1)
			return -1;
	for (i = 0; i < PyList_GET_SIZE(list); i++)
		if (PyBytes_Check(PyList_GET_ITEM(list, i)) &&
		    add_variable(key,
			PyBytes_AS_STRING(PyList_GET_ITEM(list, i)),
			environment, true) == -1)
			return -1;
	return key->everything ? add_all_variables(key, environment) : 0;
}

static int
add_file(struct key *key, const char *name, uint64_t how)
{
	struct key_file *grown = realloc(
	    key->files, (key->file_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	key->files = grown;
	grown += key->file_count++;
	*grown = (struct key_file){ .name = strdup(name), .how = how };
	if (how == IMAGE_NAMES)
		place_names(name, &grown->was);
	else
		place_stat(AT_FDCWD, name, 0, &grown->was);
	return grown->name != NULL ? 0 : -1;
}

/*
 * The script under the name that the kernel was given, and its folder: a link
 * on the way may lead elsewhere tomorrow. The working folder, if names start
 * from it.
 */
static int
add_own_files(struct key *key, const char *file)
{
	char *folder = strdup(key->caller.execfn), *slash;
	int result = -1;

	if (folder == NULL)
		return -1;
	if ((slash = strrchr(folder, '/')) != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	if (add_file(key, key->caller.execfn, IMAGE_WHOLE) == 0 &&
	    (slash == NULL || add_file(key, folder, IMAGE_WHICH) == 0) &&
	    (file == NULL || add_file(key, file, IMAGE_WHOLE) == 0))
		result = *key->caller.execfn == '/' && key->caller.is_line
		    ? 0
		    : add_file(key, ".", IMAGE_WHICH);
	free(folder);
	return result;
}

/* --env-file: what the import saw of its variables is older than the file. */
static int
add_settings_files(struct key *key, const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	char *path;
	int i, result = 0;

	for (i = 0; result == 0 && i < options->count; i++) {
		if (options->given[i].letter != OPTION_ENV_FILE)
			continue;
		path = file_path(invocation->folder, options->given[i].value);
		result = path != NULL ? add_file(key, path, IMAGE_WHOLE) : -1;
		free(path);
	}
	return result;
}

int
key_collect(
    struct key *key, char **environment, const struct invocation *invocation)
{
	PyObject *asked = call("variables"), *files = call("files"), *list;
	const char *name;
	Py_ssize_t i;
	int all, listed, result = -1;

	if (asked == NULL || files == NULL ||
	    !PyArg_ParseTuple(asked, "O!p", &PyList_Type, &list, &all))
		goto done;
	key->everything = all != 0;
	if (add_asked_variables(key, list, environment) == -1 ||
	    add_own_files(key, invocation->file) == -1 ||
	    add_settings_files(key, invocation) == -1) {
		PyErr_NoMemory();
		goto done;
	}
	for (i = 0; i < PyList_GET_SIZE(files); i++) {
		if (!PyArg_ParseTuple(
			PyList_GET_ITEM(files, i), "yp", &name, &listed))
			goto done;
		if (add_file(key, name, listed ? IMAGE_NAMES : IMAGE_WHOLE) ==
		    -1) {
			PyErr_NoMemory();
			goto done;
		}
	}
	result = 0;
done:
	Py_XDECREF(files);
	Py_XDECREF(asked);
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

char *
key_repeated(void)
{
	PyObject *module = call("repeated");
	char *copy = NULL;

	if (module != NULL && PyUnicode_Check(module))
		copy = strdup(PyUnicode_AsUTF8(module));
	Py_XDECREF(module);
	PyErr_Clear();
	return copy;
}
