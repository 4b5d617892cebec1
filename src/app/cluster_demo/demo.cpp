#include "app/cluster_demo/demo.h"

#include <signal.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <ostream>
#include <utility>

namespace starling::app::cluster_demo {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds tick_interval{50};
constexpr int64_t probe_interval_ms = 400, probe_ms_max = 1'000, late_ms = 10'000;
constexpr int fault_exit = 2;

int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string seconds(int64_t ms) {
    std::string text = std::to_string((ms + 50) / 100);
    if (text.size() == 1) text.insert(0, "0");
    return text.insert(text.size() - 1, ".") + " s";
}

}  // namespace

Demo::Demo(Setup setup, const Streams& streams)
    : setup_(std::move(setup)),
      streams_(streams),
      signals_(loop_, {SIGINT, SIGTERM, SIGHUP, SIGCHLD},
               [this](int signal) { on_signal(signal); }),
      supervision_(setup_.options.nodes, !setup_.redis_program.empty()),
      entries_(supervision_.size()),
      panel_(loop_, setup_.port, setup_.web, setup_.key,
             {[this] { return state(); },
              [this](std::string_view process, std::string_view button) {
                  return press(process, button);
              }}) {
    for (size_t process = 0; process < entries_.size(); ++process)
        entries_[process].name =
            is_redis(process) ? "Redis" : "node " + std::to_string(process + 1);
}

Demo::~Demo() {
    // Processes are left only after an exception.
    for (const Entry& entry : entries_)
        if (entry.pid != 0) ::kill(entry.pid, SIGKILL);
}

int Demo::run() {
    panel_.start();
    begun_ms_ = now_ms();
    supervision_.begin(begun_ms_);
    act();
    greet();
    ticks_ = loop_.every(tick_interval, [this] { tick(); });
    loop_.run();
    signals_.stop_watching();
    return exit_code_;
}

void Demo::say(const std::string& line) { streams_.out << line << std::endl; }

void Demo::say_tail(size_t process) {
    for (const std::string& line : entries_[process].tail.lines()) say("    " + line);
}

// ---- Events -------------------------------------------------------------------------------------

void Demo::on_signal(int signal) {
    if (signal == SIGCHLD) {  // Several of them may be one.
        for (size_t process = 0; process < entries_.size(); ++process)
            if (entries_[process].pid != 0)
                if (const auto how = ended(entries_[process].pid)) exited(process, *how);
        return act();
    }
    say(stopping_ ? "ending at once" : "stopping; once more ends everything at once");
    stopping_ = true;
    supervision_.stop(now_ms());
    act();
}

void Demo::tick() {
    supervision_.tick(now_ms());
    act();
    for (size_t process = 0; process < entries_.size(); ++process) probe(process);
    act();
    tell_when_ready();
}

void Demo::probe(size_t process) {
    Entry& entry = entries_[process];
    const State state = supervision_[process].state;
    if (state != State::starting && state != State::running) {
        entry.probe.reset();
        return;
    }
    // Asks more often until the first answer.
    const int64_t waited_ms = now_ms() - entry.probed_ms;
    if (waited_ms < (entry.probe ? probe_ms_max : state == State::running ? probe_interval_ms : 0))
        return;
    if (entry.probe) supervision_.silent(process);
    entry.probed_ms = now_ms();
    if (is_redis(process)) {
        if (accepts(redis_socket(setup_.folder))) supervision_.answered(process, true, now_ms());
        return;
    }
    entry.probe = std::make_unique<Probe>(loop_, entry.port, [this, process](auto health) {
        Entry& probed = entries_[process];
        if (health) {
            probed.health = *health;
            supervision_.answered(process, health->ready, now_ms());
        } else {
            supervision_.silent(process);
        }
        const auto done = std::move(probed.probe);
    });
}

