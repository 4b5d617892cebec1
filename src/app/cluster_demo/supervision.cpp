#include "app/cluster_demo/supervision.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/backoff.h"

namespace starling::app::cluster_demo {
namespace {

struct Pressed {
    State from;
    Button button;
    int signal;  // 0: none.
    State to;
};

// A button that has no row for a state does nothing in that state.
constexpr Pressed pressed_rows[] = {
    {State::starting, Button::kill, SIGKILL, State::killed},
    {State::running, Button::kill, SIGKILL, State::killed},
    {State::frozen, Button::kill, SIGKILL, State::killed},
    {State::waiting, Button::kill, 0, State::killed},
    {State::starting, Button::freeze, SIGSTOP, State::frozen},
    {State::running, Button::freeze, SIGSTOP, State::frozen},
    {State::frozen, Button::thaw, SIGCONT, State::starting},
    {State::starting, Button::restart, SIGTERM, State::restarting},
    {State::running, Button::restart, SIGTERM, State::restarting},
    // A frozen process would take no SIGTERM.
    {State::frozen, Button::restart, SIGKILL, State::restarting},
    {State::killed, Button::restart, 0, State::restarting},
    {State::waiting, Button::restart, 0, State::restarting},
    {State::failed, Button::restart, 0, State::restarting},
};

constexpr std::string_view state_names[] = {"idle",     "starting",   "running", "frozen",
                                            "killed",   "restarting", "waiting", "failed",
                                            "stopping", "stopped"};
constexpr std::pair<std::string_view, Button> button_names[] = {{"kill", Button::kill},
                                                                {"freeze", Button::freeze},
                                                                {"thaw", Button::thaw},
                                                                {"restart", Button::restart}};

}  // namespace

std::string_view name_of(State state) noexcept { return state_names[static_cast<size_t>(state)]; }

std::optional<Button> button_named(std::string_view name) noexcept {
    for (const auto& [known, button] : button_names)
        if (known == name) return button;
    return std::nullopt;
}

Supervision::Supervision(size_t nodes, bool own_redis)
    : nodes_(nodes), processes_(nodes + (own_redis ? 1 : 0)) {}

void Supervision::enter(size_t process, State state, int64_t now_ms) {
    processes_[process].state = state;
    processes_[process].since_ms = now_ms;
}

void Supervision::start(size_t process, int64_t now_ms) {
    Process& one = processes_[process];
    one.present = true;
    one.ready = false;
    ++one.starts;
    enter(process, State::starting, now_ms);
    actions_.push_back({Action::Kind::start, process});
}

void Supervision::begin(int64_t now_ms) {
    if (size() > nodes_) return start(nodes_, now_ms);
    for (size_t node = 0; node < nodes_; ++node) start(node, now_ms);
}

void Supervision::answered(size_t process, bool ready, int64_t now_ms) {
    Process& one = processes_[process];
    if (one.state == State::starting) enter(process, State::running, now_ms);
    if (one.state != State::running) return;
    one.ready = ready;
    one.proven |= ready;
    if (process < nodes_ || !ready) return;
    for (size_t node = 0; node < nodes_; ++node)
        if (processes_[node].state == State::idle) start(node, now_ms);
}

void Supervision::silent(size_t process) { processes_[process].ready = false; }

void Supervision::exited(size_t process, int64_t now_ms) {
    Process& one = processes_[process];
    const bool lasted = one.state == State::running && now_ms - one.since_ms >= steady_ms;
    one.present = one.ready = false;
    if (stopping_ && one.state != State::stopping) return enter(process, State::stopped, now_ms);
    switch (one.state) {
        case State::stopping:
            enter(process, State::stopped, now_ms);
            return end_redis_after_nodes(now_ms);
        case State::restarting: return start(process, now_ms);
        case State::starting:
        case State::running:
        case State::frozen: break;
        default: return;
    }
    one.failures = lasted ? 1 : one.failures + 1;
    if (!one.proven && one.failures == failures_max) return enter(process, State::failed, now_ms);
    base::Backoff pauses(pause_ms_min, pause_ms_max, 0);
    uint64_t pause_ms = 0;
    for (int i = 0; i < std::min(one.failures, 10); ++i) pause_ms = pauses.next_ms(0);
    one.due_ms = now_ms + static_cast<int64_t>(pause_ms);
    enter(process, State::waiting, now_ms);
}

bool Supervision::press(size_t process, Button button, int64_t now_ms) {
    Process& one = processes_[process];
    const auto row = std::ranges::find_if(pressed_rows, [&](const Pressed& pressed) {
        return pressed.from == one.state && pressed.button == button;
    });
    if (stopping_ || row == std::end(pressed_rows)) return false;
    if (row->signal != 0) actions_.push_back({Action::Kind::signal, process, row->signal});
    if (row->signal != SIGCONT) one.ready = false;
    one.failures = 0;
    one.due_ms = now_ms + end_ms_max;
    enter(process, row->to, now_ms);
    if (row->to == State::restarting && !one.present) start(process, now_ms);
    return true;
}

void Supervision::tick(int64_t now_ms) {
    for (size_t process = 0; process < size(); ++process) {
        Process& one = processes_[process];
        if (now_ms < one.due_ms) continue;
        if (one.state == State::waiting && !stopping_) {
            start(process, now_ms);
        } else if (one.present &&
                   (one.state == State::restarting || one.state == State::stopping)) {
            actions_.push_back({Action::Kind::signal, process, SIGKILL});
            one.due_ms = now_ms + end_ms_max;
        }
    }
}

void Supervision::end(size_t process, int64_t now_ms) {
    Process& one = processes_[process];
    if (!one.present) return enter(process, State::stopped, now_ms);
    const bool at_once = one.state == State::stopping || one.state == State::frozen;
    if (one.state != State::killed)
        actions_.push_back({Action::Kind::signal, process, at_once ? SIGKILL : SIGTERM});
    one.ready = false;
    one.due_ms = now_ms + end_ms_max;
    enter(process, State::stopping, now_ms);
}

void Supervision::stop(int64_t now_ms) {
    stopping_ = true;
    for (size_t node = 0; node < nodes_; ++node)
        if (processes_[node].state != State::stopped) end(node, now_ms);
    end_redis_after_nodes(now_ms);
}

void Supervision::end_redis_after_nodes(int64_t now_ms) {
    if (size() == nodes_ || processes_[nodes_].state == State::stopped) return;
    const bool nodes_ended = std::all_of(processes_.begin(), processes_.end() - 1,
                                         [](auto& one) { return one.state == State::stopped; });
    if (nodes_ended) end(nodes_, now_ms);
}

std::vector<Action> Supervision::take_actions() { return std::exchange(actions_, {}); }

bool Supervision::all_ready() const noexcept {
    return std::ranges::all_of(processes_, &Process::ready);
}

bool Supervision::stopped() const noexcept {
    return stopping_ && std::ranges::all_of(processes_, [](const Process& one) {
               return one.state == State::stopped;
           });
}

std::optional<size_t> Supervision::culprit() const noexcept {
    if (size() > nodes_ && processes_[nodes_].state == State::failed) return nodes_;
    const auto given_up = [](const Process& one) { return one.state == State::failed; };
    const auto nodes_end = processes_.begin() + static_cast<ptrdiff_t>(nodes_);
    if (std::all_of(processes_.begin(), nodes_end, given_up)) return 0;
    return std::nullopt;
}

}  // namespace starling::app::cluster_demo
