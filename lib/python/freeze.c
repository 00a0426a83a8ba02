/*
 * A tool of the build: asks the Python that the program is built for.
 *
 *	freeze modules	the modules that a start needs, compiled, as C arrays
 *	freeze packages	the folders of site.getsitepackages(), as C strings
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "python/cpython.h"

#include <marshal.h>

/* What the library itself has not frozen, in the order of import. */
static const char *const modules[] = { "encodings", "encodings.aliases",
	"encodings.utf_8" };

static void
fail(void)
{
	PyErr_Print();
	exit(EXIT_FAILURE);
}

static PyObject *
need(PyObject *object)
{
	if (object == NULL)
		fail();
	return object;
}

static PyObject *
get_code(const char *name)
{
	PyObject *module = need(PyImport_ImportModule(name)),
		 *spec = need(PyObject_GetAttrString(module, "__spec__")),
		 *loader = need(PyObject_GetAttrString(spec, "loader"));

	return need(PyObject_CallMethod(loader, "get_code", "s", name));
}

static void
print_array(int number, PyObject *bytes)
{
	const char *data = PyBytes_AS_STRING(bytes);
	Py_ssize_t i;

	printf("static const unsigned char module_%d[] = {\n", number);
	for (i = 0; i < PyBytes_GET_SIZE(bytes); i++)
		printf(
		    "%d,%s", (unsigned char)data[i], i % 16 == 15 ? "\n" : "");
	printf("\n};\n");
}

static void
print_modules(void)
{
	const int count = (int)(sizeof(modules) / sizeof(*modules));
	int i;

	for (i = 0; i < count; i++)
		print_array(i,
		    need(PyMarshal_WriteObjectToString(
			get_code(modules[i]), Py_MARSHAL_VERSION)));
	printf("static const struct _frozen modules[] = {\n");
	for (i = 0; i < count; i++)
		printf("{ .name = \"%s\", .code = module_%d, "
		       ".size = sizeof(module_%d), .is_package = %d },\n",
		    modules[i], i, i, strchr(modules[i], '.') == NULL);
	printf("{ .name = NULL }\n};\n");
}

static void
print_packages(void)
{
	PyObject *site = need(PyImport_ImportModule("site")),
		 *folders = need(
		     PyObject_CallMethod(site, "getsitepackages", NULL));
	Py_ssize_t i;

	for (i = 0; i < PyList_GET_SIZE(folders); i++)
		printf("\"%s\",\n",
		    PyUnicode_AsUTF8(need(PyList_GetItem(folders, i))));
}

int
main(int argc, char **argv)
{
	PyConfig config;
	PyStatus status;

	PyConfig_InitIsolatedConfig(&config);
	status = PyConfig_SetBytesString(&config, &config.home, PYTHON_PREFIX);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	if (argc == 2 && strcmp(argv[1], "modules") == 0)
		print_modules();
	else
		print_packages();
	fflush(stdout);
	/* Whatever Python holds is the kernel's now. */
	_exit(ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
}
