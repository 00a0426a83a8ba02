/*
 * Linked into what `make coverage` builds: gcov writes its counters in exit(3),
 * but some of the program's processes end by _exit(2) or a signal of their own,
 * or go on as another program.
 */

void __gcov_dump(void);
void __gcov_reset(void);
_Noreturn void __real__exit(int);
_Noreturn void __wrap__exit(int);
int __real_raise(int);
int __wrap_raise(int);
int __real_execv(const char *, char *const[]);
int __wrap_execv(const char *, char *const[]);

void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int
__wrap_raise(int number)
{
	__gcov_dump();
	__gcov_reset();
	return __real_raise(number);
}

int
__wrap_execv(const char *file, char *const argv[])
{
	__gcov_dump();
	__gcov_reset();
	return __real_execv(file, argv);
}
