#include "client/socketio/wire.h"

#include <utility>

#include "base/text.h"
#include "client/socketio/hub.h"
#include "engineio/client_request.h"

namespace starling::client {

using engineio::Frame;
using engineio::PayloadKind;
using engineio::Transport;

namespace {

// For the answer to the last POST.
constexpr uint64_t leftover_ms = 5'000;

std::string origin_of(const ws::ClientUrl& url, bool websocket) {
    const char* const scheme = websocket ? (url.secure ? "wss://" : "ws://") : "";
    return scheme + url.host_field();
}

}  // namespace

SioWire::SioWire(ClientLoop& loop, const SioEndpoint& endpoint, engineio::ClientSession& session,
                 SioHost& host)
    : loop_(loop), core_(LoopCore::of(loop)), endpoint_(endpoint), session_(session), host_(host) {}

SioWire::~SioWire() = default;

std::string SioWire::target(Transport transport) const {
    return engineio::client_target({.path = endpoint_.path,
                                    .query = endpoint_.query,
                                    .revision = session_.revision(),
                                    .transport = transport,
                                    .sid = session_.sid()});
}

HttpLane::Request SioWire::request(std::string_view method, std::string body,
                                   std::string_view content_type) const {
    std::string head(method);
    head.append(" ").append(target(Transport::polling)).append(" HTTP/1.1\r\nHost: ");
    head.append(endpoint_.url.host_field()).append("\r\nAccept: */*\r\n");
    if (!endpoint_.url.authorization.empty())
        head.append("Authorization: ").append(endpoint_.url.authorization).append("\r\n");
    for (const auto& [name, value] : endpoint_.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    if (method == "POST") {
        head.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
        head.append(std::to_string(body.size())).append("\r\n");
    }
    head.append("\r\n");
    return {std::move(head), std::move(body), method == "GET"};
}

void SioWire::poll() {
    if (!get_)
        get_ = std::make_unique<HttpLane>(core_, endpoint_.url, endpoint_.dialing,
                                          endpoint_.poll_bytes_max);
    get_->send(request("GET", {}, {}), [this](HttpLane::Response response) {
        host_.enter([this, &response] {
            if (response.status != 200)
                return session_.on_poll_error(response.status, response.failure);
            session_.on_poll(std::move(response.body),
                             engineio::payload_kind(response.content_type), core_.net().now_ms());
        });
    });
}

void SioWire::post(std::string body, PayloadKind kind) {
    const char* const type =
        kind == PayloadKind::binary ? "application/octet-stream" : "text/plain;charset=UTF-8";
    // A POST is never sent twice: it gets a new connection.
    post_ = std::make_unique<HttpLane>(core_, endpoint_.url, endpoint_.dialing,
                                       endpoint_.poll_bytes_max);
    post_->send(request("POST", std::move(body), type), [this](HttpLane::Response response) {
        host_.enter([this, response = std::move(response)] {
            if (response.status != 200)
                return session_.on_post_error(response.status, response.failure);
            session_.on_post();
        });
    });
}

void SioWire::open_websocket() {
    WebSocketOptions options = endpoint_.dialing;
    options.headers = endpoint_.headers;
    if (!endpoint_.url.authorization.empty())
        options.headers.emplace_back("Authorization", endpoint_.url.authorization);
    const std::string url =
        endpoint_.url.unix_path.empty()
            ? origin_of(endpoint_.url, true) + target(Transport::websocket)
            : "ws+unix:" + endpoint_.url.unix_path + ":" + target(Transport::websocket);
    websocket_ = std::make_unique<WebSocket>(loop_, url, std::move(options));
    listen(*websocket_);
}

void SioWire::listen(WebSocket& socket) {
    socket.onopen = [this] { host_.enter([this] { session_.on_websocket_open(); }); };
    socket.onmessage = [this](const MessageEvent& event) {
        host_.enter([&] {
            const uint64_t now_ms = core_.net().now_ms();
            if (event.is_binary())
                session_.on_websocket_bytes(base::text_of(event.bytes()), now_ms);
            else
                session_.on_websocket_text(event.text(), now_ms);
        });
    };
    socket.onerror = [this](const ErrorEvent& event) {
        host_.enter([&] { session_.on_websocket_error(event.message); });
    };
    socket.onclose = [this](const CloseEvent& event) {
        host_.enter([&] { session_.on_websocket_closed(event.code); });
    };
    if (watches_drain_) listen_for_drain(socket);
}

bool SioWire::send(const Frame& frame, bool) {
    if (!websocket_ || websocket_->ready_state() != WebSocket::OPEN) return true;
    if (frame.head.empty()) {
        websocket_->send(ws::Message(base::bytes_of(frame.data)));
        return true;
    }
    std::string whole;
    whole.reserve(frame.head.size() + frame.data.size());
    whole.append(frame.head).append(frame.data);
    if (frame.binary)
        websocket_->send(ws::Message(base::bytes_of(whole)));
    else
        websocket_->send(ws::Message(std::string_view(whole)));
    return true;
}

uint64_t SioWire::buffered_bytes() const noexcept {
    return websocket_ ? websocket_->buffered_amount() : 0;
}

void SioWire::watch_drain() {
    if (!std::exchange(watches_drain_, true) && websocket_) listen_for_drain(*websocket_);
}

void SioWire::listen_for_drain(WebSocket& socket) {
    socket.add_event_listener("drain",
                              [this] { host_.enter([this] { session_.on_websocket_drained(); }); });
}

// The probe of a WebSocket goes on.
void SioWire::pause() {
    if (get_) get_->pause();
    if (websocket_ && session_.transport() == Transport::websocket) websocket_->pause();
}

void SioWire::resume() {
    if (get_) get_->resume();
    if (websocket_) websocket_->resume();
}

// Called also within a handler of the WebSocket, which may be destroyed there.
void SioWire::close_websocket() {
    const auto socket = std::shared_ptr<WebSocket>(std::move(websocket_));
    if (!socket) return;
    socket->onopen = nullptr;
    socket->onmessage = nullptr;
    socket->onerror = nullptr;
    if (socket->ready_state() == WebSocket::OPEN) {
        socket->onclose = nullptr;
        socket->close(1000);
    }
    // The closing handshake ends by itself; its timeout is that of the options.
    loop_.post([socket] {});
}

void SioWire::reset() {
    get_.reset();
    post_.reset();
    close_websocket();
}

void SioWire::finish() {
    close_websocket();
    if (!post_ || !post_->busy()) return reset();
    if (get_) get_->resume();
    SioHub& hub = host_.hub();
    const uint64_t key = ++hub.last_leftover;
    SioLeftover& left = hub.leftovers[key];
    left = {std::move(get_), std::move(post_)};
    const auto erase = [&hub, key] { hub.leftovers.erase(key); };
    left.timer = core_.add_timer(leftover_ms, false, erase);
    if (left.get && left.get->busy()) left.get->hand_over([](const HttpLane::Response&) {});
    left.post->hand_over([&core = core_, erase, timer = left.timer](const HttpLane::Response&) {
        core.cancel(timer);
        erase();
    });
}

}  // namespace starling::client
