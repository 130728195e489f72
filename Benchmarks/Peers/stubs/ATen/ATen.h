// Everything is in the other stub.
#include <torch/extension.h>
