// server/http_phase.h: the phases of an HTTP connection as a table: each row is a phase, an event
// and the next phase. An event without a row is a bug of this library, and fails an assertion.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <cstdint>

namespace starling::server {

class HttpPhase {
public:
    enum class Phase : uint8_t {
        reading,    // Between requests, or within one.
        promised,   // A handler answers later.
        streaming,  // A handler is answering, piece by piece.
        file,       // A file is being sent.
        moving,     // The request belongs to another worker, and the connection moves there.
        draining,   // The client does not read its answers; its next request has to wait.
        closing,    // Nothing more is read or answered.
    };
    enum class Event : uint8_t {
        moves,          // The head names another worker.
        arrived,        // The connection has reached that worker.
        promises,       // The handler returned without an answer.
        decides,        // The handler of an upgrade has decided; the upgrade goes on.
        streams,        // The first piece of a streamed answer.
        sends_file,     // The head of an answer whose body is a file.
        answered,       // The answer is complete; the next request may come.
        answered_full,  // The answer is complete, but too many bytes are still unsent.
        answered_last,  // The answer is complete and the last one of the connection.
        drained,        // The unsent bytes of `draining` were sent.
        handed_over,    // The stream has another handler: a WebSocket, an event stream.
        failed,         // The request is faulty, or its answer cannot be completed.
        gone,           // The stream is closed.
    };

    void on(Event event) noexcept;
    [[nodiscard]] Phase get() const noexcept { return phase_; }
    [[nodiscard]] bool is(Phase phase) const noexcept { return phase_ == phase; }

private:
    Phase phase_ = Phase::reading;
};

}  // namespace starling::server
