// Fuzzes the lifetimes of Engine.IO on a server: each byte is a step of EngineModel (a request,
// half a body, an upgrade, an end, a stop). Bit 7 of a byte skips the ticks after its step, so the
// worker handles several steps at once. Bit 0 of the first byte: connections arrive at another
// worker than the session's. With STARLING_IO=io_uring the workers run on io_uring; if the system refuses it, the
// target says so and ends.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "net/make_backend.h"
#include "tests/fake/engine_model.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const starling::net::ChosenIo chosen = starling::net::choose_io(starling::Io::automatic);
    if (chosen.refused.empty()) return 0;
    std::fprintf(stderr, "not run on io_uring: %s\n", chosen.refused.c_str());
    std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace starling::server::test;
    if (size == 0 || size > 40) return 0;
    EngineModel model;
    model.open((data[0] & 1) != 0);
    for (size_t i = 1; i < size; ++i) {
        model.run(static_cast<EngineStep>((data[i] & 0x7f) % engine_steps));
        if ((data[i] & 0x80) == 0) model.settle();
    }
    model.settle();
    model.end();
    return 0;
}
