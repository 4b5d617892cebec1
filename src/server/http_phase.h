// server/http_phase.h: the phases of an HTTP connection, as a table: which event leads from which phase
// to which. An event without a row is a fault of this library, and an assertion.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <cstdint>

namespace starling::server {

class HttpPhase {
public:
    enum class Phase : uint8_t {
        reading,    // Between requests, or in one.
        promised,   // A handler answers later.
        streaming,  // A handler has begun to answer, piece by piece.
        file,       // A file is on its way.
        moving,     // The request belongs to another worker, which goes on with it.
        draining,   // Answers that the client does not read hold up its next request.
        closing,    // Nothing more is read or answered here.
    };
    enum class Event : uint8_t {
        moves,          // A head names another worker.
        arrived,        // On that worker.
        promises,       // The handler returned without an answer.
        streams,        // The first piece of a streamed answer.
        sends_file,     // The head of an answer whose body is a file.
        answered,       // The answer is complete; the next request may come.
        answered_full,  // The same, but too much of the answers has not been sent yet.
        answered_last,  // The answer is complete, and the connection ends with it.
        drained,        // What held up the next request has been sent.
        handed_over,    // The stream has another handler: a WebSocket, an event stream.
        failed,         // A fault in the request, or an answer that cannot be completed.
        gone,           // The stream is closed.
    };

    void on(Event event) noexcept;
    [[nodiscard]] Phase get() const noexcept { return phase_; }
    [[nodiscard]] bool is(Phase phase) const noexcept { return phase_ == phase; }

private:
    Phase phase_ = Phase::reading;
};

}  // namespace starling::server
