// socketio/codec/json_reader.h: the memory of decoded packets, reused so that a small packet
// allocates nothing; and a JSON parser that accepts what JSON.parse accepts (RFC 8259).
//
// Owner: a worker has one Arena for all its connections. Thread: the owner's.
#pragma once

#include <array>
#include <boost/json/error.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value_stack.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/json_builder.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

class Arena {
public:
    explicit Arena(const DecodeLimits& limits = {});
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // Frees the memory of the last packet; its values must not be read afterwards. Decoding the
    // next packet does this, too; call clear() to free the memory of a large packet earlier.
    void clear() noexcept;

    [[nodiscard]] const DecodeLimits& limits() const noexcept { return limits_; }
    // Memory for values that live as long as the packet's values.
    [[nodiscard]] boost::json::storage_ptr storage() noexcept { return &*values_; }
    // Returns a copy of `text` that lives as long as the packet's values.
    [[nodiscard]] std::string_view keep(std::string_view text);
    // For readers other than read_json(); see base::TableSpread.
    [[nodiscard]] base::TableDraws& draws() noexcept { return draws_; }
    // An empty stack that builds values in storage(), for a message of `message_bytes`.
    [[nodiscard]] boost::json::value_stack& stack(size_t message_bytes);

    // Parses one JSON text with optional blanks around it. If an object has a name twice, the last
    // member counts. Half of a surrogate pair becomes U+FFFD (JSON.stringify writes such escapes
    // for text that was cut in the middle of an emoji). nullopt: `text` is not JSON, or too deep.
    [[nodiscard]] std::optional<Json> read_json(std::string_view text);

private:
    static constexpr size_t values_bytes = 8192;
    static constexpr size_t scratch_bytes = 4096;
    static constexpr size_t large_bytes = 65'536;

    struct Parser;

    void renew_stack();
    void renew_values();
    [[nodiscard]] bool parse(std::string_view text, boost::json::error_code& error);

    DecodeLimits limits_;
    base::TableDraws draws_;
    bool large_ = false;  // The scratch memory may have grown large.
    std::array<unsigned char, values_bytes> values_buffer_;
    std::array<unsigned char, scratch_bytes> scratch_buffer_;
    std::optional<boost::json::monotonic_resource> values_;
    std::optional<boost::json::value_stack> stack_;
    std::unique_ptr<Parser> parser_;
};

}  // namespace starling::socketio
