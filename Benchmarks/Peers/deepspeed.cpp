// DeepSpeed's shared-memory all-reduce, as its inference engine calls it. It has sums of float32, float16 and bfloat16;
// measured is float32. scripts/install-peers brings the kernel (csrc/cpu/comm/shm.cpp) from the released package.
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <omp.h>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <torch/extension.h>

#include "harness.h"
#include "startline.h"

// In shm.cpp.
void shm_initialize(int size, int rank, char *address, char *port);
void all_reduce_outer_loop(torch::Tensor &data, size_t count, int bytes);

static int supports(enum operation operation, enum type type) {
    return operation == ALLREDUCE && type == FLOAT32;
}

static void allreduce(const struct call *call) {
    torch::Tensor tensor{call->out};
    all_reduce_outer_loop(tensor, call->block, int(call->block * sizeof(float)));
}

// Maps the buffers of all ranks. The kernel finds them by names made of two strings, here the launcher's process id and
// "flexmig". It begins to use a buffer without asking whether its owner has made it long enough, so all meet between.
// Nothing remains of the names afterwards.
static bool meet(int rank, int ranks, const std::string &directory, int launcher) {
    struct startline line;
    std::string path = directory + "/deepspeed.startline";
    if (startline_open(&line, path.c_str(), rank, ranks) != 0) return false;
    line.spins = 0;
    std::string first = std::to_string(launcher), second = "flexmig";
    shm_initialize(ranks, rank, &first[0], &second[0]);
    startline_wait(&line);
    std::string name = "deepspeed_allreduce_buffer_" + std::to_string(getuid()) + "_" + first + "_" + second + "_";
    shm_unlink((name + std::to_string(rank)).c_str());
    munmap(line.base, STARTLINE_BYTES);
    return true;
}

static int run_rank(int rank, int ranks, const std::string &directory, int launcher) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launcher) return 1;
    pin_rank(rank, ranks);
    if (!meet(rank, ranks, directory, launcher)) {
        std::perror("cannot meet the other ranks");
        return 1;
    }
    struct peer peer = {};
    peer.supports = supports;
    peer.perform[ALLREDUCE] = allreduce;
    return serve(&peer, rank, ranks, directory.c_str());
}

// A second start line, for before the first command.
static bool make_meeting(const std::string &path) {
    int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_made = file >= 0 && ftruncate(file, STARTLINE_BYTES) == 0;
    if (file >= 0) close(file);
    return is_made;
}

int main(int argc, char **argv) {
    int ranks = argc == 3 ? std::atoi(argv[1]) : 0;
    if (ranks < 1 || ranks > STARTLINE_RANKS) {
        std::fprintf(stderr, "usage: %s RANKS DIRECTORY, with at most %d ranks\n", argv[0], int(STARTLINE_RANKS));
        return 64;
    }
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx512bw")) {
        std::fputs("DeepSpeed's kernel is compiled for AVX-512, which this CPU lacks\n", stderr);
        return 69;
    }
#endif
    std::string directory = argv[2], meeting = directory + "/deepspeed.startline";
    if (!make_meeting(meeting)) {
        std::perror(meeting.c_str());
        return 1;
    }
    // Before main, OpenMP has read its environment. A rank has one CPU.
    omp_set_num_threads(1);
    int launcher = getpid();
    std::vector<pid_t> children;
    for (int rank = 0; rank < ranks; rank++) {
        pid_t child = fork();
        if (child == 0) _exit(run_rank(rank, ranks, directory, launcher));
        if (child > 0) children.push_back(child);
    }
    int failure = children.size() == size_t(ranks) ? 0 : 1, status = 0;
    bool is_ended = false;
    for (pid_t child; failure != 0 || (child = wait(&status)) > 0;) {
        if (failure == 0 && status != 0) failure = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        if (failure == 0) continue;
        if (!is_ended)
            for (pid_t other : children) kill(other, SIGKILL);
        is_ended = true;
        if (wait(nullptr) < 0 && errno == ECHILD) break;
    }
    unlink(meeting.c_str());
    return failure;
}
