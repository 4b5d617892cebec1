#include "engineio/payload.h"

#include "base/text.h"
#include "base/utf8.h"
#include "engineio/utf16.h"

namespace starling::engineio {
namespace {

using Step = PayloadReader::Step;

constexpr char separator = '\x1e';
constexpr size_t length_digits_max = 10;  // The length of any allowed body has fewer digits.

struct Piece {
    Fault fault = Fault::none;
    std::string_view packet;
};

Piece fail_piece(Fault fault) noexcept { return {fault, {}}; }

// EIO3 text: `<length>:<packet>`, the length in UTF-16 code units. Removes this piece from the
// front of `rest`.
Piece take_text_piece(std::string_view& rest) noexcept {
    uint64_t units = 0;
    size_t at = 0;
    for (; at < rest.size() && rest[at] >= '0' && rest[at] <= '9'; ++at) {
        if (at == length_digits_max) return fail_piece(Fault::invalid_length);
        units = units * 10 + static_cast<uint64_t>(rest[at] - '0');
    }
    if (at == rest.size()) return fail_piece(Fault::cut_short);
    if (at == 0 || rest[at] != ':') return fail_piece(Fault::invalid_length);
    rest.remove_prefix(at + 1);
    if (units > rest.size()) return fail_piece(Fault::cut_short);
    const auto bytes = utf16_prefix_bytes(rest, units);
    if (!bytes) {
        const bool too_short = utf16_length(rest) < units;
        return fail_piece(too_short ? Fault::cut_short : Fault::invalid_length);
    }
    const Piece piece{Fault::none, rest.substr(0, *bytes)};
    rest.remove_prefix(*bytes);
    return piece;
}

// EIO3 binary: the length as one byte (0 to 9) for each digit, 0xff, the packet. `rest` begins with
// the digits.
Piece take_binary_piece(std::string_view& rest) noexcept {
    uint64_t length = 0;
    size_t at = 0;
    for (; at < rest.size() && static_cast<uint8_t>(rest[at]) <= 9; ++at) {
        if (at == length_digits_max) return fail_piece(Fault::invalid_length);
        length = length * 10 + static_cast<uint8_t>(rest[at]);
    }
    if (at == rest.size()) return fail_piece(Fault::cut_short);
    if (at == 0 || rest[at] != '\xff') return fail_piece(Fault::invalid_length);
    rest.remove_prefix(at + 1);
    if (length > rest.size()) return fail_piece(Fault::cut_short);
    const Piece piece{Fault::none, rest.substr(0, length)};
    rest.remove_prefix(length);
    return piece;
}

void append_binary_head(std::string& out, bool binary, size_t length) {
    out += binary ? '\x01' : '\x00';
    for (const char digit : std::to_string(length)) out += static_cast<char>(digit - '0');
    out += '\xff';
}

}  // namespace

PayloadKind payload_kind(std::string_view content_type) noexcept {
    const std::string_view media = base::trim(content_type.substr(0, content_type.find(';')));
    return base::iequals(media, "application/octet-stream") ? PayloadKind::binary
                                                            : PayloadKind::text;
}

PayloadReader::PayloadReader(std::string_view body, Revision revision, PayloadKind kind,
                             const PayloadReading& how) noexcept
    : rest_(body), how_(how), revision_(revision), kind_(kind), more_(kind == PayloadKind::text) {
    if (kind == PayloadKind::binary) {
        if (revision == Revision::eio4) fault_ = Fault::binary_payload;
    } else if (!base::utf8_is_valid(body)) {
        fault_ = Fault::invalid_utf8;
    }
}

Step PayloadReader::next() {
    if (fault_ != Fault::none) return Step::fault;
    if (rest_.empty() && !more_) return Step::end;
    if (rest_.empty()) return fail(Fault::empty_packet);
    if (revision_ == Revision::eio4) return next_eio4();
    return kind_ == PayloadKind::text ? next_text3() : next_binary3();
}

Step PayloadReader::next_eio4() {
    const size_t end = rest_.find(separator);
    more_ = end != std::string_view::npos;
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(more_ ? end + 1 : rest_.size());
    return deliver(decode_text(text, revision_, scratch_));
}

Step PayloadReader::next_text3() {
    more_ = false;
    while (!rest_.empty()) {
        const Piece piece = take_text_piece(rest_);
        if (piece.fault != Fault::none) return fail(piece.fault);
        if (piece.packet.empty()) {  // Clients send `0:` for an empty payload.
            if (++packets_ > how_.packets_max) return fail(Fault::too_many_packets);
            continue;
        }
        const Step step = deliver(decode_text(piece.packet, revision_, scratch_));
        if (how_.decode_twice && step == Step::packet && !packet_.binary &&
            decode_utf8_twice(packet_.data, scratch_))
            packet_.data = scratch_;
        return step;
    }
    return Step::end;
}

Step PayloadReader::next_binary3() {
    const char lead = rest_.front();
    if (lead != '\x00' && lead != '\x01') return fail(Fault::unknown_type);
    rest_.remove_prefix(1);
    const Piece piece = take_binary_piece(rest_);
    if (piece.fault != Fault::none) return fail(piece.fault);
    if (lead == '\x01') return deliver(decode_binary(piece.packet, revision_));
    if (!base::utf8_is_valid(piece.packet)) return fail(Fault::invalid_utf8);
    return deliver(decode_text(piece.packet, revision_, scratch_));
}

Step PayloadReader::deliver(const Decoded& decoded) {
    if (++packets_ > how_.packets_max) return fail(Fault::too_many_packets);
    if (decoded.fault != Fault::none) return fail(decoded.fault);
    packet_ = decoded.packet;
    return Step::packet;
}

Step PayloadReader::fail(Fault fault) noexcept {
    fault_ = fault;
    return Step::fault;
}

PayloadWriter::PayloadWriter(Revision revision, bool supports_binary, size_t bytes_max) noexcept
    : bytes_max_(bytes_max), revision_(revision), supports_binary_(supports_binary) {}

bool PayloadWriter::append(const Packet& packet) {
    if (!body_.empty() && body_.size() + packet.data.size() > bytes_max_) return false;
    if (revision_ == Revision::eio3) {
        append3(packet);
        return true;
    }
    if (!body_.empty()) body_ += separator;
    append_text(body_, packet, revision_);
    return true;
}

void PayloadWriter::append3(const Packet& packet) {
    const size_t before = body_.size();
    const bool binary = packet.binary && supports_binary_;
    if (binary) {
        const Frame frame = frame_of(packet, revision_);
        body_ += frame.head;
        body_ += frame.data;
        kind_ = PayloadKind::binary;
    } else if (packet.type == Type::message && !packet.binary) {
        body_ += frame_of(packet, revision_).head;
        append_ascii_json(body_, packet.data);
    } else {
        append_text(body_, packet, revision_);
    }
    parts_.push_back({body_.size() - before, binary});
}

std::string PayloadWriter::take() {
    if (revision_ == Revision::eio4) return std::move(body_);
    std::string out;
    out.reserve(body_.size() + parts_.size() * 8);
    std::string_view rest = body_;
    for (const Part& part : parts_) {
        const std::string_view text = rest.substr(0, part.bytes);
        rest.remove_prefix(part.bytes);
        if (kind_ == PayloadKind::binary) {
            append_binary_head(out, part.binary, part.bytes);
        } else {
            out += std::to_string(utf16_length(text));
            out += ':';
        }
        out += text;
    }
    return out;
}

std::string_view PayloadWriter::content_type() const noexcept {
    return kind_ == PayloadKind::binary ? "application/octet-stream" : "text/plain; charset=UTF-8";
}

std::string jsonp_reply(std::string_view j, std::string_view payload) {
    std::string out = "___eio[";
    for (const char c : j)
        if (c >= '0' && c <= '9') out += c;
    out += "](";
    append_script_string(out, payload);
    out += ");";
    return out;
}

std::string jsonp_payload(std::string_view d) {
    constexpr std::string_view newline = "\\n", escaped_newline = "\\\\n";
    std::string out;
    out.reserve(d.size());
    while (!d.empty()) {
        if (d.starts_with(escaped_newline)) {
            out += newline;
            d.remove_prefix(escaped_newline.size());
        } else if (d.starts_with(newline)) {
            out += '\n';
            d.remove_prefix(newline.size());
        } else {
            out += d.front();
            d.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace starling::engineio
