// What of the C interface is simplest in C: static texts, and a buffer for each thread.
#include "CFlexmig.h"

#include <string.h>

static _Thread_local char last_error[2048];
static _Thread_local int last_error_rank = -1;

void cflexmig_remember(const char *text, int rank) {
    size_t length = strnlen(text, sizeof last_error - 1);
    memcpy(last_error, text, length);
    // No half characters at the end of a text that was cut.
    if (text[length] != 0) {
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) length--;
    }
    last_error[length] = 0;
    last_error_rank = rank;
}

const char *flexmig_last_error(void) { return last_error; }
int flexmig_last_error_rank(void) { return last_error_rank; }
const char *flexmig_version_string(void) { return FLEXMIG_VERSION; }
int flexmig_abi_version(void) { return FLEXMIG_ABI_VERSION; }

const char *flexmig_status_name(int status) {
    switch (status) {
    case FLEXMIG_OK: return "ok";
    case FLEXMIG_INVALID_ARGUMENT: return "invalid-argument";
    case FLEXMIG_INVALID_ENVIRONMENT: return "invalid-environment";
    case FLEXMIG_JOIN_TIMED_OUT: return "join-timed-out";
    case FLEXMIG_INCOMPATIBLE: return "incompatible";
    case FLEXMIG_RANK_TAKEN: return "rank-taken";
    case FLEXMIG_NAME_TAKEN: return "name-taken";
    case FLEXMIG_OUT_OF_SHARED_MEMORY: return "out-of-shared-memory";
    case FLEXMIG_SYSTEM: return "system";
    case FLEXMIG_MISMATCH: return "mismatch";
    case FLEXMIG_RANK_DIED: return "rank-died";
    case FLEXMIG_RANK_LEFT: return "rank-left";
    case FLEXMIG_TIMED_OUT: return "timed-out";
    case FLEXMIG_ABORTED: return "aborted";
    case FLEXMIG_CLOSED: return "closed";
    default: return "unknown";
    }
}
