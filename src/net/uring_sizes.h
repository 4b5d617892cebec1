// net/uring_sizes.h: the sizes of an io_uring backend. Tests make them small.
#pragma once

namespace starling::net {

struct UringSizes {
    unsigned submissions = 1024;  // Operations that are submitted in one call; a power of two.
    // Completions that the kernel keeps in shared memory; more wait in the kernel. A power of two.
    unsigned completions = 4096;
    unsigned buffers = 64;  // For received bytes; a power of two.
};

}  // namespace starling::net
