// app/connect/run.h: one run of `starling connect`: joins the connection with standard input and output,
// and decides when it ends.
//
// Owner: run_connect(). Thread: main's.
#pragma once

#include <starling/client.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "app/connect/editor.h"
#include "app/connect/framing.h"
#include "app/connect/input.h"
#include "app/connect/options.h"
#include "app/connect/output.h"
#include "app/connect/render.h"
#include "app/connect/session.h"
#include "app/signals.h"

namespace starling::app::connect {

class Run final : private Host {
public:
    // Throws std::invalid_argument if the connection cannot be tried: the URL, a header field.
    Run(Options options, const Descriptors& descriptors, bool terminal);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    [[nodiscard]] int run();  // The exit code.

private:
    // Host
    void show(const Event& event) override;
    void show_message(Direction direction, const ws::Message& message) override;
    void help(std::string_view lines) override;
    void received() override;
    void ready(bool can_send) override;
    void drained() override;
    void ended(int exit_code) override;

    // ---- Output
    void write(const Rendered& rendered);
    void on_output_change();
    void resume_if_written();
    [[nodiscard]] size_t waiting_bytes() const;  // For slow readers of the outputs.

    // ---- Input
    void send_options();
    void pump();  // Sends what was read, and reads on if the connection takes it.
    void on_input(std::string_view bytes);
    void send_from_pipe(std::string_view message);
    void input_ended();

    // ---- The end
    void finish(int exit_code);  // In order.
    void stop_now(int exit_code);
    void linger();  // Until the last requests have left, for a short time.
    void on_signal(int signal);
    [[nodiscard]] static Renderer::Time now();

    const Options options_;
    const Descriptors descriptors_;
    Renderer renderer_;
    ClientLoop loop_;
    Signals signals_;  // Before everything that starts threads.
    Output out_, err_;
    Splitter splitter_;
    Input input_;
    std::unique_ptr<Editor> editor_;  // On a terminal.
    std::unique_ptr<Session> session_;
    ClientLoop::Timer timeout_ = 0, wait_ = 0;
    std::optional<int> exit_code_;  // Decided before the connection ends.
    int result_ = lost_exit;
    uint64_t received_ = 0;
    size_t sent_ = 0;  // Of options_.sent.
    bool ready_ = false, ended_ = false, closing_ = false, signalled_ = false;
    bool input_ended_ = false, waits_ = false, receiving_paused_ = false;
};

}  // namespace starling::app::connect
