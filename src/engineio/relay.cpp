#include "engineio/relay.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"

namespace starling::engineio::relay {
namespace {

// Bits of the byte of flags.
constexpr uint8_t flag_secure = 1, flag_trusted = 2, flag_proxied = 4, flag_closes = 1;
constexpr uint8_t flag_to_owner = 1, flag_binary = 2, flag_compress = 4;

constexpr bool is_request(Type type) noexcept {
    return type == Type::request || type == Type::upgrade;
}
// Nothing follows the head.
constexpr bool is_bare(Type type) noexcept {
    return type == Type::abandon || type == Type::release || type == Type::taken;
}

void put(std::string& out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
}

void put(std::string& out, std::string_view text) {
    put(out, text.size(), 4);
    out.append(text);
}

void put(std::string& out, std::span<const http::Field> fields) {
    const size_t count = std::min(fields.size(), fields_max);
    put(out, count, 2);
    for (const http::Field& field : fields.first(count)) {
        put(out, field.name);
        put(out, field.value);
    }
}

void put(std::string& out, const Head& head) {
    put(out, static_cast<uint8_t>(head.type), 1);
    put(out, head.worker, 2);
    put(out, head.id, 8);
}

size_t size_of(std::span<const http::Field> fields) noexcept {
    size_t sum = 64;
    for (const http::Field& field : fields) sum += 8 + field.name.size() + field.value.size();
    return sum;
}

// Reads what put() wrote. After a fault all that follows is empty.
class Reader {
public:
    explicit Reader(std::string_view text) noexcept : rest_(text) {}

