// Polling requests at the node that was asked.
#include <algorithm>
#include <utility>

#include "engineio/payload.h"
#include "http/response_access.h"
#include "server/engineio/engine.h"
#include "server/figures.h"
#include "server/http_connection.h"
#include "server/node_engine/peers_part.h"

namespace starling::server {
namespace {

using namespace cluster::engine;

constexpr uint64_t check_interval_ms = 250;

base::SlotKey subject_of(uint64_t number) noexcept {
    return {static_cast<uint32_t>(number >> 32), static_cast<uint32_t>(number)};
}
uint64_t number_of(base::SlotKey subject) noexcept {
    return static_cast<uint64_t>(subject.slot) << 32 | subject.generation;
}

// The packets of a body, up to the first fault.
struct Posted {
    std::vector<Packet> packets;
    bool is_faulty = false;
};

Posted packets_of(std::string_view body, engineio::PayloadKind kind) {
    engineio::PayloadReader reader(body, engineio::Revision::eio4, kind);
    using Step = engineio::PayloadReader::Step;
    Posted posted;
    Step step = Step::end;
    while ((step = reader.next()) == Step::packet) {
        const engineio::Packet& packet = reader.packet();
        posted.packets.push_back({packet.type, packet.binary, std::string(packet.data)});
    }
    posted.is_faulty = step == Step::fault;
    return posted;
}

}  // namespace

// ---- what one client may ask --------------------------------------------------------------------

int PeersPart::refusal(const peer::ClientNetwork& network, size_t body_bytes) const {
    if (body_bytes > bounds.body_bytes_max) return 413;
    const PeerShares::Share share = shares_.of(network);
    const bool is_over = share.requests >= std::max<size_t>(bounds.asked_max / 4, 1) ||
                         share.questions >= bounds.questions_max ||
                         (share.bytes != 0 && share.bytes + body_bytes > bounds.body_bytes_max / 4);
    if (is_over) return 429;
    const bool is_full = asked_.size() + forwards_.size() >= bounds.asked_max ||
                         shares_.body_bytes() + body_bytes > bounds.body_bytes_max;
    return is_full || !bus_.is_connected() ? 503 : 0;
}

PeersPart::Askeds::node_type PeersPart::forget(Askeds::iterator at) noexcept {
    const auto poll = polls_.find(at->second.sid);
    if (poll != polls_.end() && poll->second == at->first) polls_.erase(poll);
    return asked_.extract(at);
}

// ---- a client's request -------------------------------------------------------------------------

bool PeersPart::ask_lock(uint64_t number, std::string_view sid, Carrier carrier, Access access) {
    Message message{.type = Type::acquire_lock, .request = number, .sid = std::string(sid)};
    message.carrier = carrier;
    message.access = access;
    return send(std::move(message), {.of = PeerReceipt::Of::question, .id = number}) != 0;
}

// The message comes last: without memory nobody holds a lock for a request that is not here.
uint64_t PeersPart::begin(const peer::ClientNetwork& network, Asked asked) {
    const bool is_poll = asked.is_poll;
    std::string sid = asked.sid;
    asked.place = shares_.enter(network, asked.body.size());
    const uint64_t number = questions_.ask(is_poll ? Questions::Kind::poll : Questions::Kind::post,
                                           std::string(sid), now_ms());
    const auto take_back = [&] {
        if (const auto found = asked_.find(number); found != asked_.end()) forget(found);
    };
    try {
        asked_.emplace(number, std::move(asked));
        start_timer();
        if (is_poll) polls_.emplace(sid, number);
        if (ask_lock(number, sid, Carrier::polling, is_poll ? Access::read : Access::write))
            return number;
    } catch (...) {
        questions_.give_up(number, now_ms());
        take_back();
        throw;
    }
    (void)questions_.answered(number);
    take_back();
    return 0;
}

void PeersPart::ask(HttpConnection& connection, const http::Request& request,
                    const engineio::Query& query, http::Response& response) {
    const auto network = peer::ClientNetwork::of(request.remote_address());
    const bool is_poll = request.method() != "POST";
    const PostedPayload posted(request, !is_poll && query.j.has_value());
    std::string body(is_poll ? std::string_view() : posted.text(request.body()));
    int status = refusal(network, body.size());
    // A client may not poll again before it has the previous answer.
    if (status == 0 && is_poll && polls_.contains(query.sid)) status = 400;
    uint64_t number = 0;
    if (status == 0) {
        number = begin(network, Asked{.request = connection.slot_key(),
                                      .sid = std::string(query.sid),
                                      .is_poll = is_poll,
                                      .form = PollForm(engine_.options(), request, query),
                                      .body = std::move(body),
                                      .kind = posted.kind});
        if (number == 0) status = 503;
    }
    if (status != 0) {
        ++refused_count_;
        response.status(status).body("", "text/plain");
        if (status == 503 || status == 429) response.header("Retry-After", "1");
        return;
    }
    ++asked_count_;
    connection.watch(*this, subject_of(number));
    http::ResponseAccess::promise(response);
}

void PeersPart::request_ended(base::SlotKey subject, base::SlotKey, RequestEnd) {
    const uint64_t number = number_of(subject);
    const auto found = asked_.find(number);
    if (found == asked_.end()) return;
    const auto node = forget(found);
    const Asked& asked = node.mapped();
    if (asked.is_answered) return;
    questions_.give_up(number, now_ms());
    // What the owner sends now has no reader.
    if (!asked.owner.empty() && asked.is_poll)
        send_close(asked.sid, asked.owner, "transport error");
}

// This node stops.
void PeersPart::request_must_end(base::SlotKey subject, base::SlotKey) {
    const uint64_t number = number_of(subject);
    const auto found = asked_.find(number);
    if (found == asked_.end() || found->second.is_answered) return;
    if (!found->second.owner.empty() && found->second.is_poll)
        send_close(found->second.sid, found->second.owner, "transport close");
    refuse_asked(number, 503);
}

// For calls that do not come from the client. Its request has no answer any more, so it ends, and the
// client learns from that; see request_ended() for the owner.
template <class F>
void PeersPart::close_if_throws(const Asked& asked, F&& call) {
    HttpConnection* const connection = worker_.replies().find(asked.request);
    if (!connection) return call();
    connection->close_if_throws([&](HttpConnection&) { call(); });
}

// ---- the lock -----------------------------------------------------------------------------------

void PeersPart::on_lock_answer(const Message& message) {
    const auto answered = questions_.answered(message.request);
    if (!answered || answered->question.kind == Questions::Kind::upgrade) return strange();
    if (answered->is_late) {
        if (message.success) give_back(answered->question, message.sender);
        return;
    }
    const uint64_t number = message.request;
    const Questions::Kind kind = answered->question.kind;
    if (!message.success) return lock_refused(number, kind);
    if (kind == Questions::Kind::websocket) {
        PeerForward* const forward = forward_of_question(number);
        if (!forward) return;
        forward->owner_ = message.sender;
        return act(*forward, UpgradeEvent::granted);
    }
    const auto found = asked_.find(number);
    if (found == asked_.end()) return;
    Asked& asked = found->second;
    asked.place.question_ended();
    asked.due_ms = now_ms() + bounds.silence_ms_max;
    close_if_throws(asked, [&] {
        asked.owner = message.sender;
        if (!asked.is_poll) send_packets(number, asked);
    });
}

// The owner holds the lock for a request that has ended.
void PeersPart::give_back(const Questions::Question& question, const std::string& owner) {
    using Kind = Questions::Kind;
    if (question.kind == Kind::poll) return send_close(question.sid, owner, "transport error");
    if (question.kind != Kind::websocket) return;
    send({.type = Type::upgrade,
          .recipient = owner,
          .request = questions_.ask(Kind::upgrade, question.sid, now_ms()),
          .sid = question.sid});
}

void PeersPart::lock_refused(uint64_t number, Questions::Kind kind) {
    if (kind == Questions::Kind::poll || kind == Questions::Kind::post)
        return refuse_asked(number, 400);
    PeerForward* const forward = forward_of_question(number);
    if (!forward) return;
    act(*forward,
        kind == Questions::Kind::websocket ? UpgradeEvent::refused : UpgradeEvent::silence);
}

// ---- to the owner -------------------------------------------------------------------------------

void PeersPart::send_close(const std::string& sid, const std::string& owner,
                           std::string_view reason) {
    send({.type = Type::close, .recipient = owner, .sid = sid, .reason = std::string(reason)});
}

// The client gets its answer when Redis says that the owner has all of them.
void PeersPart::send_packets(uint64_t number, Asked& asked) {
    Posted posted = packets_of(asked.body, asked.kind);
    asked.body = {};
    asked.place.release_body();
    const PeerReceipt receipt{.of = PeerReceipt::Of::post, .id = number};
    std::string_view reason = posted.is_faulty ? "parse error" : "";
    for (Packet& packet : posted.packets) {
        if (packet.type == engineio::Type::close) {
            reason = "transport close";
            break;
        }
        Message message{.type = Type::packet, .recipient = asked.owner, .sid = asked.sid};
        message.packets.push_back(std::move(packet));
        if (send(std::move(message), receipt) == 0) {
            asked.is_lost = true;
            break;  // What follows has no meaning without it.
        }
        ++asked.unconfirmed;
    }
    if (!reason.empty()) send_close(asked.sid, asked.owner, reason);
    if (posted.is_faulty) return answer(number, 400, "", "text/plain");
    if (asked.unconfirmed == 0) post_confirmed(number, PeerReach::reached);
}

void PeersPart::post_confirmed(uint64_t number, PeerReach reach) {
    const auto found = asked_.find(number);
    if (found == asked_.end() || found->second.is_answered) return;
    Asked& asked = found->second;
    if (reach != PeerReach::reached) asked.is_lost = true;
    if (asked.unconfirmed > 0 && --asked.unconfirmed > 0) return;
    if (!asked.is_lost) return answer(number, 200, "ok", "text/html");
    ++lost_count_;
    send_close(asked.sid, asked.owner, "transport error");
    refuse_asked(number, 400);
}

// ---- from the owner -----------------------------------------------------------------------------

void PeersPart::on_drain(const Message& message) {
    if (PeerForward* const forward = forward_of_session(message.sid, message.sender))
        return give(*forward, message.packets);
    const auto poll = polls_.find(message.sid);
    const auto found = poll == polls_.end() ? asked_.end() : asked_.find(poll->second);
    if (found == asked_.end() || found->second.owner != message.sender || found->second.is_answered)
        return strange();
    close_if_throws(found->second,
                    [&] { answer_poll(found->first, found->second, message.packets); });
}

void PeersPart::answer_poll(uint64_t number, Asked& asked, const std::vector<Packet>& packets) {
    engineio::PayloadWriter writer(engineio::Revision::eio4, asked.form.supports_binary(),
                                   SIZE_MAX);
    for (const Packet& packet : packets) (void)writer.append(packet.view());
    if (writer.empty()) (void)writer.append({engineio::Type::noop, false, {}});
    const std::string_view type = writer.content_type();
    HttpConnection* const connection = worker_.replies().find(asked.request);
    if (!connection) return void(forget(asked_.find(number)));
    asked.form.fill(connection->response(), writer.take(), type);
    asked.is_answered = true;
    connection->end_later();  // Calls request_ended(), now or when most of it was taken.
}

void PeersPart::answer(uint64_t number, int status, std::string_view body, std::string_view type) {
    Asked& asked = asked_.at(number);
    asked.is_answered = true;
    HttpConnection* const connection = worker_.replies().find(asked.request);
    if (!connection) return void(forget(asked_.find(number)));
    connection->close_if_throws([&](HttpConnection& c) {
        c.response().status(status).body(std::string(body), type);
        if (status == 503) c.response().header("Retry-After", "1");
        c.end_later();
    });
}

void PeersPart::refuse_asked(uint64_t number, int status) {
    const auto found = asked_.find(number);
    if (found == asked_.end() || found->second.is_answered) return;
    ++refused_count_;
    questions_.give_up(number, now_ms());
    found->second.place.question_ended();
    if (status == 400)
        return answer(number, 400, engineio::error_body(engineio::Error::unknown_sid),
                      "application/json");
    answer(number, status, "", "text/plain");
}

// ---- time ---------------------------------------------------------------------------------------

void PeersPart::start_timer() {
    if (!timer_) timer_ = worker_.loop().every(check_interval_ms, [this] { check_times(); });
}

void PeersPart::check_times() {
    while (const auto late = questions_.expire(now_ms())) lock_refused(late->number, late->kind);
    std::vector<uint64_t> late;
    for (const auto& [number, asked] : asked_)
        if (asked.due_ms != 0 && asked.due_ms <= now_ms() && !asked.is_answered)
            late.push_back(number);
    for (const uint64_t number : late) {
        ++lost_count_;
        const Asked& asked = asked_.at(number);
        send_close(asked.sid, asked.owner, "transport error");
        refuse_asked(number, 503);
    }
    close_late_forwards();
    end_closed_left();
    const bool is_idle = asked_.empty() && forwards_.empty() && sockets_.empty() &&
                         questions_.open() == 0 && questions_.remembered() == 0;
    if (is_idle) worker_.loop().cancel_timer(std::exchange(timer_, 0));
}

}  // namespace starling::server
