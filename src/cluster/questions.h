// cluster/questions.h: the questions that this node has asked, and the answers that came.
//
// Owner: the Node. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "cluster/message.h"
#include "socketio/command.h"

namespace starling::cluster {

// Gets the answers as they come. The last report has `first`, and in `expected` the number of
// responses that were reported; `complete` is false if not every node has answered, and
// `missing_nodes` says how many have not.
using OnReport = std::function<void(socketio::Report)>;

class Questions {
public:
    struct Limits {
        size_t open_max = 10'000;
        size_t answer_bytes_max = 64u << 20;  // Of one question.
        uint64_t absent_ms = 100;             // What a node costs that missed the question before.
    };
    explicit Questions(const Limits& limits) noexcept : limits_(limits) {}

    // False: too many questions are open.
    [[nodiscard]] bool open(std::string id, Kind kind, uint64_t deadline_ms, OnReport report);
    // The question reached so many nodes besides this one. Nothing: it was not sent.
    void sent(const std::string& id, std::optional<uint64_t> nodes, uint64_t now_ms);
    // False: nobody waits for this answer: it is late, a second one, or not for this node.
    bool answered(Message& message, uint64_t now_ms);
    // An answer to a question that is over: the nodes that were absent may be back.
    void late() noexcept { absent_ = 0; }
    void on_time(uint64_t now_ms);
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    // Ends every question with what is known.
    void end_all();

    [[nodiscard]] size_t open_count() const noexcept { return open_.size(); }
    [[nodiscard]] uint64_t incomplete() const noexcept { return incomplete_; }

private:
    struct Question {
        Kind kind;
        OnReport report;
        uint64_t deadline_ms;
        std::multimap<uint64_t, std::string>::iterator deadline;
        std::optional<uint64_t> nodes = std::nullopt;
        std::optional<uint64_t> hurried_ms = std::nullopt;  // An earlier deadline.
        uint64_t answers = 0;  // Nodes that have answered; of an ask: that have counted.
        uint64_t clients = 0;  // Of an ask: how many clients will answer.
        uint64_t responses = 0;
        size_t bytes = 0;
    };
    using Open = std::unordered_map<std::string, Question, base::TextHash, std::equal_to<>>;
    // True: a part of the answer is taken.
    [[nodiscard]] bool take(Question& question, Message& message) const;
    void finish(Open::iterator at, bool complete);
    void hurry(Open::iterator at, uint64_t now_ms);
    [[nodiscard]] static bool is_complete(const Question& question, uint64_t absent = 0) noexcept {
        return question.nodes && question.answers + absent >= *question.nodes &&
               (question.kind != Kind::ask || question.responses >= question.clients);
    }

    const Limits limits_;
    Open open_;
    std::multimap<uint64_t, std::string> deadlines_;
    uint64_t incomplete_ = 0;
    // Nodes that heard the last question and did not answer it: frozen, or dead and still connected to
    // Redis. Answers of the classic adapter do not name their sender, so the number is all there is.
    uint64_t absent_ = 0;
};

}  // namespace starling::cluster
