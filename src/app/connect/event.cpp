#include "app/connect/event.h"

#include <boost/json.hpp>

#include <array>
#include <charconv>
#include <cmath>

#include "app/connect/close_words.h"
#include "app/connect/printable.h"
#include "base/json_text.h"

namespace starling::app::connect {
namespace {

std::string_view name_of(Direction direction) { return direction == Direction::in ? "in" : "out"; }

std::string spaced(std::span<const sio::Json> args) {
    std::string text;
    for (const sio::Json& arg : args) {
        text += ' ';
        append_json(text, arg);
    }
    return text;
}

// JSON has no infinities; JavaScript writes null for them.
void append_double(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    constexpr double exact_max = 1e15;
    std::array<char, 32> digits;
    const bool whole = std::trunc(number) == number && std::abs(number) < exact_max;
    const auto end = whole
                         ? std::to_chars(digits.data(), digits.data() + digits.size(),
                                         static_cast<int64_t>(number))
                               .ptr
                         : std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

std::string_view view_of(const boost::json::string& text) { return {text.data(), text.size()}; }

std::string quoted(std::string_view text) {
    std::string json;
    base::append_json_string(json, text);
    return json;
}

}  // namespace

Members& Members::add(std::string_view name, std::string_view text) {
    return add_json(name, quoted(text));
}
Members& Members::add(std::string_view name, uint64_t number) {
    return add_json(name, std::to_string(number));
}
Members& Members::add(std::string_view name, bool value) {
    return add_json(name, value ? "true" : "false");
}
Members& Members::add_json(std::string_view name, std::string_view json) {
    text_ += ',';
    base::append_json_string(text_, name);
    text_.append(":").append(json);
    return *this;
}

Event open_event(std::string_view url, std::string_view protocol, std::string_view extensions) {
    Event event{.name = "open", .words = "connected to " + std::string(url)};
    if (!protocol.empty()) event.words.append(", subprotocol ").append(protocol);
    if (!extensions.empty()) event.words.append(", ").append(extensions);
    event.members.add("url", url).add("protocol", protocol).add("extensions", extensions);
    return event;
}

Event close_event(uint16_t code, std::string_view reason, bool was_clean, bool in_order) {
    Event event{.name = "close", .words = "closed: " + describe_close(code, reason)};
    if (!in_order) event.mark = Event::Mark::fault;
    event.members.add("code", uint64_t{code}).add("words", close_words(code));
    event.members.add("reason", reason).add("clean", was_clean);
    return event;
}

Event error_event(std::string_view message, int status, std::string_view body) {
    constexpr size_t body_bytes_max = 1024;
    Event event{.name = "error", .mark = Event::Mark::fault, .words = std::string(message)};
    body = body.substr(0, body_bytes_max);
    const std::string_view shown = body.substr(0, body.find_last_not_of(" \t\r\n") + 1);
    if (!shown.empty()) event.words.append(": ").append(shown);
    event.members.add("message", message);
    if (status != 0) event.members.add("status", static_cast<uint64_t>(status)).add("body", body);
    return event;
}

Event ping_event(Direction direction, std::string_view payload) {
    Event event{.name = "ping", .mark = Event::Mark::ping, .words = "ping"};
    if (!payload.empty()) event.words.append(" ").append(payload);
    event.members.add("direction", name_of(direction)).add("data", payload);
    if (direction == Direction::out) event.words.insert(0, "sent ");
    return event;
}

Event pong_event(Direction direction, std::string_view payload,
                 std::optional<std::chrono::milliseconds> round_trip) {
    Event event{.name = "pong", .mark = Event::Mark::ping, .words = "pong"};
    if (direction == Direction::out) event.words.insert(0, "sent ");
    event.members.add("direction", name_of(direction));
    if (round_trip) {  // The payload is one of the library.
        const auto ms = static_cast<uint64_t>(round_trip->count());
        event.words += ", round trip " + std::to_string(ms) + " ms";
        event.members.add("round_trip_ms", ms);
        return event;
    }
    if (!payload.empty()) event.words.append(" ").append(payload);
    event.members.add("data", payload);
    return event;
}

Event notice_event(std::string_view words) {
    Event event{.name = "notice", .words = std::string(words)};
    event.members.add("message", words);
    return event;
}

// ---- Socket.IO ----------------------------------------------------------------------------------

void append_json(std::string& out, const sio::Json& value) {
    if (const auto bytes = sio::Binary::view(value)) {
        out.append(R"({"base64":")").append(base64(*bytes)).append("\"}");
    } else if (const auto* text = value.if_string()) {
        base::append_json_string(out, view_of(*text));
    } else if (const auto* array = value.if_array()) {
        out += json_list({array->data(), array->size()});
    } else if (const auto* object = value.if_object()) {
        char before = '{';
        for (const auto& member : *object) {
            out += before;
            base::append_json_string(out, {member.key().data(), member.key().size()});
            out += ':';
            append_json(out, member.value());
            before = ',';
        }
        out += object->empty() ? "{}" : "}";
    } else if (const double* number = value.if_double()) {
        append_double(out, *number);
    } else {
        out += boost::json::serialize(value);
    }
}

std::string json_list(std::span<const sio::Json> args) {
    std::string text = "[";
    for (const sio::Json& arg : args) {
        if (text.size() > 1) text += ',';
        append_json(text, arg);
    }
    return text + "]";
}

Event connected_event(std::string_view nsp, std::string_view id, bool recovered) {
    Event event{.name = "connect", .words = "entered namespace " + std::string(nsp)};
    if (!id.empty()) event.words.append(", id ").append(id);
    if (recovered) event.words += ", recovered";
    event.members.add("namespace", nsp).add("id", id).add("recovered", recovered);
    return event;
}

Event socketio_event(Direction direction, std::string_view name, std::span<const sio::Json> args,
                     uint64_t answer) {
    const bool in = direction == Direction::in;
    Event event{.name = "event",
                .mark = in ? Event::Mark::in : Event::Mark::out,
                .words = std::string(name) + spaced(args)};
    if (in) event.piped = event.words;
    event.members.add("direction", name_of(direction)).add("name", name);
    event.members.add_json("args", json_list(args));
    if (answer == 0) return event;
    event.words += " (asks for an ack: answer " + std::to_string(answer) + " JSON...)";
    event.members.add("answer", answer);
    return event;
}

Event ack_event(std::string_view name, std::span<const sio::Json> args) {
    Event event{
        .name = "ack", .mark = Event::Mark::in, .words = "ack " + std::string(name) + spaced(args)};
    event.piped = event.words;
    event.members.add("direction", "in").add("name", name).add_json("args", json_list(args));
    return event;
}

Event no_ack_event(std::string_view name, std::string_view why) {
    Event event{.name = "no_ack",
                .mark = Event::Mark::fault,
                .words = "no ack for " + std::string(name) + ": " + std::string(why)};
    event.members.add("name", name).add("reason", why);
    return event;
}

Event answered_event(uint64_t number, std::span<const sio::Json> args) {
    Event event{.name = "ack",
                .mark = Event::Mark::out,
                .words = "answer " + std::to_string(number) + spaced(args)};
    event.members.add("direction", "out").add("answer", number);
    event.members.add_json("args", json_list(args));
    return event;
}

Event disconnected_event(std::string_view reason) {
    Event event{.name = "disconnect", .words = "disconnected: " + std::string(reason)};
    event.members.add("reason", reason);
    return event;
}

Event connect_error_event(const sio::Json& error) {
    const auto member = [object = error.if_object()](const char* name) {
        const sio::Json* const found = object ? object->if_contains(name) : nullptr;
        return found ? *found : sio::Json();
    };
    const auto text = [](const sio::Json& value) {
        return value.is_string() ? std::string(value.get_string()) : std::string();
    };
    std::string message = text(member("message"));
    if (message.empty()) message = "no connection";
    const std::string reason = text(member("reason"));
    Event event{
        .name = "connect_error", .mark = Event::Mark::fault, .words = "cannot connect: " + message};
    event.members.add("message", message);
    const auto add_json = [&](const char* name) {
        const sio::Json value = member(name);
        if (value.is_null()) return;
        std::string json;
        append_json(json, value);
        event.words += " " + json;
        event.members.add_json(name, json);
    };
    add_json("code");
    if (!reason.empty()) {
        // Without a status, the reason says all.
        event.words = event.words.ends_with(message) ? reason : event.words + ": " + reason;
        event.members.add("reason", reason);
    }
    add_json("data");
    return event;
}

Event reconnecting_event(uint64_t attempt) {
    Event event{.name = "reconnect_attempt",
                .words = "reconnecting, attempt " + std::to_string(attempt)};
    event.members.add("attempt", attempt);
    return event;
}

Event reconnected_event(uint64_t attempts) {
    Event event{.name = "reconnect", .words = "reconnected at attempt " + std::to_string(attempts)};
    event.members.add("attempt", attempts);
    return event;
}

// ---- Server events ------------------------------------------------------------------------------

Event stream_event(std::string_view url) {
    Event event{.name = "open", .words = "listening to " + std::string(url)};
    event.members.add("url", url);
    return event;
}

Event server_event(const SseEvent& from) {
    Event event{.name = "event", .mark = Event::Mark::in};
    if (from.type != "message") event.words = from.type;
    if (!from.id.empty()) event.words.append(event.words.empty() ? "id " : ", id ").append(from.id);
    if (!event.words.empty()) event.words += ": ";
    event.words += from.data;
    event.piped = std::string(from.data);
    event.members.add("type", from.type).add("id", from.id).add("data", from.data);
    return event;
}

Event retry_event(std::string_view why, uint64_t wait_ms, std::string_view last_id) {
    Event event{
        .name = "retry",
        .words = std::string(why) + "; connecting again in " + std::to_string(wait_ms) + " ms"};
    if (!last_id.empty()) event.words.append(", from id ").append(last_id);
    event.members.add("reason", why).add("wait_ms", wait_ms).add("last_event_id", last_id);
    return event;
}

}  // namespace starling::app::connect
