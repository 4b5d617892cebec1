// The side of the node that owns a session: requests of other nodes, and the messages of both
// sides.
#include <algorithm>
#include <string>
#include <utility>

#include "base/exception_text.h"
#include "engineio/ids.h"
#include "http/request_parts.h"
#include "http/response_access.h"
#include "http/target.h"
#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/kept_request.h"
#include "server/engineio/relay_part.h"

namespace starling::server {
namespace {

namespace relay = engineio::relay;
using relay::Type;

// "Name: value\r\n" for each. A Response has checked them.
std::vector<http::Field> fields_of(std::string_view lines) {
    std::vector<http::Field> fields;
    while (!lines.empty()) {
        const size_t end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
        const size_t colon = line.find(": ");
        if (colon != std::string_view::npos)
            fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
    }
    return fields;
}

// Answers up to this size leave always: those to POSTs, noops and refusals.
constexpr size_t small_answer_bytes = 1024;

uint64_t serial_of(base::SlotKey key) noexcept {
    return static_cast<uint64_t>(key.slot & ~relayed_slot_bit) << 32 | key.generation;
}

// Messages that wait for a worker within a bound.
bool is_large(Type type) noexcept {
    return type == Type::request || type == Type::answer || type == Type::upgrade ||
           type == Type::frame;
}

relay::Head answer_head_of(uint64_t id) noexcept {
    return {.type = Type::answer, .worker = static_cast<uint16_t>(id >> 48), .id = id};
}

}  // namespace

// ---- Exchange -----------------------------------------------------------------------------------

void Exchange::watch(EngineWorker& host, base::SlotKey session) const noexcept {
    if (connection_) return connection_->watch(host, session);
    relayed_->host = &host;
    relayed_->session = session;
}

void Exchange::end_later() const {
    if (connection_) return connection_->end_later();
    // As in HttpConnection: within the call of the engine, the response leaves at its end.
    if (!relayed_->is_answering) relayed_->part.finish(*relayed_);
}

// ---- the owner ----------------------------------------------------------------------------------

void RelayPart::on_message(Nodes::Id from, const relay::Head& head, std::string_view message) {
    switch (head.type) {
        case Type::request: return on_request(from, head, message);
        case Type::answer: return on_answer(from, head, message);
        case Type::abandon: return on_abandon(from, head.id);
        case Type::release: return on_release(from, head.id);
        case Type::taken: return on_taken(from, head.id);
        case Type::upgrade: return on_upgrade(from, head, message);
        case Type::frame: return on_frame(from, head, message);
        case Type::credit: return on_credit(from, head, message);
        case Type::end: return on_end(from, head, message);
    }
}

RelayedRequest* RelayPart::find(base::SlotKey key) const noexcept {
    const auto found = served_.find(serial_of(key));
    return found == served_.end() ? nullptr : found->second.get();
}

void RelayPart::refuse(Nodes::Id from, uint64_t id, uint16_t status) {
    std::string body;
    relay::Answer answer{.status = status, .fields = {}, .body = {}};
    if (status == 503) answer.fields.push_back({"Retry-After", "1"});
    if (status == 400) {
        body = engineio::error_body(engineio::Error::unknown_sid);
        answer.body = body;
        answer.fields.push_back({"Content-Type", "application/json"});
    }
    tell(from, relay::encode(answer_head_of(id), answer));
}

void RelayPart::refuse_unread(Nodes::Id from, const relay::Head& head, uint16_t status) {
    if (head.type == Type::request) return refuse(from, head.id, status);
    if (head.type != Type::upgrade) return;
    end_client(from, head.id,
               status == 503 ? ws::close_code::try_again_later : ws::close_code::policy_violation);
}

void RelayPart::on_request(Nodes::Id from, const relay::Head& head, std::string_view message) {
    const bool is_new = !served_of_.contains({from, head.id});
    const auto request = relay::decode_request(message);
    const auto target =
        request ? http::split_target(request->method, request->target) : std::nullopt;
    if (!is_new || !target) {
        malformed_.add(worker_, "cluster: a polling request of another node is malformed");
        if (is_new) refuse(from, head.id, 400);
        return;
    }
    if (worker_.stopping() || served_.size() + relayed_.size() >= bounds.served_max)
        return refuse(from, head.id, 503);
    ++served_count_;
    const uint64_t serial = next_serial();
    const base::SlotKey key{static_cast<uint32_t>(serial >> 32) | relayed_slot_bit,
                            static_cast<uint32_t>(serial)};
    auto made = std::make_unique<RelayedRequest>(RelayedRequest{
        .part = *this, .key = key, .from = from, .answer_head = answer_head_of(head.id)});
    RelayedRequest& relayed = *made;
    served_.emplace(serial, std::move(made));
    served_of_.emplace(std::pair(from, head.id), serial);
    serve(relayed, parts_of(*request, *target));
}

// A generation of 0 is that of no key.
uint64_t RelayPart::next_serial() noexcept {
    if ((++last_serial_ & UINT32_MAX) == 0) ++last_serial_;
    return last_serial_;
}

Engine* RelayPart::engine_of(std::string_view path) const {
    const auto found =
        std::ranges::find_if(engines_, [&](const Engine* each) { return each->serves(path); });
    return found == engines_.end() ? nullptr : *found;
}

void RelayPart::serve(RelayedRequest& relayed, const http::RequestParts& parts) {
    const http::Request request(parts);
    Engine* const engine = engine_of(request.path());
    http::Response& response = relayed.response;
    try {
        if (!engine)
            response.status(404).text("Not Found\n");
        else
            engine->answer_relayed(worker_, relayed, request);
    } catch (...) {
        worker_.log_exception("cluster", base::describe_current_exception());
        response = http::Response();
        response.status(500).text("Internal Server Error\n");
    }
    relayed.is_answering = false;
    if (!response.deferred()) finish(relayed);
}

void RelayPart::on_upgrade(Nodes::Id from, const relay::Head& head, std::string_view message) {
    const bool is_new = !served_of_.contains({from, head.id});
    const auto request = relay::decode_request(message);
    const auto target =
        request ? http::split_target(request->method, request->target) : std::nullopt;
    if (!is_new || !target) {
        malformed();
        if (is_new) refuse_unread(from, head, 400);
        return;
    }
    if (worker_.stopping() || served_.size() + relayed_.size() >= bounds.served_max)
        return refuse_unread(from, head, 503);
    try {
        const http::RequestParts parts = parts_of(*request, *target);
        const http::Request parsed(parts);
        const Engine* const engine = engine_of(parsed.path());
        EngineSession* const session = engine ? engine->find_to_upgrade(worker_, parsed) : nullptr;
        if (!session) return refuse_unread(from, head, 400);
        accept(*session,
               {.node = from, .id = head.id, .address = std::string(request->remote_address)},
               message.size());
    } catch (...) {
        worker_.log_exception("cluster", base::describe_current_exception());
        RelayedSocket* const begun = find_relayed(from, head.id);
        if (begun) return fail(*begun, ws::close_code::internal_error);
        refuse_unread(from, head, 503);
    }
}

std::unique_ptr<RelayedRequest> RelayPart::remove(RelayedRequest& request) {
    const auto by_id = served_of_.find({request.from, request.answer_head.id});
    waiting_.erase({request.from, by_id->second});
    auto node = served_.extract(by_id->second);
    served_of_.erase(by_id);
    return std::move(node.mapped());
}

void RelayPart::finish(RelayedRequest& request) {
    const auto ended = remove(request);
    const http::Response& response = ended->response;
    const relay::Answer answer{.status = static_cast<uint16_t>(response.status()),
                               .closes = response.closes(),
                               .fields = fields_of(response.field_lines()),
                               .body = response.body()};
    std::string message = relay::encode(ended->answer_head, answer);
    // The packets in the answer are lost, and with them the session. A message must leave some way.
    const bool is_lost = message.size() > small_answer_bytes && is_full(ended->from);
    if (is_lost) {
        const relay::Answer busy{.status = 503, .fields = {{"Retry-After", "1"}}, .body = {}};
        message = relay::encode(ended->answer_head, busy);
        ++lost_count_;
    }
    add_on_way(ended->from, message.size());
    answers_.emplace(std::pair(ended->from, ended->answer_head.id), message.size());
    const bool is_sent = tell(ended->from, std::move(message));
    if (!ended->host) return;
    ended->host->request_ended(ended->session, ended->key, RequestEnd::answered);
    if (is_lost || !is_sent) ended->host->drop_soon(ended->session);
}

void RelayPart::add_on_way(Nodes::Id to, size_t bytes) { answers_bytes_[to] += bytes; }

void RelayPart::subtract_on_way(Nodes::Id to, size_t bytes) {
    const auto sum = answers_bytes_.find(to);
    if (sum == answers_bytes_.end()) return;  // The node was lost.
    sum->second -= std::min(sum->second, bytes);
    if (sum->second == 0) answers_bytes_.erase(sum);
}

bool RelayPart::is_full(Nodes::Id to) const {
    const auto found = answers_bytes_.find(to);
    return found != answers_bytes_.end() && found->second >= bounds.answers_bytes_max;
}

bool RelayPart::has_room(base::SlotKey poll) {
    const RelayedRequest* const request = find(poll);
    if (!request || !is_full(request->from)) return true;
    waiting_.emplace(request->from, serial_of(poll));
    return false;
}

// In turn: each of them has one message, or one answer to its poll, before the first one has another.
void RelayPart::flush_waiting(Nodes::Id to) {
    while (!is_full(to)) {
        auto next = waiting_.upper_bound({to, turns_[to]});
        if (next == waiting_.end() || next->first != to) next = waiting_.lower_bound({to, 0});
        if (next == waiting_.end() || next->first != to) {
            turns_.erase(to);
            return;
        }
        const uint64_t serial = next->second;
        turns_[to] = serial;
        waiting_.erase(next);
        const auto request = served_.find(serial);
        if (request != served_.end() && request->second->host)
            request->second->host->flush(request->second->session);
        const auto socket = relayed_.find(serial);
        if (socket != relayed_.end()) flush(*socket->second);
    }
}

void RelayPart::abandon(RelayedRequest& request) {
    const auto ended = remove(request);
    if (ended->host)
        ended->host->request_ended(ended->session, ended->key, RequestEnd::client_left);
}

// Its answer may be on its way: the node says `taken` when it has got that, and the message here.
void RelayPart::on_abandon(Nodes::Id from, uint64_t id) {
    abandon_if_served(from, id);
    end_client(from, id, relay::end_answered);
}

void RelayPart::abandon_if_served(Nodes::Id from, uint64_t id) {
    const auto found = served_of_.find({from, id});
    if (found == served_of_.end()) return;
    const auto request = served_.find(found->second);
    if (request != served_.end()) abandon(*request->second);
}

void RelayPart::on_release(Nodes::Id from, uint64_t id) {
    const auto found = served_of_.find({from, id});
    if (found == served_of_.end()) return;
    const auto served = served_.find(found->second);
    if (served == served_.end()) return;  // The number of a WebSocket.
    const RelayedRequest& request = *served->second;
    if (request.host) request.host->release(request.session, request.key);
}

void RelayPart::on_taken(Nodes::Id from, uint64_t id) {
    const auto found = answers_.find({from, id});
    if (found == answers_.end()) return;
    subtract_on_way(from, found->second);
    answers_.erase(found);
    flush_waiting(from);
}

// ---- RelayInbox ---------------------------------------------------------------------------------

void RelayInbox::refuse(std::string_view what) { malformed_.add(*group_.workers.front(), what); }

void RelayInbox::on_publication(const Nodes::Incoming& publication) {
    const auto head = relay::decode_head(publication.payload);
    if (!head || head->worker >= parts_.size()) {
        refuse("cluster: a message of another node about a session is malformed");
        if (head) parts_.front()->refuse_unread(publication.from, *head, 400);
        return;
    }
    RelayPart& part = *parts_[head->worker];
    if (is_first(part)) return part.on_message(publication.from, *head, publication.payload);
    Worker& worker = *group_.workers[head->worker];
    auto call = [&part, from = publication.from, head = *head,
                 message = std::string(publication.payload)] {
        part.on_message(from, head, message);
    };
    if (!is_large(head->type)) return worker.post(std::move(call));
    if (worker.post_bounded(publication.payload.size() + 256, std::move(call))) return;
    if (head->type == Type::answer)
        return worker.post([&part, id = head->id] { part.answer_dropped(id); });
    if (head->type != Type::frame)
        return parts_.front()->refuse_unread(publication.from, *head, 503);
    const auto frame = relay::decode_frame(publication.payload);
    worker.post([&part, from = publication.from, id = head->id,
                 to_owner = frame && frame->to_owner] { part.frame_dropped(from, id, to_owner); });
}

template <class F>
void RelayInbox::each_part(const F& call) {
    for (RelayPart* const part : parts_) {
        if (is_first(*part))
            call(*part);
        else
            part->worker_.post([part, call] { call(*part); });
    }
}

// Nobody asks.
void RelayInbox::on_question(const Nodes::Incoming& question) {
    nodes_.answer(question.from, question.question, {}, true);
}

void RelayInbox::on_gap(Nodes::Id from, uint64_t) {
    each_part([from](RelayPart& part) { part.node_lost(from); });
}

void RelayInbox::on_node(Nodes::Id node, std::string_view, Nodes::Change change) {
    using enum Nodes::Change;
    each_part([node, change](RelayPart& part) {
        if (change == away) return part.node_away(node);
        part.node_back(node);  // A node that is gone is not known any more.
        if (change == gone) part.node_lost(node);
    });
}

}  // namespace starling::server
