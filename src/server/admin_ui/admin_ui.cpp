#include "server/admin_ui/admin_ui.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "server/admin_ui/listing.h"
#include "server/admin_ui/part.h"
#include "server/admin_ui/shapes.h"
#include "server/socketio/socketio.h"
#include "socketio/cluster_link.h"
#include "socketio/codec/values.h"

namespace starling::server {
namespace {

// Figures that nobody has asked for yet, and namespaces in one message.
constexpr size_t events_max = 1000, namespaces_max = 1000;

std::string host_name() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return "unknown";
    return host.data();
}

sio::AdminUiOptions checked(sio::AdminUiOptions options) {
    options.namespace_name = socketio::namespace_name(options.namespace_name);
    if (options.namespace_name == "/")
        throw std::invalid_argument("admin ui: the namespace / belongs to the clients");
    if (options.username.empty()) throw std::invalid_argument("admin ui: username is empty");
    if (options.username.size() > username_bytes_max)
        throw std::invalid_argument("admin ui: username is longer than 255 bytes");
    if (const auto fault = fault_of_password_hash(options.password_hash); !fault.empty())
        throw std::invalid_argument("admin ui: password_hash " + std::string(fault));
    if (options.events_per_second_max == 0)
        throw std::invalid_argument("admin ui: events_per_second_max must be above 0");
    return options;
}

}  // namespace

AdminUi::AdminUi(SocketIo& io, sio::AdminUiOptions options)
    : io_(io),
      options_(checked(std::move(options))),
      server_id_(options_.server_id.empty() ? host_name() : options_.server_id),
      first_bytes_max_(std::min<size_t>(AdminUiListing::first_bytes_max,
                                        io.options().send_queue_bytes_max / 4 * 3)),
      sessions_(options_.username, options_.password_hash),
      started_(std::chrono::steady_clock::now()),
      passwords_(options_.username, options_.password_hash) {}

AdminUi::~AdminUi() = default;

void AdminUi::attach(WorkerGroup& group) {
    shares_.assign(group.workers.size(), {});
    for (const auto& worker : group.workers) {
        auto part = std::make_unique<AdminUiPart>(*this, *worker, io_.core(worker->index()));
        parts_.push_back(part.get());
        worker->add_part(std::move(part));
    }
}

void AdminUi::detach() noexcept { parts_.clear(); }

// From here on the connections of the workers end, each together with its part.
void AdminUi::close_handles() noexcept { closed_.store(true, std::memory_order_relaxed); }

bool AdminUi::is_own(const socketio::Namespace& nsp) const noexcept {
    return &nsp.setup() == setup_;
}

bool AdminUi::is_watched() const noexcept {
    if (!shows_sockets() || closed_.load(std::memory_order_relaxed)) return false;
    return setup_->connected.load(std::memory_order_relaxed) > 0 ||
           watched_elsewhere_.load(std::memory_order_relaxed);
}

// Never an event of the connection state recovery: it would push out those of the clients.
void AdminUi::emit(std::string_view name, const boost::json::array& args, const std::string& room,
                   Reach reach, bool volatile_event) {
    socketio::Adapter& adapter = io_.adapter();
    auto command = std::make_shared<socketio::Command>();
    command->setup = setup_;
    command->nsp = setup_->name;
    if (!room.empty()) command->target.rooms.push_back(room);
    command->target.flags.untold = true;
    command->target.flags.volatile_packet = volatile_event;
    command->target.flags.local = reach == Reach::this_node;
    const std::vector<sio::Value> values = socketio::to_values(args);
    const socketio::Settings& settings = adapter.settings();
    socketio::Encoder encoder(settings.codec, settings.decode.attachments_max);
    socketio::encode_event(encoder, settings.codec, command->nsp, name, values);
    command->packet = encoder.take();
    if (adapter.cluster() && reach == Reach::all_nodes)
        command->args = socketio::to_array(values, name);
    adapter.send(std::move(command));
}

// ---- figures ------------------------------------------------------------------------------------

void AdminUi::add(uint32_t worker, Share share) {
    const std::lock_guard lock(mutex_);
    for (auto& event : share.events)
        if (events_.size() < events_max) events_.push_back(std::move(event));
    share.events.clear();
    shares_[worker] = std::move(share);
}

boost::json::object AdminUi::stats() {
    std::map<std::string, size_t> sockets;
    io_.adapter().each_static(
        [&](const std::string& name, const socketio::NamespaceSetup&) { sockets[name] = 0; });
    size_t polling = 0;
    boost::json::array events;
    {
        const std::lock_guard lock(mutex_);
        for (const Share& share : shares_) {
            polling += share.polling;
            for (const auto& [name, count] : share.sockets) sockets[name] += count;
        }
        events.swap(events_);
    }
    boost::json::array namespaces;
    for (const auto& [name, count] : sockets)
        if (namespaces.size() < namespaces_max)
            namespaces.push_back({{"name", name}, {"socketsCount", count}});
    const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started_;
    return {{"serverId", server_id_},
            {"hostname", host_name()},
            {"pid", ::getpid()},
            {"uptime", uptime.count()},
            {"clientsCount", io_.clients()},
            {"pollingClientsCount", polling},
            {"aggregatedEvents", std::move(events)},
            {"namespaces", std::move(namespaces)}};
}

