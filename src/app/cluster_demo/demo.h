// app/cluster_demo/demo.h: `starling cluster-demo`: starts the nodes of a cluster and a Redis, watches them,
// and serves a page with a client of each node and buttons that kill, freeze and restart them.
//
// Owner: the run of the command. Thread: main's: the loop, the processes and the signals. The page's
// server has a thread of its own.
#pragma once

#include "app/cluster_demo/child.h"
#include "app/cluster_demo/options.h"
#include "app/cluster_demo/panel.h"
#include "app/cluster_demo/probe.h"
#include "app/cluster_demo/supervision.h"
#include "app/cluster_demo/tail.h"
#include "app/signals.h"
#include "app/streams.h"

#include <starling/client.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app::cluster_demo {

// What run_cluster_demo() has found.
struct Setup {
    Options options;
    Environment environment;
    std::string program;        // Of the nodes.
    std::string web;            // The folder of the pages.
    std::string redis_program;  // "": Options::redis_url names a Redis.
    std::string folder;         // For the files of this run.
    uint16_t port = 0;          // Of the page.
    std::string cluster;        // See cluster_name().
    std::string key;
};

class Demo {
public:
    Demo(Setup setup, const Streams& streams);
    ~Demo();
    Demo(const Demo&) = delete;
    Demo& operator=(const Demo&) = delete;

    // Until a signal ends it, or a process that it needs does not start. Returns the exit code.
    int run();

private:
    // A process: a node, or Redis.
    struct Entry {
        std::string name;
        uint16_t port = 0;  // 0: Redis.
        pid_t pid = 0;
        base::Descriptor output;
        ClientLoop::Watch watch = 0;
        Tail tail;
        std::string last_end;  // "exit code 2"
        std::unique_ptr<Probe> probe;
        int64_t probed_ms = 0;
        Health health;
    };

    void on_signal(int signal);
    void tick();
    void probe(size_t process);
    void act();
    void start(size_t process);
    void read_output(size_t process);
    void close_output(size_t process);
    void exited(size_t process, const std::string& how);
    void give_up(size_t culprit);
    void greet();
    void tell_when_ready();
    void say(const std::string& line);
    void say_tail(size_t process);
    [[nodiscard]] bool is_redis(size_t process) const { return process == supervision_.nodes(); }
    [[nodiscard]] boost::json::object state_of(size_t process) const;
    [[nodiscard]] boost::json::value state() const;
    [[nodiscard]] Panel::Outcome press(std::string_view process, std::string_view button);
    [[nodiscard]] Command command_of(size_t process);
    [[nodiscard]] std::string redis_url() const;

    const Setup setup_;
    const Streams& streams_;
    ClientLoop loop_;
    Signals signals_;  // Before everything that starts threads.
    Supervision supervision_;
    std::vector<Entry> entries_;
    Panel panel_;
    ClientLoop::Timer ticks_ = 0;
    int64_t begun_ms_ = 0;
    bool told_ready_ = false, told_late_ = false, stopping_ = false;
    int exit_code_ = 0;
};

// The command. `executable_path`: the program itself.
[[nodiscard]] int run_cluster_demo(const CommandLine& line, const Environment& environment,
                                   const std::string& executable_path, const Streams& streams);

}  // namespace starling::app::cluster_demo
