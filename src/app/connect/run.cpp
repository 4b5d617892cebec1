#include "app/connect/run.h"

#include <signal.h>

#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "app/connect/words.h"
#include "base/text.h"

namespace starling::app::connect {
namespace {

// Bytes that wait for a slow reader of standard output before receiving pauses.
constexpr size_t output_bytes_max = 1024 * 1024;
// Bytes of --text and --binary that wait to be sent.
constexpr uint64_t sent_ahead_bytes_max = 1024 * 1024;
constexpr int signal_exit = 128;  // And the number of the signal, as shells have it.
constexpr std::chrono::milliseconds wait_default{1000};
constexpr std::chrono::seconds linger_max{5};

std::unique_ptr<Session> make_session(ClientLoop& loop, const Options& options, Host& host) {
    switch (options.kind) {
        case Kind::socketio: return make_socketio_session(loop, options, host);
        case Kind::sse: return make_sse_session(loop, options, host);
        case Kind::websocket: break;
    }
    return make_websocket_session(loop, options, host);
}

}  // namespace

Run::Run(Options options, const Descriptors& descriptors, bool terminal)
    : options_(std::move(options)),
      descriptors_(descriptors),
      renderer_(options_.render),
      signals_(loop_, {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP},
               [this](int signal) { on_signal(signal); }),
      out_(loop_, descriptors.out),
      err_(loop_, descriptors.err),
      splitter_(options_.length_prefixed ? Splitter::Form::lengths : Splitter::Form::lines,
                file_bytes_max),
      input_(loop_, descriptors.in, [this](std::string_view bytes) { on_input(bytes); }),
      session_(make_session(loop_, options_, *this)) {
    out_.on_change([this] { on_output_change(); });
    err_.on_change([this] { resume_if_written(); });
    if (!terminal) return;
    Editor::Calls calls;
    calls.on_line = [this](const std::string& line) {
        if (closing_ || ended_) return;
        if (ready_)
            session_->typed(line);
        else
            show(notice_event("not connected; the line was not sent"));
    };
    calls.on_end = [this] { finish(clean_exit); };
    editor_ = std::make_unique<Editor>(loop_, descriptors.in, descriptors.out,
                                       options_.history_path, std::move(calls));
}

Run::~Run() = default;

int Run::run() {
    session_->start();
    if (options_.timeout)
        timeout_ = loop_.after(*options_.timeout, [this] {
            if (exit_code_ || ended_) return;
            show(error_event("the time of --timeout is over", 0, {}));
            finish(timeout_exit);
        });
    loop_.run();
    if (ended_ && options_.kind == Kind::socketio) linger();
    return exit_code_.value_or(result_);
}

Renderer::Time Run::now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// ---- Output -------------------------------------------------------------------------------------

void Run::show(const Event& event) {
    Rendered rendered;
    renderer_.event(rendered, event, now());
    write(rendered);
}

void Run::show_message(Direction direction, const ws::Message& message) {
    Rendered rendered;
    renderer_.message(rendered, direction, message, now());
    write(rendered);
}

void Run::help(std::string_view lines) {
    Rendered rendered;
    renderer_.help(rendered, lines);
    write(rendered);
}

void Run::write(const Rendered& rendered) {
    if (rendered.out.empty() && rendered.err.empty()) return;
    if (editor_) editor_->hide();
    out_.write(rendered.out);
    err_.write(rendered.err);
    if (editor_) editor_->show();
    if (waiting_bytes() > output_bytes_max && !receiving_paused_)
        receiving_paused_ = session_->pause();
}

void Run::on_output_change() {
    if (out_.error() != 0 && !exit_code_) {
        // A reader that has read enough, as `head`, is no fault to tell.
        if (out_.error() != EPIPE)
            err_.write("starling connect: standard output cannot be written: " +
                       std::generic_category().message(out_.error()) + "\n");
        return finish(lost_exit);
    }
    resume_if_written();
    if (ended_ && out_.waiting_bytes() == 0) stop_now(result_);
}

size_t Run::waiting_bytes() const { return out_.waiting_bytes() + err_.waiting_bytes(); }

void Run::resume_if_written() {
    if (waiting_bytes() > 0 || !std::exchange(receiving_paused_, false)) return;
    session_->resume();
    if (ready_) pump();
}

// ---- Input --------------------------------------------------------------------------------------

void Run::ready(bool can_send) {
    ready_ = can_send;
    if (!can_send || closing_ || ended_) {
        input_.pause();
        return;
    }
    if (options_.kind == Kind::sse && !editor_) return;  // Nothing can be sent.
    pump();
    if (editor_) editor_->start();
}

void Run::drained() {
    if (ready_) pump();
}

void Run::pump() {
    while (ready_ && !closing_ && session_->waiting_bytes() < sent_ahead_bytes_max &&
           sent_ < options_.sent.size()) {
        const Sent& one = options_.sent[sent_++];
        session_->send(one.binary ? ws::Message(base::bytes_of(one.bytes))
                                  : ws::Message(one.bytes));
    }
    if (!ready_ || closing_ || editor_ || sent_ < options_.sent.size()) return;
    // What is sent may be answered: while answers have no place, nothing is sent either.
    if (session_->waiting_bytes() > 0 || receiving_paused_) return input_.pause();
    if (input_ended_) return input_ended();
    input_.resume();
}

void Run::on_input(std::string_view bytes) {
    splitter_.feed(bytes);
    while (!closing_) {
        const auto message = splitter_.next();
        if (!message) break;
        send_from_pipe(*message);
    }
    if (bytes.empty() && !closing_) {
        if (const auto rest = splitter_.finish()) send_from_pipe(*rest);
        input_ended_ = true;
    }
    if (!splitter_.fault().empty() && !closing_) {
        show(error_event("standard input " + splitter_.fault(), 0, {}));
        return finish(lost_exit);
    }
    pump();
}

void Run::send_from_pipe(std::string_view message) {
    session_->send(options_.send_binary ? ws::Message(base::bytes_of(message))
                                        : ws::Message(message));
}

// Everything is sent. Answers still come, for a while.
void Run::input_ended() {
    if (std::exchange(waits_, true)) return;
    if (options_.exit_after != 0 && !options_.wait) return;
    wait_ = loop_.after(options_.wait.value_or(wait_default), [this] {
        if (!exit_code_) finish(clean_exit);
    });
}

// ---- The end ------------------------------------------------------------------------------------

void Run::received() {
    if (++received_ == options_.exit_after) finish(clean_exit);
}

// `clean_exit`: the connection has the last word, unless --exit-after is reached.
void Run::finish(int exit_code) {
    if (ended_) return;
    const bool reached = options_.exit_after != 0 && received_ >= options_.exit_after;
    if (!exit_code_ && (exit_code != clean_exit || reached)) exit_code_ = exit_code;
    if (std::exchange(closing_, true)) return;
    if (editor_) editor_->stop();
    input_.pause();
    if (std::exchange(receiving_paused_, false)) session_->resume();
    session_->close();
}

void Run::ended(int exit_code) {
    ended_ = true;
    result_ = exit_code;
    if (editor_) editor_->stop();
    input_.pause();
    // What waits for the reader of standard output is still written.
    if (out_.waiting_bytes() == 0) stop_now(exit_code);
}

void Run::stop_now(int exit_code) {
    result_ = exit_code;
    loop_.stop();
}

// Socket.IO over polling tells the server that it disconnects by a POST, behind those of events.
void Run::linger() {
    signals_.stop_watching();
    input_.stop();
    loop_.cancel(timeout_);
    loop_.cancel(wait_);
    std::promise<void> over;
    std::thread limit([this, over = over.get_future()] {
        if (over.wait_for(linger_max) == std::future_status::timeout) loop_.stop();
    });
    loop_.run();
    over.set_value();
    limit.join();
}

void Run::on_signal(int signal) {
    if (signal == SIGWINCH) return editor_ ? editor_->resized() : void();
    if (signal == SIGTSTP) {
        if (editor_) return editor_->suspend();
        ::raise(SIGSTOP);
        return;
    }
    const bool again = std::exchange(signalled_, true);
    exit_code_ = signal_exit + signal;
    if (!again && !ended_ && !closing_) return finish(*exit_code_);
    if (!again && signal != SIGINT) return;  // A terminal that hangs up also ends its input.
    session_->terminate();
    loop_.stop();
}

}  // namespace starling::app::connect
