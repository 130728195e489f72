/* zlib, the system's: Debian's zlib1g-dev. */
#include <zlib.h>
