/*
 * CPython's own buffering over a raw stream that ends where the body ends.
 * Two methods differ from its reader: read() asks for memory piece by piece,
 * not for as much as is asked for (C4), and close() closes nothing (C9).
 */

#include <errno.h>

#include "cgi/body.h"
#include "python/traceback.h"
#include "wsgi/input.h"

#define BUFFER 65536
#define PIECE (1 << 20)

static PyObject *base_read; /* io.BufferedReader.read */

static PyObject *
raw_readable(PyObject *self, PyObject *ignored)
{
	(void)self;
	(void)ignored;
	Py_RETURN_TRUE;
}

static PyObject *
raw_readinto(PyObject *self, PyObject *target)
{
	Py_buffer buffer;
	ssize_t got;

	(void)self;
	if (PyObject_GetBuffer(target, &buffer, PyBUF_CONTIG) == -1)
		return NULL;
	do {
		Py_BEGIN_ALLOW_THREADS
		got = body_read(buffer.buf, (size_t)buffer.len);
		Py_END_ALLOW_THREADS
	} while (got == -1 && errno == EINTR && PyErr_CheckSignals() == 0);
	if (got == -1 && !PyErr_Occurred()) {
		if (errno == ECONNRESET)
			PyErr_SetString(PyExc_ConnectionResetError,
			    "the client left before the request's body was "
			    "complete");
		else
			PyErr_SetFromErrno(PyExc_OSError);
	}
	PyBuffer_Release(&buffer);
	return got == -1 ? NULL : PyLong_FromSsize_t(got);
}

static PyObject *
read_base(PyObject *self, Py_ssize_t size)
{
	return PyObject_CallFunction(base_read, "On", self, size);
}

static PyObject *
read_pieces(PyObject *self, Py_ssize_t size)
{
	PyObject *pieces = PyList_New(0), *piece, *empty, *whole = NULL;
	Py_ssize_t asked, got = 0;

	if (pieces == NULL)
		return NULL;
	do {
		asked = size < PIECE ? size : PIECE;
		if ((piece = read_base(self, asked)) == NULL)
			break;
		got = PyBytes_GET_SIZE(piece);
		size -= got;
		if (PyList_Append(pieces, piece) == -1)
			Py_CLEAR(piece);
		Py_XDECREF(piece);
	} while (piece != NULL && got == asked && size > 0);
	empty = PyBytes_FromStringAndSize(NULL, 0);
	if (piece != NULL && empty != NULL)
		whole = PyObject_CallMethod(empty, "join", "O", pieces);
	Py_XDECREF(empty);
	Py_DECREF(pieces);
	return whole;
}

static PyObject *
reader_read(PyObject *self, PyObject *arguments)
{
	PyObject *wanted = Py_None;
	Py_ssize_t size = -1;

	if (!PyArg_ParseTuple(arguments, "|O:read", &wanted))
		return NULL;
	if (wanted != Py_None) {
		size = PyNumber_AsSsize_t(wanted, NULL);
		if (size == -1 && PyErr_Occurred())
			return NULL;
	}
	if (size < 0)
		size = PY_SSIZE_T_MAX;
	return size <= PIECE ? read_base(self, size) : read_pieces(self, size);
}

static PyObject *
reader_close(PyObject *self, PyObject *ignored)
{
	(void)self;
	(void)ignored;
	Py_RETURN_NONE;
}

static PyMethodDef raw_methods[] = {
	{ "readable", raw_readable, METH_NOARGS, NULL },
	{ "readinto", raw_readinto, METH_O, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyMethodDef reader_methods[] = {
	{ "read", reader_read, METH_VARARGS,
	    "At most so many bytes of the body; all without a number." },
	{ "close", reader_close, METH_NOARGS, "Does nothing." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot raw_slots[] = { { Py_tp_methods, raw_methods },
	{ 0, NULL } };
static PyType_Slot reader_slots[] = { { Py_tp_methods, reader_methods },
	{ 0, NULL } };

static PyType_Spec raw_spec = {
	.name = "cgi2wsgi.body",
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = raw_slots,
};
static PyType_Spec reader_spec = {
	.name = "cgi2wsgi.input",
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = reader_slots,
};

/* A subclass of an io type; *base is a new reference or NULL. */
static PyObject *
derive_type(PyObject *io, const char *name, PyType_Spec *spec, PyObject **base)
{
	PyObject *bases, *type = NULL;

	if ((*base = PyObject_GetAttrString(io, name)) == NULL)
		return NULL;
	if ((bases = PyTuple_Pack(1, *base)) != NULL)
		type = PyType_FromSpecWithBases(spec, bases);
	Py_XDECREF(bases);
	return type;
}

int
input_store(struct request *request)
{
	int stored;

	do {
		Py_BEGIN_ALLOW_THREADS
		stored = body_store(request);
		Py_END_ALLOW_THREADS
	} while (stored == 1 && PyErr_CheckSignals() == 0);
	if (stored == 1)
		return traceback_fail(
		    REPORT_SYSTEM, "while the body was received");
	return stored;
}

PyObject *
input_make(void)
{
	PyObject *io, *raw_base = NULL, *reader_base = NULL;
	PyObject *raw_type = NULL, *reader_type = NULL;
	PyObject *raw = NULL, *reader = NULL;

	if ((io = PyImport_ImportModule("_io")) == NULL ||
	    (raw_type = derive_type(io, "_RawIOBase", &raw_spec, &raw_base)) ==
		NULL ||
	    (reader_type = derive_type(
		 io, "BufferedReader", &reader_spec, &reader_base)) == NULL)
		goto done;
	base_read = PyObject_GetAttrString(reader_base, "read");
	raw = PyObject_CallNoArgs(raw_type);
	if (base_read != NULL && raw != NULL)
		reader = PyObject_CallFunction(reader_type, "Oi", raw, BUFFER);
done:
	Py_XDECREF(io);
	Py_XDECREF(raw_base);
	Py_XDECREF(reader_base);
	Py_XDECREF(raw_type);
	Py_XDECREF(reader_type);
	Py_XDECREF(raw);
	return reader;
}
