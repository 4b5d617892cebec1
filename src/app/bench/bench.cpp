#include "app/bench/bench.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <ostream>
#include <utility>

#include "app/bench/options.h"

namespace starling::app {
namespace {

constexpr uint32_t progress_ms = 500;
constexpr int failed_exit = 1, wrong_exit = 2;

std::atomic<load::LoadTest*> stopped_by_signal{nullptr};

// While it lives, SIGINT and SIGTERM end the test. The second one ends the process.
class Signals {
public:
    explicit Signals(load::LoadTest& test) {
        stopped_by_signal = &test;
        struct sigaction action {};
        action.sa_handler = [](int) {
            if (load::LoadTest* const running = stopped_by_signal) running->stop();
        };
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        ::sigaction(SIGINT, &action, &interrupt_);
        ::sigaction(SIGTERM, &action, &terminate_);
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals() {
        ::sigaction(SIGINT, &interrupt_, nullptr);
        ::sigaction(SIGTERM, &terminate_, nullptr);
        stopped_by_signal = nullptr;
    }

private:
    struct sigaction interrupt_ {
    }, terminate_{};
};

const char* name_of(load::Phase phase) {
    switch (phase) {
        case load::Phase::open: return "opening";
        case load::Phase::warm_up: return "warming up";
        case load::Phase::measure: return "measuring";
        default: return "waiting for the last answers";
    }
}

// As it is now: a user may change it.
size_t terminal_columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// The line is written over itself, on standard error; "\x1b[K" erases its rest.
void watch(load::LoadTest& test, std::ostream& err) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    load::LoadTest::Seen before;
    while (!test.wait(progress_ms)) {
        if (!terminal) continue;
        const load::LoadTest::Seen now = test.live();
        err << '\r' << progress_line(before, now, progress_ms / 1000.0, terminal_columns())
            << "\x1b[K" << std::flush;
        before = now;
    }
    if (terminal) err << "\r\x1b[K" << std::flush;
}

int tell(const load::Report& report, bool json, const Streams& streams) {
    const int written = print(json ? load::json_of(report) + "\n" : load::text_of(report), streams);
    return report.errors.total() > 0 ? failed_exit : written;
}

}  // namespace

std::string progress_line(const load::LoadTest::Seen& before, const load::LoadTest::Seen& now,
                          double seconds, size_t columns) {
    const auto rate = static_cast<double>(now.count - before.count) / seconds;
    const std::string end =
        load::grouped(static_cast<uint64_t>(rate)) + "/s, " + load::grouped(now.errors) + " errors";
    const std::string open = load::grouped(now.open);
    std::string line = std::string(name_of(now.phase)) + ": " + open + " connections, " + end;
    if (columns > 0 && line.size() >= columns) line = open + " open, " + end;
    if (columns > 0 && line.size() >= columns) line.resize(columns - 1);
    return line;
}

int run_bench(const CommandLine& line, const Streams& streams) {
    auto plan = plan_of(line);
    if (!plan) {
        streams.err << "starling bench: " << plan.error() << std::endl;
        return wrong_exit;
    }
    const bool json = line.find("--json") != nullptr;
    load::LoadTest test(*std::move(plan));
    // Until the threads run, SIGINT ends the process: a lookup may take long, and nothing is measured.
    if (const auto error = test.start()) {
        streams.err << "starling bench: " << error->fault.text << std::endl;
        if (error->usage) return wrong_exit;
        return json ? tell(test.failed(*error), json, streams) : failed_exit;
    }
    const Signals signals(test);
    watch(test, streams.err);
    return tell(test.finish(), json, streams);
}

}  // namespace starling::app
