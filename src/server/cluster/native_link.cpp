#include "server/cluster/native_link.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <random>
#include <utility>

#include "base/keyed_hash.h"
#include "cluster/names.h"
#include "cluster/node_codec.h"
#include "cluster/payload_head.h"
#include "server/cluster/messages.h"
#include "server/socketio/socketio.h"

namespace starling::server {
namespace {

using Kind = cluster::Kind;
using socketio::Command;

// Of Nodes::Target. Nobody is in a room with a longer name.
constexpr size_t room_name_bytes_max = 1023;
// The answers to one question.
constexpr size_t answer_bytes_max = 64u << 20;

// Longer than the rooms of a node take to be known, after a loss as well.
constexpr uint64_t joining_ms = 5000;

uint64_t random_seed() {
    std::random_device random;
    return uint64_t{random()} << 32 | random();
}

// In place of the sender and the question, which Nodes knows.
constexpr std::string_view known = "-";

// No message begins like this.
constexpr std::string_view greeting = "!recovery";

std::optional<std::string> written(cluster::Message& message) {
    message.uid = known;
    std::string body;
    if (!cluster::write_node_message(message, cluster::Format::msgpack, body)) return std::nullopt;
    return body;
}

// The answers to one question, until it ends.
struct Answers {
    size_t bytes = 0;
    size_t responses = 0;
    uint64_t clients = 0;
    bool is_complete = true;
};

// What an answer adds to the report.
socketio::Report report_of(cluster::Message& message, Answers& answers) {
    socketio::Report report;
    switch (message.kind) {
        case Kind::fetched: report.sockets = std::move(message.sockets); break;
        case Kind::ask_count: answers.clients += message.clients; break;
        default:
            ++answers.responses;
            report.responses.push_back(sio::detail::own(message.data));
            break;
    }
    return report;
}

}  // namespace

NativeLink::Here::Here(Worker& worker, socketio::Server& core, uint64_t request_timeout_ms)
    : reports(worker, "cluster", "socketio"),
      responder(worker, core, request_timeout_ms),
      arena(cluster::decode_limits(random_seed())) {}

NativeLink::NativeLink(SocketIo& io, Nodes& nodes, uint64_t request_timeout_ms,
                       std::unique_ptr<ClusterExtension> stream)
    : io_(io),
      nodes_(nodes),
      request_timeout_ms_(request_timeout_ms),
      path_(io.options().path == usual_path ? "" : io.options().path),
      stream_(std::move(stream)) {}

void NativeLink::attach(WorkerGroup& group) {
    worker_ = group.workers.front().get();
    here_ = std::make_unique<Here>(*worker_, io_.core(worker_->index()), request_timeout_ms_);
    io_.adapter().each_static([this](const std::string& nsp, auto&) {
        nodes_.joined(Nodes::Kind::socketio, namespace_room(nsp));
    });
    if (stream_) stream_->attach(group);
}

void NativeLink::detach() noexcept {
    here_.reset();
    if (stream_) stream_->detach();
}

void NativeLink::close_handles() noexcept {
    worker_ = nullptr;
    if (stream_) stream_->close_handles();
}

void NativeLink::add_figures(Figures& figures) const {
    if (stream_) stream_->add_figures(figures);
}

socketio::RecoveryLink* NativeLink::recovery() noexcept {
    return stream_ ? stream_->link().recovery() : nullptr;
}

// ---- names and payloads -------------------------------------------------------------------------

std::string NativeLink::namespace_room(std::string_view nsp) const {
    std::string name;
    name.reserve(path_.size() + 1 + nsp.size());
    if (!path_.empty()) name.append(path_).append("\n");
    return name.append(nsp);
}

std::string NativeLink::room_name(std::string_view nsp, std::string_view room) const {
    return namespace_room(nsp).append(",").append(room);
}

Nodes::Target NativeLink::target_of(const cluster::Message& message) const {
    Nodes::Target target;
    if (message.kind == Kind::server_event) {
        target.everyone = true;
    } else if (message.target.rooms.empty()) {
        target.rooms.push_back(namespace_room(message.nsp));
    } else {
        target.rooms.reserve(message.target.rooms.size());
        for (const auto& room : message.target.rooms) {
            std::string name = room_name(message.nsp, room);
            if (name.size() <= room_name_bytes_max) target.rooms.push_back(std::move(name));
        }
        if (may_be_joining(message.target.rooms))
            target.rooms.push_back(namespace_room(message.nsp));
    }
    return target;
}

void NativeLink::note_join(const Command& command) noexcept {
    if (command.kind != Command::Kind::join) return;
    const uint64_t until_ms = steady_ms() + joining_ms;
    for (const auto& room : command.rooms)
        joining_.until_ms[base::KeyedTextHash()(room) % joining_.until_ms.size()].store(
            until_ms, std::memory_order_relaxed);
    joining_.last_ms.store(until_ms, std::memory_order_relaxed);
}

bool NativeLink::may_be_joining(const std::vector<std::string>& rooms) const noexcept {
    const uint64_t last_ms = joining_.last_ms.load(std::memory_order_relaxed);
    if (last_ms == 0) return false;
    const uint64_t now_ms = steady_ms();
    return now_ms < last_ms && std::ranges::any_of(rooms, [&](const std::string& room) {
               const auto& until_ms =
                   joining_.until_ms[base::KeyedTextHash()(room) % joining_.until_ms.size()];
               return now_ms < until_ms.load(std::memory_order_relaxed);
           });
}

std::optional<std::string> NativeLink::payload_of(cluster::Message& message) const {
    message.target.rooms.clear();
    auto body = written(message);
    if (body) body->insert(0, path_ + "\n");
    return body;
}

std::optional<cluster::Message> NativeLink::read(std::string_view body) {
    auto message = cluster::read_node_message(body, {}, here_->arena);
    if (message) return *std::move(message);
    here_->reports.failed("a message of another node is refused", "it has no meaning");
    return std::nullopt;
}

std::optional<cluster::Message> NativeLink::read(const Nodes::Incoming& in, std::string_view body) {
    auto message = read(body);
    if (!message) return std::nullopt;
    const std::string begin = room_name(message->nsp, "");
    for (const auto room : in.rooms)
        if (room.starts_with(begin)) message->target.rooms.emplace_back(room.substr(begin.size()));
    return message;
}

socketio::NamespaceSetup* NativeLink::setup_of(std::string_view nsp) const {
    if (auto* const setup = io_.adapter().find_static(nsp)) return setup;
    const auto found = here_->dynamic.find(nsp);
    return found == here_->dynamic.end() ? nullptr : found->second.setup;
}

// ---- from this process --------------------------------------------------------------------------

void NativeLink::namespace_opened(const std::string& nsp,
                                  socketio::NamespaceSetup& setup) noexcept {
    nodes_.joined(Nodes::Kind::socketio, namespace_room(nsp));
    if (stream_) stream_->link().namespace_opened(nsp, setup);
    try {
        if (worker_)
            worker_->post([this, nsp, setup = &setup] {
                Dynamic& one = here_->dynamic[nsp];
                one.setup = setup;
                ++one.workers;
            });
    } catch (const std::bad_alloc&) {
        // Emits to all children of the pattern do not reach this one on other nodes.
    }
}

void NativeLink::namespace_closed(const std::string& nsp) noexcept {
    nodes_.left(Nodes::Kind::socketio, namespace_room(nsp));
    if (stream_) stream_->link().namespace_closed(nsp);
    try {
        if (worker_)
            worker_->post([this, nsp] {
                const auto found = here_->dynamic.find(nsp);
                if (found != here_->dynamic.end() && --found->second.workers == 0)
                    here_->dynamic.erase(found);
            });
    } catch (const std::bad_alloc&) {
        // The namespace stays in the table.
    }
}

void NativeLink::room_opened(const std::string& nsp, std::string_view room, bool) noexcept {
    nodes_.joined(Nodes::Kind::socketio, room_name(nsp, room));
}

void NativeLink::room_closed(const std::string& nsp, std::string_view room) noexcept {
    nodes_.left(Nodes::Kind::socketio, room_name(nsp, room));
}

// What has an order with the events that clients may recover.
bool NativeLink::goes_by_stream(const Command& command) const noexcept {
    return stream_ && !command.request && command.kind != Command::Kind::server_event &&
           io_.adapter().records(command.nsp.empty() && command.setup ? command.setup->name
                                                                      : command.nsp);
}

void NativeLink::send(std::shared_ptr<const Command> command) {
    note_join(*command);
    if (goes_by_stream(*command)) return stream_->link().send(std::move(command));
    const bool of_one_namespace =
        !command->nsp.empty() || (command->setup && !command->setup->accept);
    // The worker that sends writes the message, if nobody waits for an answer.
    if (of_one_namespace && !command->request)
        return send_to(*command, command->nsp.empty() ? command->setup->name : command->nsp);
    // What goes by the stream is posted as well, and a question stays behind it.
    if (worker_ && !stream_ && worker_->loop().in_loop_thread()) return send_here(*command);
    if (worker_ &&
        worker_->post_bounded(command->bytes(), [this, command] { send_here(*command); }))
        return;
    if (command->request)
        command->origin->deliver_report(
            {.request = command->request, .first = true, .complete = false});
}

void NativeLink::send_to(const Command& command, const std::string& nsp) {
    cluster::Message message = to_message(command, nsp);
    Nodes::Target target = target_of(message);
    if (auto payload = payload_of(message))
        nodes_.publish(Nodes::Kind::socketio, std::move(target), *std::move(payload));
}

void NativeLink::send_here(const Command& command) {
    cluster::OnReport report;
    if (command.request)
        report = [origin = command.origin, request = command.request](socketio::Report one) {
            one.request = request;
            origin->deliver_report(std::move(one));
        };
    const auto* const setup = command.setup;
    if (!command.nsp.empty() || (setup && !setup->accept))
        return ask(command, command.nsp.empty() ? setup->name : command.nsp, std::move(report));
    // To the children of a pattern: a message for each.
    std::vector<std::string> children;
    for (const auto& [name, one] : here_->dynamic)
        if (one.setup == setup) children.push_back(name);
    if (report) report = joint_report(children.size(), std::move(report));
    for (const auto& nsp : children) report ? ask(command, nsp, report) : send_to(command, nsp);
}

void NativeLink::ask(const Command& command, const std::string& nsp, cluster::OnReport report) {
    cluster::Message message = to_message(command, nsp);
    message.request_id = known;
    Nodes::Target target = target_of(message);
    target.wait = std::chrono::milliseconds(
        timeout_ms_of(command, io_.adapter().settings(), request_timeout_ms_));
    auto payload = payload_of(message);
    if (!payload) return report({.first = true, .complete = false});
    if (!stream_) return ask_now(std::move(target), *std::move(payload), report);
    const size_t bytes = payload->size();
    stream_->when_stored(bytes, [this, target = std::move(target), payload = *std::move(payload),
                                 report = std::move(report)](socketio::StreamId stored) {
        std::string marked = payload;
        marked.insert(path_.size() + 1, cluster::stored_line(stored));
        ask_now(target, std::move(marked), report);
    });
}

void NativeLink::ask_now(Nodes::Target target, std::string payload,
                         const cluster::OnReport& report) {
    const auto answers = std::make_shared<Answers>();
    nodes_.ask(
        Nodes::Kind::socketio, std::move(target), std::move(payload),
        [this, answers, report](Nodes::Id, std::string_view body) {
            answers->bytes += body.size();
            answers->is_complete = answers->is_complete && answers->bytes <= answer_bytes_max;
            if (body.empty() || !answers->is_complete) return;
            auto answer = read(body);
            if (answer) report(report_of(*answer, *answers));
            here_->arena.clear();
        },
        [answers, report](const Nodes::Outcome& outcome) {
            report({.expected = std::max<size_t>(answers->responses, answers->clients),
                    .first = true,
                    .complete = answers->is_complete && outcome.missing == 0,
                    .missing_nodes = outcome.missing});
        });
}

// ---- from other nodes ---------------------------------------------------------------------------

void NativeLink::greet(Nodes::Id node) {
    if (stream_)
        nodes_.publish(Nodes::Kind::socketio, {.nodes = {node}},
                       path_ + "\n" + std::string(greeting));
}

void NativeLink::differs(std::string_view what) {
    here_->reports.tell_lasting(what, "connection_state_recovery must be the same on all nodes",
                                ++here_->differences);
}

void NativeLink::on_publication(const Nodes::Incoming& in, std::string_view body) {
    if (body == greeting) {
        if (!stream_) differs("events of another node do not come: it has a stream for them");
        return;
    }
    if (auto message = read(in, body)) {
        switch (message->kind) {
            case Kind::emit:
            case Kind::join:
            case Kind::leave:
            case Kind::disconnect:
                if (stream_ && io_.adapter().records(message->nsp))
                    differs("another node does not get the events of this one");
                [[fallthrough]];
            case Kind::server_event:
                here_->responder.perform(*message, setup_of(message->nsp));
                break;
            default: here_->reports.failed("a message of another node is refused", "its kind");
        }
    }
    here_->arena.clear();
}

void NativeLink::on_question(const Nodes::Incoming& in, std::string_view body) {
    const cluster::QuestionBody question = cluster::read_question_body(body);
    if (!question.stored || !stream_) return answer(in, question.message);
    // The other node has stored entries before it asked.
    std::vector<std::string> rooms(in.rooms.begin(), in.rooms.end());
    size_t bytes = question.message.size();
    for (const auto& room : rooms) bytes += room.size() + sizeof(std::string);
    stream_->when_read(*question.stored, bytes,
                       [this, from = in.from, id = in.question, rooms = std::move(rooms),
                        message = std::string(question.message)] {
                           const std::vector<std::string_view> views(rooms.begin(), rooms.end());
                           answer({.from = from, .rooms = views, .payload = {}, .question = id},
                                  message);
                       });
}

void NativeLink::answer(const Nodes::Incoming& in, std::string_view body) {
    const auto last = [this, from = in.from, id = in.question] {
        nodes_.answer(from, id, {}, true);
    };
    auto question = read(in, body);
    if (!question || (question->kind != Kind::fetch && question->kind != Kind::ask &&
                      question->kind != Kind::server_event)) {
        here_->arena.clear();
        return last();
    }
    const auto answer = [this, from = in.from, id = in.question,
                         nsp = question->nsp](cluster::Message&& message) {
        message.nsp = nsp;
        message.request_id = known;
        if (auto text = written(message)) nodes_.answer(from, id, *std::move(text), false);
    };
    here_->responder.ask(*question, setup_of(question->nsp), answer, last);
    here_->arena.clear();
}

NativeLink* SocketIoMember::split(std::string_view payload, std::string_view& body) const {
    const auto read = cluster::read_payload(payload);
    if (!read) return nullptr;
    body = read->body;
    const auto found = links_.find(read->path);
    return found == links_.end() ? nullptr : found->second;
}

void SocketIoMember::on_publication(const Nodes::Incoming& publication) {
    std::string_view body;
    if (NativeLink* const link = split(publication.payload, body))
        link->on_publication(publication, body);
}

void SocketIoMember::on_question(const Nodes::Incoming& question) {
    std::string_view body;
    if (NativeLink* const link = split(question.payload, body))
        return link->on_question(question, body);
    nodes_.answer(question.from, question.question, {}, true);
}

void SocketIoMember::on_node(Nodes::Id node, std::string_view, Nodes::Change change) {
    if (change != Nodes::Change::here) return;
    for (const auto& [path, link] : links_) link->greet(node);
}

}  // namespace starling::server
