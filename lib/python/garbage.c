/*
 * Collecting is put off by raising its threshold. gc.disable() would do, but
 * that switch, and what gc.isenabled() says of it, are the application's.
 */

#include "python/cpython.h"

#include <stdbool.h>

#include "python/garbage.h"

#define PUT_OFF 100000 /* new objects; usually 700 or 2,000 */

static PyObject *gc; /* the module */
static PyObject *usual; /* thresholds */
static PyObject *marker; /* made after our last freeze; a later one takes it */
static bool held;

#if PY_VERSION_HEX >= 0x030a0000

static PyMemAllocatorEx objects;

/* For the first object that is made: by then the collector is there. */
static void *
make_first_object(void *context, size_t size)
{
	(void)context;
	PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &objects);
	PyGC_Disable();
	return PyObject_Malloc(size);
}

#endif

void
garbage_hold(void)
{
#if PY_VERSION_HEX >= 0x030a0000
	PyMemAllocatorEx hook;

	PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &objects);
	hook = objects;
	hook.malloc = make_first_object;
	PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &hook);
	held = true;
#endif
}

static void
call_collector(const char *what)
{
	PyObject *done = PyObject_CallMethod(gc, what, NULL);

	PyErr_Clear();
	Py_XDECREF(done);
}

void
garbage_freeze(void)
{
	call_collector("freeze");
	Py_XDECREF(marker);
	marker = PyList_New(0);
	PyErr_Clear();
}

void
garbage_collect(void)
{
	call_collector("collect");
}

int
garbage_put_off(void)
{
	PyObject *done = NULL;

	if ((gc = PyImport_ImportModule("gc")) != NULL)
		usual = PyObject_CallMethod(gc, "get_threshold", NULL);
	if (usual != NULL)
		done = PyObject_CallMethod(gc, "set_threshold", "i", PUT_OFF);
	if (done != NULL && held) {
		call_collector("enable");
		garbage_freeze();
	}
	Py_XDECREF(done);
	return done != NULL ? 0 : -1;
}

void
garbage_resume(void)
{
	PyObject *now = PyObject_CallMethod(gc, "get_threshold", NULL),
		 *set = NULL, *done = NULL;
	int young, middle, old;

	/* Unless somebody else has set the threshold meanwhile. */
	if (now != NULL &&
	    PyArg_ParseTuple(now, "iii", &young, &middle, &old) &&
	    young == PUT_OFF) {
		if ((set = PyObject_GetAttrString(gc, "set_threshold")) != NULL)
			done = PyObject_Call(set, usual, NULL);
		PyErr_Clear();
		garbage_freeze();
	}
	PyErr_Clear();
	Py_XDECREF(done);
	Py_XDECREF(set);
	Py_XDECREF(now);
}

PyObject *
garbage_list(void)
{
	/* Without what is frozen. */
	PyObject *list = PyObject_CallMethod(gc, "get_objects", NULL);
	Py_ssize_t i;

	for (i = 0; list != NULL && i < PyList_GET_SIZE(list); i++)
		if (PyList_GET_ITEM(list, i) == marker)
			return list;
	if (list == NULL)
		return NULL;
	Py_DECREF(list);
	garbage_thaw();
	return PyObject_CallMethod(gc, "get_objects", NULL);
}

void
garbage_thaw(void)
{
	call_collector("unfreeze");
}
