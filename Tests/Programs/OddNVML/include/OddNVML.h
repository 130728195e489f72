// An NVML library as no driver has it, for tests of the binding. The environment says what is odd:
//   ODD_NVML_FAILS=NAME[,NAME...]  these calls answer 4242, a code that nobody knows
//   ODD_NVML_ENDLESS=1             the enumeration of profiles never ends
//   ODD_NVML_HUNGRY=1              there is always one process more than the caller has room for
// It has the first version of the profile query only, as drivers before R535 do, and no simulated node.
#ifndef ODD_NVML_H
#define ODD_NVML_H

#include "CNVML.h"

// How often nvmlShutdown was called.
int oddShutdowns(void);

#endif
