// What a peer that is not written in C calls: values.h and, as functions, the start line. A process has one.
#include "startline.h"
#include "values.h"

static struct startline line;

int library_open(const char *path, int rank, int ranks) {
    return ranks > STARTLINE_RANKS ? -1 : startline_open(&line, path, rank, ranks);
}

void library_wait(void) { startline_wait(&line); }
