#include "client/options.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "base/tokens.h"
#include "base/utf8.h"
#include "ws/frame.h"

namespace starling::client {
namespace {

constexpr int redirects_most = 10;

void check_protocols(const std::vector<std::string>& protocols) {
    for (auto at = protocols.begin(); at != protocols.end(); ++at) {
        if (!base::is_token(*at)) throw SyntaxError("no subprotocol: '" + *at + "'");
        if (std::find(protocols.begin(), at, *at) != at)
            throw SyntaxError("the subprotocol '" + *at + "' occurs twice");
    }
}

uint8_t window_bits(int bits) {
    if (bits < 9 || bits > 15)
        throw std::invalid_argument("window_bits is not from 9 to 15: " + std::to_string(bits));
    return static_cast<uint8_t>(bits);
}

uint32_t milliseconds(std::chrono::milliseconds time, const char* name) {
    if (time.count() < 0 || time.count() > INT32_MAX)
        throw std::invalid_argument(std::string(name) + " is out of its range");
    return static_cast<uint32_t>(time.count());
}

}  // namespace

ws::OpeningOptions opening_options(const WebSocketOptions& options) {
    check_protocols(options.protocols);
    if (const std::string wrong = ws::check_headers(options.headers); !wrong.empty())
        throw SyntaxError(wrong);
    if (!std::ranges::all_of(options.origin, base::is_field_char))
        throw SyntaxError("a control character in the origin");
    if (options.redirects_max < 0 || options.redirects_max > redirects_most)
        throw std::invalid_argument("redirects_max is not from 0 to 10");
    (void)milliseconds(options.handshake_timeout, "handshake_timeout");
    const ws::Compression& compression = options.compression;
    ws::DeflateOptions deflate;
    deflate.enabled = compression.enabled;
    deflate.allow_client_context_takeover = compression.context_takeover;
    deflate.allow_server_context_takeover =
        options.server_compression.context_takeover.value_or(compression.context_takeover);
    deflate.client_max_window_bits = window_bits(compression.window_bits);
    deflate.server_max_window_bits = window_bits(options.server_compression.window_bits);
    if (compression.level < 1 || compression.level > 9)
        throw std::invalid_argument("the level of compression is not from 1 to 9");
    return {options.protocols, options.headers, options.origin, deflate};
}

Settings settings(const WebSocketOptions& options) {
    return {.limits = {options.message_bytes_max, options.fragments_max},
            .heartbeat = {milliseconds(options.ping_interval, "ping_interval"),
                          milliseconds(options.ping_timeout, "ping_timeout")},
            .send_queue_bytes_max = options.send_queue_bytes_max,
            .compress_from_bytes = options.compression.threshold_bytes,
            .close_timeout_ms = milliseconds(options.close_timeout, "close_timeout"),
            .compression_level = options.compression.level};
}

void check_close(bool has_code, uint16_t code, std::string_view reason) {
    if (has_code && code != 1000 && (code < 3000 || code > 4999))
        throw InvalidAccessError("close() takes 1000 or 3000 to 4999, not " + std::to_string(code));
    if (reason.size() > ws::close_reason_bytes_max)
        throw SyntaxError("the reason of close() has more than 123 bytes");
    if (!base::utf8_is_valid(base::bytes_of(reason)))
        throw SyntaxError("the reason of close() is not UTF-8");
}

}  // namespace starling::client
