/*
 * PEP 683: nobody writes to the count of references of such an object. A call
 * of a function, a look for its names, and an object of a class would change
 * one each, and with it a page that each request would have to copy.
 */

#include "python/cpython.h"

#include "python/immortal.h"

static bool made;

#if PY_VERSION_HEX >= 0x030c0000 && !defined(Py_GIL_DISABLED)

/* Private names: the first of 3.14, the other of 3.12 and 3.13. Where there is
 * neither any more, this does not compile. */
#ifdef _Py_IMMORTAL_INITIAL_REFCNT
#define NEVER_FREED _Py_IMMORTAL_INITIAL_REFCNT
#else
#define NEVER_FREED _Py_IMMORTAL_REFCNT
#endif

#define DEEP 100 /* for tuples inside of each other */

static int depth;

static bool
is_wanted(PyObject *object)
{
	PyTypeObject *const types[] = { &PyUnicode_Type, &PyBytes_Type,
		&PyLong_Type, &PyFloat_Type, &PyComplex_Type, &PyTuple_Type,
		&PyFrozenSet_Type, &PyCode_Type, &PyFunction_Type,
		&PyCFunction_Type, &PyMethodDescr_Type, &PyGetSetDescr_Type,
		&PyMemberDescr_Type, &PyWrapperDescr_Type,
		&PyClassMethodDescr_Type, &PyClassMethod_Type,
		&PyStaticMethod_Type, &PyProperty_Type, &PyCell_Type,
		&PyModule_Type };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (Py_IS_TYPE(object, types[i]))
			return true;
	return PyType_Check(object);
}

static int make_immortal(PyObject *, void *);

/* Code is not an object that the collector knows. */
static void
make_parts(const PyCodeObject *code)
{
	PyObject *const parts[] = { code->co_consts, code->co_names,
		code->co_exceptiontable, code->co_localsplusnames,
		code->co_localspluskinds, code->co_filename, code->co_name,
		code->co_qualname, code->co_linetable };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		make_immortal(parts[i], NULL);
}

/* What of dicts the collector does not visit: names, and dicts of texts. */
static void
make_contents(PyObject *dict)
{
	PyObject *name, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(dict, &position, &name, &value)) {
		make_immortal(name, NULL);
		make_immortal(value, NULL);
	}
}

/* A visitproc; what the collector does not know of is looked through. */
static int
make_immortal(PyObject *object, void *unused)
{
	if (object == NULL || _Py_IsImmortal(object))
		return 0;
	if (PyDict_CheckExact(object) && !PyObject_GC_IsTracked(object))
		make_contents(object);
	if (!is_wanted(object))
		return 0;
	Py_SET_REFCNT(object, NEVER_FREED);
	depth++;
	if (PyCode_Check(object))
		make_parts((PyCodeObject *)object);
	else if (PyTuple_Check(object) && depth < DEEP)
		Py_TYPE(object)->tp_traverse(object, make_immortal, unused);
	depth--;
	return 0;
}

void
immortal_make(void)
{
	PyObject *gc = PyImport_ImportModule("gc"), *objects = NULL, *object;
	Py_ssize_t i;

	if (gc != NULL)
		objects = PyObject_CallMethod(gc, "get_objects", NULL);
	for (i = 0; objects != NULL && i < PyList_GET_SIZE(objects); i++) {
		object = PyList_GET_ITEM(objects, i);
		if (PyDict_Check(object))
			make_contents(object);
		make_immortal(object, NULL);
		Py_TYPE(object)->tp_traverse(object, make_immortal, NULL);
	}
	made = objects != NULL;
	PyErr_Clear();
	Py_XDECREF(objects);
	Py_XDECREF(gc);
}

#else

void
immortal_make(void)
{
}

#endif

bool
immortal_is_made(void)
{
	return made;
}
