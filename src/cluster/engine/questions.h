// cluster/engine/questions.h: the questions of one worker to the owners of sessions: who asked what,
// and until when. A question ends with its answer, or at its time. A lock that is granted after that is
// held for nobody, so the owner must be told: its question is remembered for a while.
//
// Owner: the part of the worker. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::cluster::engine {

class Questions {
public:
    struct Options {
        // The numbers of this worker are `first`, `first` + `step`, ... So an answer names its worker.
        uint64_t first = 1, step = 1;
        uint64_t timeout_ms = 1000;     // Node.js waits as long.
        uint64_t remember_ms = 10'000;  // Questions that ended without an answer,
        size_t remembered_max = 4096;   // and so many of them.
    };
    enum class Kind : uint8_t { poll, post, websocket, upgrade };
    struct Question {
        Kind kind = Kind::poll;
        std::string sid;
    };
    struct Answered {
        Question question;
        bool is_late = false;  // Nobody waits for the answer.
    };

    explicit Questions(const Options& options) : options_(options), next_(options.first) {}

    [[nodiscard]] uint64_t ask(Kind kind, std::string sid, uint64_t now_ms);
    // Nothing: no such question, or its answer was there.
    [[nodiscard]] std::optional<Answered> answered(uint64_t number);
    // Whoever asked has gone.
    void give_up(uint64_t number, uint64_t now_ms);
    // The questions whose time is over. From here on an answer is late.
    [[nodiscard]] std::vector<std::pair<uint64_t, Question>> expire(uint64_t now_ms);
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    [[nodiscard]] size_t open() const noexcept { return open_.size(); }
    [[nodiscard]] size_t remembered() const noexcept { return given_up_.size(); }

private:
    struct Open {
        Question question;
        uint64_t due_ms;
    };
    void remember(uint64_t number, Question question, uint64_t now_ms);
    void forget_old(uint64_t now_ms);

    const Options options_;
    uint64_t next_;
    // In the order in which they were asked, which is that of their times.
    std::map<uint64_t, Open> open_;
    std::map<uint64_t, Question> given_up_;
    std::deque<std::pair<uint64_t, uint64_t>> given_up_order_;  // Until when, and the number.
};

}  // namespace starling::cluster::engine
