// cluster/engine/questions.h: the questions of one worker to the owners of sessions: who asked what,
// and until when. A question ends with its answer, or at its time. A lock that is granted after that is
// held for nobody, so the owner must be told: its question is remembered for a while.
//
// Owner: the part of the worker. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace starling::cluster::engine {

class Questions {
public:
    struct Options {
        // The numbers of this worker are `first`, `first` + `step`, ... So an answer names its worker.
        uint64_t first = 1, step = 1;
        uint64_t timeout_ms = 1000;  // Node.js waits as long.
        uint64_t remember_ms =
            10'000;  // Questions without an answer, from the end of their time on,
        size_t remembered_max = 4096;  // and so many of them.
    };
    enum class Kind : uint8_t { poll, post, websocket, upgrade };
    struct Question {
        Kind kind = Kind::poll;
        std::string sid;
    };
    struct Late {
        uint64_t number;
        Kind kind;
    };
    struct Answered {
        Question question;
        bool is_late = false;  // Nobody waits for the answer.
    };

    explicit Questions(const Options& options) : options_(options), next_(options.first) {}

    // Throws std::bad_alloc, and then nothing is asked. No other function needs memory.
    [[nodiscard]] uint64_t ask(Kind kind, std::string sid, uint64_t now_ms);
    // Nothing: no such question, or its answer was there.
    [[nodiscard]] std::optional<Answered> answered(uint64_t number) noexcept;
    // Whoever asked has gone.
    void give_up(uint64_t number, uint64_t now_ms) noexcept;
    // One question whose time is over: call it until there is none. From here on an answer is late.
    [[nodiscard]] std::optional<Late> expire(uint64_t now_ms) noexcept;
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    [[nodiscard]] size_t open() const noexcept { return open_.size(); }
    [[nodiscard]] size_t remembered() const noexcept { return given_up_.size(); }

private:
    struct Open {
        Question question;
        uint64_t due_ms;
    };
    using Opens = std::map<uint64_t, Open>;
    void remember(Opens::node_type node, uint64_t now_ms) noexcept;
    void forget_old(uint64_t now_ms) noexcept;

    const Options options_;
    uint64_t next_;
    // In the order in which they were asked, which is that of their times.
    Opens open_, given_up_;
};

}  // namespace starling::cluster::engine
