// load/measure/frame_reader.h: the frames of a server in a stream of bytes, each of them contiguous.
// Bytes of a frame that has not arrived whole are copied; all others are views of what arrived.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "load/measure/frames.h"

namespace starling::load {

class FrameReader {
public:
    static constexpr size_t frame_bytes_max = 64 * 1024 * 1024;

    // Calls `take(frame)` for each frame that ended; it returns false to stop for good. Returns a
    // fault of the server in words, or "".
    template <class Take>
    const char* read(std::string_view bytes, Take&& take) {
        const bool rest = !rest_.empty();
        std::string_view left = rest ? std::string_view(rest_.append(bytes)) : bytes;
        Frame frame = frame_at(left);
        for (; frame.bytes > 0; frame = frame_at(left)) {
            left.remove_prefix(frame.bytes);
            if (frame.first & 0x70U) return "a frame uses an extension that was not negotiated";
            if (!take(static_cast<const Frame&>(frame))) return "";
        }
        if (frame.masked) return "a frame of the server is masked";
        if (left.size() > frame_bytes_max) return "a frame is longer than 64 MiB";
        if (rest)
            rest_.erase(0, rest_.size() - left.size());
        else
            rest_ = left;
        return "";
    }
    void clear() noexcept { rest_.clear(); }

private:
    std::string rest_;
};

}  // namespace starling::load
