// For CollectivesC alone: the interface that it implements, and the thread's last error. Not installed.
#ifndef CFLEXMIG_H
#define CFLEXMIG_H

#include "flexmig.h"

// Remembers a failure on this thread. Text that is longer than some thousand bytes is cut.
void cflexmig_remember(const char *text, int rank);

#endif
