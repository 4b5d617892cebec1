// tests/server/engineio/relay_fixture.h: nodes with Engine.IO servers over a real Redis, and a node
// without a server, which speaks the relay's messages itself.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engineio/ids.h"
#include "engineio/relay.h"
#include "server/engineio/relay_part.h"
#include "server/figures.h"
#include "server/nodes/redis_nodes.h"
#include "tests/server/engineio/dropping_nodes.h"
#include "tests/server/engineio/fixture.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server::test {

namespace relay = engineio::relay;

inline constexpr std::string_view unknown_session = R"({"code":1,"message":"Session ID unknown"})";

// One node: an Engine.IO server whose handler echoes, unless `factory` makes another one.
class EngineNode {
public:
    EngineNode(const ClusterOptions& cluster, EngineOptions options, size_t workers,
               EngineFactory factory = {}, bool may_drop = false)
        : nodes(nodes_settings(cluster)),
          engine(
              std::move(options),
              factory ? std::move(factory)
                      : [this](EngineSession& session,
                               const http::Request& request) -> std::unique_ptr<EngineHandler> {
                  team.events.add("from " + std::string(request.remote_address()));
                  return std::make_unique<EchoUser>(session, team.events);
              }),
          extension(engine) {
        extension.mount(team.site);
        team.start(workers, [this, may_drop](WorkerGroup& group) {
            group.trusted_proxies.replace(std::make_unique<const peer::AddressSet>(
                peer::AddressSet::read("proxies", {"127.0.0.1"})));
            group.nodes = &nodes;
            nodes.attach(group);
            if (may_drop) group.nodes = &outgoing;
            extension.attach(group);
        });
    }
    ~EngineNode() { stop(); }
    void stop() {
        team.stop(true);
        nodes.close();
    }
    [[nodiscard]] double figure(size_t worker, std::string_view name) {
        Figures figures;
        team.on(worker, [&](Worker& w) { engine.add_figures(w, figures); });
        return figures.sum(name);
    }
    // Of all workers.
    [[nodiscard]] double figure(std::string_view name) {
        double sum = 0;
        for (size_t i = 0; i < team.group.workers.size(); ++i) sum += figure(i, name);
        return sum;
    }
    [[nodiscard]] double pending() { return figure("starling_relayed_requests"); }
    [[nodiscard]] double websockets() { return figure("starling_relayed_websockets"); }

    RedisNodes nodes;
    DroppingNodes outgoing{nodes};  // In use if the node `may_drop`.
    Engine engine;
    EngineExtension extension;
    TestTeam team;
};

// A node that sends what a test says, and keeps the answers that it gets.
class BareNode final : Nodes::Member {
public:
    explicit BareNode(const ClusterOptions& cluster) : nodes(nodes_settings(cluster)) {
        nodes.add(Nodes::Kind::engineio, *this);
        team_.start(1, [this](WorkerGroup& group) {
            group.nodes = &nodes;
            nodes.attach(group);
        });
    }
    ~BareNode() { stop(); }
    void stop() {
        team_.stop(true);
        nodes.close();
    }
    void send(Nodes::Id to, const std::string& message) {
        team_.on(0,
                 [&](Worker&) { nodes.publish(Nodes::Kind::engineio, {.nodes = {to}}, message); });
    }
    void ask(Nodes::Id to, uint64_t id, std::string_view method, std::string_view target,
             std::string_view body = "", uint16_t worker = 0) {
        send(to, relay::encode({.type = relay::Type::request, .worker = worker, .id = id},
                               relay::Request{.method = method,
                                              .target = target,
                                              .host = "here",
                                              .remote_address = "203.0.113.1",
                                              .body = body,
                                              .fields = {}}));
    }
    void tell(Nodes::Id to, relay::Type type, uint64_t id) {
        send(to, relay::encode({.type = type, .worker = 0, .id = id}));
    }
    // "200 body"; "": none has come in time.
    [[nodiscard]] std::string answer(uint64_t id) {
        std::string got;
        (void)eventually([&] { return !(got = answer_now(id)).empty(); });
        return got;
    }
    [[nodiscard]] std::string answer_now(uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = answers_.find(id);
        return found == answers_.end() ? "" : found->second;
    }
    // What was said about the WebSocket of this number, without the credits: "3probe, end(1000)".
    [[nodiscard]] bool hears(uint64_t id, std::string_view text) {
        return eventually([&] { return heard(id) == text; });
    }
    [[nodiscard]] std::string heard(uint64_t id) {
        const std::lock_guard lock(mutex_);
        return frames_[id];
    }
    // Bytes that have arrived there, and that were taken.
    [[nodiscard]] std::pair<uint64_t, uint64_t> credits(uint64_t id) {
        const std::lock_guard lock(mutex_);
        return credits_[id];
    }
    // How often the node has said that it has got what was sent before.
    [[nodiscard]] size_t takens(uint64_t id) {
        const std::lock_guard lock(mutex_);
        return takens_[id];
    }
    // The size of the message.
    size_t upgrade(Nodes::Id to, uint64_t id, std::string_view target, uint16_t worker = 0) {
        const std::string message =
            relay::encode({.type = relay::Type::upgrade, .worker = worker, .id = id},
                          relay::Request{.method = "GET",
                                         .target = target,
                                         .host = "here",
                                         .remote_address = "203.0.113.1",
                                         .fields = {}});
        send(to, message);
        return message.size();
    }
    void frame(Nodes::Id to, uint64_t id, std::string_view text, bool to_owner = true) {
        send(to, relay::encode({.type = relay::Type::frame, .worker = 0, .id = id},
                               relay::Frame{.to_owner = to_owner, .bytes = text}));
    }
    void credit(Nodes::Id to, uint64_t id, uint32_t arrived, uint32_t taken) {
        send(to,
             relay::encode({.type = relay::Type::credit, .worker = 0, .id = id},
                           relay::Credit{.to_owner = true, .arrived = arrived, .taken = taken}));
    }
    void end(Nodes::Id to, uint64_t id, uint16_t code, bool to_owner = true) {
        send(to, relay::encode({.type = relay::Type::end, .worker = 0, .id = id},
                               relay::End{.to_owner = to_owner, .code = code}));
    }
    [[nodiscard]] size_t answers() {
        const std::lock_guard lock(mutex_);
        return answers_.size();
    }

