#include "socketio/family.h"

#include <stdexcept>
#include <utility>

#include "socketio/core.h"
#include "socketio/values.h"

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

Family::Family(Settings settings, std::unique_ptr<SharedHistory> history)
    : settings_(std::move(settings)), history_(std::move(history)) {}

Family::~Family() = default;

void Family::require_not_started() const {
    if (started_)
        throw std::logic_error(
            "socket.io: namespaces, handlers and middleware are set before the server starts");
}

std::shared_ptr<Registry> Family::declare(std::string_view name) {
    const std::string full = namespace_name(name);
    auto& registry = registries_[full];
    if (!registry) registry = std::make_shared<Registry>(*this, full);
    return registry;
}

std::shared_ptr<Registry> Family::declare_dynamic(std::string_view name,
                                                  sio::Server::Accept accept) {
    auto registry = std::make_shared<Registry>(*this, std::string(name));
    registry->accept = std::move(accept);
    dynamic_.push_back(registry);
    return registry;
}

void Family::add_core(Core& core) {
    cores_.push_back(&core);
    if (history_) history_->with([](History& history) { history.add_reader(); });
}

void Family::remove_cores() noexcept {
    cores_.clear();
    started_ = false;
    if (history_) history_->with([](History& history) { history.remove_readers(); });
}

Registry* Family::find_static(std::string_view name) const noexcept {
    const auto found = registries_.find(name);
    return found == registries_.end() ? nullptr : found->second.get();
}

Registry* Family::find(std::string_view name, const Json& auth) const {
    if (Registry* registry = find_static(name)) return registry;
    for (const auto& registry : dynamic_)
        if (registry->accept(name, auth)) return registry.get();
    return nullptr;
}

Core* Family::here() const noexcept {
    for (Core* core : cores_)
        if (core->host().here()) return core;
    return nullptr;
}

void Family::send(std::shared_ptr<const Command> command) {
    Core* const mine = here();
    for (Core* core : cores_)
        if (core != mine)
            core->host().post([core, command] { core->perform(*command); }, command->bytes());
    if (mine) mine->perform(*command);
}

void Family::send_recoverable(std::shared_ptr<Command> command, std::string_view name,
                              std::span<const sio::Value> values) {
    history_->with([&](History& history) {
        command->offset = history.next();
        Encoder encoder(settings_.codec);
        encode_event(encoder, settings_.codec, command->nsp, name, values, std::nullopt,
                     offset_text(command->offset));
        command->packet = encoder.take();
        history.append(command);
    });
    Core* const mine = here();
    for (Core* core : cores_)
        if (core != mine) core->post_drain();
    if (mine) mine->drain_history();
}

bool Family::on_a_core(std::function<void(Core&)> call, size_t bytes) {
    if (Core* mine = here()) {
        call(*mine);
        return true;
    }
    if (cores_.empty()) return false;
    Core* const first = cores_.front();
    return first->host().post([first, call = std::move(call)] { call(*first); }, bytes);
}

}  // namespace starling::socketio
