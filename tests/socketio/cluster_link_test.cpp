// What the workers of a process tell a cluster, and how a cluster answers their requests.
#include "socketio/cluster_link.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling::socketio {
namespace {

using fake::join;
using fake::Workers;

// Writes down what it gets.
class Link final : public ClusterLink {
public:
    void send(std::shared_ptr<const Command> command) override {
        sent.push_back(std::move(command));
    }
    void namespace_opened(const std::string& nsp, NamespaceSetup&) noexcept override {
        told.push_back("+" + nsp);
    }
    void namespace_closed(const std::string& nsp) noexcept override { told.push_back("-" + nsp); }
    void room_opened(const std::string& nsp, std::string_view room,
                     bool of_one_socket) noexcept override {
        told.push_back("+" + nsp + (of_one_socket ? " id" : " " + std::string(room)));
    }
    void room_closed(const std::string& nsp, std::string_view room) noexcept override {
        told.push_back("-" + nsp + (room.size() == 20 ? " id" : " " + std::string(room)));
    }
    std::vector<std::string> take_told() { return std::exchange(told, {}); }

    std::vector<std::shared_ptr<const Command>> sent;
    std::vector<std::string> told;
};

using Lines = std::vector<std::string>;

class InACluster : public ::testing::Test {
protected:
    InACluster() {
        workers_.adapter.use_cluster(link_);
        root_.on_connection([this](sio::Socket connected) { socket_ = connected; });
    }
    Link link_;
    Workers workers_{2};
    fake::Namespace& root_ = workers_.of("/");
    sio::Socket socket_;
};

TEST_F(InACluster, HearsOfRoomsAndNamespaces) {
    static_cast<void>(workers_.of_matching([](auto, const Json&) { return true; }));
    const auto one = join(workers_, 0);
    EXPECT_EQ(link_.take_told(), (Lines{"+/ id"}));
    workers_.on(0, [&] {
        socket_.join("red");
        socket_.join("red");
        socket_.join(socket_.id());
    });
    EXPECT_EQ(link_.take_told(), (Lines{"+/ red"}));
    workers_.on(0, [&] { socket_.leave("red"); });
    EXPECT_EQ(link_.take_told(), (Lines{"-/ red"}));
    workers_.on(0, [&] { socket_.join("blue"); });
    one->leaves();
    EXPECT_EQ(link_.take_told(), (Lines{"+/ blue", "-/ blue", "-/ id"}));
    const auto two = join(workers_, 1, "/made");
    EXPECT_EQ(link_.take_told(), (Lines{"+/made", "+/made id"}));
}

TEST_F(InACluster, SendsEachOperationOnceUnlessItIsLocal) {
    const auto one = join(workers_, 0);
    workers_.on(0, [&] {
        root_.to("red").except("blue").emit("said", 1, "two");
        root_.local().emit("here", 1);
        root_.in("red").sockets_join("green");
        root_.in("red").local().sockets_join("green");
        root_.disconnect_sockets(true);
        root_.server_side_emit("hello", 1);
    });
    ASSERT_EQ(link_.sent.size(), 4u);
    EXPECT_EQ(Json(link_.sent[0]->args), (Json{"said", 1, "two"}));
    EXPECT_EQ(link_.sent[0]->target.rooms, Lines{"red"});
    EXPECT_EQ(link_.sent[0]->target.except, Lines{"blue"});
    EXPECT_EQ(link_.sent[1]->rooms, Lines{"green"});
    EXPECT_TRUE(link_.sent[2]->close);
    EXPECT_EQ(Json(link_.sent[3]->args), (Json{"hello", 1}));
}

TEST_F(InACluster, IsOneServer) {
    int heard = 0;
    root_.on_server_side("hello", [&](int) { return ++heard; });
    std::vector<Json> answers;
    bool complete = false;
    workers_.on(0, [&] {
        root_.server_side_emit_with_ack("hello", 1, [&](const sio::Answers& all) {
            answers = all.responses;
            complete = all.complete;
        });
    });
    workers_.settle();
    EXPECT_EQ(heard, 0);
    ASSERT_EQ(link_.sent.size(), 1u);
    const Command& question = *link_.sent[0];
    Report one{.request = question.request};
    one.responses.push_back("another node");
    workers_.on(0, [&] { question.origin->deliver_report(one); });
    EXPECT_TRUE(answers.empty());
    workers_.on(0, [&] {
        question.origin->deliver_report(
            {.request = question.request, .expected = 1, .first = true});
    });
    workers_.settle();
    EXPECT_EQ(answers, std::vector<Json>{"another node"});
    EXPECT_TRUE(complete);
}

TEST_F(InACluster, ARequestWaitsForTheCluster) {
    const auto one = join(workers_, 0);
    const auto two = join(workers_, 1);
    std::vector<std::string> ids;
    bool done = false;
    const auto fetch = [&](const sio::Broadcast& from) {
        done = false;
        ids.clear();
        workers_.on(0, [&] {
            from.fetch_sockets([&](const std::vector<sio::RemoteSocket>& sockets) {
                done = true;
                for (const auto& socket : sockets) ids.push_back(socket.id);
            });
        });
        workers_.settle();
    };
    fetch(root_.local());
    EXPECT_TRUE(done);
    EXPECT_EQ(ids.size(), 2u);
    fetch(root_.in(std::vector<std::string>{}));
    EXPECT_FALSE(done);
    const Command& question = *link_.sent.back();
    Report far{.request = question.request};
    far.sockets.push_back({});
    far.sockets.back().id = "far away";
    workers_.on(0, [&] {
        question.origin->deliver_report(std::move(far));
        question.origin->deliver_report({.request = question.request, .first = true});
    });
    EXPECT_TRUE(done);
    EXPECT_EQ(ids.size(), 3u);
    EXPECT_EQ(ids.back(), "far away");
}

TEST_F(InACluster, AnIncompleteClusterMakesAnAnswerIncomplete) {
    const auto one = join(workers_, 0);
    bool complete = true;
    workers_.on(0, [&] {
        root_.to("nowhere").emit_with_ack(
            "ask", [&](const sio::Answers& all) { complete = all.complete; });
    });
    workers_.settle();
    const Command& question = *link_.sent.back();
    EXPECT_EQ(question.kind, Command::Kind::ask);
    workers_.on(0, [&] {
        question.origin->deliver_report(
            {.request = question.request, .first = true, .complete = false});
    });
    EXPECT_FALSE(complete);
}

}  // namespace
}  // namespace starling::socketio
