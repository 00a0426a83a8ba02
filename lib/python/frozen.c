/* Modules that are frozen: here, and in the library itself. */

#include "python/cpython.h"

#include "python/frozen.h"
#include "python/memory.h"

#ifdef DEEP_FROZEN
/* Python's own, which no header declares: each module's code, in order. */
PyObject *_Py_get_runpy_toplevel(void);
PyObject *_Py_get_os_toplevel(void);
PyObject *_Py_get_io_toplevel(void);
PyObject *_Py_get_importlib__bootstrap_external_toplevel(void);
PyObject *_Py_get_importlib__bootstrap_toplevel(void);
int _PyStaticCode_InternStrings(PyCodeObject *code);

/* From runpy to what lies before io, it is what applications import. */
void
frozen_spare(char **start, char **end)
{
	PyObject *first = _Py_get_runpy_toplevel(),
		 *behind = _Py_get_io_toplevel();

	*start = (char *)first;
	*end = first < behind ? (char *)behind : *start;
	Py_DECREF(first);
	Py_DECREF(behind);
}

static PyObject *
get_os(void)
{
	char *start, *end;

	frozen_spare(&start, &end);
	memory_fetch(start, end);
	return _Py_get_os_toplevel();
}

static int
intern_names(PyObject *code)
{
	PyObject *constants = ((PyCodeObject *)code)->co_consts;
	int failed = _PyStaticCode_InternStrings((PyCodeObject *)code);

	for (Py_ssize_t i = 0; !failed && i < PyTuple_GET_SIZE(constants); i++)
		if (PyCode_Check(PyTuple_GET_ITEM(constants, i)))
			failed = intern_names(PyTuple_GET_ITEM(constants, i));
	return failed;
}

/*
 * Python 3.11 first interns each name in each module that it has frozen, a
 * twentieth of a small request's time. That pays for the two modules that
 * every import runs; names of the others are as equal without. The linker puts
 * this in the place of Python's function.
 */
int __wrap__Py_Deepfreeze_Init(void);

int
__wrap__Py_Deepfreeze_Init(void)
{
	PyObject *inner = _Py_get_importlib__bootstrap_toplevel(),
		 *outer = _Py_get_importlib__bootstrap_external_toplevel();
	int failed = intern_names(inner) || intern_names(outer);

	Py_DECREF(inner);
	Py_DECREF(outer);
	return failed ? -1 : 0;
}
#else
void
frozen_spare(char **start, char **end)
{
	*start = *end = NULL;
}
#endif

/*
 * What the start of Python imports and the library has not frozen. For Python
 * 3.11 and later: before, a frozen package did not find its modules in the
 * library's folder.
 */
#if PY_VERSION_HEX >= 0x030b0000
#include <frozen_modules.inc>

void
frozen_install(void)
{
	PyImport_FrozenModules = modules;
}
#else
void
frozen_install(void)
{
}
#endif
