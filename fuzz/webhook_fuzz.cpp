// Fuzzes what clients and applications send to the gateway. The first byte chooses: a client's
// text, which is inserted into a webhook; the bodies of the control API, with both ways of reading;
// the actions of an answer; what another node of a cluster sends. A webhook's body must be JSON
// whatever a client sent, a decoded request must be within its limits, and a request must reach
// another node unchanged.
#include <starling/json.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "base/json_text.h"
#include "base/utf8.h"
#include "webhook/actions.h"
#include "webhook/body.h"
#include "webhook/control.h"
#include "webhook/relay.h"

namespace {

using namespace starling;
using namespace starling::webhook;

void require(bool condition) {
    if (!condition) std::abort();
}

// Boost.JSON refuses some JSON that is passed on unchanged: half of a surrogate pair, numbers out
// of range.
bool agrees(std::string_view text, bool accepted) {
    const bool other = parse_json(text, base::json_scan_depth_max).has_value();
    return other ? accepted
                 : !accepted || base::json_has_lone_surrogate(text) ||
                       text.find_first_of("eE0123456789") != text.npos;
}

void as_client(std::string_view text) {
    if (!base::utf8_is_valid(text)) text = {};
    const ClientText message = read_client_text(text);
    require(agrees(text, message.json.has_value()));
    require(!is_ping(message) || message.json->kind == base::JsonKind::object);
    const Client client({.conn_id = "c", .user = text.substr(0, text.size() % 256)});
    for (const Data data : {Data::whole, Data::objects_only}) {
        const std::string value = data_of(message, data);
        std::string body;
        append_body(body, Action::message, value, client);
        // The body is one level deeper than its data.
        require(base::scan_json(body) || message.json);
        if (message.json && data == Data::whole) require(value == text);
    }
}

void check(const NameSet& names, size_t bytes_max) {
    require(names.size() <= names_max);
    for (size_t i = 0; i < names.size(); ++i) {
        require(names[i].size() <= bytes_max && base::utf8_is_valid(names[i]));
        require(names.contains(names[i]));
    }
}

void check(const Selector& selector) {
    check(selector.conns, name_bytes_max);
    check(selector.users, name_bytes_max);
    check(selector.tokens, SIZE_MAX);
}

void check(const Payload& payload) {
    require(payload.binary || base::utf8_is_valid(payload.bytes));
}

void check(const Arguments& args) {
    const auto json = base::scan_json(args.json);
    const auto packet = base::scan_json(args.packet_json());
    require(json && json->kind == base::JsonKind::array);
    require(packet && packet->kind == base::JsonKind::array);
    require(args.attachments.size() <= attachments_max);
    require(args.attachments.empty() == args.with_placeholders.empty());
}

void check(const Event& event) {
    require(!event.name.empty() && event.name.size() <= name_bytes_max);
    require(base::utf8_is_valid(event.name));
    check(event.args);
    require(base::scan_json(event_text(event)).has_value());
}

// The event of a client goes on in a body that is JSON.
void as_event(std::string_view array) {
    if (!base::utf8_is_valid(array)) array = {};
    const std::string text = event_text(array);
    const auto json = base::scan_json(array);
    if (!json || json->kind != base::JsonKind::array) return require(text.empty());
    if (text.empty()) return;
    // The arguments are one level deeper than in the array: an item of its deepest level is refused.
    if (!base::scan_json("[" + std::string(array) + "]")) return;
    require(base::scan_json(text).has_value());
    require(text.starts_with("{\"event\":\"") && text.ends_with("]}"));
}

// A request that the control API has read is the same on another node.
void check_relayed(const ControlRequest& request) {
    const std::string bytes = encode(request);
    const auto relayed = decode_relayed(bytes);
    require(relayed && encode(std::get<ControlRequest>(*relayed)) == bytes);
}

void as_relayed(std::string_view bytes) {
    if (const auto relayed = decode_relayed(bytes)) {
        if (const auto* const request = std::get_if<ControlRequest>(&*relayed)) {
            check_relayed(*request);
            if (const auto* emit = std::get_if<EmitRequest>(request)) check(emit->event);
            if (const auto* send = std::get_if<SendRequest>(request)) check(send->payload);
            if (const auto* close = std::get_if<CloseRequest>(request))
                require(close->of.given() && is_close_code(close->code));
        } else {
            require(encode(std::get<PageRequest>(*relayed)) == bytes);
        }
    }
    if (const auto page = decode_page(bytes)) require(encode(*page) == bytes);
    if (const auto share = decode_share(bytes)) require(encode(*share) == bytes);
}

void as_control(std::string_view body) {
    for (const Reading reading : {Reading::strict, Reading::lenient}) {
        const bool strict = reading == Reading::strict;
        const auto send = read_send(body, reading);
        const auto emit = read_emit(body, reading);
        const auto close = read_close(body, reading);
        const auto topic = read_topic(body, reading);
        const auto publish = read_publish(body, reading);
        if (send) {
            require(send->to.given());
            check(send->payload);
            check_relayed(*send);
            if (strict) check(send->to);
        } else {
            require(send.error().find(": ") != std::string::npos);
        }
        if (emit) {
            require(emit->to.given());
            check(emit->event);
            check_relayed(*emit);
        }
        if (close) {
            require(close->of.given() && is_close_code(close->code));
            require(close->reason.size() <= reason_bytes_max);
            if (strict) check(close->of);
            check_relayed(*close);
        }
        if (topic) {
            require(topic->of.given() && is_topic(topic->topic));
            check_relayed(JoinRequest{*topic});
        }
        if (publish) {
            require(is_topic(publish->topic));
            check(publish->payload);
            if (publish->event) check(*publish->event);
            check_relayed(*publish);
        }
    }
}

void as_actions(std::string_view body) {
    for (const bool admission : {false, true}) {
        const Actions actions = read_actions(body, admission);
        require(admission || !actions.accept);
        if (actions.accept) {
            require(actions.accept->session.size() <= session_bytes_max);
            require(actions.accept->session.empty() || base::scan_json(actions.accept->session));
            for (const auto& topic : actions.accept->topics) require(is_topic(topic));
        }
        for (const auto& action : actions.list) {
            if (const auto* send = std::get_if<SendRequest>(&action)) check(send->payload);
            if (const auto* emit = std::get_if<EmitRequest>(&action)) check(emit->event);
            if (const auto* ack = std::get_if<AckRequest>(&action)) {
                require(ack->ack_id <= uint64_t(ack_id_max));
                check(ack->args);
            }
            if (const auto* join = std::get_if<Join>(&action))
                for (const auto& topic : join->topics) require(is_topic(topic));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0:
            as_client(text);
            as_event(text);
            break;
        case 1: as_control(text); break;
        case 2: as_actions(text); break;
        default: as_relayed(text); break;
    }
    return 0;
}
