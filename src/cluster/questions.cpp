#include "cluster/questions.h"

#include <algorithm>
#include <utility>

namespace starling::cluster {
namespace {

// The approximate memory of an answer that is kept until its question ends.
size_t size_of(const Json& value) {
    size_t sum = sizeof(Json);
    if (const auto* text = value.if_string()) return sum + text->size();
    if (const auto* items = value.if_array())
        for (const Json& item : *items) sum += size_of(item);
    if (const auto* members = value.if_object())
        for (const auto& member : *members) sum += member.key().size() + size_of(member.value());
    return sum;
}

size_t size_of(const RemoteSocket& socket) {
    size_t sum = sizeof(RemoteSocket) + size_of(socket.data) + size_of(socket.handshake.auth);
    for (const auto& room : socket.rooms) sum += sizeof(std::string) + room.size();
    for (const auto& [name, value] : socket.handshake.headers) sum += name.size() + value.size();
    return sum;
}

}  // namespace

bool Questions::open(std::string id, Kind kind, uint64_t deadline_ms, OnReport report) {
    if (open_.size() >= limits_.open_max) return false;
    const auto deadline = deadlines_.emplace(deadline_ms, id);
    open_.emplace(std::move(id), Question{kind, std::move(report), deadline_ms, deadline});
    return true;
}

void Questions::sent(const std::string& id, std::optional<uint64_t> nodes, uint64_t now_ms) {
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    if (!nodes) return finish(found, false);
    found->second.nodes = nodes;
    if (is_complete(found->second)) return finish(found, true);
    hurry(found, now_ms);
}

// Once as many nodes have answered as answered the question before, the others get a moment.
void Questions::hurry(Open::iterator at, uint64_t now_ms) {
    Question& question = at->second;
    const bool all_but_absent = absent_ > 0 && is_complete(question, absent_);
    if (all_but_absent && !question.hurried_ms) question.hurried_ms = now_ms + limits_.absent_ms;
    if (!all_but_absent) question.hurried_ms.reset();
    const uint64_t deadline_ms =
        std::min(question.deadline_ms, question.hurried_ms.value_or(UINT64_MAX));
    if (deadline_ms == question.deadline->first) return;
    deadlines_.erase(question.deadline);
    question.deadline = deadlines_.emplace(deadline_ms, at->first);
}

bool Questions::take(Question& question, Message& message) const {
    socketio::Report report;
    switch (message.kind) {
        case Kind::fetched:
            if (question.kind != Kind::fetch) return false;
            for (const auto& socket : message.sockets) question.bytes += size_of(socket);
            report.sockets = std::move(message.sockets);
            ++question.answers;
            break;
        case Kind::server_answer:
            if (question.kind != Kind::server_event) return false;
            ++question.answers;
            break;
        case Kind::ask_ack:
            if (question.kind != Kind::ask) return false;
            break;
        case Kind::ask_count:
            if (question.kind != Kind::ask) return false;
            ++question.answers;
            question.clients += message.clients;
            return true;
        default: return false;
    }
    if (message.kind != Kind::fetched) question.bytes += size_of(message.data);
    if (question.bytes > limits_.answer_bytes_max) return true;  // The caller ends the question.
    if (message.kind != Kind::fetched) {
        ++question.responses;
        report.responses.push_back(sio::detail::own(message.data));
    }
    question.report(std::move(report));
    return true;
}

bool Questions::answered(Message& message, uint64_t now_ms) {
    const auto found = open_.find(message.request_id);
    if (found == open_.end() || !take(found->second, message)) return false;
    const Question& question = found->second;
    if (question.bytes > limits_.answer_bytes_max)
        finish(found, false);
    else if (is_complete(question))
        finish(found, true);
    else
        hurry(found, now_ms);
    return true;
}

void Questions::finish(Open::iterator at, bool complete) {
    const Question question = std::move(at->second);
    open_.erase(at);
    deadlines_.erase(question.deadline);
    if (!complete) ++incomplete_;
    const uint64_t nodes = question.nodes.value_or(0);
    const uint64_t missing = nodes - std::min(nodes, question.answers);
    // A node that does not listen to a server-side event does not answer it.
    if (complete && question.kind != Kind::server_event) absent_ = 0;
    question.report({.expected = question.responses,
                     .first = true,
                     .complete = complete,
                     .missing_nodes = static_cast<size_t>(missing)});
}

void Questions::on_time(uint64_t now_ms) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
        const auto due = open_.find(deadlines_.begin()->second);
        const Question& question = due->second;
        if (question.nodes && question.kind != Kind::server_event)
            absent_ = *question.nodes - std::min(*question.nodes, question.answers);
        finish(due, false);
    }
}

std::optional<uint64_t> Questions::due_ms() const noexcept {
    if (deadlines_.empty()) return std::nullopt;
    return deadlines_.begin()->first;
}

void Questions::end_all() {
    while (!open_.empty()) finish(open_.begin(), false);
}

}  // namespace starling::cluster
