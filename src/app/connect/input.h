// app/connect/input.h: reads a pipe, socket, file or terminal on the loop.
//
// Owner: the run of the command, for as long as its loop. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <functional>
#include <memory>
#include <string_view>

namespace starling::app::connect {

class Input {
public:
    // `on_bytes` gets at most 64 KiB in each tick; an empty view is the end, which comes once. A
    // descriptor that cannot be read ends at once.
    Input(ClientLoop& loop, int descriptor, std::function<void(std::string_view bytes)> on_bytes);
    ~Input();
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    void pause();
    void resume();  // Reading begins with the first call.
    void stop();    // Reads nothing more, so that the loop can end.

private:
    void read();
    void read_file_later();
    void end();

    ClientLoop& loop_;
    int descriptor_;
    std::function<void(std::string_view)> on_bytes_;
    ClientLoop::Watch watch_ = 0;
    bool file_ = false;  // Cannot be watched: is always ready.
    bool paused_ = true, ended_ = false;
    bool posted_ = false;  // A call that reads the file is posted.
    // Posted calls outlive this object.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace starling::app::connect
