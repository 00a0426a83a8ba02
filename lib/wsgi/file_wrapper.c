/* An iterable over blocks of a file-like object, close() included. */

#include <sys/stat.h>

#include "wsgi/file_wrapper.h"

struct wrapper {
	PyObject_HEAD PyObject *file;
	Py_ssize_t block_size;
};

static PyTypeObject *wrapper_type;

static int
wrapper_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static char *names[] = { "", "blksize", NULL };
	struct wrapper *wrapper = (struct wrapper *)self;
	PyObject *file;

	wrapper->block_size = 65536;
	if (!PyArg_ParseTupleAndKeywords(arguments, keywords,
		"O|n:file_wrapper", names, &file, &wrapper->block_size))
		return -1;
	Py_XSETREF(wrapper->file, Py_NewRef(file));
	return 0;
}

static int
wrapper_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(((struct wrapper *)self)->file);
	Py_VISIT(Py_TYPE(self));
	return 0;
}

static int
wrapper_clear(PyObject *self)
{
	Py_CLEAR(((struct wrapper *)self)->file);
	return 0;
}

static void
wrapper_dealloc(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);

	PyObject_GC_UnTrack(self);
	wrapper_clear(self);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *
wrapper_next(PyObject *self)
{
	struct wrapper *wrapper = (struct wrapper *)self;
	PyObject *block = PyObject_CallMethod(
	    wrapper->file, "read", "n", wrapper->block_size);
	int more = block == NULL ? -1 : PyObject_IsTrue(block);

	if (more == 1)
		return block;
	Py_XDECREF(block);
	return NULL;
}

/* There is a close() exactly if the file has one. */
static PyObject *
wrapper_get_close(PyObject *self, void *closure)
{
	PyObject *file = ((struct wrapper *)self)->file;

	(void)closure;
	return PyObject_GetAttrString(file != NULL ? file : Py_None, "close");
}

static PyGetSetDef wrapper_attributes[] = {
	{ "close", wrapper_get_close, NULL, "the file's close", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

__extension__ static PyType_Slot wrapper_slots[] = {
	{ Py_tp_doc,
	    "file_wrapper(file, blksize=65536)\n\n"
	    "The blocks of a file from its position on (PEP 3333)." },
	{ Py_tp_init, wrapper_init },
	{ Py_tp_traverse, wrapper_traverse },
	{ Py_tp_clear, wrapper_clear },
	{ Py_tp_dealloc, wrapper_dealloc },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, wrapper_next },
	{ Py_tp_getset, wrapper_attributes },
	{ 0, NULL },
};

static PyType_Spec wrapper_spec = {
	.name = "cgi2wsgi.file_wrapper",
	.basicsize = sizeof(struct wrapper),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.slots = wrapper_slots,
};

PyObject *
file_wrapper_type(void)
{
	if (wrapper_type == NULL)
		wrapper_type = (PyTypeObject *)PyType_FromSpec(&wrapper_spec);
	return Py_XNewRef((PyObject *)wrapper_type);
}

/*
 * Only io's own types, over a FileIO, promise that read() gives what the file
 * has: a GzipFile has fileno(), too. Returns 1, 0 or -1 with an exception set.
 */
static int
is_io_file(PyObject *file)
{
	static const char *const names[] = { "BufferedReader", "BufferedRandom",
		"FileIO" };
	PyObject *io = PyImport_ImportModule("_io"), *type, *raw;
	int plain = io == NULL ? -1 : 0;
	size_t i;

	for (i = 0; plain == 0 && i < sizeof(names) / sizeof(*names); i++) {
		type = PyObject_GetAttrString(io, names[i]);
		plain = type == NULL ? -1 : (PyObject *)Py_TYPE(file) == type;
		Py_XDECREF(type);
	}
	Py_XDECREF(io);
	if (plain != 1 || PyObject_HasAttrString(file, "raw") != 1)
		return plain;
	if ((raw = PyObject_GetAttrString(file, "raw")) == NULL)
		return -1;
	plain = strcmp(Py_TYPE(raw)->tp_name, "_io.FileIO") == 0;
	Py_DECREF(raw);
	return plain;
}

/* What a method returns; 0 if that is no number. */
static int
call_number(PyObject *file, const char *method, long long *number)
{
	PyObject *result = PyObject_CallMethod(file, method, NULL);

	*number = result == NULL   ? -1
	    : PyLong_Check(result) ? PyLong_AsLongLong(result)
				   : 0;
	Py_XDECREF(result);
	return PyErr_Occurred() ? -1 : 0;
}

int
file_wrapper_descriptor(PyObject *object, int *descriptor, off_t *offset)
{
	long long number, position, ignored;
	struct stat st;
	PyObject *file;
	int plain;

	if (wrapper_type == NULL || Py_TYPE(object) != wrapper_type)
		return 0;
	file = ((struct wrapper *)object)->file;
	if ((plain = is_io_file(file)) != 1)
		return plain;
	if (call_number(file, "flush", &ignored) == -1 ||
	    call_number(file, "fileno", &number) == -1)
		return -1;
	if (fstat((int)number, &st) == -1 || !S_ISREG(st.st_mode))
		return 0;
	/* A buffered file has read further than its reader. */
	if (call_number(file, "tell", &position) == -1)
		return -1;
	*descriptor = (int)number;
	*offset = (off_t)position;
	return 1;
}
