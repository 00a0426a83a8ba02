/*
 * The constants of a script are its secrets, as the script's text is. CPython's
 * place for its compiled form would be __pycache__ beside it, where a web
 * server hands it out as a file; so it goes to the user's own folder (cache.c).
 * Modules that are imported keep CPython's rules.
 */

#include "python/cpython.h"

#include <sys/stat.h>

#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <marshal.h>

#include "cgi/log.h"
#include "python/bytecode.h"
#include "python/cache.h"

#define MOST 1000 /* compiled scripts of a user */

/*
 * What a .pyc file begins with (PEP 552), in little-endian words. But nobody
 * else reads ours, and a script may be changed twice in a second, as by a
 * deployment: so its time is in nanoseconds, the low 32 bits of them.
 */
struct head {
	uint32_t magic, flags, time, size;
};

/* -O and -OO (PYTHONOPTIMIZE) compile to something else. */
static long
get_optimization(void)
{
	PyObject *flags = PySys_GetObject("flags"), *level = NULL;
	long number = 0;

	if (flags != NULL)
		level = PyObject_GetAttrString(flags, "optimize");
	if (level != NULL)
		number = PyLong_AsLong(level);
	PyErr_Clear();
	Py_XDECREF(level);
	return number;
}

char *
bytecode_name(const char *file)
{
	char ending[64];

	snprintf(ending, sizeof(ending), ".cpython-%d%d.opt-%ld.pyc",
	    PY_MAJOR_VERSION, PY_MINOR_VERSION, get_optimization());
	return cache_name(file, ending);
}

/* All of an open file as bytes, or NULL with an exception set. */
static PyObject *
read_all(int file, const struct stat *st)
{
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, st->st_size);
	ssize_t got = 1;
	Py_ssize_t done = 0;

	while (bytes != NULL && got > 0 && done < st->st_size) {
		got = read(file, PyBytes_AS_STRING(bytes) + done,
		    (size_t)(st->st_size - done));
		if (got == -1) {
			PyErr_SetFromErrno(PyExc_OSError);
			Py_CLEAR(bytes);
		} else
			done += got;
	}
	if (bytes != NULL && done < st->st_size)
		_PyBytes_Resize(&bytes, done);
	return bytes;
}

/*
 * Whether a file is whole, and of this source: a machine may stop before all of
 * it is on the disk. Behind the code stands a checksum, which marshal ignores.
 */
static bool
is_whole(const char *bytes, size_t size, const struct head *head)
{
	uint64_t sum;

	if (size < sizeof(*head) + sizeof(sum) ||
	    memcmp(bytes, head, sizeof(*head)) != 0)
		return false;
	size -= sizeof(sum);
	memcpy(&sum, bytes + size, sizeof(sum));
	return sum == cache_hash(bytes, size);
}

/* What was compiled before, or NULL: whatever is wrong, it is made again. */
static PyObject *
read_kept(const char *name, PyObject *path, const struct head *head)
{
	PyObject *bytes = NULL, *code = NULL, *of = NULL;
	struct stat st;
	int file = cache_read(name, &st);

	if (file == -1)
		return NULL;
	bytes = read_all(file, &st);
	close(file);
	if (bytes != NULL &&
	    is_whole(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes),
		head))
		code = PyMarshal_ReadObjectFromString(
		    PyBytes_AS_STRING(bytes) + sizeof(*head),
		    PyBytes_GET_SIZE(bytes) - (Py_ssize_t)sizeof(*head));
	Py_XDECREF(bytes);
	/* Names in the cache may be equal by chance. */
	if (code != NULL)
		of = PyObject_GetAttrString(code, "co_filename");
	if (code != NULL &&
	    (!PyCode_Check(code) || of == NULL || !PyUnicode_Check(of) ||
		PyUnicode_Compare(of, path) != 0))
		Py_CLEAR(code);
	PyErr_Clear();
	Py_XDECREF(of);
	return code;
}

static bool
write_all(int file, const char *bytes, size_t size)
{
	ssize_t done;

	for (; size > 0; bytes += done, size -= (size_t)done) {
		if ((done = write(file, bytes, size)) == -1)
			return false;
		log_note_other_write();
	}
	return true;
}

/* The whole file as bytes, or NULL. */
static PyObject *
make_file(PyObject *code, const struct head *head)
{
	PyObject *file = PyBytes_FromStringAndSize(
		     (const char *)head, sizeof(*head)),
		 *body = PyMarshal_WriteObjectToString(
		     code, Py_MARSHAL_VERSION);
	uint64_t sum;

	if (file != NULL)
		PyBytes_ConcatAndDel(&file, body);
	else
		Py_XDECREF(body);
	if (file != NULL) {
		sum = cache_hash(
		    PyBytes_AS_STRING(file), (size_t)PyBytes_GET_SIZE(file));
		PyBytes_ConcatAndDel(&file,
		    PyBytes_FromStringAndSize((const char *)&sum, sizeof(sum)));
	}
	PyErr_Clear();
	return file;
}

static void
keep_code(const char *name, PyObject *code, const struct head *head)
{
	PyObject *forbidden = PySys_GetObject("dont_write_bytecode"), *bytes;
	char *temporary;
	bool written;
	int file;

	if (forbidden != NULL && PyObject_IsTrue(forbidden) != 0)
		return;
	if ((bytes = make_file(code, head)) == NULL)
		return;
	if ((file = cache_create(name, &temporary)) != -1) {
		written = write_all(file, PyBytes_AS_STRING(bytes),
		    (size_t)PyBytes_GET_SIZE(bytes));
		cache_publish(
		    file, temporary, written ? name : NULL, ".pyc", MOST);
		free(temporary);
	}
	Py_DECREF(bytes);
}

PyObject *
bytecode_load(const char *file, PyObject *path)
{
	int opened = open(file, O_RDONLY | O_CLOEXEC);
	PyObject *source,
	    *compile = PyDict_GetItemString(PyEval_GetBuiltins(), "compile"),
	    *code = NULL;
	char *name = bytecode_name(file);
	struct head head = { .flags = 0 };
	struct stat st;

	if (opened == -1 || fstat(opened, &st) == -1)
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
	else {
		head.magic = htole32((uint32_t)PyImport_GetMagicNumber());
		head.time = htole32(
		    (uint32_t)((uint64_t)st.st_mtim.tv_sec * 1000000000 +
			(uint64_t)st.st_mtim.tv_nsec));
		head.size = htole32((uint32_t)st.st_size);
		if (name != NULL)
			code = read_kept(name, path, &head);
		if (code == NULL && (source = read_all(opened, &st)) != NULL) {
			/* In C: no frame before a SyntaxError's. */
			code = PyObject_CallFunction(compile, "OOsii", source,
			    path, "exec", 0, 1 /* dont_inherit */);
			Py_DECREF(source);
			if (code != NULL && name != NULL)
				keep_code(name, code, &head);
		}
	}
	if (opened != -1)
		close(opened);
	free(name);
	return code;
}
