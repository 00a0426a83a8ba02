/* os.exec*() and os._exit() in the process that owes the server a reply. */
#ifndef PYTHON_EXEC_H
#define PYTHON_EXEC_H

/*
 * From now on os.execv() and its kin raise RuntimeError, and os._exit() sends a
 * page first: the reply would be lost without a word (conformance I3a, G1). In
 * a child that was forked all do what they always did. Returns 0, or -1 with an
 * exception set.
 */
int exec_refuse(void);

#endif
