#include "peer/proxy_header.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "peer/ip_address.h"

namespace starling::peer {
namespace {

constexpr std::string_view v1_signature = "PROXY ";
constexpr std::string_view v2_signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t v2_fixed_bytes = 16;
constexpr size_t v2_addresses_max = 36;  // Of the two IP families; paths of AF_UNIX are not kept.

bool agree(std::string_view bytes, std::string_view signature) noexcept {
    const size_t size = std::min(bytes.size(), signature.size());
    return bytes.substr(0, size) == signature.substr(0, size);
}

uint8_t byte_at(std::string_view bytes, size_t at) noexcept {
    return static_cast<uint8_t>(bytes[at]);
}

// Takes the next word; words are separated by exactly one space.
std::string_view next_word(std::string_view& line) noexcept {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

// Section 2.1: decimal, without leading zeros, 0 to 65535.
bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port <= 65535 &&
           (text.size() == 1 || text.front() != '0');
}

}  // namespace

size_t ProxyHeader::take(std::span<const std::byte> bytes) noexcept {
    const std::string_view text = base::text_of(bytes);
    if (text.empty() || state_ != State::need_more) return 0;
    const char first = kept_.empty() ? text.front() : kept_.front();
    return first == v1_signature.front() ? take_line(text) : take_binary(text);
}

// ---- version 1 ----------------------------------------------------------------------------------

size_t ProxyHeader::take_line(std::string_view bytes) {
    const size_t before = kept_.size();
    // The LF of the line's end may come alone.
    kept_.append(bytes.substr(0, v1_bytes_max - before));
    if (!agree(kept_, v1_signature)) return fail(), 0;
    const size_t end = kept_.find('\n', before);
    if (end == std::string::npos) {
        if (kept_.size() == v1_bytes_max) fail();
        return kept_.size() - before;
    }
    const std::string_view line = std::string_view(kept_).substr(0, end);
    if (!line.ends_with('\r') || !read_line(line.substr(0, line.size() - 1))) return fail(), 0;
    state_ = State::complete;
    return end + 1 - before;
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443", "PROXY UNKNOWN" and anything behind it.
bool ProxyHeader::read_line(std::string_view line) {
    line.remove_prefix(std::min(v1_signature.size(), line.size()));
    const std::string_view family = next_word(line);
    if (family == "UNKNOWN") return true;
    if (family != "TCP4" && family != "TCP6") return false;
    const auto source = IpAddress::parse(next_word(line));
    const std::string_view destination = next_word(line);
    const std::string_view source_port = next_word(line);
    if (!source || !IpAddress::parse(destination) || !is_port(source_port) || !is_port(line))
        return false;
    // A dual-stack proxy writes IPv4 clients as mapped addresses of TCP6.
    if (family == "TCP4" && !source->v4) return false;
    address_ = source->to_string();
    return true;
}

// ---- version 2 ----------------------------------------------------------------------------------

size_t ProxyHeader::take_binary(std::string_view bytes) {
    size_t used = 0;
    const auto keep_up_to = [&](size_t size) {
        const size_t more = std::min(bytes.size() - used, size - std::min(size, kept_.size()));
        kept_.append(bytes.substr(used, more));
        used += more;
        return kept_.size() >= size;
    };
    const bool fixed = keep_up_to(v2_fixed_bytes);
    if (!agree(kept_, v2_signature)) return fail(), 0;
    // The upper half of the 13th byte is the version, the lower one the command.
    if (kept_.size() > 12 && byte_at(kept_, 12) != 0x20 && byte_at(kept_, 12) != 0x21)
        return fail(), 0;
    if (!fixed) return used;
    const size_t body = static_cast<size_t>(byte_at(kept_, 14)) << 8 | byte_at(kept_, 15);
    if (body > v2_body_bytes_max) return fail(), 0;
    const size_t kept_body = std::min(body, v2_addresses_max);
    if (!keep_up_to(v2_fixed_bytes + kept_body)) return used;
    const size_t skipped = std::min(bytes.size() - used, body - kept_body - skip_);
    skip_ += static_cast<uint32_t>(skipped);
    used += skipped;
    if (kept_body + skip_ < body) return used;
    if (!read_addresses()) return fail(), 0;
    state_ = State::complete;
    return used;
}

bool ProxyHeader::read_addresses() {
    relayed_ = byte_at(kept_, 12) != 0x20;
    if (!relayed_) return true;  // LOCAL: whatever the addresses are.
    const uint8_t family = byte_at(kept_, 13) >> 4, transport = byte_at(kept_, 13) & 0xf;
    const size_t body = static_cast<size_t>(byte_at(kept_, 14)) << 8 | byte_at(kept_, 15);
    if (family > 3 || transport > 2) return false;
    // AF_UNSPEC: the client is not known. Datagrams do not arrive on a stream.
    if (family == 0 || transport == 0) return true;
    if (transport != 1) return false;
    constexpr std::array<size_t, 4> block_bytes = {0, 12, 36, 216};
    if (body < block_bytes[family]) return false;
    if (family == 3) return true;
    const auto* const source = reinterpret_cast<const uint8_t*>(kept_.data()) + v2_fixed_bytes;
    address_ = IpAddress::from({source, family == 1 ? 4U : 16U}).to_string();
    return true;
}

}  // namespace starling::peer
