// Workers share nothing: no cache line is written by two of them for messages on their connections.
// For a publication they write each other's queues, and nothing else that stays.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/lines/recorder.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

constexpr size_t workers = 2, clients_each = 3, messages = 200;

std::string text_of(const std::vector<lines::Shared>& shared) {
    std::string text;
    for (const auto& line : shared) text += line.text + "\n";
    return text;
}

class WorkersLines : public ::testing::Test {
protected:
    // Clients of each worker, each of which has had one message.
    void start(ws::Route route) {
        t.site.add_websocket("/", std::move(route));
        t.start(workers);
        for (size_t worker = 0; worker < workers; ++worker) {
            t.on(worker, [worker](Worker&) { lines::i_am(static_cast<uint8_t>(worker + 1)); });
            for (size_t i = 0; i < clients_each; ++i)
                clients_.push_back(std::make_unique<WsClient>(t.port(worker)));
        }
    }
    // The next message to each client.
    void expect_everywhere(const std::string& text) {
        for (auto& client : clients_) ASSERT_EQ(client->frame().payload, text);
    }
    TestTeam t;
    std::vector<std::unique_ptr<WsClient>> clients_;
};

TEST_F(WorkersLines, MessagesShareNone) {
    start({.message = [](ws::Socket socket, ws::Message message) { socket.send(message); }});
    for (size_t i = 0; i < 2 * messages; ++i) {
        if (i == messages) lines::begin();
        const std::string text = "message " + std::to_string(i);
        for (auto& client : clients_) client->send_text(text);
        expect_everywhere(text);
    }
    const auto found = lines::shared();
    EXPECT_EQ(found.size(), 0u) << text_of(found);
    EXPECT_EQ(lines::handed_over(), 0u);
}

TEST_F(WorkersLines, PublicationsShareTheQueuesOfTheWorkersOnly) {
    start({.open = [](ws::Socket socket) { socket.join("all"); },
           .message =
               [](ws::Socket socket, ws::Message message) {
                   socket.publish("all", message.text());
                   socket.send(message);
               }});
    for (size_t i = 0; i < 2 * messages; ++i) {
        if (i == messages) lines::begin();
        const std::string text = "publication " + std::to_string(i);
        clients_[i % clients_.size()]->send_text(text);
        expect_everywhere(text);
    }
    // Of each worker: the line of its tasks, and the one with the bytes that wait.
    const auto found = lines::shared();
    EXPECT_LE(found.size(), 2 * workers) << text_of(found);
    EXPECT_GE(found.size(), workers) << "the recorder is blind";
    for (const auto& line : found) EXPECT_EQ(line.words_of_one, 0u) << line.text;
    // The call and the publication that it holds. They are as many for any number of subscribers.
    EXPECT_LE(lines::handed_over(), 8 * messages);
}

}  // namespace
}  // namespace starling::server::test
