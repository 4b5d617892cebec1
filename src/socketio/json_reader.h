// socketio/json_reader.h: where packets are decoded: memory that is used again and again, so that a
// small packet allocates nothing; and JSON as JSON.parse takes it (RFC 8259).
//
// Owner: a worker has one Arena for all its connections. Thread: the owner's.
#pragma once

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value_stack.hpp>
#include <cstddef>
#include <optional>
#include <string_view>

#include "socketio/packet.h"

namespace starling::socketio {

class Arena {
public:
    explicit Arena(const DecodeLimits& limits = {});
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // Frees what the last packet took; its values must not be read afterwards. The next packet does
    // so too: this is for not keeping the memory of a large one until then.
    void clear() noexcept;

    [[nodiscard]] const DecodeLimits& limits() const noexcept { return limits_; }
    // For values that live as long as those of the packet.
    [[nodiscard]] boost::json::storage_ptr storage() noexcept { return &values_; }
    // Builds values without recursion; empty, and with storage() for its values.
    [[nodiscard]] boost::json::value_stack& stack();

    // One JSON text, nothing in front of it or behind it but blanks. Of a name that an object has
    // twice the last one counts; half of a surrogate pair becomes U+FFFD (JSON.stringify writes such
    // escapes for text cut in the middle of an emoji). Nothing: no JSON, or too deep.
    [[nodiscard]] std::optional<Json> read_json(std::string_view text);

private:
    static constexpr size_t values_bytes = 8192;
    static constexpr size_t scratch_bytes = 4096;

    [[nodiscard]] bool parse(std::string_view text, boost::json::error_code& error);

    DecodeLimits limits_;
    bool large_ = false;  // The scratch memory may have grown.
    std::array<unsigned char, values_bytes> values_buffer_;
    std::array<unsigned char, scratch_bytes> scratch_buffer_;
    boost::json::monotonic_resource values_;
    std::optional<boost::json::parser> parser_;
    std::optional<boost::json::value_stack> stack_;
};

}  // namespace starling::socketio
