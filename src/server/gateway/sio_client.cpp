#include "server/gateway/sio_client.h"

#include <starling/socketio.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/checked_cast.h"
#include "server/gateway/identity.h"
#include "server/gateway/outgoing.h"
#include "server/gateway/part.h"
#include "server/gateway/sio_text.h"
#include "server/socketio/socketio.h"
#include "socketio/connection.h"
#include "socketio/namespace.h"
#include "socketio/quota.h"
#include "socketio/server.h"
#include "socketio/socket.h"

namespace starling::server {
namespace {

constexpr std::string_view too_much_waits = "too many webhooks wait for the application";

// Owner: GatewayPart. This object is the member of topics, not the socket, because it turns a
// publication into a packet of Socket.IO.
class SioClient final : public GatewayClient, private hub::Subscriber {
public:
    using GatewayClient::GatewayClient;
    ~SioClient() override { route.part.worker.hub().leave_all(*this); }

    void send(Outgoing& message) override {
        route.part.worker.hub().catch_up(*this);
        (void)put(message);
    }
    void close(uint16_t, std::string_view) override {
        if (!socket_ || std::exchange(closing_, true)) return;
        // Disconnect later: the caller may be iterating over all clients.
        route.part.post(*this, [](GatewayClient& client) {
            base::checked_cast<SioClient>(client).disconnect();
        });
    }
    void ack(uint64_t id, const webhook::Arguments& args) override {
        if (!socket_ || closing_) return;
        route.part.worker.hub().catch_up(*this);
        const socketio::Server::CallScope scope(socket_->server());
        socketio::Transport& transport = socket_->connection().transport();
        transport.send(ack_packet(socket_->nsp().name(), id, args), false, args.attachments, true);
    }
    void pause() override {
        if (!socket_ || std::exchange(pausing_, true)) return;
        socket_->connection().pause();
    }
    void resume() override {
        if (socket_ && std::exchange(pausing_, false)) socket_->connection().resume();
    }
    bool join(std::string_view topic) override {
        if (!socket_) return false;
        uint32_t topics_max = ws::Route().topics_max;
        socketio::Quota* const quota = socket_->nsp().quota();
        const uint32_t rooms_max = quota ? quota->limits.rooms_max : 0;
        if (rooms_max != 0) topics_max = std::min(topics_max, rooms_max);
        const auto result = route.part.worker.hub().join(*this, topic, topics_max);
        if (topics_max == rooms_max && result == hub::Hub::Join::too_many)
            socketio::Quota::count(quota->refused_rooms);
        return result == hub::Hub::Join::joined || result == hub::Hub::Join::already;
    }
    bool leave(std::string_view topic) override {
        return route.part.worker.hub().leave(*this, topic);
    }
    [[nodiscard]] const hub::Subscriber* subscriber() const noexcept override {
        return socket_ ? this : nullptr;
    }

    [[nodiscard]] bool is_closing() const noexcept { return closing_; }
    void set_socket(socketio::Socket& socket) noexcept { socket_ = &socket; }
    // The socket has left, possibly while the caller iterates over all clients or over a topic's
    // members. Therefore the client ends later.
    void socket_left() {
        resume();  // So that the other sockets of the connection are read again.
        socket_ = nullptr;
        route.part.post(*this, [](GatewayClient& client) {
            GatewayPart& part = client.route.part;
            part.worker.hub().leave_all(base::checked_cast<SioClient>(client));
            part.closed(std::unique_ptr<GatewayClient>(&client));
        });
    }

private:
    void deliver(hub::Publication& publication) override {
        // A kept publication of another part may be given first.
        Outgoing* const outgoing = route.part.publishing();
        if (outgoing &&
            outgoing->websocket().message.bytes.data() == publication.message.bytes.data()) {
            publication.taken += put(*outgoing);
            return;
        }
        Outgoing message(publication.message);  // Published by another part of the program.
        publication.taken += put(message);
    }

    // Returns how many clients took the message: 0 or 1.
    size_t put(Outgoing& message) {
        if (!socket_ || closing_) return 0;
        const socketio::Server::CallScope scope(socket_->server());
        if (message.ack_id() && !await(*message.ack_id())) return 0;
        auto& pieces = message.socketio(socket_->nsp().name());
        const size_t before = pieces.front().publication.taken;
        for (Outgoing::Piece& piece : pieces)
            if (socket_) socket_->deliver(piece.publication);  // A full queue ends the connection.
        return pieces.front().publication.taken - before;
    }

