// The little of PyTorch's interface that the file with DeepSpeed's shared-memory all-reduce names, so that it
// compiles without PyTorch. The types other than float32 are there for the compiler only and are never used.
#ifndef FLEXMIG_STUB_TORCH_EXTENSION_H
#define FLEXMIG_STUB_TORCH_EXTENSION_H

#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace c10 {
enum class ScalarType { BFloat16, Half, Float };
}

namespace at {
struct Unused16 {
    uint16_t bits;
    operator float() const { abort(); }
    Unused16 &operator=(float) { abort(); }
};
using BFloat16 = Unused16;
using Half = Unused16;
}  // namespace at

namespace torch {
// A float32 tensor is its address.
struct Tensor {
    void *memory;
    void *data_ptr() const { return memory; }
    c10::ScalarType scalar_type() const { return c10::ScalarType::Float; }
};
}  // namespace torch

#endif
