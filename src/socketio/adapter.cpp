#include "socketio/adapter.h"

#include <stdexcept>
#include <utility>

#include "socketio/cluster_link.h"
#include "socketio/codec/values.h"
#include "socketio/name_filter.h"
#include "socketio/recovery_link.h"
#include "socketio/server.h"

namespace starling::socketio {

std::string namespace_name(std::string_view name) {
    std::string full(name.starts_with('/') ? "" : "/");
    full.append(name);
    if (full.size() > DecodeLimits{}.nsp_bytes_max || full.find(',') != std::string::npos)
        throw std::invalid_argument("a namespace has at most 255 bytes and no comma");
    return full;
}

size_t Command::bytes() const noexcept {
    size_t sum = sizeof(Command) + packet.text.size() + args.size() * 256;
    for (const auto& attachment : packet.attachments) sum += attachment.size();
    for (const auto& room : target.rooms) sum += room.size() + sizeof(std::string);
    return sum;
}

Adapter::Adapter(Settings settings, std::unique_ptr<SharedHistory> history)
    : lifetime_(base::Lifetime<Adapter>::of(*this, nullptr)),
      settings_(std::move(settings)),
      history_(std::move(history)) {
    for (const sio::NamespaceLimits& one : settings_.namespace_limits)
        quotas_.push_back(std::make_unique<Quota>(one));
}

Adapter::~Adapter() { lifetime_.end(); }

void Adapter::use_cluster(ClusterLink& link) noexcept {
    cluster_ = &link;
    recovery_ = history_ ? link.recovery() : nullptr;
}

void Adapter::close() noexcept {
    lifetime_.close();
    for (Server* server : servers_) server->lifetime().close();
}

void Adapter::require_not_started() const {
    if (lifetime_.is_open())
        throw std::logic_error(
            "socket.io: namespaces, handlers and middleware are set before the server starts");
}

std::shared_ptr<NamespaceSetup> Adapter::declare(std::string_view name) {
    const std::string full = namespace_name(name);
    auto& setup = setups_[full];
    if (!setup) setup = std::make_shared<NamespaceSetup>(*this, full);
    return setup;
}

std::shared_ptr<NamespaceSetup> Adapter::declare_dynamic(std::string_view name,
                                                         sio::Server::Accept accept) {
    auto setup = std::make_shared<NamespaceSetup>(*this, std::string(name));
    setup->accept = std::move(accept);
    dynamic_.push_back(setup);
    return setup;
}

void Adapter::add_server(Server& server) {
    servers_.push_back(&server);
    if (history_) history_->with([](History& history) { history.add_reader(); });
}

void Adapter::remove_servers() noexcept {
    close();
    servers_.clear();
    if (history_) history_->with([](History& history) { history.remove_readers(); });
}

NamespaceSetup* Adapter::find_static(std::string_view name) const noexcept {
    const auto found = setups_.find(name);
    return found == setups_.end() ? nullptr : found->second.get();
}

NamespaceSetup* Adapter::find(std::string_view name, const Json& auth) const {
    if (NamespaceSetup* setup = find_static(name)) return setup;
    for (const auto& setup : dynamic_)
        if (setup->accept(name, auth)) return setup.get();
    return nullptr;
}

Quota* Adapter::quota_of(std::string_view nsp) const noexcept {
    for (const auto& quota : quotas_)
        if (name_matches(quota->limits.name, nsp)) return quota.get();
    return nullptr;
}

bool Adapter::records(std::string_view nsp) const noexcept {
    if (!history_) return false;
    const NamespaceSetup* const setup = find_static(nsp);
    return !setup || !setup->unrecorded;
}

Server* Adapter::here() const noexcept {
    for (Server* server : servers_)
        if (server->runtime().here()) return server;
    return nullptr;
}

void Adapter::send(std::shared_ptr<const Command> command) {
    Server* const mine = here();
    if (servers_.size() > (mine ? 1u : 0u))
        post_all_(command->bytes(), mine, [command](Server& server) { server.perform(*command); });
    if (cluster_ && !command->target.flags.local) cluster_->send(command);
    if (mine) mine->perform(*command);
}

void Adapter::send_recoverable(std::shared_ptr<Command> command, std::string_view name,
                               std::span<const sio::Value> values) {
    if (recovery_) return publish(std::move(command), name, values);
    history_->with([&](History& history) {
        command->offset = history.next();
        Encoder encoder(settings_.codec, settings_.decode.attachments_max);
        encode_event(encoder, settings_.codec, command->nsp, name, values, std::nullopt,
                     offset_text(command->offset));
        command->packet = encoder.take();
        history.append(command);
    });
    if (cluster_ && !command->target.flags.local) cluster_->send(command);
    drain_all();
}

void Adapter::publish(std::shared_ptr<Command> command, std::string_view name,
                      std::span<const sio::Value> values) {
    // An event that cannot be sent throws here. Its offset is not known yet.
    Encoder encoder(settings_.codec, settings_.decode.attachments_max);
    encode_event(encoder, settings_.codec, command->nsp, name, values);
    if (command->target.flags.local && !ends_in_text(values)) {
        command->packet = encoder.take();
        return send(std::move(command));
    }
    if (command->args.empty()) command->args = to_array(values, name);
    if (command->target.flags.local) return send(std::move(command));
    recovery_->publish(std::move(command));
}

void Adapter::deliver_in_order(std::shared_ptr<Command> command) {
    history_->with([&](History& history) {
        command->offset = history.next();
        history.append(command);
    });
    drain_all();
}

void Adapter::save_all_sessions() {
    for (Server* server : servers_)
        server->runtime().post([server] { server->save_all_sessions(); }, 0);
}

void Adapter::client_has_moved(const std::string& nsp, const std::string& id, bool to_other_node) {
    const auto command = std::make_shared<Command>(Command{.kind = Command::Kind::disconnect,
                                                           .nsp = nsp,
                                                           .target = {.rooms = {id}},
                                                           .close = to_other_node,
                                                           .moved = true});
    command->target.flags.local = true;
    send(command);
}

void Adapter::drain_all() {
    Server* const mine = here();
    for (Server* server : servers_)
        if (server != mine) server->post_drain();
    if (mine) mine->drain_history();
}

bool Adapter::on_any_server(std::function<void(Server&)> call, size_t bytes) {
    if (Server* mine = here()) {
        call(*mine);
        return true;
    }
    if (servers_.empty()) return false;
    Server* const first = servers_.front();
    return first->runtime().post([first, call = std::move(call)] { call(*first); }, bytes);
}

}  // namespace starling::socketio
