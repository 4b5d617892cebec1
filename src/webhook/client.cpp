#include "webhook/client.h"

#include <cassert>
#include <cstring>
#include <new>

namespace starling::webhook {

std::array<char, uuid_length> make_uuid(std::span<const std::byte, 16> random) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, uuid_length> text;
    size_t out = 0;
    for (size_t i = 0; i < random.size(); ++i) {
        auto byte = std::to_integer<uint8_t>(random[i]);
        if (i == 6) byte = static_cast<uint8_t>((byte & 0x0f) | 0x40);  // Version.
        if (i == 8) byte = static_cast<uint8_t>((byte & 0x3f) | 0x80);  // Variant.
        if (i == 4 || i == 6 || i == 8 || i == 10) text[out++] = '-';
        text[out++] = digits[byte >> 4];
        text[out++] = digits[byte & 15];
    }
    return text;
}

Client::Client(const ClientFields& fields) {
    const std::array<std::string_view, parts> all = {
        fields.conn_id, fields.user, fields.user_agent, fields.headers,
        fields.session, fields.nsp,  fields.address};
    Head head{};
    size_t bytes = 0;
    for (size_t i = 0; i < parts; ++i) {
        bytes += all[i].size();
        assert(bytes < UINT32_MAX / 2);
        head.ends[i] = static_cast<uint32_t>(bytes);
    }
    const size_t found = fields.headers.find(fields.token);
    const bool apart = found == std::string_view::npos;
    head.token_at = static_cast<uint32_t>(apart ? bytes : head.ends[2] + found);
    head.token_bytes = static_cast<uint32_t>(fields.token.size()) & 0x7fffffff;
    head.is_public = fields.is_public;

    bytes_ = std::make_unique_for_overwrite<std::byte[]>(sizeof(Head) + bytes +
                                                         (apart ? fields.token.size() : 0));
    std::byte* at = bytes_.get();
    new (at) Head(head);
    at += sizeof(Head);
    const auto put = [&at](std::string_view text) {
        if (!text.empty()) std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    for (const std::string_view text : all) put(text);
    if (apart) put(fields.token);
}

}  // namespace starling::webhook
