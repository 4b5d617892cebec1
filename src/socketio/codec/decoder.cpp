#include "socketio/codec/decoder.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "socketio/codec/msgpack_reader.h"
#include "socketio/codec/reserved.h"

namespace starling::socketio {
namespace {

// Removes the number at the front of `text` and returns it; nullopt if the number is above `max`.
std::optional<uint64_t> take_number(std::string_view& text, uint64_t max) {
    const char* const end = text.data() + text.size();
    uint64_t number = 0;
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || number > max) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
    return number;
}

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Reads the digits and blanks in front of the data as JavaScript's Number() does: blanks around a
// number are skipped, blanks alone are 0. False: there are blanks within the number, or it is above
// `max`.
bool take_ack_id(std::string_view& text, uint64_t max, std::optional<uint64_t>& id) {
    const auto skip_blanks = [&text] {
        const auto end = std::ranges::find_if_not(text, is_blank);
        const bool any = end != text.begin();
        text.remove_prefix(static_cast<size_t>(end - text.begin()));
        return any;
    };
    const bool blanks = skip_blanks();
    if (text.empty() || !base::is_digit(text[0])) {
        if (blanks) id = 0;
        return true;
    }
    id = take_number(text, max);
    skip_blanks();
    return id && (text.empty() || !base::is_digit(text[0]));
}

struct Head {
    std::string_view fault;  // "": no fault.
    Packet packet;           // The type may be a binary one here.
    size_t attachments = 0;
    std::string_view json;
};

bool is_binary(Type type) { return type == Type::binary_event || type == Type::binary_ack; }

Head head_fault(std::string_view reason) {
    Head head;
    head.fault = reason;
    return head;
}

Head read_head(std::string_view text, const DecodeLimits& limits) {
    Head head;
    Packet& packet = head.packet;
    if (text.empty() || text[0] < '0' || text[0] > '6') return head_fault("unknown packet type");
    packet.type = static_cast<Type>(text[0] - '0');
    text.remove_prefix(1);
    if (is_binary(packet.type)) {
        const bool leading_zero = text.size() > 1 && text[0] == '0' && base::is_digit(text[1]);
        const auto count = take_number(text, limits.attachments_max);
        if (leading_zero || !count || *count == 0 || !text.starts_with('-'))
            return head_fault("illegal number of attachments");
        head.attachments = *count;
        text.remove_prefix(1);
    }
    if (text.starts_with('/')) {
        // Client 1.4 sends `0/admin` without the comma.
        const size_t end = std::min(text.find(','), text.size());
        packet.nsp = text.substr(0, end);
        split_query(packet);
        if (packet.nsp.size() > limits.nsp_bytes_max) return head_fault("namespace too long");
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (!take_ack_id(text, ack_id_max, packet.id)) return head_fault("illegal ack id");
    head.json = text;
    return head;
}

// Calls `visit` for each placeholder below `root`. Stops and returns false when `visit` returns
// false. The value with which `visit` replaces a placeholder is not visited.
template <class Visit>
bool each_placeholder(Json& root, Visit visit) {
    std::vector<Json*> open{&root};
    while (!open.empty()) {
        Json& value = *open.back();
        open.pop_back();
        if (auto* array = value.if_array()) {
            for (Json& item : *array)
                if (item.is_structured()) open.push_back(&item);
        } else if (auto* object = value.if_object()) {
            const Json* mark = object->if_contains("_placeholder");
            if (mark && mark->is_bool() && mark->get_bool()) {
                if (!visit(value)) return false;
                continue;
            }
            for (auto& member : *object)
                if (member.value().is_structured()) open.push_back(&member.value());
        }
    }
    return true;
}

std::optional<size_t> index_of(const Json& placeholder, size_t count) {
    const Json* num = placeholder.get_object().if_contains("num");
    if (!num) return std::nullopt;
    double index = -1;
    if (num->is_int64())
        index = static_cast<double>(num->get_int64());
    else if (num->is_double())
        index = num->get_double();
    if (!(index >= 0) || index >= static_cast<double>(count) || index != std::trunc(index))
        return std::nullopt;
    return static_cast<size_t>(index);
}

// Reads the JSON behind the head into the packet. Returns the fault, or "".
std::string_view read_data(Head& head, Arena& arena) {
    Packet& packet = head.packet;
    const Json* data = nullptr;
    if (!head.json.empty()) {
        // No client sends blanks in front of the JSON.
        constexpr std::string_view first = "[{\"";
        if (first.find(head.json[0]) == std::string_view::npos) return "invalid payload";
        auto json = arena.read_json(head.json);
        if (!json) return "invalid JSON";
        packet.take_data(std::move(*json));
        data = &packet.data;
    }
    return shape_is_valid(packet.type, data, arena.limits()) ? "" : "invalid payload";
}

Outcome finished(Packet packet) {
    if (packet.type == Type::binary_event) packet.type = Type::event;
    if (packet.type == Type::binary_ack) packet.type = Type::ack;
    return {Outcome::Kind::packet, {}, std::move(packet)};
}

bool fill(Json& data, const std::vector<std::string>& attachments, Arena& arena) {
    std::vector<bool> used(attachments.size());
    size_t repeated_bytes = 0;
    return each_placeholder(data, [&](Json& value) {
        const size_t index = *index_of(value, attachments.size());
        const std::string& bytes = attachments[index];
        if (used[index]) repeated_bytes += bytes.size();
        if (repeated_bytes > arena.limits().repeated_bytes_max) return false;
        used[index] = true;
        boost::json::object object(arena.storage());
        object.emplace(Binary::mark, boost::json::string(bytes, arena.storage()));
        value = std::move(object);
        return true;
    });
}

}  // namespace

Outcome fault(std::string_view reason) noexcept { return {Outcome::Kind::fault, reason, {}}; }

bool shape_is_valid(Type type, const Json* data, const DecodeLimits& limits) noexcept {
    switch (type) {
        case Type::connect: return !data || data->is_object();
        case Type::disconnect: return !data;
        case Type::connect_error: return data && (data->is_string() || data->is_object());
        case Type::ack:
        case Type::binary_ack: return !data || data->is_array();
        case Type::event:
        case Type::binary_event: break;
    }
    const auto* items = data ? data->if_array() : nullptr;
    if (!items || items->empty()) return false;
    const Json& first = items->front();
    // The name 1e400 would be infinite, and cannot be sent.
    if (first.is_number()) return !first.is_double() || std::isfinite(first.get_double());
    const auto* text = first.if_string();
    if (!text || text->size() > limits.event_name_bytes_max) return false;
    const std::string_view name(text->data(), text->size());
    return !is_reserved_event(name);
}

void split_query(Packet& packet) noexcept {
    const size_t mark = packet.nsp.find('?');
    if (mark == std::string_view::npos) return;
    packet.query = packet.nsp.substr(mark + 1);
    packet.nsp = packet.nsp.substr(0, mark);
}

struct Decoder::Pending {
    std::string text;
    size_t due;    // The number of announced attachments.
    size_t bytes;  // Size of the text and of the attachments that came.
    std::vector<std::string> attachments;
};

Decoder::Decoder(Codec codec) noexcept : codec_(codec) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

size_t Decoder::pending_bytes() const noexcept { return pending_ ? pending_->bytes : 0; }

Outcome Decoder::add_text(std::string_view text, Arena& arena) {
    if (codec_ == Codec::msgpack) return fault("text where MessagePack was due");
    if (pending_) return fault("text where an attachment was due");
    arena.clear();
    Head head = read_head(text, arena.limits());
    if (head.fault.empty()) head.fault = read_data(head, arena);
    if (!head.fault.empty()) return fault(head.fault);
    if (is_binary(head.packet.type)) {
        // A packet with more placeholders than attachments_max could not be sent on.
        size_t count = 0;
        const bool valid = each_placeholder(head.packet.data, [&](Json& value) {
            return ++count <= arena.limits().attachments_max &&
                   index_of(value, head.attachments).has_value();
        });
        if (!valid) return fault("illegal placeholder");
        if (head.attachments > 0) {
            pending_ = std::make_unique<Pending>(
                Pending{std::string(text), head.attachments, text.size(), {}});
            return {};
        }
    } else {
        head.packet.text = head.json;
    }
    return finished(std::move(head.packet));
}

Outcome Decoder::add_bytes(std::span<const std::byte> bytes, Arena& arena) {
    if (codec_ == Codec::msgpack) return read_msgpack(bytes, arena);
    if (!pending_) return fault("bytes where none were due");
    if (bytes.size() > arena.limits().packet_bytes_max -
                           std::min(pending_->bytes, arena.limits().packet_bytes_max))
        return fault("packet too long");
    pending_->bytes += bytes.size();
    pending_->attachments.emplace_back(base::text_of(bytes));
    if (pending_->attachments.size() < pending_->due) return {};

    // Read the text again: to keep the values while the packet waits would cost more.
    const std::unique_ptr<Pending> whole = std::move(pending_);
    arena.clear();
    Head head = read_head(whole->text, arena.limits());
    if (head.fault.empty()) head.fault = read_data(head, arena);
    if (!head.fault.empty()) return fault(head.fault);
    if (!fill(head.packet.data, whole->attachments, arena))
        return fault("attachments repeated too often");
    // Also a "/" from the packet is a view of the text, which is freed here.
    head.packet.nsp = head.packet.nsp == "/" ? std::string_view("/") : arena.keep(head.packet.nsp);
    head.packet.query = arena.keep(head.packet.query);
    return finished(std::move(head.packet));
}

}  // namespace starling::socketio
