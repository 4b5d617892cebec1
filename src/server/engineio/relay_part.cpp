// The side of the node that was asked by a client. relay_serving.cpp has the owner's side.
#include "server/engineio/relay_part.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "http/response_access.h"
#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/kept_request.h"
#include "server/figures.h"
#include "server/http_connection.h"

namespace starling::server {
namespace {

namespace relay = engineio::relay;

constexpr uint64_t check_interval_ms = 1000;

// The upper 16 bits of a number name the worker that asked.
constexpr unsigned worker_shift = 48;

base::SlotKey subject_of(uint64_t id) noexcept {
    return {static_cast<uint32_t>(id >> 32), static_cast<uint32_t>(id)};
}
uint64_t id_of(base::SlotKey subject) noexcept {
    return static_cast<uint64_t>(subject.slot) << 32 | subject.generation;
}

void fill(http::Response& response, const relay::Answer& answer) {
    response.status(answer.status);
    std::string_view type;
    for (const http::Field& field : answer.fields) {
        if (base::iequals(field.name, "content-type"))
            type = field.value;
        else
            response.add_header(field.name, field.value);
    }
    if (answer.closes) response.close();
    response.body(std::string(answer.body), type);
}

}  // namespace

RelayPart::RelayPart(Worker& worker, Nodes& nodes)
    : worker_(worker),
      nodes_(nodes),
      last_id_(static_cast<uint64_t>(worker.index()) << worker_shift) {}

RelayPart::~RelayPart() = default;

void RelayPart::attach(WorkerGroup& group, Engine& engine) {
    RelayInbox* made = nullptr;
    for (const auto& worker : group.workers) {
        auto* part = worker->find_part<RelayPart>();
        if (!part) {
            auto first = std::make_unique<RelayPart>(*worker, *group.nodes);
            part = first.get();
            part->bounds.share_queue(group.nodes->node_queue_bytes_max(), group.workers.size());
            worker->add_part(std::move(first));
            if (!made) {
                part->inbox_ = std::make_unique<RelayInbox>(group, *group.nodes);
                made = part->inbox_.get();
                group.nodes->add(Nodes::Kind::engineio, *made);
            }
            made->add(*part);
        }
        const auto& path = engine.options().path;
        for (const Engine* const other : part->engines_)
            if (other->options().path == path)
                throw std::runtime_error("cluster: two Socket.IO servers have the path '" + path +
                                         "', by which nodes know them");
        part->engines_.push_back(&engine);
    }
}

void RelayPart::loop_ended() noexcept {
    if (timer_) worker_.loop().cancel_timer(timer_);
    timer_ = 0;
    for (const auto& [node, timer] : away_)
        if (timer) worker_.loop().cancel_timer(timer);
    away_.clear();
    served_.clear();
    relayed_.clear();
    served_of_.clear();
    while (!forwarded_.empty()) forget(*forwarded_.begin()->second);
    asked_.clear();
    unread_.clear();
    parted_.clear();
    asked_of_.clear();
    asked_bytes_ = 0;
}

bool RelayPart::send(Nodes::Id to, std::string message) {
    return nodes_.publish(Nodes::Kind::engineio, {.nodes = {to}}, std::move(message));
}

bool RelayPart::tell(Nodes::Id to, std::string message) {
    if (send(to, std::move(message))) return true;
    if (untold_.contains(to)) return false;
    worker_.loop().post([this, to] {
        untold_.erase(to);
        node_lost(to);
    });
    untold_.insert(to);  // The call comes first: without memory for it, the next message posts one.
    return false;
}

void RelayPart::send(const Asked& to, relay::Type type, uint64_t id) {
    tell(to.home.node, relay::encode({.type = type, .worker = to.home.worker, .id = id}));
}

// ---- a client's request -------------------------------------------------------------------------

// A client may not poll again before it has taken the previous answer.
bool RelayPart::is_unread(std::string_view sid) const { return unread_.contains(sid); }

int RelayPart::bytes_refusal(const peer::ClientNetwork& network, size_t bytes) const {
    if (bytes > bounds.asked_bytes_max) return 413;
    const auto found = asked_of_.find(network);
    const size_t before = found == asked_of_.end() ? 0 : found->second.bytes;
    if (before != 0 && before + bytes > bounds.asked_bytes_max / 4) return 429;
    return asked_bytes_ + bytes > bounds.asked_bytes_max ? 503 : 0;
}

int RelayPart::refusal(const peer::ClientNetwork& network, size_t bytes) const {
    const int of_bytes = bytes_refusal(network, bytes);
    if (of_bytes == 413 || of_bytes == 429) return of_bytes;
    const auto found = asked_of_.find(network);
    if (found != asked_of_.end() && found->second.requests >= bounds.asked_max / 4) return 429;
    const bool is_cut_off =
        unlinked_ms_ != 0 && worker_.loop().now_ms() - unlinked_ms_ >= bounds.unlinked_ms_max;
    const bool is_full = asked_.size() + forwarded_.size() >= bounds.asked_max;
    return is_cut_off || is_full ? 503 : of_bytes;
}

void RelayPart::take_bytes(const peer::ClientNetwork& network, size_t bytes) {
    asked_of_[network].bytes += bytes;
    asked_bytes_ += bytes;
}

void RelayPart::give_back_bytes(const peer::ClientNetwork& network, size_t bytes) {
    if (bytes == 0) return;  // The client may have no share any more.
    const auto found = asked_of_.find(network);
    asked_bytes_ -= bytes;
    found->second.bytes -= bytes;
    if (found->second.requests == 0 && found->second.bytes == 0) asked_of_.erase(found);
}

void RelayPart::forget_request(const peer::ClientNetwork& network) {
    const auto found = asked_of_.find(network);
    if (--found->second.requests == 0 && found->second.bytes == 0) asked_of_.erase(found);
}

void RelayPart::start_timer() {
    if (!timer_) timer_ = worker_.loop().every(check_interval_ms, [this] { check_times(); });
}

// The message comes last: without memory the owner is asked nothing, and no count stays raised.
bool RelayPart::begin(uint64_t id, Asked asked, std::string message) {
    const Nodes::Id node = asked.home.node;
    const peer::ClientNetwork network = asked.network;
    const size_t bytes = asked.bytes;
    Share& share = asked_of_[network];
    const auto at = asked_.emplace(id, std::move(asked)).first;
    ++share.requests;  // From here on, forget() takes it back.
    take_bytes(network, bytes);
    try {
        start_timer();
        if (send(node, std::move(message))) return true;
    } catch (...) {
        forget(at);
        throw;
    }
    forget(at);
    return false;
}

void RelayPart::ask(HttpConnection& connection, const http::Request& request,
                    http::Response& response, const SessionHome& home, std::string_view sid,
                    uint64_t heartbeat_ms) {
    const auto network = peer::ClientNetwork::of(request.remote_address());
    const uint64_t id = last_id_ + 1;
    std::string message =
        keep_request({.type = relay::Type::request, .worker = home.worker, .id = id}, request);
    const size_t bytes = message.size();
    const bool is_poll = request.method() != "POST";
    int status = bytes > RelayBounds::message_bytes_max ? 413 : refusal(network, bytes);
    if (is_poll && is_unread(sid)) status = 400;
    if (status == 0) {
        Asked asked{.request = connection.slot_key(),
                    .home = home,
                    .network = network,
                    .sid = std::string(sid),
                    .bytes = bytes,
                    .due_ms = worker_.loop().now_ms() + heartbeat_ms + bounds.slack_ms,
                    .is_poll = is_poll};
        last_id_ = id;
        if (!begin(id, std::move(asked), std::move(message))) status = 503;
    }
    if (status != 0) {
        ++refused_count_;
        response.status(status).body("", "text/plain");
        if (status == 503 || status == 429) response.header("Retry-After", "1");
        return;
    }
    ++asked_count_;
    connection.watch(*this, subject_of(id));
    http::ResponseAccess::promise(response);
}

void RelayPart::forget(Askeds::iterator at) {
    const Asked& asked = at->second;
    if (!asked.is_answered) give_back_bytes(asked.network, asked.bytes);
    forget_request(asked.network);
    const auto unread = unread_.find(asked.sid);
    if (unread != unread_.end() && unread->second == at->first) unread_.erase(unread);
    asked_.erase(at);
}

void RelayPart::request_ended(base::SlotKey subject, base::SlotKey, RequestEnd) {
    const uint64_t id = id_of(subject);
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    if (!found->second.is_answered) abandon(id, found->second);
    forget(found);
}

void RelayPart::part_from(uint64_t id, const SessionHome& home, const peer::ClientNetwork& network,
                          size_t bytes) {
    parted_.emplace(id, Parted{.home = home,
                               .network = network,
                               .bytes = bytes,
                               .due_ms = worker_.loop().now_ms() + bounds.tell_again_ms});
    start_timer();
}

// The request may lie in the queue of the owner's node, so its bytes count until the owner answers.
void RelayPart::abandon(uint64_t id, Asked& asked) {
    part_from(id, asked.home, asked.network, asked.bytes);
    asked.bytes = 0;
    send(asked, relay::Type::abandon, id);
}

void RelayPart::end_answered(Nodes::Id from, uint64_t id) {
    const auto found = parted_.find(id);
    if (found == parted_.end() || found->second.home.node != from) return;
    Parted& parted = found->second;
    give_back_bytes(parted.network, std::exchange(parted.bytes, 0));
    // Else the owner is told again, and answers again.
    if (send_taken(id, parted.home)) parted_.erase(found);
}

void RelayPart::answer_taken(uint64_t id, const Asked& asked) {
    if (!send_taken(id, asked.home)) part_from(id, asked.home, asked.network, 0);
}

// The message about the end, or its answer, was lost. An owner of an older version does not answer.
void RelayPart::tell_again() {
    const uint64_t now_ms = worker_.loop().now_ms();
    const bool is_linked = nodes_.is_linked();
    for (auto at = parted_.begin(); at != parted_.end();) {
        const auto each = at++;
        Parted& parted = each->second;
        const bool is_due = is_linked && parted.due_ms <= now_ms;
        if ((is_due && parted.is_told_again) || !nodes_.is_known(parted.home.node)) {
            give_back_bytes(parted.network, parted.bytes);
            parted_.erase(each);
        } else if (is_due) {
            parted.is_told_again = true;
            parted.due_ms = now_ms + bounds.tell_again_ms;
            send_end(each->first, parted.home, 0);
        }
    }
}

// This node stops. The owner answers, and the client goes on at another node.
void RelayPart::request_must_end(base::SlotKey subject, base::SlotKey) {
    const uint64_t id = id_of(subject);
    const auto found = asked_.find(id);
    if (found == asked_.end() || found->second.is_answered) return;
    if (!nodes_.is_linked()) return give_error(id, 503);
    send(found->second, relay::Type::release, id);
}

// ---- its answer ---------------------------------------------------------------------------------

void RelayPart::on_answer(Nodes::Id from, const relay::Head& head, std::string_view message) {
    const auto found = asked_.find(head.id);
    const bool is_awaited =
        found != asked_.end() && found->second.home.node == from && !found->second.is_answered;
    if (!is_awaited) return;  // The owner was told that the request is abandoned.
    const auto take = [&] {
        answer_taken(head.id, found->second);
        const auto answer = relay::decode_answer(message);
        if (answer) return give(head.id, *answer);
        malformed_.add(worker_, "cluster: the answer of another node to a poll is malformed");
        give_error(head.id, 503);
    };
    // No other answer comes.
    HttpConnection* const connection = worker_.replies().find(found->second.request);
    if (!connection) return take();
    connection->close_if_throws([&](HttpConnection&) { take(); });
}

void RelayPart::give(uint64_t id, const relay::Answer& answer) {
    Asked& asked = asked_.at(id);
    asked.is_answered = true;
    give_back_bytes(asked.network, asked.bytes);
    const base::SlotKey request = asked.request;
    HttpConnection* const connection = worker_.replies().find(request);
    if (!connection) return forget(asked_.find(id));
    if (asked.is_poll) unread_[asked.sid] = id;
    connection->close_if_throws([&](HttpConnection& c) {
        try {
            fill(c.response(), answer);
        } catch (const std::invalid_argument&) {  // A field that no answer may have.
            malformed_.add(worker_, "cluster: the answer of another node to a poll is malformed");
            c.response() = http::Response();
            c.response().status(503).body("", "text/plain");
        }
        c.end_later();  // Calls request_ended(), now or when the client has taken most of it.
    });
}

void RelayPart::give_error(uint64_t id, int status) {
    http::Response made;
    if (status == 400)
        made.status(400).json(engineio::error_body(engineio::Error::unknown_sid));
    else
        made.status(status).header("Retry-After", "1").body("", "text/plain");
    relay::Answer answer{
        .status = static_cast<uint16_t>(status), .fields = {}, .body = made.body()};
    answer.fields.push_back({"Content-Type", made.header("content-type")});
    if (status == 503) answer.fields.push_back({"Retry-After", "1"});
    ++lost_count_;
    give(id, answer);
}

void RelayPart::answer_dropped(uint64_t id) {
    const auto found = asked_.find(id);
    if (found == asked_.end() || found->second.is_answered) return;
    answer_taken(id, found->second);
    give_error(id, 503);
}

void RelayPart::give_up(const std::vector<uint64_t>& ids, int status) {
    for (const uint64_t id : ids) {
        const auto found = asked_.find(id);
        if (found == asked_.end() || found->second.is_answered) continue;
        abandon(id, found->second);
        give_error(id, status);
    }
}

void RelayPart::check_times() {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (nodes_.is_linked())
        unlinked_ms_ = 0;
    else if (unlinked_ms_ == 0)
        unlinked_ms_ = now_ms;
    const bool is_cut_off = unlinked_ms_ != 0 && now_ms - unlinked_ms_ >= bounds.unlinked_ms_max;
    std::vector<uint64_t> late;
    for (const auto& [id, asked] : asked_)
        if (!asked.is_answered && (is_cut_off || asked.due_ms <= now_ms)) late.push_back(id);
    give_up(late, 503);
    close_late_sockets();
    tell_again();
    end_left();
    // Without a request nothing depends on the time without Redis.
    if (!asked_.empty() || !forwarded_.empty() || !parted_.empty() || !relayed_.empty() ||
        unlinked_ms_ != 0)
        return;
    worker_.loop().cancel_timer(std::exchange(timer_, 0));
}

void RelayPart::node_away(Nodes::Id node) {
    const auto [at, is_new] = away_.try_emplace(node, 0);
    if (!is_new) return;
    at->second = worker_.loop().after(bounds.away_ms_max, [this, node] {
        away_[node] = 0;
        node_lost(node);
    });
}

void RelayPart::node_back(Nodes::Id node) {
    const auto away = away_.extract(node);
    if (!away.empty() && away.mapped()) worker_.loop().cancel_timer(away.mapped());
}

void RelayPart::node_lost(Nodes::Id node) {
    std::vector<uint64_t> ids;
    for (const auto& [id, asked] : asked_)
        if (asked.home.node == node && !asked.is_answered) ids.push_back(id);
    give_up(ids, 400);  // The owner is told, should it come back.
    std::vector<base::SlotKey> gone;
    for (const auto& [serial, request] : served_)
        if (request->from == node) gone.push_back(request->key);
    // A session that ends may end other ones, and with them their requests.
    for (const base::SlotKey key : gone) {
        RelayedRequest* const request = find(key);
        if (!request) continue;
        // The node may live, and not know that it was away.
        refuse(node, request->answer_head.id, 400);
        abandon(*request);
    }
    sockets_lost(node);
    for (auto& [id, parted] : parted_) {
        if (parted.home.node != node) continue;
        give_back_bytes(parted.network, std::exchange(parted.bytes, 0));
        parted.due_ms = 0;  // The answer may be lost.
        parted.is_told_again = false;
    }
    answers_bytes_.erase(node);
    turns_.erase(node);
    answers_.erase(answers_.lower_bound({node, 0}), answers_.upper_bound({node, UINT64_MAX}));
}

void RelayPart::add_figures(const Engine& engine, Figures& figures) const {
    if (engines_.front() != &engine) return;
    constexpr std::string_view pending = "starling_relayed_requests",
                               pending_help = "Polling requests between nodes without an answer",
                               total = "starling_relayed_requests_total",
                               total_help = "Polling requests between nodes, by result";
    figures.gauge(pending, pending_help, static_cast<double>(asked_.size()),
                  label("side", "asked"));
    figures.gauge(pending, pending_help, static_cast<double>(served_.size()),
                  label("side", "owner"));
    figures.counter(total, total_help, asked_count_, label("result", "sent"));
    figures.counter(total, total_help, served_count_, label("result", "served"));
    figures.counter(total, total_help, refused_count_, label("result", "refused"));
    figures.counter(total, total_help, lost_count_, label("result", "lost"));
    add_socket_figures(figures);
}

}  // namespace starling::server
