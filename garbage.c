/* By a threshold: gc.disable() and gc.enable() are the application's. */

#include "cpython.h"

#include <stdbool.h>

#include "garbage.h"

#define PUT_OFF 100000 /* new objects; usually 700 or 2,000 */

static PyObject *usual; /* thresholds */
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
let_go(void)
{
	if (held)
		PyGC_Enable();
}

#else

void
garbage_hold(void)
{
}

static void
let_go(void)
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

int
garbage_put_off(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *done = NULL;

	if (gc != NULL)
		usual = PyObject_CallMethod(gc, "get_threshold", NULL);
	if (usual != NULL)
		done = PyObject_CallMethod(gc, "set_threshold", "i", PUT_OFF);
	let_go();
	Py_XDECREF(done);
	Py_XDECREF(gc);
	return done != NULL ? 0 : -1;
}

void
garbage_resume(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *set = NULL, *done = NULL,
		 *frozen = NULL;

	if (gc != NULL && is_put_off(gc)) {
		if ((set = PyObject_GetAttrString(gc, "set_threshold")) != NULL)
			done = PyObject_Call(set, usual, NULL);
		PyErr_Clear();
		frozen = PyObject_CallMethod(gc, "freeze", NULL);
	}
	PyErr_Clear();
	Py_XDECREF(frozen);
	Py_XDECREF(done);
	Py_XDECREF(set);
	Py_XDECREF(gc);
}

PyObject *
garbage_list(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *list = NULL, *done = NULL;

	if (gc != NULL)
		done = PyObject_CallMethod(gc, "unfreeze", NULL);
	if (done != NULL)
		list = PyObject_CallMethod(gc, "get_objects", NULL);
	Py_XDECREF(done);
	Py_XDECREF(gc);
	return list;
}
