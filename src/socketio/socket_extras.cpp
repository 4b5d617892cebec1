#include "socketio/socket_extras.h"

#include <algorithm>
#include <utility>

#include "http/url.h"
#include "socketio/codec/values.h"
#include "socketio/connection.h"
#include "socketio/namespace.h"
#include "socketio/observer.h"
#include "socketio/server.h"

namespace starling::socketio {

Socket::Extras& Socket::extras() {
    if (extras_) return *extras_;
    auto made = std::make_unique<Extras>();
    const auto lock = server().lifetime().lock();  // Another thread may ask for the user.
    extras_ = std::move(made);
    return *extras_;
}

// ---- acks that are awaited ----------------------------------------------------------------------

bool Socket::await(uint64_t id, uint64_t deadline_ms, sio::OnAnswer done) {
    auto& acks = extras().acks;
    if (acks.size() >= server().settings().pending_acks_max) return false;
    const auto timer = server().at(deadline_ms, Server::Timer::ack, slot_key(), id);
    acks.push_back({id, timer.when_ms, timer.number, std::move(done)});
    return true;
}

std::optional<Socket::PendingAck> Socket::take_ack(uint64_t id) {
    if (!extras_) return std::nullopt;
    auto& acks = extras_->acks;
    const auto found = std::ranges::find(acks, id, &PendingAck::id);
    if (found == acks.end()) return std::nullopt;
    PendingAck taken = std::move(*found);
    acks.erase(found);
    return taken;
}

void Socket::on_ack(uint64_t id, const Json& data) {
    const auto pending = take_ack(id);
    if (!pending) return;  // No ack is awaited, or the ack has timed out.
    server().cancel({pending->due_ms, pending->timer});
    sio::Answer answer;
    if (const auto* args = data.if_array())
        answer.args = *args;  // Without data ("431") the answer has no arguments.
    pending->done(answer);
}

void Socket::ack_timed_out(uint64_t id) {
    if (const auto pending = take_ack(id))
        pending->done({.status = sio::Answer::Status::timed_out});
}

bool Socket::cancel_timers() {
    if (!extras_) return true;
    server().cancel({extras_->login_due_ms, extras_->login_timer});
    bool calm = true;
    for (const auto& pending : std::exchange(extras_->acks, {})) {
        server().cancel({pending.due_ms, pending.timer});
        calm &= server().log_if_throws(
            "ack", [&] { pending.done({.status = sio::Answer::Status::disconnected}); });
    }
    return calm;
}

void Socket::set_login_timer(uint64_t due_ms, uint64_t number) {
    extras().login_due_ms = due_ms;
    extras_->login_timer = number;
}

// ---- catch-all listeners, middleware ------------------------------------------------------------

void Socket::on_any(sio::Socket::Any call, bool first) {
    auto& any = extras().any;
    any.insert(first ? any.begin() : any.end(),
               std::make_shared<const sio::Socket::Any>(std::move(call)));
}

void Socket::off_any() {
    if (extras_) extras_->any.clear();
}

void Socket::on_any_outgoing(sio::Socket::Any call) {
    extras().any_outgoing.push_back(std::make_shared<const sio::Socket::Any>(std::move(call)));
}

void Socket::off_any_outgoing() {
    if (extras_) extras_->any_outgoing.clear();
}

bool Socket::watches_outgoing() const noexcept {
    if (Observer* const observer = server().observer()) [[unlikely]]
        if (observer->watches_sent(*this)) return true;
    return has_outgoing_listeners();
}

bool Socket::has_outgoing_listeners() const noexcept {
    return extras_ && !extras_->any_outgoing.empty() && !server().tells_outgoing();
}

// Decodes the sent packet again: outgoing listeners get the same arguments for every way of
// sending, and sockets without such listeners cost nothing.
void Socket::notify_outgoing(std::string_view text, bool text_is_binary,
                             std::span<const std::string> attachments) {
    Arena arena(server()
                    .settings()
                    .decode);  // The worker's Arena holds the arguments of the running handler.
    Decoder decoder(server().settings().codec);
    Outcome outcome = text_is_binary ? decoder.add_bytes(base::bytes_of(text), arena)
                                     : decoder.add_text(text.substr(1), arena);
    for (const auto& attachment : attachments)
        if (outcome.kind == Outcome::Kind::pending)
            outcome = decoder.add_bytes(base::bytes_of(attachment), arena);
    if (outcome.kind != Outcome::Kind::packet || outcome.packet.type != Type::event) return;
    const auto& items = outcome.packet.data.get_array();
    const auto* name = items.front().if_string();
    if (!name) return;
    if (Observer* const observer = server().observer()) {
        size_t bytes = text.size() - (text_is_binary ? 0 : 1);  // Without the type of Engine.IO.
        for (const auto& attachment : attachments) bytes += attachment.size();
        observer->event_sent(*this, outcome.packet.data, bytes);
    }
    if (!has_outgoing_listeners()) return;
    const std::vector<Json> args = own_values({items.data() + 1, items.size() - 1});
    server().tell_outgoing([&] {
        for (const auto& call : std::vector(extras_->any_outgoing))
            (*call)({name->data(), name->size()}, args);
    });
}

void Socket::use(sio::Socket::PacketMiddleware guard) {
    extras().middleware.push_back(
        std::make_shared<const sio::Socket::PacketMiddleware>(std::move(guard)));
}

// ---- coroutines ---------------------------------------------------------------------------------

detail::Scope& Socket::coroutines() {
    auto& scope = extras().coroutines;
    if (!scope) scope = std::make_unique<detail::Scope>();
    return *scope;
}

void Socket::end_coroutines() noexcept {
    if (extras_) extras_->coroutines.reset();
}

// ---- data ---------------------------------------------------------------------------------------

Json& Socket::data() {
    server().session_changed(*this);
    if (Observer* const observer = server().observer()) observer->data_touched(*this);
    return extras().data;
}
const Json* Socket::data_if() const noexcept { return extras_ ? &extras_->data : nullptr; }

void Socket::set_object(std::shared_ptr<void> object, const void* tag) {
    extras().object = std::move(object);
    extras_->object_tag = tag;
}

void* Socket::object(const void* tag) const noexcept {
    return extras_ && extras_->object_tag == tag ? extras_->object.get() : nullptr;
}

void Socket::set_auth(Json auth) {
    if (!auth.is_null()) extras().auth = std::move(auth);
}

Json Socket::auth() const { return extras_ ? extras_->auth : Json(); }

void Socket::set_user(std::string user) {
    if (!user.empty()) extras().user = std::move(user);
}
std::string_view Socket::user() const noexcept {
    return extras_ ? std::string_view(extras_->user) : std::string_view();
}

void Socket::set_private_id(std::string pid, bool recovered) {
    extras().private_id = std::move(pid);
    extras_->recovered = recovered;
}
std::string_view Socket::private_id() const noexcept {
    return extras_ ? std::string_view(extras_->private_id) : std::string_view();
}
void Socket::set_begin(std::optional<StreamId> begin) { extras().begin = begin; }
std::optional<StreamId> Socket::begin() const noexcept {
    return extras_ ? extras_->begin : std::nullopt;
}
bool Socket::mark_unsaved() noexcept {
    if (state_ != State::connected || private_id().empty()) return false;
    return !std::exchange(extras_->unsaved, true);
}
bool Socket::mark_saved(uint64_t print) noexcept {
    extras_->unsaved = false;
    return std::exchange(extras_->saved_print, print) != print;
}
bool Socket::recovered() const noexcept { return extras_ && extras_->recovered; }

sio::Handshake Socket::handshake() const {
    const ConnectInfo& info = connection_.transport().info();
    sio::Handshake handshake;
    const ConnectInfo::Facts facts = info.facts();
    const std::string head = info.head();
    std::string_view rest = head;
    const auto line = [&rest] {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const auto found = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return found;
    };
    handshake.url = line();
    handshake.headers.reserve(static_cast<size_t>(std::ranges::count(rest, '\n')) + 1);
    while (!rest.empty()) {
        const auto field = line();
        const size_t colon = std::min(field.find(": "), field.size());
        handshake.headers.emplace_back(field.substr(0, colon),
                                       field.substr(std::min(colon + 2, field.size())));
    }
    const size_t question = handshake.url.find('?');
    if (question != std::string::npos)
        handshake.query = http::form_fields(std::string_view(handshake.url).substr(question + 1));
    handshake.address = info.address();
    handshake.user = user();
    handshake.xdomain = facts.xdomain;
    handshake.secure = facts.secure;
    handshake.issued_ms = facts.issued_ms;
    handshake.auth = auth();
    return handshake;
}

}  // namespace starling::socketio
