#include "cluster/node.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::cluster {
namespace {

constexpr uint64_t echoes_kept_ms = 10'000;

// The answers that a node gives by itself, at once.
bool is_first_answer(Kind kind) noexcept {
    return kind == Kind::fetched || kind == Kind::ask_count;
}

}  // namespace

Node::Node(NodeOptions options, Bus& bus, Host& host)
    : options_(std::move(options)),
      bus_(bus),
      host_(host),
      arena_(decode_limits(options_.table_seed)),
      outbox_(options_.outbox),
      questions_(options_.questions) {}

Node::~Node() { questions_.end_all(); }

// ---- this process -------------------------------------------------------------------------------

Node::Member* Node::find(std::string_view nsp) noexcept {
    const auto found = members_.find(nsp);
    return found == members_.end() ? nullptr : found->second.get();
}

void Node::listen(const Subscription& to, Member& member) {
    auto& who = listeners_[to];
    if (who.empty()) bus_.subscribe(to);
    who.push_back(&member);
}

void Node::unlisten(const Subscription& from, const Member& member) {
    const auto found = listeners_.find(from);
    if (found == listeners_.end()) return;
    std::erase(found->second, &member);
    if (!found->second.empty()) return;
    bus_.unsubscribe(from);
    listeners_.erase(found);
}

void Node::open(std::string_view nsp) {
    auto& member = members_[std::string(nsp)];
    if (!member) {
        member = std::make_unique<Member>();
        member->nsp = nsp;
        member->dialect = make_dialect(options_.dialect, nsp, options_.uid);
        for (const auto& name : member->dialect->subscriptions()) listen(name, *member);
    }
    ++member->holders;
}

void Node::close(std::string_view nsp) {
    const auto found = members_.find(nsp);
    if (found == members_.end()) return;
    Member& member = *found->second;
    if (--member.holders > 0) return;
    for (const auto& name : member.dialect->subscriptions()) unlisten(name, member);
    for (const auto& [name, room] : member.rooms)
        if (room.subscription) unlisten(*room.subscription, member);
    members_.erase(found);
}

void Node::room_opened(std::string_view nsp, std::string_view name, bool of_one_socket) {
    Member* const member = find(nsp);
    if (!member) return;
    Room& room = member->rooms[std::string(name)];
    if (++room.holders > 1) return;
    room.subscription = member->dialect->of_room(name, of_one_socket);
    if (room.subscription) listen(*room.subscription, *member);
}

void Node::room_closed(std::string_view nsp, std::string_view name) {
    Member* const member = find(nsp);
    if (!member) return;
    const auto found = member->rooms.find(name);
    if (found == member->rooms.end() || --found->second.holders > 0) return;
    if (found->second.subscription) unlisten(*found->second.subscription, *member);
    member->rooms.erase(found);
}

void Node::each_namespace(const std::function<void(const std::string&)>& call) const {
    for (const auto& [name, member] : members_) call(name);
}

bool Node::write(const Message& message, std::string_view asker, Sending& to) {
    const Member* const member = find(message.nsp);
    const bool written =
        member
            ? member->dialect->write(message, asker, to)
            : make_dialect(options_.dialect, message.nsp, options_.uid)->write(message, asker, to);
    if (!written) ++stats_.unwritable;
    if (written && member && comes_back(message, to)) ++echoes_;
    return written;
}

// True: this node hears what it sends.
bool Node::comes_back(const Message& message, const Sending& sending) const {
    const auto& dialect = options_.dialect;
    if (sending.way == Sending::Way::stream) return true;
    if (dialect.adapter == Adapter::classic && dialect.pattern && message.kind == Kind::emit)
        return true;
    const Medium medium = sending.way == Sending::Way::spublish ? Medium::shard : Medium::channel;
    return listeners_.contains({medium, sending.name});
}

void Node::on_own(uint64_t now_ms) {
    if (std::exchange(own_, true)) return;  // One message for several namespaces.
    if (echoes_ > 0)
        --echoes_;
    else if (old_echoes_ > 0)
        --old_echoes_;
    else
        refuse("a message with the uid of this node", stats_.impostors, now_ms);
}

