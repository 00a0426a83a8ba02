/*
 * Collecting is put off by raising its threshold. gc.disable() would do, but
 * that switch, and what gc.isenabled() says of it, are the application's.
 */

#include "python/cpython.h"

#include <stdbool.h>

#include "python/garbage.h"

#define PUT_OFF 100000 /* new objects; usually 700 or 2,000 */

static PyObject *usual; /* thresholds */
static PyObject *marker; /* younger than what is frozen */
static bool held;

#if PY_VERSION_HEX >= 0x030a0000

static PyMemAllocatorEx objects;

/* Who makes an object holds the GIL: the collector is there by now. */
static void *
make_first_object(void *context, size_t size)
{
	(void)context;
	PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &objects);
	PyGC_Disable();
	return PyObject_Malloc(size);
}

void
garbage_hold(void)
{
	PyMemAllocatorEx hook;

	PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &objects);
	hook = objects;
	hook.malloc = make_first_object;
	PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &hook);
	held = true;
}

static void
enable_collector(void)
{
	PyGC_Enable();
}

#else

void
garbage_hold(void)
{
}

static void
enable_collector(void)
{
}

#endif

/* Whether nobody else has set the threshold meanwhile. */
static int
is_put_off(PyObject *gc)
{
	PyObject *now = PyObject_CallMethod(gc, "get_threshold", NULL);
	int young, middle, old, result = 0;

	if (now != NULL)
		result = PyArg_ParseTuple(now, "iii", &young, &middle, &old) &&
		    young == PUT_OFF;
	Py_XDECREF(now);
	return result;
}

static void
call_collector(PyObject *gc, const char *what)
{
	PyObject *done = PyObject_CallMethod(gc, what, NULL);

	PyErr_Clear();
	Py_XDECREF(done);
}

static void
freeze_objects(PyObject *gc)
{
	call_collector(gc, "freeze");
	Py_XDECREF(marker);
	marker = PyList_New(0);
	PyErr_Clear();
}

void
garbage_freeze(void)
{
	PyObject *gc = PyImport_ImportModule("gc");

	if (gc != NULL) {
		call_collector(gc, "collect");
		freeze_objects(gc);
	}
	PyErr_Clear();
	Py_XDECREF(gc);
}

int
garbage_put_off(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *done = NULL;

	if (gc != NULL)
		usual = PyObject_CallMethod(gc, "get_threshold", NULL);
	if (usual != NULL)
		done = PyObject_CallMethod(gc, "set_threshold", "i", PUT_OFF);
	if (done != NULL && held) {
		enable_collector();
		freeze_objects(gc);
	}
	Py_XDECREF(done);
	Py_XDECREF(gc);
	return done != NULL ? 0 : -1;
}

void
garbage_resume(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *set = NULL, *done = NULL;

	if (gc != NULL && is_put_off(gc)) {
		if ((set = PyObject_GetAttrString(gc, "set_threshold")) != NULL)
			done = PyObject_Call(set, usual, NULL);
		PyErr_Clear();
		freeze_objects(gc);
	}
	PyErr_Clear();
	Py_XDECREF(done);
	Py_XDECREF(set);
	Py_XDECREF(gc);
}

/* Without what is frozen. */
static PyObject *
list_objects(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *list = NULL;

	if (gc != NULL)
		list = PyObject_CallMethod(gc, "get_objects", NULL);
	Py_XDECREF(gc);
	return list;
}

static bool
has_marker(PyObject *list)
{
	Py_ssize_t i;

	for (i = 0; i < PyList_GET_SIZE(list); i++)
		if (PyList_GET_ITEM(list, i) == marker)
			return true;
	return false;
}

PyObject *
garbage_list(void)
{
	PyObject *list = list_objects();

	if (list == NULL || has_marker(list))
		return list;
	Py_DECREF(list);
	garbage_thaw();
	return list_objects();
}

void
garbage_thaw(void)
{
	PyObject *gc = PyImport_ImportModule("gc");

	if (gc != NULL)
		call_collector(gc, "unfreeze");
	PyErr_Clear();
	Py_XDECREF(gc);
}
