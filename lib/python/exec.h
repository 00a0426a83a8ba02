/* os.exec*() in the process that owes the server a reply. */
#ifndef PYTHON_EXEC_H
#define PYTHON_EXEC_H

/*
 * From now on os.execv() and its kin raise RuntimeError, but for a forked
 * child: the reply would be lost without a word (conformance I3a). Returns 0,
 * or -1 with an exception set.
 */
int exec_refuse(void);

#endif
