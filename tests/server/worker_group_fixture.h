// tests/server/worker_group_fixture.h: workers on threads without a Server, so that a test can add
// internal kinds of routes.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/socket.h"
#include "net/tls.h"
#include "server/site.h"
#include "server/worker.h"
#include "tests/fake/sockets.h"
#include "tests/server/fixture.h"

namespace starling::server::test {

// Keeps a worker busy until release().
class Stuck {
public:
    explicit Stuck(Worker& worker) {
        worker.post([this] {
            entered_.set_value();
            released_.get_future().wait();
        });
        entered_.get_future().wait();
    }
    void release() { released_.set_value(); }

private:
    std::promise<void> entered_, released_;
};

// Each worker has its own port, so the test decides where a connection arrives.
class TestTeam {
public:
    explicit TestTeam(ServerOptions options = {}) : site(options), group(site) {
        group.log = log;
        group.connections_max = 100'000;
    }
    ~TestTeam() { stop(true); }

    // `attach` is called when the workers exist and before they run.
    template <class F>
    TestTeam& start(size_t workers, F&& attach, std::shared_ptr<const net::TlsContext> tls = {}) {
        for (size_t i = 0; i < workers; ++i) {
            group.workers.push_back(std::make_unique<Worker>(group));
            group.workers.back()->use_certificates({tls});
            net::Descriptor fd = fake::listen_at("127.0.0.1:0");
            ports_.push_back(net::local_address(fd.get())->port());
            group.workers.back()->listen(std::move(fd), {.tls = tls != nullptr});
        }
        attach(group);
        for (auto& worker : group.workers)
            threads_.emplace_back([&worker = *worker] { worker.run(); });
        return *this;
    }
    TestTeam& start(size_t workers) {
        return start(workers, [](WorkerGroup&) {});
    }
    void stop(bool at_once) {
        for (auto& worker : group.workers)
            worker->post([&worker = *worker, at_once] { worker.stop(at_once); });
        for (auto& thread : threads_)
            if (thread.joinable()) thread.join();
    }
    // Runs a call on a worker's thread and waits for its end.
    template <class F>
    void on(size_t worker, F&& call) {
        Transcript done;
        group.workers[worker]->post([&] {
            call(*group.workers[worker]);
            done.add("done");
        });
        if (!done.wait_for("done")) throw std::runtime_error("the worker is stuck");
    }
    [[nodiscard]] uint16_t port(size_t worker = 0) const { return ports_[worker]; }
    [[nodiscard]] uint64_t open_on(size_t worker) {
        return group.workers[worker]->counters().connections_open.get();
    }
    [[nodiscard]] bool all_gone() {
        return eventually([&] {
            for (size_t i = 0; i < group.workers.size(); ++i)
                if (open_on(i) != 0) return false;
            return group.connections.load() == 0;
        });
    }

    std::shared_ptr<MemoryLog> log = std::make_shared<MemoryLog>();
    Transcript events;
    Site site;
    WorkerGroup group;

private:
    std::vector<uint16_t> ports_;
    std::vector<std::thread> threads_;
};

}  // namespace starling::server::test
