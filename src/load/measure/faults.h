// load/measure/faults.h: what can go wrong in a load test, told apart and counted.
//
// Owner: a Tally belongs to one thread of the load generator; merge() adds those of the others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace starling::load {

struct Fault {
    enum class Kind : uint8_t {
        refused,      // Nothing listens there.
        unreachable,  // No route, or the name does not resolve.
        timeout,      // The connection did not open in time.
        reset,        // The connection was reset.
        tls,          // TLS failed; the text says why.
        proxy,        // The proxy does not open the way; the text says why.
        status,       // The handshake was answered with another status; `code` is the status.
        closed,       // The server ended an open connection; `code` is its close code, or 0.
        bad_answer,   // The server sent something wrong; the text says what.
        unanswered,   // A message was not answered in time.
        undelivered,  // A publication did not reach a subscriber in time.
        silent,       // Nothing came in the whole time; the text says what was waited for.
        local,        // This machine cannot do it; the text says what.
    };
    Kind kind = Kind::local;
    uint16_t code = 0;
    std::string text = {};  // More for people; may be empty.
};

// "refused", "timeout", "handshake status 404", "closed code 1001", "bad answer".
[[nodiscard]] std::string name_of(Fault::Kind kind, uint16_t code);

// The fault that an errno of connect(), send() or recv() stands for.
[[nodiscard]] Fault fault_of_error(int error);

class Tally {
public:
    struct Row {
        std::string name;
        uint64_t count = 0;
        std::string text = {};  // That of the first fault of this name.
    };

    void add(const Fault& fault, uint64_t times = 1);
    void merge(const Tally& other);
    [[nodiscard]] uint64_t total() const noexcept { return total_; }
    [[nodiscard]] std::vector<Row> rows() const;  // The most frequent first.

private:
    std::map<std::string, Row> rows_;
    uint64_t total_ = 0;
};

}  // namespace starling::load
