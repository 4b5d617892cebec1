#include "load/measure/polling_session.h"

#include <algorithm>
#include <utility>

#include "load/measure/socketio_packets.h"

namespace starling::load {
namespace {

constexpr char separator = '\x1e';  // Between the packets of a payload.
constexpr std::string_view id = "1000";
constexpr size_t sid_bytes_max = 256;

std::string post_request(const Upgrade& upgrade, std::string_view body) {
    return request_head("POST", upgrade,
                        "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n")
        .append(body);
}

// The value of "sid" in the open packet; "": it has none that a URL can carry.
std::string_view sid_of(std::string_view packet) {
    constexpr std::string_view mark = "\"sid\":\"";
    const size_t at = packet.find(mark);
    if (at == std::string_view::npos) return {};
    const std::string_view sid = packet.substr(at + mark.size());
    const size_t size = std::min(sid.find('"'), sid.size());
    const bool plain = std::ranges::all_of(sid.substr(0, size), [](char c) {
        return base::is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '~';
    });
    return plain && size <= sid_bytes_max ? sid.substr(0, size) : std::string_view();
}

}  // namespace

PollingText::PollingText(Upgrade given, std::string_view event_name, std::string_view text)
    : upgrade(std::move(given)),
      handshake(request_head("GET", upgrade, "")),
      event(packet::event_text(id, event_name, text)),
      ack(packet::ack_text(id, text)) {}

void PollingSession::begin(const PollingText& text) {
    text_ = &text;
    session_ = {};
    step_ = Step::opening;
    owes_pong_ = false;
    request_ = &text.handshake;
}

PollingSession::Told PollingSession::fail(Fault::Kind kind, uint16_t code, std::string text) {
    fault_ = {kind, code, std::move(text)};
    return Told::fault;
}

PollingSession::Told PollingSession::take(const Response& response) {
    if (response.status != 200) return fail(Fault::Kind::status, response.status, "");
    switch (step_) {
        case Step::opening: return opened(response.body);
        case Step::posting:
            if (response.body != "ok")
                return fail(Fault::Kind::bad_answer, 0, "the answer to a POST is not ok");
            step_ = Step::getting;
            request_ = &get_;
            return Told::request;
        case Step::getting: return got(response.body);
    }
    return Told::fault;
}

PollingSession::Told PollingSession::opened(std::string_view body) {
    const SocketIoSession::Taken taken = session_.take(body.substr(0, body.find(separator)));
    const std::string_view sid = sid_of(body);
    if (taken.told != SocketIoSession::Told::reply || !session_.opened() || sid.empty())
        return fail(Fault::Kind::bad_answer, 0, "this is no Socket.IO server");
    Upgrade session = text_->upgrade;
    session.target.append("&sid=").append(sid);
    get_ = request_head("GET", session, "");
    post_ = post_request(session, text_->event);
    pong_and_post_ = post_request(session, std::string(packet::pong) + separator + text_->event);
    connect_ = post_request(session, taken.text);
    step_ = Step::posting;
    request_ = &connect_;
    return Told::request;
}

PollingSession::Told PollingSession::got(std::string_view body) {
    Told told = Told::request;
    while (!body.empty()) {
        const size_t end = std::min(body.find(separator), body.size());
        const std::string_view packet = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        const SocketIoSession::Taken taken = session_.take(packet);
        switch (taken.told) {
            case SocketIoSession::Told::reply: owes_pong_ = true; break;
            case SocketIoSession::Told::fault: return fail(taken.fault, 0, std::string(taken.text));
            case SocketIoSession::Told::refused:
                return fail(Fault::Kind::bad_answer, 0, packet::refusal_text(packet));
            case SocketIoSession::Told::joined: told = Told::joined; break;
            case SocketIoSession::Told::ack:
                if (packet != text_->ack || told == Told::acked)
                    return fail(Fault::Kind::bad_answer, 0, "an ack is not the one that is due");
                told = Told::acked;
                break;
            default: break;
        }
    }
    request_ = &get_;
    return told;
}

void PollingSession::next() {
    step_ = Step::posting;
    request_ = owes_pong_ ? &pong_and_post_ : &post_;
    owes_pong_ = false;
}

}  // namespace starling::load
