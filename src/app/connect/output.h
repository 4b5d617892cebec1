// app/connect/output.h: writes to a pipe, socket, file or terminal without waiting for a slow reader.
//
// Owner: the run of the command, for as long as its loop. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace starling::app::connect {

class Output {
public:
    // `descriptor` stays the caller's. A terminal, and what cannot be watched (a file), is written at once.
    Output(ClientLoop& loop, int descriptor);
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // Writes what the reader takes now, and queues the rest. Nothing is queued after a failure.
    void write(std::string_view bytes);
    [[nodiscard]] size_t waiting_bytes() const noexcept { return queue_.size() - taken_; }
    // The errno of a write that failed; 0: none.
    [[nodiscard]] int error() const noexcept { return error_; }
    // Called when nothing waits any more, and after a failure.
    void on_change(std::function<void()> call) { on_change_ = std::move(call); }

private:
    enum class Kind : unsigned char { direct, pipe, socket };

    [[nodiscard]] bool write_some(std::string_view& bytes);
    void on_writable();

    ClientLoop& loop_;
    int descriptor_;
    Kind kind_ = Kind::direct;
    int error_ = 0;
    std::string queue_;
    size_t taken_ = 0;  // Bytes of `queue_` that are written.
    ClientLoop::Watch watch_ = 0;
    std::function<void()> on_change_;
};

}  // namespace starling::app::connect