void Node::submit(Sending sending, Bus::Count done) {
    const bool is_live = outbox_.state() == Outbox::State::live;
    if (!is_live || !outbox_.is_empty() || bus_.is_late()) {
        is_held_ = is_held_ || (is_live && outbox_.is_empty());
        return outbox_.keep(std::move(sending), std::move(done));
    }
    ++stats_.sent;
    bus_.send(std::move(sending), std::move(done));
}

void Node::send(Message& message) {
    message.uid = options_.uid;
    Sending sending;
    if (write(message, {}, sending)) submit(std::move(sending));
}

void Node::ask(Message& message, uint64_t timeout_ms, uint64_t now_ms, OnReport report) {
    message.uid = options_.uid;
    message.request_id = options_.uid + "-" + std::to_string(++last_question_);
    if (timeout_ms == 0) timeout_ms = options_.request_timeout_ms;
    Sending sending;
    // Until the other nodes are back as well, a question waits. The copy outlives the refusal of open().
    if (outbox_.state() == Outbox::State::away || !write(message, {}, sending) ||
        !questions_.open(message.request_id, message.kind, now_ms + timeout_ms, report)) {
        ++stats_.incomplete;
        return report({.first = true, .complete = false});
    }
    submit(std::move(sending),
           [this, id = message.request_id, now_ms](std::optional<uint64_t> heard) {
               // The channel of the questions is heard by this node, too.
               if (heard) heard = *heard > 0 ? *heard - 1 : 0;
               questions_.sent(id, heard, std::max(now_ms, now_ms_));
           });
}

void Node::answer(const Asker& to, Message& answer) {
    answer.uid = options_.uid;
    answer.nsp = to.nsp;
    answer.request_id = to.request_id;
    Sending sending;
    if (write(answer, to.uid, sending)) submit(std::move(sending));
}

// ---- Redis --------------------------------------------------------------------------------------

void Node::up(uint64_t now_ms) {
    is_held_ = false;
    outbox_.up(now_ms);
    flush();
}

void Node::down() {
    outbox_.down();
    questions_.end_all();  // The answers were published to nobody.
}

bool Node::resume(uint64_t now_ms) {
    now_ms_ = now_ms;
    if (!is_held_ || bus_.is_late()) return false;
    is_held_ = false;
    outbox_.resume(now_ms);
    flush();
    return true;
}

void Node::flush() {
    while (!is_held_ && outbox_.state() == Outbox::State::live && !outbox_.is_empty()) {
        is_held_ = bus_.is_late();
        if (is_held_) return;
        ++stats_.sent;
        Outbox::Waiting next = outbox_.take();
        bus_.send(std::move(next.sending), std::move(next.done));
    }
}

void Node::on_message(const Incoming& in, uint64_t now_ms) {
    const auto found = listeners_.find(Subscription{in.medium, std::string(in.name)});
    if (found == listeners_.end()) return;
    const std::vector<Member*> who = found->second;  // A handler may close a namespace.
    own_ = false;
    for (Member* const member : who) {
        auto decoded = member->dialect->read(
            in, options_.limits, arena_,
            [member](std::string_view room) { return member->rooms.contains(room); });
        if (decoded) execute(*member, *std::move(decoded), now_ms);
    }
    arena_.clear();
}

void Node::on_too_large(uint64_t now_ms) {
    refuse("a message that is too large", stats_.too_large, now_ms);
}

void Node::on_entry(const Entry& entry, uint64_t now_ms) {
    own_ = false;
    auto decoded = read_entry(entry, options_.limits, arena_);
    if (!decoded) return refuse("an entry of the stream", stats_.malformed, now_ms);
    if (Member* const member = find((*decoded).nsp)) execute(*member, std::move(decoded), now_ms);
    arena_.clear();
}