    uint64_t number(size_t bytes) noexcept {
        if (rest_.size() < bytes) return fail();
        uint64_t value = 0;
        for (size_t i = 0; i < bytes; ++i)
            value |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[i])) << 8 * i;
        rest_.remove_prefix(bytes);
        return value;
    }
    std::string_view text() noexcept {
        const uint64_t size = number(4);
        if (size > rest_.size()) fail();
        if (failed_) return {};
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    std::vector<http::Field> fields() {
        const uint64_t count = number(2);
        std::vector<http::Field> all;
        if (count > fields_max) fail();
        for (uint64_t i = 0; i < count && !failed_; ++i) {
            const std::string_view name = text();
            all.push_back({name, text()});
        }
        return all;
    }
    uint8_t flags(uint8_t known) noexcept {
        const auto value = static_cast<uint8_t>(number(1));
        if (value & ~known) fail();
        return value;
    }
    Head head() noexcept {
        Head head;
        const uint64_t type = number(1);
        if (type < static_cast<uint8_t>(Type::request) || type > static_cast<uint8_t>(Type::end))
            fail();
        head.type = static_cast<Type>(type);
        head.worker = static_cast<uint16_t>(number(2));
        head.id = number(8);
        return head;
    }
    std::string_view rest() noexcept { return std::exchange(rest_, {}); }
    uint64_t fail() noexcept {
        failed_ = true;
        rest_ = {};
        return 0;
    }
    // The whole text was read, and nothing was wrong.
    [[nodiscard]] bool is_whole() const noexcept { return !failed_ && rest_.empty(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

std::string encode(const Head& head) {
    std::string out;
    put(out, head);
    return out;
}

std::string encode(const Head& head, const Request& request) {
    STARLING_ASSERT(is_request(head.type));
    std::string out;
    out.reserve(size_of(request.fields) + request.target.size() + request.host.size() +
                request.body.size());
    put(out, head);
    put(out,
        (request.secure ? flag_secure : 0U) | (request.from_trusted_proxy ? flag_trusted : 0U) |
            (request.proxied ? flag_proxied : 0U),
        1);
    for (const auto text : {request.method, request.target, request.host, request.remote_address})
        put(out, text);
    put(out, std::span(request.fields));
    put(out, request.body);
    return out;
}

std::string encode(const Head& head, const Answer& answer) {
    STARLING_ASSERT(head.type == Type::answer);
    std::string out;
    out.reserve(size_of(answer.fields) + answer.body.size());
    put(out, head);
    put(out, answer.closes ? flag_closes : 0U, 1);
    put(out, answer.status, 2);
    put(out, std::span(answer.fields));
    put(out, answer.body);
    return out;
}

std::string encode(const Head& head, const Frame& frame) {
    STARLING_ASSERT(head.type == Type::frame);
    std::string out;
    out.reserve(frame_head_bytes + frame.bytes.size());
    put(out, head);
    put(out,
        (frame.to_owner ? flag_to_owner : 0U) | (frame.binary ? flag_binary : 0U) |
            (frame.compress ? flag_compress : 0U),
        1);
    return out.append(frame.bytes);
}

std::string encode(const Head& head, const Credit& credit) {
    STARLING_ASSERT(head.type == Type::credit);
    std::string out;
    put(out, head);
    put(out, credit.to_owner ? flag_to_owner : 0U, 1);
    put(out, credit.arrived, 4);
    put(out, credit.taken, 4);
    return out;
}

std::string encode(const Head& head, const End& end) {
    STARLING_ASSERT(head.type == Type::end);
    std::string out;
    put(out, head);
    put(out, end.to_owner ? flag_to_owner : 0U, 1);
    put(out, end.code, 2);
    return out;
}

std::optional<Head> decode_head(std::string_view message) noexcept {
    Reader reader(message);
    const Head head = reader.head();
    if (reader.failed() || (is_bare(head.type) && !reader.is_whole())) return std::nullopt;
    return head;
}

std::optional<Request> decode_request(std::string_view message) {
    Reader reader(message);
    if (!is_request(reader.head().type)) return std::nullopt;
    Request request;
    const uint8_t flags = reader.flags(flag_secure | flag_trusted | flag_proxied);
    request.secure = flags & flag_secure;
    request.from_trusted_proxy = flags & flag_trusted;
    request.proxied = flags & flag_proxied;
    for (auto* const text :
         {&request.method, &request.target, &request.host, &request.remote_address})
        *text = reader.text();
    request.fields = reader.fields();
    request.body = reader.text();
    if (!reader.is_whole()) return std::nullopt;
    return request;
}

std::optional<Answer> decode_answer(std::string_view message) {
    Reader reader(message);
    if (reader.head().type != Type::answer) return std::nullopt;
    Answer answer;
    answer.closes = reader.flags(flag_closes) != 0;
    answer.status = static_cast<uint16_t>(reader.number(2));
    answer.fields = reader.fields();
    answer.body = reader.text();
    if (!reader.is_whole() || answer.status < 200 || answer.status > 599) return std::nullopt;
    return answer;
}

std::optional<Frame> decode_frame(std::string_view message) noexcept {
    Reader reader(message);
    if (reader.head().type != Type::frame) return std::nullopt;
    const uint8_t flags = reader.flags(flag_to_owner | flag_binary | flag_compress);
    const Frame frame{.to_owner = (flags & flag_to_owner) != 0,
                      .binary = (flags & flag_binary) != 0,
                      .compress = (flags & flag_compress) != 0,
                      .bytes = reader.rest()};
    if (reader.failed()) return std::nullopt;
    return frame;
}

std::optional<Credit> decode_credit(std::string_view message) noexcept {
    Reader reader(message);
    if (reader.head().type != Type::credit) return std::nullopt;
    Credit credit;
    credit.to_owner = reader.flags(flag_to_owner) != 0;
    credit.arrived = static_cast<uint32_t>(reader.number(4));
    credit.taken = static_cast<uint32_t>(reader.number(4));
    if (!reader.is_whole()) return std::nullopt;
    return credit;
}

std::optional<End> decode_end(std::string_view message) noexcept {
    Reader reader(message);
    if (reader.head().type != Type::end) return std::nullopt;
    End end;
    end.to_owner = reader.flags(flag_to_owner) != 0;
    end.code = static_cast<uint16_t>(reader.number(2));
    if (!reader.is_whole()) return std::nullopt;
    return end;
}

}  // namespace starling::engineio::relay