void Demo::act() {
    for (auto actions = supervision_.take_actions(); !actions.empty();
         actions = supervision_.take_actions()) {
        for (const Action& action : actions) {
            const Entry& entry = entries_[action.process];
            if (action.kind == Action::Kind::start)
                start(action.process);
            else if (entry.pid != 0)
                ::kill(entry.pid, action.signal);
        }
    }
    const auto culprit = supervision_.culprit();
    if (culprit && !stopping_) give_up(*culprit);
    if (supervision_.stopped()) {
        if (exit_code_ == 0) say("all processes have ended");
        loop_.stop();
    }
}

void Demo::give_up(size_t culprit) {
    streams_.err << "starling: " << entries_[culprit].name << " does not start ("
                 << entries_[culprit].last_end << ")";
    if (!entries_[culprit].tail.lines().empty())
        streams_.err << ": " << entries_[culprit].tail.lines().back();
    streams_.err << std::endl;
    exit_code_ = fault_exit;
    stopping_ = true;
    supervision_.stop(now_ms());
    act();
}

// ---- Processes ----------------------------------------------------------------------------------

std::string Demo::redis_url() const {
    return setup_.redis_program.empty() ? setup_.options.redis_url
                                        : "redis+unix://" + redis_socket(setup_.folder);
}

Command Demo::command_of(size_t process) {
    if (is_redis(process))
        return redis_command(setup_.redis_program, setup_.folder, setup_.environment);
    Entry& entry = entries_[process];
    // The port of before, so that clients find the node again; another one if it is taken.
    const auto after_page = static_cast<uint16_t>(setup_.port + 1 + process);
    const uint16_t wanted = entry.port != 0 ? entry.port : after_page;
    for (entry.port = free_port(wanted);
         std::ranges::count(entries_, entry.port, &Entry::port) > 1 && entry.port != 0;)
        entry.port = free_port(static_cast<uint16_t>(entry.port + 1));
    const std::string path = setup_.folder + "/node-" + std::to_string(process + 1) + ".yaml";
    std::ofstream(path) << node_config(entry.port, setup_.port, redis_url(), setup_.options.mode,
                                       setup_.cluster);
    return node_command(setup_.program, path, setup_.environment);
}

void Demo::start(size_t process) {
    Entry& entry = entries_[process];
    entry.tail.clear();
    entry.health = {};
    entry.probed_ms = 0;
    auto child = start_child(command_of(process));
    if (!child) {
        entry.tail.add(child.error() + "\n", [](const std::string&) {});
        return exited(process, "not started");
    }
    entry.pid = child->pid;
    entry.output = std::move(child->output);
    entry.watch = loop_.watch(entry.output.get(), {.readable = true},
                              [this, process](ClientLoop::Readiness) { read_output(process); });
}

void Demo::read_output(size_t process) {
    Entry& entry = entries_[process];
    char bytes[4096];
    for (;;) {
        const ssize_t size = ::read(entry.output.get(), bytes, sizeof bytes);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return close_output(process);
        entry.tail.add({bytes, static_cast<size_t>(size)}, [](const std::string&) {});
    }
}

void Demo::close_output(size_t process) {
    Entry& entry = entries_[process];
    if (entry.watch) loop_.unwatch(std::exchange(entry.watch, 0));
    entry.output.reset();
    entry.tail.finish([](const std::string&) {});
}

void Demo::exited(size_t process, const std::string& how) {
    Entry& entry = entries_[process];
    if (entry.output) read_output(process);
    close_output(process);
    entry.pid = 0;
    entry.last_end = how;
    entry.probe.reset();
    entry.health = {};
    supervision_.exited(process, now_ms());
    const Supervision::Process& now = supervision_[process];
    if (now.state == State::waiting) {
        say(entry.name + " has ended (" + how + "); it starts again in " +
            seconds(now.due_ms - now.since_ms) + "; its last lines:");
        say_tail(process);
    } else if (now.state == State::failed) {
        say(entry.name + " has ended (" + how + ") and is given up; its last lines:");
        say_tail(process);
    }
}