void Node::execute(Member& member, Decoded decoded, uint64_t now_ms) {
    if (!decoded) {
        switch (decoded.error()) {
            case Refusal::malformed:
                return refuse("a message that is malformed", stats_.malformed, now_ms);
            case Refusal::unknown_type:
                return refuse("a message of an unknown type", stats_.unknown_type, now_ms);
            case Refusal::too_large:
                return refuse("a message that is too large", stats_.too_large, now_ms);
        }
    }
    Message& message = *decoded;
    if (message.uid == options_.uid) return on_own(now_ms);
    if (message.nsp != member.nsp)
        return refuse("a message for another namespace", stats_.wrong_namespace, now_ms);
    ++stats_.received;
    switch (message.kind) {
        case Kind::hello:
        case Kind::heartbeat:
        case Kind::bye: return;
        case Kind::emit: return host_.perform(message);
        case Kind::join:
        case Kind::leave:
        case Kind::disconnect:
            if (!message.sid.empty()) message.target.rooms = {message.sid};
            host_.perform(message);
            // The older form is answered by the node that has the socket.
            if (!message.sid.empty() && member.rooms.contains(message.sid) &&
                !message.request_id.empty()) {
                Message done;
                done.kind = Kind::done;
                answer({member.nsp, message.uid, message.request_id}, done);
            }
            return;
        case Kind::server_event:
            if (message.request_id.empty()) return host_.perform(message);
            return take_question(member, message);
        case Kind::ask:
        case Kind::fetch:
        case Kind::list_sockets:
        case Kind::list_rooms: return take_question(member, message);
        case Kind::fetched:
        case Kind::rooms:
        case Kind::ids:
        case Kind::done:
        case Kind::ask_count:
        case Kind::ask_ack:
        case Kind::server_answer:
            // In the classic adapter every node hears the answers to all others: no reason for a line.
            if (questions_.answered(message, now_ms)) return;
            ++stats_.strange_answers;
            if (is_own_question(message.request_id) && is_first_answer(message.kind))
                questions_.late();
            return;
    }
}

bool Node::is_own_question(std::string_view request_id) const noexcept {
    return request_id.starts_with(options_.uid) &&
           request_id.substr(options_.uid.size()).starts_with('-');
}

void Node::take_question(Member& member, Message& message) {
    Asker asker{member.nsp, message.uid, message.request_id};
    if (message.kind == Kind::list_rooms) return list_rooms(member, asker);
    if (foreign_questions_ >= options_.foreign_questions_max) {
        ++stats_.unheard_questions;
        return;
    }
    ++foreign_questions_;
    host_.ask(message, std::move(asker));
}

void Node::list_rooms(const Member& member, const Asker& to) {
    Message rooms;
    rooms.kind = Kind::rooms;
    rooms.rooms.reserve(member.rooms.size());
    for (const auto& [name, room] : member.rooms) rooms.rooms.push_back(name);
    std::ranges::sort(rooms.rooms);
    answer(to, rooms);
}

void Node::refuse(std::string_view what, uint64_t& count, uint64_t now_ms) {
    ++count;
    ++refused_;
    if (warned_ms_ != 0 && now_ms - warned_ms_ < 1000) return;
    warned_ms_ = now_ms;
    host_.warn(what, std::exchange(refused_, 0));
}

// ---- time ---------------------------------------------------------------------------------------

std::optional<uint64_t> Node::due_ms() const noexcept {
    std::optional<uint64_t> due = questions_.due_ms();
    const auto also = [&due](std::optional<uint64_t> other) {
        if (other && (!due || *other < *due)) due = other;
    };
    also(outbox_.settle_due_ms());
    if (!members_.empty()) also(outbox_.count_due_ms());
    return due;
}

void Node::on_time(uint64_t now_ms) {
    questions_.on_time(now_ms);
    if (now_ms - echoes_ms_ >= echoes_kept_ms) {
        old_echoes_ = std::exchange(echoes_, 0);
        echoes_ms_ = now_ms;
    }
    resume(now_ms);  // The answer that was late may have been one that nobody told this node of.
    outbox_.settle(now_ms);
    flush();
    const auto count = outbox_.count_due_ms();
    if (!count || *count > now_ms || members_.empty()) return;
    outbox_.counting();
    bus_.count(members_.begin()->second->dialect->questions(),
               [this, now_ms](std::optional<uint64_t> nodes) {
                   // A count that was late may miss nodes that are about to connect again.
                   outbox_.counted(is_held_ ? std::nullopt : nodes, now_ms);
                   // A count fails with its connection, and a moment later down() is called.
                   if (nodes) flush();
               });
}

NodeStats Node::stats() const {
    NodeStats stats = stats_;
    stats.dropped = outbox_.dropped();
    stats.waiting = outbox_.size();
    stats.hearing = outbox_.hearing();
    stats.incomplete += questions_.incomplete();
    return stats;
}

}  // namespace starling::cluster
