#include "python/cpython.h"

#include "python/frozen.h"

/*
 * What the start of Python imports and the library has not frozen. For Python
 * 3.11 and later: before, a frozen package did not find its modules in the
 * library's folder.
 */
#if PY_VERSION_HEX >= 0x030b0000
#include <frozen_modules.inc>
#endif

void
frozen_install(void)
{
#if PY_VERSION_HEX >= 0x030b0000
	PyImport_FrozenModules = modules;
#endif
}
