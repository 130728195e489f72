// What the test programs of the C interface have in common. C99 and C++.
#ifndef CHECK_H
#define CHECK_H

#include <flexmig.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Ends the program with the line, and with what the library says, unless the condition holds.
#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            fprintf(stderr, "%s:%d: not %s; %s\n", __FILE__, __LINE__, #condition, flexmig_last_error()); \
            exit(1);                                                                                  \
        }                                                                                             \
    } while (0)

#define OK(call) CHECK((call) == FLEXMIG_OK)

// A call that fails with this status, and whose text has this in it.
#define FAILS(status, words, call)                                      \
    do {                                                                \
        CHECK((call) == (status));                                      \
        CHECK(strstr(flexmig_last_error(), words) != NULL);             \
    } while (0)

#define INVALID(words, call) FAILS(FLEXMIG_INVALID_ARGUMENT, words, call)

enum { most_ranks = 8 };

#endif
