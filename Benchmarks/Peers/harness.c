// The side of the protocol (README.md) that is the same for all peers written in C or C++.
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "startline.h"

enum { LONGEST_LINE = 512, MOST_BATCHES = 100000 };

enum method { REPEAT, REWRITE };

struct measure {
    enum method method;
    long warmups, batches, length;
};

void pin_rank(int rank, int ranks) {
    const char *wanted = getenv("FLEXMIG_BENCH_PIN");
    cpu_set_t allowed, own;
    if (wanted != NULL && strcmp(wanted, "0") == 0) return;
    if (ranks > sysconf(_SC_NPROCESSORS_ONLN) || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (ranks > CPU_COUNT(&allowed)) return;
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || seen++ < rank) continue;
        CPU_ZERO(&own);
        CPU_SET(cpu, &own);
        sched_setaffinity(0, sizeof own, &own);
        return;
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

// Reads one line, blocking in read(2). 0 at the end of the file.
static int read_line(int file, char *line, size_t size) {
    size_t length = 0;
    for (;;) {
        char next;
        ssize_t got = read(file, &next, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        if (next == '\n') break;
        if (length + 1 < size) line[length++] = next;
    }
    line[length] = 0;
    return 1;
}

static int find(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

// A decimal number from `least` to `most`, or -1.
static long parse_number(const char *text, long least, long most) {
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return *text < '0' || *text > '9' || *end != 0 || errno != 0 || number < least || number > most ? -1 : number;
}

// Parses a command into `measure` and a shape. NULL, or what is wrong with it.
static const char *parse(char *line, int rank, int ranks, struct measure *measure, struct call *call) {
    char *words[9], *rest = NULL;
    int count = 0;
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        if (count < 9) words[count++] = word;
    if (count == 0 || strcmp(words[0], "measure") != 0) return "unknown command";
    if (count != 8) return "measure takes OP TYPE BYTES METHOD WARMUPS BATCHES LENGTH";
    int operation = find(words[1], operation_names, OPERATION_COUNT);
    int type = find(words[2], type_names, TYPE_COUNT);
    long bytes = parse_number(words[3], 0, LONG_MAX);
    if (operation < 0) return "unknown operation";
    if (type < 0) return "unknown type";
    if (bytes < 0) return "BYTES is not a number";
    if (strcmp(words[4], "repeat") != 0 && strcmp(words[4], "rewrite") != 0) return "unknown method";
    measure->method = strcmp(words[4], "repeat") == 0 ? REPEAT : REWRITE;
    measure->warmups = parse_number(words[5], 0, INT_MAX);
    measure->batches = parse_number(words[6], 1, MOST_BATCHES);
    measure->length = parse_number(words[7], 1, INT_MAX);
    if (measure->warmups < 0 || measure->batches < 0 || measure->length < 0)
        return "WARMUPS, BATCHES or LENGTH is not a number in its range";
    call_shape(call, (enum operation)operation, (enum type)type, (size_t)bytes, rank, ranks);
    if (call->in_count > INT_MAX || call->out_count > INT_MAX) return "too many elements";
    return NULL;
}

struct run {
    const struct call *call;
    struct startline *start;
    void (*perform)(const struct call *call);
    uint32_t round;     // of the values in the input tensors
    uint32_t performed; // operations
    int64_t wrong;      // first wrong element found, or -1
    uint32_t wrong_at;  // in which operation
};

static void check(struct run *run) {
    int64_t wrong = call_check(run->call, run->round);
    if (wrong < 0 || run->wrong >= 0) return;
    run->wrong = wrong;
    run->wrong_at = run->performed;
}

// Rewrites the input, performs and checks. Returns how long the operation took.
static double perform_fresh(struct run *run, int is_checked) {
    run->round++;
    call_fill(run->call, run->round);
    if (is_checked) call_spoil(run->call);
    startline_wait(run->start);
    double before = now();
    run->perform(run->call);
    double after = now();
    run->performed++;
    if (is_checked) check(run);
    return after - before;
}

// In place the sums would grow with every repetition; from zeros they do not.
static int sums_grow(const struct call *call) { return call->operation == ALLREDUCE || call->operation == REDUCE; }

static void measure_repeat(struct run *run, const struct measure *measure, double *samples) {
    perform_fresh(run, 1);
    if (sums_grow(run->call)) {
        run->round = ROUND_OF_ZEROS;
        call_fill(run->call, run->round);
    }
    startline_wait(run->start);
    for (long i = 1; i < measure->warmups; i++, run->performed++) run->perform(run->call);
    for (long batch = 0; batch < measure->batches; batch++) {
        startline_wait(run->start);
        double before = now();
        for (long i = 0; i < measure->length; i++) run->perform(run->call);
        samples[batch] = (now() - before) / (double)measure->length;
        run->performed += (uint32_t)measure->length;
    }
    check(run);
}

static void measure_rewrite(struct run *run, const struct measure *measure, double *samples) {
    for (long i = 0; i < measure->warmups; i++) perform_fresh(run, 0);
    for (long batch = 0; batch < measure->batches; batch++) {
        double sum = 0;
        for (long i = 0; i < measure->length; i++) {
            int is_first = batch == 0 && i == 0, is_last = batch + 1 == measure->batches && i + 1 == measure->length;
            sum += perform_fresh(run, is_first || is_last);
        }
        samples[batch] = sum / (double)measure->length;
    }
}

static void answer(const struct peer *peer, struct startline *start, char *line, FILE *result) {
    struct measure measure;
    struct call call;
    const char *problem = parse(line, start->rank, start->ranks, &measure, &call);
    if (problem != NULL) {
        fprintf(result, "error %s\n", problem);
        return;
    }
    if (peer->perform[call.operation] == NULL || !peer->supports(call.operation, call.type)) {
        fputs("unsupported\n", result);
        return;
    }
    double *samples = malloc((size_t)measure.batches * sizeof *samples);
    if (samples == NULL || call_allocate(&call) != 0) {
        // The other ranks would wait for this one for ever. The launcher ends them when this one fails.
        fputs("error no memory\n", result);
        fflush(result);
        exit(1);
    }
    struct run run = {&call, start, peer->perform[call.operation], ROUND_OF_ZEROS, 0, -1, 0};
    (measure.method == REPEAT ? measure_repeat : measure_rewrite)(&run, &measure, samples);
    if (run.wrong >= 0) {
        fprintf(result, "error wrong result: element %lld of operation %u\n", (long long)run.wrong, run.wrong_at);
    } else {
        fputs("ok", result);
        for (long i = 0; i < measure.batches; i++) fprintf(result, " %.1f", samples[i]);
        fputc('\n', result);
    }
    call_free(&call);
    free(samples);
}

int serve(const struct peer *peer, int rank, int ranks, const char *directory) {
    char path[PATH_MAX], line[LONGEST_LINE];
    struct startline start;
    snprintf(path, sizeof path, "%s/startline", directory);
    if (ranks > STARTLINE_RANKS || startline_open(&start, path, rank, ranks) != 0) {
        fprintf(stderr, "rank %d of %d cannot use %s: %s\n", rank, ranks, path, strerror(errno));
        return 1;
    }
    snprintf(path, sizeof path, "%s/command.%d", directory, rank);
    int commands = open(path, O_RDONLY | O_CLOEXEC);
    if (commands < 0) {
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
        return 1;
    }
    snprintf(path, sizeof path, "%s/result.%d", directory, rank);
    FILE *result = fopen(path, "we");
    if (result == NULL) {
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
        return 1;
    }
    while (read_line(commands, line, sizeof line) && strcmp(line, "quit") != 0) {
        answer(peer, &start, line, result);
        fflush(result);
    }
    return 0;
}
