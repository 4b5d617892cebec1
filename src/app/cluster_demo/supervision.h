// app/cluster_demo/supervision.h: when the processes of the cluster demo start and end. Pure: the events
// go in, and what to do comes out as actions.
//
// The nodes have the numbers 0 to count - 1. A Redis of the demo's own has the number after them: it
// starts first, and ends last.
//
// A process that ends without a button was pressed starts again after a pause, which doubles from 0.5 s
// to 8 s. One that ends three times without having been ready is given up.
//
// Owner: the supervisor. Thread: one. Time is an argument, in milliseconds of a monotonic clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace starling::app::cluster_demo {

inline constexpr int64_t pause_ms_min = 500, pause_ms_max = 8'000;
inline constexpr int64_t steady_ms = 10'000;  // After this time the pauses begin anew.
inline constexpr int failures_max = 3;
inline constexpr int64_t end_ms_max = 3'000;  // From SIGTERM to SIGKILL.

enum class State : uint8_t {
    idle,        // Not started yet: Redis comes first.
    starting,    // The process is there, and has not answered.
    running,     // It has answered.
    frozen,      // By a button.
    killed,      // By a button.
    restarting,  // By a button: it has to end, and then starts.
    waiting,     // It ended, and starts after a pause.
    failed,      // Given up.
    stopping,    // The demo ends.
    stopped,
};
enum class Button : uint8_t { kill, freeze, thaw, restart };

[[nodiscard]] std::string_view name_of(State state) noexcept;
[[nodiscard]] std::optional<Button> button_named(std::string_view name) noexcept;

struct Action {
    enum class Kind : uint8_t { start, signal };
    Kind kind;
    size_t process;
    int signal = 0;
    bool operator==(const Action&) const = default;
};

class Supervision {
public:
    struct Process {
        State state = State::idle;
        bool present = false;  // There is a process, which has not been waited for.
        bool ready = false;    // It answers, and says that it is ready.
        bool proven = false;   // It was ready once.
        int failures = 0;      // In a row.
        int starts = 0;
        int64_t since_ms = 0;  // Time of the last change of `state`.
        int64_t due_ms = 0;    // waiting: of the start; restarting, stopping: of SIGKILL.
    };

    Supervision(size_t nodes, bool own_redis);

    void begin(int64_t now_ms);
    // It answers. A process that was started after an Action answers at some time.
    void answered(size_t process, bool ready, int64_t now_ms);
    void silent(size_t process);  // It does not answer.
    // It has ended, or could not be started.
    void exited(size_t process, int64_t now_ms);
    // False: the process is in no state for that.
    [[nodiscard]] bool press(size_t process, Button button, int64_t now_ms);
    void tick(int64_t now_ms);
    // The demo ends: SIGTERM, after a while SIGKILL. A second call: SIGKILL at once.
    void stop(int64_t now_ms);

    [[nodiscard]] std::vector<Action> take_actions();
    [[nodiscard]] const Process& operator[](size_t process) const { return processes_[process]; }
    [[nodiscard]] size_t size() const noexcept { return processes_.size(); }
    [[nodiscard]] size_t nodes() const noexcept { return nodes_; }
    [[nodiscard]] bool all_ready() const noexcept;
    [[nodiscard]] bool stopped() const noexcept;
    // The process because of which there is no demo: Redis, or the first one of the nodes if all of them
    // are given up, and none was ever ready.
    [[nodiscard]] std::optional<size_t> culprit() const noexcept;

private:
    void enter(size_t process, State state, int64_t now_ms);
    void start(size_t process, int64_t now_ms);
    void end(size_t process, int64_t now_ms);
    void end_redis_after_nodes(int64_t now_ms);

    size_t nodes_;
    std::vector<Process> processes_;
    std::vector<Action> actions_;
    bool stopping_ = false;
};

}  // namespace starling::app::cluster_demo
