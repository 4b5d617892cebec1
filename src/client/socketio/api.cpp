// client/socketio/api.cpp: the public functions of <starling/socketio_client.h>.
#include <starling/socketio_client.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "client/options.h"
#include "client/socketio/hub.h"
#include "engineio/client_request.h"

namespace starling::sio {

using client::LoopCore;
using client::SioEndpoint;
using client::SioHost;
using client::SioHub;
using client::SioSocket;

namespace {

struct Place {
    SioEndpoint endpoint;
    std::string nsp;
};

// The answer to a poll may have so many times the bytes of a packet.
constexpr uint64_t poll_messages = 16;

std::string path_of(const ClientOptions& options) {
    std::string path = options.path;
    const auto is_sent_as_is = [](char c) { return c > ' ' && c < '\x7f' && c != '?' && c != '#'; };
    if (!std::ranges::all_of(path, is_sent_as_is) || (!path.empty() && path.front() != '/'))
        throw SyntaxError("no path of a Socket.IO endpoint: '" + path + "'");
    if (path.ends_with('/')) path.pop_back();
    if (options.add_trailing_slash || path.empty()) path += '/';
    return path;
}

// The path of the URL is the namespace, its query goes to each request.
Place place_of(std::string_view text, const ClientOptions& options) {
    auto url = ws::parse_client_url(text.substr(0, text.find('#')));
    if (!url) throw SyntaxError(url.error());
    Place place;
    place.endpoint.url = *std::move(url);
    const std::string_view target = place.endpoint.url.target;
    const size_t mark = target.find('?');
    if (mark != std::string_view::npos) place.endpoint.query = target.substr(mark + 1);
    place.nsp = target.substr(0, mark);
    for (const auto& [name, value] : options.query)
        engineio::append_query_field(place.endpoint.query, name, value);
    place.endpoint.path = path_of(options);
    place.endpoint.headers = options.extra_headers;
    place.endpoint.poll_bytes_max =
        std::min(options.message_bytes_max, UINT64_MAX / poll_messages) * poll_messages;
    auto& dialing = place.endpoint.dialing;
    dialing.tls = options.tls;
    dialing.proxy = options.proxy;
    dialing.resolve = options.resolve;
    dialing.message_bytes_max = options.message_bytes_max;
    dialing.send_queue_bytes_max = options.send_queue_bytes_max;
    dialing.ping_interval = std::chrono::milliseconds(0);  // Engine.IO has a heartbeat of its own.
    dialing.handshake_timeout = options.timeout.value_or(std::chrono::milliseconds(0));
    // What a WebSocket would refuse is refused now, also for polling.
    WebSocketOptions whole = dialing;
    whole.headers = options.extra_headers;
    (void)client::opening_options(whole);
    (void)client::settings(whole);
    return place;
}

uint64_t ms_of(std::chrono::milliseconds time, const char* name) {
    if (time.count() < 0) throw std::invalid_argument(std::string(name) + " is negative");
    return static_cast<uint64_t>(time.count());
}

socketio::client::ManagerOptions manager_options(const ClientOptions& options) {
    socketio::client::ManagerOptions out;
    if (options.eio != 3 && options.eio != 4) throw std::invalid_argument("eio is not 3 or 4");
    if (!(options.randomization_factor >= 0 && options.randomization_factor <= 1))
        throw std::invalid_argument("randomization_factor is not from 0 to 1");
    out.engine.revision = options.eio == 3 ? engineio::Revision::eio3 : engineio::Revision::eio4;
    out.engine.transports.clear();
    for (const ClientTransport one : options.transports)
        out.engine.transports.push_back(one.value() == Transport::polling
                                            ? engineio::Transport::polling
                                            : engineio::Transport::websocket);
    out.engine.queue_bytes_max = options.send_queue_bytes_max;
    out.engine.upgrade = options.upgrade;
    out.engine.remember_upgrade = options.remember_upgrade;
    out.engine.try_all_transports = options.try_all_transports;
    out.codec = options.parser == Parser::json ? socketio::Codec::json : socketio::Codec::msgpack;
    out.decode.packet_bytes_max = options.message_bytes_max;
    out.decode.repeated_bytes_max = options.message_bytes_max;
    out.auto_connect = false;  // The first turn of the loop connects, so that listeners come first.
    out.reconnection = options.reconnection;
    out.reconnection_attempts = options.reconnection_attempts;
    out.reconnection_delay_ms = ms_of(options.reconnection_delay, "reconnection_delay");
    out.reconnection_delay_max_ms = ms_of(options.reconnection_delay_max, "reconnection_delay_max");
    out.randomization_factor = options.randomization_factor;
    out.timeout_ms.reset();
    if (options.timeout) out.timeout_ms = ms_of(*options.timeout, "timeout");
    return out;
}

Answer answer_of(socketio::client::AckResult result, socketio::client::Arguments args) {
    using socketio::client::AckResult;
    Answer answer;
    switch (result) {
        case AckResult::answered: break;
        case AckResult::timed_out: answer.status = Answer::Status::timed_out; break;
        case AckResult::disconnected: answer.status = Answer::Status::disconnected; break;
        case AckResult::dropped: answer.status = Answer::Status::refused; break;
    }
    for (const Json& arg : args) answer.args.push_back(detail::own(arg));
    return answer;
}

// The host of a handle, for a call of the application.
SioHost& host_of(const std::shared_ptr<SioHost>& host) {
    if (!host || !host->loop()) throw std::logic_error("the loop of this socket has ended");
    host->loop()->check_thread();
    return *host;
}
SioSocket& here(const std::shared_ptr<SioSocket>& socket) {
    host_of(socket->host());
    return *socket;
}
// The same, for a question.
SioSocket& seen(const std::shared_ptr<SioSocket>& socket) {
    if (socket->host()) here(socket);
    return *socket;
}

}  // namespace

ClientTransport::ClientTransport(std::string_view name) : value_(Transport::polling) {
    if (name == "websocket")
        value_ = Transport::websocket;
    else if (name != "polling")
        throw std::invalid_argument("no transport of this client: " + std::string(name));
}

ClientSocket connect(ClientLoop& loop, std::string_view url, ClientOptions options) {
    LoopCore& core = LoopCore::of(loop);
    core.check_thread();
    Place place = place_of(url, options);
    const auto wanted = manager_options(options);
    SioHub& hub = SioHub::of(core);
    const std::string key = std::string(place.endpoint.url.secure ? "s " : "- ") +
                            place.endpoint.url.unix_path + " " + place.endpoint.url.host_field() +
                            " " + place.endpoint.path;
    std::shared_ptr<SioHost> host;
    const bool shares = options.multiplex && !options.force_new;
    if (shares) host = hub.shared[key].lock();
    if (!host || host->has(place.nsp)) {
        const bool first = !host;
        host = std::make_shared<SioHost>(loop, std::move(place.endpoint), wanted);
        hub.hosts.push_back(host);
        if (shares && first) hub.shared[key] = host;
    }
    socketio::client::SocketOptions socket_options{.auth = options.auth.call(),
                                                   .retries = options.retries};
    socket_options.buffered_events_max = options.buffered_events_max;
    if (options.ack_timeout)
        socket_options.ack_timeout_ms = ms_of(*options.ack_timeout, "ack_timeout");
    const auto socket = host->socket(place.nsp, socket_options);
    if (options.auto_connect) socket->connect_soon();
    return ClientSocket(socket);
}

// ---- ClientSocket -------------------------------------------------------------------------------

void ClientSocket::add_listener(std::string_view name, detail::Listener listener, bool once) const {
    here(core_).add(name, std::move(listener), once);
}
void ClientSocket::off(std::string_view name) const { here(core_).remove(name); }
void ClientSocket::off() const { here(core_).remove_all(); }
void ClientSocket::on_any(Any call) const { here(core_).add_any(std::move(call)); }
void ClientSocket::off_any() const { here(core_).remove_any(); }
void ClientSocket::on_any_outgoing(Any call) const { here(core_).add_outgoing(std::move(call)); }
void ClientSocket::off_any_outgoing() const { here(core_).remove_outgoing(); }

void ClientSocket::connect() const { here(core_).connect(); }
void ClientSocket::disconnect() const { here(core_).disconnect(); }

std::string ClientSocket::id() const { return seen(core_).core().id(); }
std::string ClientSocket::nsp() const { return seen(core_).core().nsp(); }
bool ClientSocket::connected() const { return seen(core_).core().connected(); }
bool ClientSocket::recovered() const { return seen(core_).core().recovered(); }
bool ClientSocket::active() const { return seen(core_).active(); }
ClientManager ClientSocket::io() const { return ClientManager(core_->host()); }

void ClientSocket::emit_values(std::string_view name, std::span<const Value> values) const {
    emit_flagged(name, values, {}, nullptr);
}
void ClientSocket::ask_values(std::string_view name, std::span<const Value> values,
                              OnAnswer done) const {
    emit_flagged(name, values, {}, std::move(done));
}
void ClientSocket::emit_flagged(std::string_view name, std::span<const Value> values,
                                const detail::Flags& flags, OnAnswer done) const {
    SioSocket& socket = here(core_);
    const socketio::client::EmitFlags own{
        .is_volatile = flags.volatile_packet,
        .compress = flags.compress,
        .timeout_ms = flags.timeout_ms ? std::optional(flags.timeout_ms) : std::nullopt};
    socketio::client::AckCallback ack;
    if (done)
        ack = [&socket, done = std::move(done)](socketio::client::AckResult result,
                                                socketio::client::Arguments args) {
            socket.settle(done, answer_of(result, args));
        };
    socket.host()->enter([&] { socket.emit(name, values, own, std::move(ack)); });
}

// ---- ClientManager ------------------------------------------------------------------------------

void ClientManager::add_listener(std::string_view name, detail::Listener listener,
                                 bool once) const {
    host_of(host_).add(name, std::move(listener), once);
}
void ClientManager::off(std::string_view name) const { host_of(host_).remove(name); }
void ClientManager::off() const { host_of(host_).remove_all(); }
void ClientManager::open() const {
    host_of(host_).enter([this] { host_->manager().open(); });
}
void ClientManager::close() const {
    host_of(host_).enter([this] { host_->manager().close(); });
}
void ClientManager::pause() const {
    host_of(host_).enter([this] { host_->manager().pause(); });
}
void ClientManager::resume() const {
    host_of(host_).enter([this] { host_->manager().resume(); });
}
bool ClientManager::paused() const {
    return host_ && host_->loop() && host_of(host_).manager().paused();
}
uint64_t ClientManager::buffered_amount() const {
    return host_ && host_->loop() ? host_of(host_).manager().buffered_bytes() : 0;
}
bool ClientManager::reconnecting() const {
    return host_ && host_->loop() && host_of(host_).manager().reconnecting();
}

}  // namespace starling::sio
