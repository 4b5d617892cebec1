#include "webhook/relay.h"

#include <algorithm>
#include <utility>

#include "base/json_scan.h"
#include "base/utf8.h"

namespace starling::webhook {
namespace {

enum class Kind : uint8_t {
    send = relay_kind_first,
    emit,
    close,
    join,
    leave,
    publish,
    page_request,
};

// ---- writing ------------------------------------------------------------------------------------

class Out {
public:
    Out& number(uint64_t value, size_t bytes) {
        for (size_t i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xff);
        return *this;
    }
    Out& byte(uint8_t value) { return number(value, 1); }
    Out& flag(bool value) { return byte(value ? 1 : 0); }
    Out& text(std::string_view text) {
        number(text.size(), 4);
        bytes_ += text;
        return *this;
    }
    Out& names(const NameSet& names) {
        number(names.size(), 4);
        for (size_t i = 0; i < names.size(); ++i) text(names[i]);
        return *this;
    }
    Out& selector(const Selector& selector) {
        return names(selector.conns)
            .names(selector.users)
            .names(selector.tokens)
            .byte(static_cast<uint8_t>(selector.access));
    }
    Out& payload(const Payload& payload) {
        return flag(payload.binary).flag(payload.json).text(payload.bytes);
    }
    Out& event(const Event& event) {
        text(event.name).text(event.args.json).text(event.args.with_placeholders);
        number(event.args.attachments.size(), 4);
        for (const std::string& attachment : event.args.attachments) text(attachment);
        return *this;
    }
    [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

struct Encoder {
    [[nodiscard]] static Out kind(Kind kind) {
        Out out;
        out.byte(static_cast<uint8_t>(kind));
        return out;
    }
    std::string operator()(const SendRequest& send) const {
        return kind(Kind::send).selector(send.to).payload(send.payload).take();
    }
    std::string operator()(const EmitRequest& emit) const {
        return kind(Kind::emit)
            .selector(emit.to)
            .event(emit.event)
            .flag(emit.ack_id.has_value())
            .number(emit.ack_id.value_or(0), 8)
            .take();
    }
    std::string operator()(const CloseRequest& close) const {
        return kind(Kind::close).selector(close.of).number(close.code, 2).text(close.reason).take();
    }
    std::string operator()(const JoinRequest& join) const {
        return kind(Kind::join).text(join.topic.topic).selector(join.topic.of).take();
    }
    std::string operator()(const LeaveRequest& leave) const {
        return kind(Kind::leave).text(leave.topic.topic).selector(leave.topic.of).take();
    }
    std::string operator()(const PublishRequest& publish) const {
        Out out = kind(Kind::publish);
        out.text(publish.topic).names(publish.except).flag(publish.event.has_value());
        if (publish.event)
            out.event(*publish.event);
        else
            out.payload(publish.payload);
        return out.take();
    }
};

// ---- reading ------------------------------------------------------------------------------------

bool is_array(std::string_view text) {
    const auto value = base::scan_json(text);
    return value && value->kind == base::JsonKind::array;
}

// After a fault every function returns an empty value; good() tells in the end.
class In {
public:
    explicit In(std::string_view bytes) noexcept : rest_(bytes) {}

    uint64_t number(size_t bytes) noexcept {
        if (rest_.size() < bytes) return fail(), 0;
        uint64_t value = 0;
        for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<uint8_t>(rest_[i]);
        rest_.remove_prefix(bytes);
        return value;
    }
    uint8_t byte() noexcept { return static_cast<uint8_t>(number(1)); }
    bool flag() noexcept {
        const uint8_t value = byte();
        require(value <= 1);
        return value == 1;
    }
    std::string_view bytes() noexcept {
        const uint64_t size = number(4);
        if (size > rest_.size()) return fail(), std::string_view();
        const std::string_view bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return bytes;
    }
    std::string_view text() noexcept {
        const std::string_view text = bytes();
        require(base::utf8_is_valid(text));
        return text;
    }
    // How many elements follow, each of `bytes` at least.
    size_t count(size_t bytes_each) noexcept {
        const uint64_t count = number(4);
        if (count > rest_.size() / bytes_each) return fail(), size_t{0};
        return count;
    }
    // Names are compared and never sent, so they may be any bytes.
    NameSet names() {
        NameSet names;
        for (size_t left = count(4); left > 0; --left) names.add(bytes());
        names.seal();
        return names;
    }
    Selector selector() {
        Selector selector;
        selector.conns = names();
        selector.users = names();
        selector.tokens = names();
        const uint8_t access = byte();
        require(access <= static_cast<uint8_t>(Access::public_only) && selector.given());
        selector.access = static_cast<Access>(access);
        return selector;
    }
    Payload payload() {
        Payload payload;
        payload.binary = flag();
        payload.json = flag();
        payload.bytes = payload.binary ? bytes() : text();
        return payload;
    }
    Event event() {
        Event event;
        event.name = text();
        require(!event.name.empty() && event.name.size() <= name_bytes_max);
        event.args.json = text();
        event.args.with_placeholders = text();
        const size_t attachments = count(4);
        require(attachments <= attachments_max &&
                (attachments == 0) == event.args.with_placeholders.empty());
        for (size_t i = 0; good_ && i < attachments; ++i)
            event.args.attachments.emplace_back(bytes());
        require(is_array(event.args.json) && is_array(event.args.packet_json()));
        return event;
    }
    std::string topic() {
        std::string topic(text());
        require(is_topic(topic));
        return topic;
    }
    void require(bool holds) noexcept {
        if (!holds) fail();
    }
    // Everything was there, and nothing is left.
    [[nodiscard]] bool good() const noexcept { return good_ && rest_.empty(); }

private:
    void fail() noexcept {
        good_ = false;
        rest_ = {};
    }

    std::string_view rest_;
    bool good_ = true;
};

EmitRequest read_emit(In& in) {
    EmitRequest emit;
    emit.to = in.selector();
    emit.event = in.event();
    const bool has_ack = in.flag();
    const uint64_t ack_id = in.number(8);
    in.require(ack_id <= static_cast<uint64_t>(ack_id_max) && (has_ack || ack_id == 0));
    if (has_ack) emit.ack_id = ack_id;
    return emit;
}

CloseRequest read_close(In& in) {
    CloseRequest close;
    close.of = in.selector();
    close.code = static_cast<uint16_t>(in.number(2));
    close.reason = in.text();
    in.require(is_close_code(close.code) && close.reason.size() <= reason_bytes_max);
    return close;
}

TopicRequest read_topic(In& in) {
    TopicRequest topic;
    topic.topic = in.topic();
    topic.of = in.selector();
    return topic;
}

PublishRequest read_publish(In& in) {
    PublishRequest publish;
    publish.topic = in.topic();
    publish.except = in.names();
    if (in.flag())
        publish.event = in.event();
    else
        publish.payload = in.payload();
    return publish;
}

PageRequest read_page_request(In& in) {
    PageRequest request;
    for (size_t left = in.count(4); left > 0; --left) request.users.emplace_back(in.bytes());
    in.require(std::ranges::is_sorted(request.users));
    if (in.flag()) {
        auto& after = request.after.emplace();
        after.user = in.bytes();
        after.is_public = in.flag();
        after.conn_id = in.bytes();
    }
    request.entries_max = static_cast<uint16_t>(in.number(2));
    in.require(request.entries_max >= 1 && request.entries_max <= page_entries_max);
    request.with_tokens = in.flag();
    return request;
}

std::optional<Relayed> read(Kind kind, In& in) {
    switch (kind) {
        case Kind::send: {
            SendRequest send;
            send.to = in.selector();
            send.payload = in.payload();
            return ControlRequest(std::move(send));
        }
        case Kind::emit: return ControlRequest(read_emit(in));
        case Kind::close: return ControlRequest(read_close(in));
        case Kind::join: return ControlRequest(JoinRequest{read_topic(in)});
        case Kind::leave: return ControlRequest(LeaveRequest{read_topic(in)});
        case Kind::publish: return ControlRequest(read_publish(in));
        case Kind::page_request: return read_page_request(in);
    }
    return std::nullopt;
}

}  // namespace

std::string encode(const ControlRequest& request) { return std::visit(Encoder{}, request); }

std::string encode(const PageRequest& request) {
    Out out = Encoder::kind(Kind::page_request);
    out.number(request.users.size(), 4);
    for (const std::string& user : request.users) out.text(user);
    out.flag(request.after.has_value());
    if (request.after)
        out.text(request.after->user).flag(request.after->is_public).text(request.after->conn_id);
    return out.number(request.entries_max, 2).flag(request.with_tokens).take();
}

std::string encode(const Page& page) {
    Out out;
    out.flag(page.more).number(page.entries.size(), 4);
    for (const PageEntry& entry : page.entries)
        out.text(entry.user)
            .text(entry.conn_id)
            .text(entry.token)
            .text(entry.user_agent)
            .flag(entry.is_public);
    return out.take();
}

std::string encode(const Share& share) {
    return Out().number(share.connections, 8).flag(share.complete).take();
}

std::optional<Relayed> decode_relayed(std::string_view bytes) {
    In in(bytes);
    auto relayed = read(static_cast<Kind>(in.byte()), in);
    if (!in.good()) return std::nullopt;
    return relayed;
}

std::optional<Page> decode_page(std::string_view bytes) {
    In in(bytes);
    Page page;
    page.more = in.flag();
    constexpr size_t entry_bytes_min = 17;
    for (size_t left = in.count(entry_bytes_min); left > 0; --left) {
        PageEntry entry;
        entry.user = in.text();
        entry.conn_id = in.text();
        entry.token = in.bytes();
        entry.user_agent = in.bytes();
        entry.is_public = in.flag();
        page.entries.push_back(std::move(entry));
    }
    const auto key = [](const PageEntry& entry) { return entry.key(); };
    in.require(page.entries.size() <= page_entries_max &&
               std::ranges::is_sorted(page.entries, std::ranges::less{}, key) &&
               (!page.more || !page.entries.empty()));
    if (!in.good()) return std::nullopt;
    return page;
}

std::optional<Share> decode_share(std::string_view bytes) {
    In in(bytes);
    Share share;
    share.connections = in.number(8);
    share.complete = in.flag();
    if (!in.good()) return std::nullopt;
    return share;
}

}  // namespace starling::webhook
