/* Python.h, and what it lacks in the older versions that are supported. */
#ifndef PYTHON_CPYTHON_H
#define PYTHON_CPYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* In a PyMethodDef: a function that takes keywords, too. */
#define WITH_KEYWORDS(function) \
	(PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

#if PY_VERSION_HEX < 0x030a0000
static inline PyObject *
Py_XNewRef(PyObject *object)
{
	Py_XINCREF(object);
	return object;
}

#define Py_NewRef(object) Py_XNewRef(object)
#endif

#if PY_VERSION_HEX < 0x030c0000
static inline PyObject *
PyErr_GetRaisedException(void)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (value != NULL && traceback != NULL)
		PyException_SetTraceback(value, traceback);
	Py_XDECREF(type);
	Py_XDECREF(traceback);
	return value;
}

static inline void
PyErr_SetRaisedException(PyObject *value)
{
	PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(value)), value,
	    PyException_GetTraceback(value));
}
#endif

#endif
