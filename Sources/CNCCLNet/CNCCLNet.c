#include "CNCCLNet.h"