// ---- Terminal -----------------------------------------------------------------------------------

void Demo::greet() {
    const std::string port = std::to_string(setup_.port);
    say("starling " + std::string(version()) + ": a cluster of " +
        std::to_string(supervision_.nodes()) + (supervision_.nodes() == 1 ? " node" : " nodes") +
        ", mode " + setup_.options.mode);
    say("  page   http://localhost:" + port + "/#key=" + setup_.key);
    if (setup_.redis_program.empty())
        say("  Redis  " + shown_url(setup_.options.redis_url));
    else
        say("  Redis  its own, " + setup_.redis_program + "; it keeps nothing");
    say("The page talks over all nodes, and kills, freezes and restarts them. Ctrl-C ends "
        "everything.");
}

void Demo::tell_when_ready() {
    if (told_ready_ || stopping_) return;
    if (supervision_.all_ready()) {
        told_ready_ = true;
        std::string nodes;
        for (size_t node = 0; node < supervision_.nodes(); ++node)
            nodes +=
                (node ? ", " : "") + ("http://localhost:" + std::to_string(entries_[node].port));
        return say("ready: " + nodes);
    }
    if (told_late_ || now_ms() - begun_ms_ < late_ms) return;
    told_late_ = true;
    for (size_t process = 0; process < entries_.size(); ++process) {
        if (supervision_[process].ready) continue;
        say(entries_[process].name + " is not ready yet; its last lines:");
        say_tail(process);
    }
}

// ---- The page -----------------------------------------------------------------------------------

// {"name": "1", "state": "running", "ready": true, "pid": 4711, "port": 8081, "starts": 1, "since_ms": 1500,
//  "clients": 1, "received": 20, "sent": 60, "nodes": 3, "ended": "signal 9 (Killed)", "log": ["..."]}
json::object Demo::state_of(size_t process) const {
    const Entry& entry = entries_[process];
    const Supervision::Process& one = supervision_[process];
    json::array log;
    for (const std::string& line : entry.tail.lines()) log.emplace_back(line);
    return {{"name", is_redis(process) ? "redis" : std::to_string(process + 1)},
            {"state", name_of(one.state)},
            {"ready", one.ready},
            {"pid", entry.pid},
            {"port", entry.port},
            {"starts", one.starts},
            {"since_ms", now_ms() - one.since_ms},
            {"clients", entry.health.clients},
            {"received", entry.health.received},
            {"sent", entry.health.sent},
            {"nodes", entry.health.nodes},
            {"ended", entry.last_end},
            {"log", std::move(log)}};
}

// {"mode": "classic", "redis_url": "redis+unix:///...", "redis": null or a process, "nodes": [processes]}
json::value Demo::state() const {
    json::array nodes;
    for (size_t node = 0; node < supervision_.nodes(); ++node) nodes.emplace_back(state_of(node));
    json::value redis;
    if (!setup_.redis_program.empty()) redis = state_of(supervision_.nodes());
    return json::object{{"mode", setup_.options.mode},
                        {"redis_url", shown_url(redis_url())},
                        {"redis", std::move(redis)},
                        {"nodes", std::move(nodes)}};
}

Panel::Outcome Demo::press(std::string_view name, std::string_view button_name) {
    size_t process = 0;
    if (name == "redis") {
        process = supervision_.nodes();
    } else {
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (error != std::errc() || end != name.data() + name.size() || process == 0 ||
            process > supervision_.nodes())
            return Panel::Outcome::unknown;
        --process;
    }
    const auto button = button_named(button_name);
    if (!button || process >= supervision_.size()) return Panel::Outcome::unknown;
    if (!supervision_.press(process, *button, now_ms())) return Panel::Outcome::impossible;
    say(entries_[process].name + ": " + std::string(button_name));
    act();
    return Panel::Outcome::done;
}

}  // namespace starling::app::cluster_demo
