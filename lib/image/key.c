/*
 * The files and folders that the import depends on, and the variables of the
 * environment that it could see. What Python can tell, key.py tells; the rest
 * is a list of what libraries in C read. Variables of the request are not
 * among them: an application never finds those in os.environ (B13).
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/request.h"
#include "image/key.h"
#include "invocation/file.h"
#include "python/source.h"

/* What the interpreter, libc, OpenSSL and numeric libraries read: of PYTHON*,
 * LC_*, LD_* and *_proxy each known name. */
static const char *const read_in_c[] = { "ALL_PROXY", "CGI2WSGI_ARGS",
	"FTP_PROXY", "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOME",
	"HOSTALIASES", "HTTPS_PROXY", "LANG", "LANGUAGE", "LC_ADDRESS",
	"LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION",
	"LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC",
	"LC_PAPER", "LC_TELEPHONE", "LC_TIME", "LD_ASSUME_KERNEL", "LD_AUDIT",
	"LD_BIND_NOT", "LD_BIND_NOW", "LD_DEBUG", "LD_DYNAMIC_WEAK",
	"LD_HWCAP_MASK", "LD_LIBRARY_PATH", "LD_ORIGIN_PATH", "LD_PRELOAD",
	"LD_PROFILE", "LD_USE_LOAD_BIAS", "LD_VERBOSE", "LD_WARN",
	"LOCALDOMAIN", "LOCPATH", "MALLOC_ARENA_MAX", "MALLOC_ARENA_TEST",
	"MALLOC_CHECK_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_",
	"MALLOC_PERTURB_", "MALLOC_TCACHE_COUNT", "MALLOC_TOP_PAD_",
	"MALLOC_TRACE", "MALLOC_TRIM_THRESHOLD_", "MKL_NUM_THREADS", "NIS_PATH",
	"NLSPATH", "NO_PROXY", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS",
	"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OPENSSL_CONF",
	"OPENSSL_CONF_INCLUDE", "OPENSSL_ENGINES", "OPENSSL_MODULES",
	"OPENSSL_ia32cap", "PATH", "PYTHONASYNCIODEBUG", "PYTHONBREAKPOINT",
	"PYTHONCASEOK", "PYTHONCOERCECLOCALE", "PYTHONDEBUG", "PYTHONDEVMODE",
	"PYTHONDONTWRITEBYTECODE", "PYTHONDUMPREFS", "PYTHONEXECUTABLE",
	"PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONHOME", "PYTHONINSPECT",
	"PYTHONINTMAXSTRDIGITS", "PYTHONIOENCODING", "PYTHONMALLOC",
	"PYTHONMALLOCSTATS", "PYTHONNODEBUGRANGES", "PYTHONNOUSERSITE",
	"PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONPERFSUPPORT", "PYTHONPLATLIBDIR",
	"PYTHONPROFILEIMPORTTIME", "PYTHONPYCACHEPREFIX", "PYTHONSAFEPATH",
	"PYTHONSTARTUP", "PYTHONTHREADDEBUG", "PYTHONTRACEMALLOC",
	"PYTHONTZPATH", "PYTHONUNBUFFERED", "PYTHONUSERBASE", "PYTHONUTF8",
	"PYTHONVERBOSE", "PYTHONWARNDEFAULTENCODING", "PYTHONWARNINGS",
	"PYTHON_BASIC_REPL", "PYTHON_COLORS", "PYTHON_CONTEXT_AWARE_WARNINGS",
	"PYTHON_CPU_COUNT", "PYTHON_DISABLE_REMOTE_DEBUG",
	"PYTHON_FROZEN_MODULES", "PYTHON_GIL", "PYTHON_HISTORY", "PYTHON_JIT",
	"PYTHON_PERF_JIT_SUPPORT", "PYTHON_PRESITE",
	"PYTHON_THREAD_INHERIT_CONTEXT", "PYTHON_TLBC", "RES_OPTIONS",
	"SSLKEYLOGFILE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP",
	"TMPDIR", "TZ", "TZDIR", "all_proxy", "ftp_proxy", "http_proxy",
	"https_proxy", "no_proxy" };
#define READ_IN_C (sizeof(read_in_c) / sizeof(*read_in_c))

static const char text[] = {
#include <key.inc>
	0
};

/* What key.py defines. */
static PyObject *names;

/* A set: the files of code that was executed; NULL when nobody wants to know */
static PyObject *executed;

/* A new reference to what one of its functions returns, or NULL. */
static PyObject *
call(const char *function)
{
	PyObject *found = names != NULL ? PyDict_GetItemString(names, function)
					: NULL;

	return found != NULL ? PyObject_CallNoArgs(found) : NULL;
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
	done = call("watch");
	Py_XDECREF(done);
	return done != NULL ? 0 : -1;
}

void
key_forget(void)
{
	Py_XDECREF(call("variables"));
	Py_CLEAR(executed);
	PyErr_Clear();
}

struct key_variable *
key_append(struct key_variable **list, size_t *count, const char *name,
    const char *value)
{
	struct key_variable *grown = realloc(
	    *list, (*count + 1) * sizeof(*grown));

	if (grown == NULL)
		return NULL;
	*list = grown;
	grown += (*count)++;
	*grown = (struct key_variable){ .name = strdup(name),
		.value = value != NULL ? strdup(value) : NULL };
	return grown->name == NULL || (value != NULL && grown->value == NULL)
	    ? NULL
	    : grown;
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
	grown = key_append(&key->variables, &key->variable_count, name, value);
	if (grown == NULL)
		return -1;
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
	const char *name;

	for (n = 0; n < READ_IN_C; n++)
		if (add_variable(key, read_in_c[n], environment, false) == -1)
			return -1;
	for (i = 0; i < PyList_GET_SIZE(list); i++) {
		if (!PyBytes_Check(PyList_GET_ITEM(list, i)))
			continue;
		name = PyBytes_AS_STRING(PyList_GET_ITEM(list, i));
		/* B13: who asks for the request's finds none, always. */
		if (!request_is_meta(name, strlen(name)) &&
		    add_variable(key, name, environment, true) == -1)
			return -1;
	}
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

/* As it was when the server started this; it now is the application's. */
static int
add_working_folder(struct key *key)
{
	if (*key->caller.execfn == '/' && key->caller.is_line)
		return 0;
	if (add_file(key, ".", IMAGE_WHICH) == -1)
		return -1;
	place_stat(
	    AT_FDCWD, key->working, 0, &key->files[key->file_count - 1].was);
	return 0;
}

/*
 * The script under the name that the kernel was given, and its folder: a link
 * on the way may lead elsewhere tomorrow. The working folder, if names start
 * from it. And what libc read without a TZ.
 */
static int
add_own_files(struct key *key, const char *file)
{
	char *path = file_path(key->working, key->caller.execfn),
	     *folder = file_folder(path);
	int result = -1;

	if (add_file(key, "/etc/localtime", IMAGE_WHOLE) == 0 &&
	    add_file(key, path, IMAGE_WHOLE) == 0 &&
	    (file == NULL || add_file(key, file, IMAGE_WHOLE) == 0) &&
	    add_file(key, folder, IMAGE_WHICH) == 0)
		result = add_working_folder(key);
	free(folder);
	free(path);
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
	PyObject *what = call("obstacle");
	char *copy = NULL;

	if (what == NULL)
		copy = strdup("Python does not tell what the import has made");
	else if (PyUnicode_Check(what))
		copy = strdup(PyUnicode_AsUTF8(what));
	Py_XDECREF(what);
	PyErr_Clear();
	return copy;
}