    // The number in the newest message.
    [[nodiscard]] uint64_t last_id() {
        const std::lock_guard lock(mutex_);
        return last_id_;
    }

    RedisNodes nodes;

private:
    void on_publication(const Nodes::Incoming& publication) override {
        const auto head = relay::decode_head(publication.payload);
        if (!head) return;
        const std::lock_guard lock(mutex_);
        if (const auto answer = relay::decode_answer(publication.payload))
            answers_[head->id] = std::to_string(answer->status) + " " + std::string(answer->body);
        if (const auto credit = relay::decode_credit(publication.payload)) {
            credits_[head->id].first += credit->arrived;
            credits_[head->id].second += credit->taken;
        }
        if (const auto frame = relay::decode_frame(publication.payload))
            note(head->id, std::string(frame->bytes));
        if (const auto end = relay::decode_end(publication.payload))
            note(head->id, "end(" + std::to_string(end->code) + ")");
        if (head->type == relay::Type::taken) ++takens_[head->id];
        if (head->type == relay::Type::upgrade) note(head->id, "upgrade");
        last_id_ = head->id;
    }
    void note(uint64_t id, const std::string& text) {
        std::string& all = frames_[id];
        all += (all.empty() ? "" : ", ") + text;
    }
    void on_question(const Nodes::Incoming& question) override {
        nodes.answer(question.from, question.question, {}, true);
    }

    TestTeam team_;
    std::mutex mutex_;
    std::map<uint64_t, std::string> answers_, frames_;
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> credits_;
    std::map<uint64_t, size_t> takens_;
    uint64_t last_id_ = 0;
};

class EngineRelay : public ::testing::Test {
protected:
    [[nodiscard]] ClusterOptions cluster(const std::string& name) const {
        return {.url = redis.url(), .name = name};
    }
    void start(EngineOptions options = {}, size_t workers = 2) {
        for (size_t i = 0; i < 2; ++i)
            sites[i] =
                std::make_unique<EngineNode>(cluster("n" + std::to_string(i)), options, workers);
        meet();
    }
    void meet() {
        ASSERT_TRUE(eventually([&] {
            return sites[0]->nodes.is_here(sites[1]->nodes.self()) &&
                   sites[1]->nodes.is_here(sites[0]->nodes.self());
        }));
        for (size_t site = 0; site < 2; ++site) be_patient(site);
    }
    // On a busy machine a node may be silent, and Redis away, for longer than the requests wait. Tests of
    // these limits set them.
    void be_patient(size_t site) {
        wait_for_away(site, long_ms);
        for (size_t i = 0; i < sites[site]->team.group.workers.size(); ++i)
            sites[site]->team.on(i, [](Worker& worker) {
                worker.find_part<RelayPart>()->bounds.unlinked_ms_max = long_ms;
            });
    }
    // How long the requests at a node wait for a node that is away.
    void wait_for_away(size_t site, uint64_t away_ms_max) {
        for (size_t i = 0; i < sites[site]->team.group.workers.size(); ++i)
            sites[site]->team.on(i, [&](Worker& worker) {
                worker.find_part<RelayPart>()->bounds.away_ms_max = away_ms_max;
            });
    }
    [[nodiscard]] uint16_t port(size_t site, size_t worker = 0) const {
        return sites[site]->team.port(worker);
    }
    [[nodiscard]] Transcript& events(size_t site) { return sites[site]->team.events; }
    static std::string target(std::string_view sid, std::string_view query = "EIO=4") {
        return "/socket.io/?transport=polling&" + std::string(query) + "&sid=" + std::string(sid);
    }
    static std::string get(std::string_view sid, std::string_view query = "EIO=4",
                           std::string_view fields = "") {
        return "GET " + target(sid, query) + " HTTP/1.1\r\nHost: here\r\n" + std::string(fields) +
               "\r\n";
    }
    static std::string post(std::string_view sid, std::string_view body,
                            std::string_view query = "EIO=4", std::string_view fields = "") {
        return "POST " + target(sid, query) +
               " HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n" + std::string(fields) + "\r\n" + std::string(body);
    }
    static std::string ws_target(std::string_view sid, std::string_view query = "EIO=4") {
        return "/socket.io/?transport=websocket&" + std::string(query) + "&sid=" + std::string(sid);
    }
    // Completes the upgrade of a session without a pending poll.
    static void upgrade(WsClient& client) {
        ASSERT_EQ(client.handshake().status, 101) << client.handshake().body;
        client.send_text("2probe");
        ASSERT_EQ(client.next(), "text(3probe)");
        client.send_text("5");
    }
    std::string open(size_t site, size_t worker = 0, std::string_view query = "EIO=4") {
        Client client(port(site, worker));
        const Answer answer = client.get("/socket.io/?transport=polling&" + std::string(query));
        const size_t at = answer.body.find("\"sid\":\"");
        EXPECT_EQ(answer.status, 200) << answer.body;
        if (at == std::string::npos) return "";
        return answer.body.substr(at + 7, engineio::cluster_sid_length);
    }

    static constexpr uint64_t long_ms = 3'600'000;

    RedisServer redis;
    std::array<std::unique_ptr<EngineNode>, 2> sites;
};

}  // namespace starling::server::test
