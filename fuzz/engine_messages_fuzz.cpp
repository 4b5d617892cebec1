// Messages of @socket.io/cluster-engine from Redis: what is decoded is decoded again after encode().
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cluster/engine/message.h"

namespace {

using namespace starling::cluster;

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Arena arena(decode_limits(1));
    const engine::Limits limits{.packets_max = 100};
    const auto message = engine::decode({reinterpret_cast<const char*>(data), size}, limits, arena);
    if (!message) return 0;
    require(message->packets.size() <= limits.packets_max);
    const bool other_carrier =
        message->type == engine::Type::acquire_lock && message->carrier == engine::Carrier::other;
    const auto again = engine::decode(engine::encode(*message), {}, arena);
    require(again && (other_carrier || *again == *message));
    return 0;
}