    // Waits for the client's ack of an event. False: the client owes too many acks. If the ack does not come in time,
    // the application gets nothing.
    [[nodiscard]] bool await(uint64_t id) {
        const uint64_t deadline_ms =
            route.part.worker.loop().now_ms() + socket_->server().settings().ack_timeout_ms;
        const auto answered = [&part = route.part, key = slot_key(),
                               id](const sio::Answer& answer) {
            GatewayClient* const client = answer ? part.find(key) : nullptr;
            if (client) part.acknowledged(*client, json_text(sio::Json(answer.args)), id);
        };
        return socket_->await(id, deadline_ms, answered);
    }

    // Disconnects the socket. If it is the connection's only socket, the connection ends, too.
    void disconnect() {
        if (!socket_) return;
        const socketio::Server::CallScope scope(socket_->server());
        socket_->disconnect(socket_->connection().sockets() == 1);
    }

    socketio::Socket* socket_ = nullptr;  // Null unless the socket is connected.
    bool closing_ = false;
    bool pausing_ = false;
};

// The link from a socket to its client. Before the socket connects: to the client about which the
// application is asked.
struct SioLink {
    SioLink(GatewayPart& p, base::SlotKey k) : part(p), key(k) {}
    SioLink(const SioLink&) = delete;
    SioLink& operator=(const SioLink&) = delete;
    ~SioLink() {
        if (admitted) part.left_admitted(std::move(admitted));
        part.left_asking(key);
    }

    GatewayPart& part;
    base::SlotKey key;
    std::unique_ptr<GatewayClient>
        admitted;  // The application admitted the client; the socket is not connected yet.
};

sio::Error error_of(uint16_t status, std::string message) {
    return {.message = std::move(message), .data = {{"status", status}}};
}

// The Socket.IO server of one route, and what happens in it.
class SioClients final : public SioRoute, private socketio::EventSink {
public:
    SioClients(Gateway& gateway, size_t route)
        : gateway_(gateway), route_(route), io_(options(), this) {
        listen(io_);
        listen(io_.of_matching([](std::string_view, const sio::Json&) { return true; }));
    }

    void mount(Site& site) override { io_.mount(site); }
    void attach(WorkerGroup& group) override { io_.attach(group); }
    void detach() noexcept override { io_.detach(); }
    void server_stops(Worker& worker) override { io_.server_stops(worker); }
    void successor_serves(Worker& worker) override { io_.successor_serves(worker); }
    void connections_ended(Worker& worker) override { io_.connections_ended(worker); }
    void add_stats(ServerStats& stats) const override { io_.add_stats(stats); }
    void add_figures(Figures& figures) const override { io_.add_figures(figures); }
    void add_figures(Worker& worker, Figures& figures) override {
        io_.add_figures(worker, figures);
    }
    void each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) override {
        io_.each_room(worker, call);
    }
    void close_handles() noexcept override { io_.close_handles(); }
    [[nodiscard]] sio::Server& io() noexcept override { return io_; }

private:
    // The variable's address identifies the type of a socket's object.
    static constexpr char link_tag = 0;

    [[nodiscard]] const GatewayRoute& site() const { return *gateway_.routes()[route_]; }
    [[nodiscard]] GatewayPart& part_of(const socketio::Socket& socket) const {
        return gateway_.part(socket.server().index());
    }
    static SioLink* link_of(const socketio::Socket& socket) noexcept {
        return static_cast<SioLink*>(socket.object(&link_tag));
    }

    [[nodiscard]] sio::Options options() {
        const gateway::Route& route = site().options;
        sio::Options options = route.socketio
                                   ? *route.socketio
                                   : sio::Options{.serve_client = false, .allow_eio3 = true};
        options.path =
            route.path.ends_with('/') ? route.path.substr(0, route.path.size() - 1) : route.path;
        options.max_http_buffer_size = site().message_bytes_max;
        options.cleanup_empty_child_namespaces = true;
        if (site().any_origin)
            options.origins = {"*"};
        else
            options.origins.insert(options.origins.end(), route.origins.begin(),
                                   route.origins.end());
        if (!options.origins.empty() && !options.cors) {
            options.cors.emplace().origins = options.origins;
            options.cors->credentials =
                std::ranges::find(options.origins, "*") == options.origins.end();
        }
        options.allow_request = [this](const http::Request& request) { return refusal(request); };
        return options;
    }

