// app/connect/editor.h: the line that is typed on a terminal, with editing and history by libedit. Only
// editor.cpp uses libedit.
//
// Owner: the run of the command, for as long as its loop. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace starling::app::connect {

class Editor {
public:
    struct Calls {
        // A line that is complete. It is off the screen; the next one appears after the call.
        std::function<void(const std::string& line)> on_line;
        // Ctrl-D on an empty line, or the terminal is gone.
        std::function<void()> on_end;
    };
    // `history_path`: "" for no history. The file is made readable for its user alone. Lines that begin
    // with a blank are not kept.
    Editor(ClientLoop& loop, int in, int out, std::string history_path, Calls calls);
    // Restores the terminal, and writes the history.
    ~Editor();
    Editor(const Editor&) = delete;
    Editor& operator=(const Editor&) = delete;

    void start();  // Shows the prompt and reads.
    void stop();   // Takes the line off the screen; nothing more is read.

    // Takes the line that is being typed off the screen, so that other lines can be written; and back.
    void hide();
    void show();
    void resized();
    void suspend();  // Ctrl-Z; returns when the program goes on.

private:
    struct Libedit;
    void on_readable();
    void line_ended(std::string line);

    ClientLoop& loop_;
    int in_, out_;
    std::string history_path_;
    Calls calls_;
    std::unique_ptr<Libedit> libedit_;
    ClientLoop::Watch watch_ = 0;
    bool visible_ = false;
    bool between_lines_ = false;  // In Calls::on_line: there is no line to show.
};

}  // namespace starling::app::connect