void AdminUi::send_stats() {
    boost::json::object all = stats();
    const bool in_cluster = io_.adapter().cluster() != nullptr;
    if (in_cluster || setup_->connected.load(std::memory_order_relaxed) > 0)
        emit("server_stats", {std::move(all)});
    if (in_cluster && shows_sockets()) count_pages();
}

// ---- what clients do ----------------------------------------------------------------------------

AdminUiPart& AdminUi::part_of(const socketio::Server& core) const noexcept {
    return *parts_[core.index()];
}

void AdminUi::connected(socketio::Socket& socket) {
    if (!is_watched()) return;
    AdminUiPart& part = part_of(socket.server());
    part.change("socket_connected", {shown_socket(socket, io_.secret_parameter())});
}

void AdminUi::disconnected(socketio::Socket& socket, std::string_view reason) {
    if (closed_.load(std::memory_order_relaxed)) return;
    AdminUiPart& part = part_of(socket.server());
    part.forget(socket);
    if (is_watched())
        part.change("socket_disconnected", {socket.nsp().name(), socket.id(), reason});
}

void AdminUi::room_joined(socketio::Namespace& nsp, std::string_view room, std::string_view id) {
    if (is_watched()) part_of(nsp.server()).change("room_joined", {nsp.name(), room, id});
}

void AdminUi::room_left(socketio::Namespace& nsp, std::string_view room, std::string_view id) {
    if (is_watched()) part_of(nsp.server()).change("room_left", {nsp.name(), room, id});
}

void AdminUi::data_touched(socketio::Socket& socket) {
    if (is_watched() && socket.state() == socketio::Socket::State::connected)
        part_of(socket.server()).touched(socket);
}

void AdminUi::upgraded(socketio::Socket& socket) {
    if (is_watched() && socket.state() == socketio::Socket::State::connected)
        part_of(socket.server()).transport_changed(socket);
}

void AdminUi::event_received(socketio::Socket& socket, const socketio::Packet& packet) {
    if (!is_watched() || is_own(socket.nsp())) return;
    AdminUiPart& part = part_of(socket.server());
    if (!part.has_room()) return;
    const boost::json::array& event = packet.data.get_array();
    const size_t bytes =
        packet.text.empty() ? boost::json::serialize(event).size() : packet.text.size();
    part.event("event_received", {socket.nsp().name(), socket.id(),
                                  shown_event(event, bytes, options_.payload_bytes_max)});
}

bool AdminUi::watches_sent(const socketio::Socket& socket) noexcept {
    return is_watched() && !is_own(socket.nsp()) && part_of(socket.server()).has_room();
}

void AdminUi::event_sent(socketio::Socket& socket, const Json& event, size_t bytes) {
    part_of(socket.server())
        .event("event_sent", {socket.nsp().name(), socket.id(),
                              shown_event(event.get_array(), bytes, options_.payload_bytes_max)});
}

// ---- what connections carry ---------------------------------------------------------------------

void AdminUi::opened(Worker& worker, bool polling) {
    AdminUiPart& part = *parts_[worker.index()];
    part.counts.add(EventCounts::Kind::connections);
    part.polling += polling ? 1 : 0;
}

void AdminUi::upgraded(Worker& worker) { --parts_[worker.index()]->polling; }

void AdminUi::message_in(Worker& worker, size_t bytes) {
    EventCounts& counts = parts_[worker.index()]->counts;
    counts.add(EventCounts::Kind::packets_in);
    counts.add(EventCounts::Kind::bytes_in, bytes);
}

void AdminUi::message_out(Worker& worker, size_t bytes) {
    EventCounts& counts = parts_[worker.index()]->counts;
    counts.add(EventCounts::Kind::packets_out);
    counts.add(EventCounts::Kind::bytes_out, bytes);
}

void AdminUi::closed(Worker& worker, bool polling, std::string_view reason) {
    AdminUiPart& part = *parts_[worker.index()];
    part.counts.disconnected(reason);
    part.polling -= polling ? 1 : 0;
}

}  // namespace starling::server

namespace starling::sio {

void instrument(Server& io, AdminUiOptions options) {
    auto& server = dynamic_cast<server::SocketIo&>(io);
    auto made = std::make_unique<server::AdminUi>(server, std::move(options));
    server::AdminUi& ui = *made;
    server.use_display(std::move(made), ui, ui);
    ui.set_up();
}

}  // namespace starling::sio
