// Fuzzes the lifetimes of Engine.IO on a server: each byte is a step of EngineModel (a request,
// half a body, an upgrade, an end, a stop). Bit 7 of a byte skips the ticks after its step, so the
// worker handles several steps at once. Bit 0 of the first byte: connections arrive at another
// worker than the session's.
#include <cstddef>
#include <cstdint>

#include "tests/fake/engine_model.h"

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
