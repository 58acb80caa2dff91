/**
 * The public header with visible functions. Everything else is built with -fvisibility=hidden, so the shared library
 * exports these functions only; for static linking, all others begin with esc_.
 */
#ifndef ESC_PUBLIC_H
#define ESC_PUBLIC_H

#pragma GCC visibility push(default)
#include "../escluster.h"
#pragma GCC visibility pop

#endif