    // The reason to refuse a handshake; nothing: the handshake is accepted.
    [[nodiscard]] std::optional<std::string> refusal(const http::Request& request) const {
        if (!gateway_.budget().has_room()) return std::string(too_much_waits);
        const auto identity = read_identity({.fields = request.headers(),
                                             .address = request.remote_address(),
                                             .from_trusted_proxy = request.from_trusted_proxy()},
                                            site(), {}, {});
        return identity ? std::nullopt : std::optional(identity.error());
    }

    void listen(sio::Namespace& nsp) {
        nsp.use([this](sio::Socket handle, sio::Next next) { admit(handle, next); });
        nsp.on_connection([this](sio::Socket handle) { connected(handle); });
        nsp.on_disconnect([this](sio::Socket handle, std::string_view) { left(handle); });
    }

    [[nodiscard]] std::unique_ptr<SioClient> make(socketio::Socket& socket) {
        GatewayPart& part = part_of(socket);
        GatewayRoutePart& route = part.route(route_);
        const base::SlotKey key = part.next_key();
        const auto conn_id = part.make_conn_id(key);
        const auto token = part.make_token();
        const socketio::ConnectInfo& info = socket.connection().transport().info();
        const std::string head = info.head();
        const std::vector<http::Field> fields = header_fields(head);
        const auto identity = read_identity({.fields = fields,
                                             .address = info.address(),
                                             .from_trusted_proxy = info.facts().from_trusted_proxy},
                                            route.site, {conn_id.data(), conn_id.size()},
                                            {token.data(), token.size()});
        if (!identity) throw std::logic_error("refusal() has read the same request");
        webhook::ClientFields known = identity->fields();
        if (socket.nsp().name() != "/") known.nsp = socket.nsp().name();
        auto client =
            std::make_unique<SioClient>(route, key, known, webhook::Delivery::Begin::with_open);
        if (const sio::Json auth = socket.auth(); auth.is_object() && !auth.get_object().empty())
            client->open_with(json_text(auth));
        return client;
    }

    void admit(const sio::Socket& handle, const sio::Next& next) {
        socketio::Socket* const socket = socketio::Server::find_here(handle);
        if (!socket) return;
        if (!gateway_.budget().has_room()) return next(error_of(503, std::string(too_much_waits)));
        GatewayPart& part = part_of(*socket);
        if (site().options.admission != gateway::Admission::ask || !part.route(route_).application)
            return next();
        auto client = make(*socket);
        socket->set_object(std::make_shared<SioLink>(part, client->slot_key()), &link_tag);
        part.ask(std::move(client), [handle, next](GatewayPart::Decision decision) {
            if (!decision.client)
                return next(
                    error_of(decision.status, "the application does not let this client in"));
            // The socket that asked still exists: otherwise left_asking() has dropped this call.
            link_of(*socketio::Server::find_here(handle))->admitted = std::move(decision.client);
            next();
        });
    }

    void connected(const sio::Socket& handle) {
        socketio::Socket& socket = *socketio::Server::find_here(handle);
        SioLink* const link = link_of(socket);
        std::unique_ptr<GatewayClient> made =
            link ? std::move(link->admitted) : std::unique_ptr<GatewayClient>(make(socket));
        if (!link)
            socket.set_object(std::make_shared<SioLink>(part_of(socket), made->slot_key()),
                              &link_tag);
        base::checked_cast<SioClient>(*made).set_socket(socket);
        GatewayClient& client = *made.release();  // From here on the part owns the client.
        client.route.part.opened(client);
    }

    void left(const sio::Socket& handle) {
        const socketio::Socket* const socket = socketio::Server::find_here(handle);
        const SioLink* const link = socket ? link_of(*socket) : nullptr;
        if (SioClient* const client = link ? client_of(*link) : nullptr) client->socket_left();
    }

    void on_event(socketio::Socket& socket, const socketio::ClientEvent& event) override {
        const SioLink* const link = link_of(socket);
        SioClient* const client = link ? client_of(*link) : nullptr;
        if (!client || client->is_closing()) return;
        std::string data = webhook::event_text(event.text);
        if (data.empty()) data = event_json(event.data);
        client->route.part.received(*client, std::move(data), event.ack_id);
    }

    static SioClient* client_of(const SioLink& link) noexcept {
        GatewayClient* const client = link.part.find(link.key);
        return client ? &base::checked_cast<SioClient>(*client) : nullptr;
    }

    Gateway& gateway_;
    const size_t route_;
    SocketIo io_;
};

}  // namespace

std::unique_ptr<SioRoute> make_sio_clients(Gateway& gateway, size_t route) {
    return std::make_unique<SioClients>(gateway, route);
}

}  // namespace starling::server
