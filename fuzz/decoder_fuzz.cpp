// Fuzzes ws::Receiver. The first byte chooses role, limits and compression, the second how reads
// cut the rest. Read whole or in pieces, the events must be the same, and memory must stay in
// proportion to the bytes received.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ws/deflate.h"
#include "ws/receiver.h"

namespace {

using namespace starling::ws;

void require(bool condition) {
    if (!condition) std::abort();
}

void describe(std::string& out, const Event& event) {
    out += static_cast<char>('0' + static_cast<int>(event.kind));
    out += static_cast<char>('0' + static_cast<int>(event.opcode));
    out += std::to_string(event.code) + "(" + std::to_string(event.bytes.size()) + ":";
    // Touches every byte of the view.
    out.append(reinterpret_cast<const char*>(event.bytes.data()), event.bytes.size());
    out.append(event.reason).append(")\n");
}

// `step`: 0 reads everything at once; else each read has 1 to `step` bytes.
std::string transcript(uint8_t choice, std::span<const uint8_t> wire, size_t step) {
    const ReceiverLimits limits{.message_bytes_max = choice & 4 ? 64u : 100'000u,
                                .fragments_max = choice & 8 ? 3u : 1024u};
    std::unique_ptr<Inflater> inflater;
    if (choice & 2) {
        inflater = std::make_unique<Inflater>(choice & 16 ? Inflater::Context::takeover
                                                          : Inflater::Context::shared);
    }
    Receiver receiver(choice & 1 ? Role::client : Role::server, limits, inflater.get());
    std::string out;
    std::vector<std::byte> kept;
    size_t length = step;
    for (size_t at = 0; at < wire.size();) {
        length = step == 0 ? wire.size() : length % step + 1;
        const auto read = wire.subspan(at, std::min(length, wire.size() - at));
        at += read.size();
        std::vector<std::byte> block(kept);
        for (const uint8_t byte : read) block.push_back(std::byte{byte});
        block.shrink_to_fit();
        std::span<std::byte> input(block);
        for (;;) {
            const Event event = receiver.next(input);
            require(receiver.memory_bytes() <= limits.message_bytes_max + 65'536);
            if (!inflater) require(receiver.memory_bytes() <= 2 * at + 1024);
            if (event.kind == Event::Kind::need_more) break;
            describe(out, event);
            if (event.kind == Event::Kind::violation) return out;
        }
        kept.assign(input.begin(), input.end());
        require(kept.size() <= 139);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const std::span<const uint8_t> wire(data + 2, size - 2);
    const std::string whole = transcript(data[0], wire, 0);
    require(whole == transcript(data[0], wire, 1));
    require(whole == transcript(data[0], wire, size_t{1} + data[1]));
    return 0;
}
