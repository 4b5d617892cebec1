// socketio/codec/json_reader.h: where packets are decoded: memory that is used again and again, so that a
// small packet allocates nothing; and JSON as JSON.parse takes it (RFC 8259).
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

    // Frees what the last packet took; its values must not be read afterwards. The next packet does
    // so too: this is for not keeping the memory of a large one until then.
    void clear() noexcept;

    [[nodiscard]] const DecodeLimits& limits() const noexcept { return limits_; }
    // For values that live as long as those of the packet.
    [[nodiscard]] boost::json::storage_ptr storage() noexcept { return &*values_; }
    // A copy that lives as long.
    [[nodiscard]] std::string_view keep(std::string_view text);
    // For objects that are not read by read_json(), see base::TableSpread.
    [[nodiscard]] base::TableDraws& draws() noexcept { return draws_; }
    // Builds the values of a message of so many bytes without recursion; empty, and with storage().
    [[nodiscard]] boost::json::value_stack& stack(size_t message_bytes);

    // One JSON text, nothing in front of it or behind it but blanks. Of a name that an object has
    // twice the last one counts; half of a surrogate pair becomes U+FFFD (JSON.stringify writes such
    // escapes for text cut in the middle of an emoji). Nothing: no JSON, or too deep.
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
    bool large_ = false;  // The scratch memory may have grown by much.
    std::array<unsigned char, values_bytes> values_buffer_;
    std::array<unsigned char, scratch_bytes> scratch_buffer_;
    std::optional<boost::json::monotonic_resource> values_;
    std::optional<boost::json::value_stack> stack_;
    std::unique_ptr<Parser> parser_;
};

}  // namespace starling::socketio
