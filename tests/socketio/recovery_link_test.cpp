// What a worker tells the cluster about the sessions of its clients, and how a client comes back.
#include "socketio/recovery_link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "socketio/cluster_link.h"
#include "tests/fake/socketio.h"

namespace starling::socketio {
namespace {

using fake::Client;
using fake::join;
using fake::Workers;
using Lines = std::vector<std::string>;

// Writes down what it gets. Events come back when the test says so.
class Link final : public ClusterLink, public RecoveryLink {
public:
    void send(std::shared_ptr<const Command>) override { ++sent; }
    void namespace_opened(const std::string&, NamespaceSetup&) noexcept override {}
    void namespace_closed(const std::string&) noexcept override {}
    void room_opened(const std::string&, std::string_view, bool) noexcept override {}
    void room_closed(const std::string&, std::string_view) noexcept override {}
    RecoveryLink* recovery() noexcept override { return this; }

    void publish(std::shared_ptr<const Command> event) override { published.push_back(event); }
    void save_sessions(std::vector<SavedSession> sessions, bool left) override {
        for (auto& session : sessions) {
            std::string line = left ? "left" : "save";
            std::ranges::sort(session.rooms.begin() + 1, session.rooms.end());
            for (size_t i = 1; i < session.rooms.size(); ++i) line += " " + session.rooms[i];
            line += " " + boost::json::serialize(session.data);
            told.push_back(line);
            saved = std::move(session);
        }
    }
    void refresh_sessions(std::vector<SessionName> sessions) override {
        for (const auto& one : sessions) told.push_back("refresh " + one.pid);
    }
    void forget_session(std::string) override { told.push_back("forget"); }
    void claim_session(SessionClaim claim, Claimed done) override {
        told.push_back("claim " + claim.nsp + " " + claim.offset);
        claims.push_back(std::move(done));
    }
    uint32_t stream_of(std::string_view) const override { return 0; }
    Lines take_told() { return std::exchange(told, {}); }

    int sent = 0;
    std::vector<std::shared_ptr<const Command>> published;
    Lines told;
    SavedSession saved;
    std::vector<Claimed> claims;
};

Settings with_recovery(bool skip_middlewares = true) {
    Settings settings;
    settings.recovery = sio::Recovery{.skip_middlewares = skip_middlewares};
    return settings;
}

class Recovering : public ::testing::Test {
protected:
    explicit Recovering(bool skips = true) : workers_(2, with_recovery(skips)) {
        workers_.adapter.use_cluster(link_);
        workers_.adapter.history()->with([](History& history) {
            history.stream_begins({0, {1, 0}});
        });
        root_.on_connection([this](sio::Socket connected) { socket_ = connected; });
    }
    // The oldest published event comes back as the entry 1-`sequence`.
    void comes_back(uint64_t sequence) {
        ASSERT_FALSE(link_.published.empty());
        const auto event = link_.published.front();
        link_.published.erase(link_.published.begin());
        auto command = std::make_shared<Command>();
        command->nsp = event->nsp;
        command->target = event->target;
        command->place = StreamPlace{0, {1, sequence}};
        Encoder encoder(Codec::json);
        encoder.begin(Codec::json, Type::event, event->nsp);
        for (const Json& value : event->args) encoder.value(value);
        encoder.value("1-" + std::to_string(sequence));
        ASSERT_TRUE(encoder.finish());
        command->packet = encoder.take();
        workers_.on(0, [&] { workers_.adapter.deliver_in_order(command); });
        workers_.settle();
    }
    void answer(std::optional<RestoredSession> found) {
        ASSERT_FALSE(link_.claims.empty());
        workers_.on(0, [&] { link_.claims.back()(std::move(found)); });
        workers_.settle();
    }
    static std::string claim(std::string_view offset) {
        return "0{\"pid\":\"secret\",\"offset\":\"" + std::string(offset) + "\"}";
    }
    static RestoredSession session(uint64_t from) {
        RestoredSession found;
        found.who = {.pid = "secret",
                     .nsp = "/",
                     .id = "old",
                     .rooms = {"old", "red"},
                     .data = {{"n", 1}},
                     .user = ""};
        found.from = {0, {1, from}};
        return found;
    }
    Link link_;
    Workers workers_;
    fake::Namespace& root_ = workers_.of("/");
    sio::Socket socket_;
};

TEST_F(Recovering, SessionsAreSavedAheadOncePerTick) {
    const auto one = join(workers_, 0);
    EXPECT_EQ(link_.take_told(), Lines{"save null"});
    EXPECT_EQ(link_.saved.pid, one->member("pid"));
    EXPECT_EQ(link_.saved.id, one->member("sid"));
    EXPECT_EQ(link_.saved.begin, (StreamId{1, 0}));
    workers_.on(0, [&] {
        socket_.join("red");
        socket_.join("blue");
        socket_.data() = {{"n", 1}};
        EXPECT_EQ(link_.take_told(), Lines{});
    });
    workers_.settle();
    EXPECT_EQ(link_.take_told(), Lines{"save blue red {\"n\":1}"});
    workers_.on(0, [&] {
        EXPECT_EQ(socket_.data().as_object().size(), 1u);  // Looks, and changes nothing.
        socket_.join("red");
    });
    workers_.settle();
    EXPECT_EQ(link_.take_told(), Lines{});
    workers_.on(0, [&] { root_.in("red").sockets_leave("blue"); });
    workers_.settle();
    EXPECT_EQ(link_.take_told(), Lines{"save red {\"n\":1}"});
    workers_.on(0, [&] { workers_.servers[0]->save_all_sessions(); });
    EXPECT_EQ(link_.take_told(), Lines{"save red {\"n\":1}"});
    one->leaves();
    EXPECT_EQ(link_.take_told(), Lines{"left red {\"n\":1}"});
}

TEST_F(Recovering, SessionsAreForgottenWhenClientsMayNotComeBack) {
    const auto one = join(workers_, 0), two = join(workers_, 0);
    static_cast<void>(link_.take_told());
    one->says("1");
    EXPECT_EQ(link_.take_told(), Lines{"forget"});
    workers_.on(0, [&] { root_.disconnect_sockets(); });
    workers_.settle();
    EXPECT_EQ(link_.take_told(), Lines{"forget"});
}

TEST_F(Recovering, SessionsAreRefreshedFourTimesInTheirLife) {
    const auto one = join(workers_, 0);
    static_cast<void>(link_.take_told());
    const std::string line = "refresh " + one->member("pid");
    for (int i = 0; i < 64; ++i) workers_.pass(1875);  // 120 s.
    EXPECT_EQ(link_.take_told(), Lines(4, line));
    one->leaves();
    static_cast<void>(link_.take_told());
    for (int i = 0; i < 64; ++i) workers_.pass(1875);
    EXPECT_EQ(link_.take_told(), Lines{});
}

TEST_F(Recovering, EventsAreDeliveredWhenTheyComeBack) {
    const auto one = join(workers_, 0), two = join(workers_, 1);
    workers_.on(0, [&] {
        root_.emit("a", 1);
        root_.volatile_().emit("now", 1);
        root_.local().emit("here", 1);
        socket_.emit("alone", 1);
        EXPECT_THROW(root_.emit("connect"), std::invalid_argument);
    });
    workers_.settle();
    EXPECT_EQ(one->takes(), (Lines{"42[\"now\",1]", "42[\"here\",1]"}));
    EXPECT_EQ(link_.published.size(), 2u);
    EXPECT_EQ(link_.sent, 1);  // The volatile event.
    comes_back(5);
    EXPECT_EQ(one->takes(), Lines{"42[\"a\",1,\"1-5\"]"});
    comes_back(7);
    EXPECT_EQ(one->takes(), Lines{});
    EXPECT_EQ(two->takes(), (Lines{"42[\"now\",1]", "42[\"here\",1]", "42[\"a\",1,\"1-5\"]",
                                   "42[\"alone\",1,\"1-7\"]"}));
}

// A client takes a text at the end of an event for its offset.
TEST_F(Recovering, TextsAtTheEndOfOtherEventsAreNoOffsets) {
    const auto one = join(workers_, 0), two = join(workers_, 1);
    const auto say = [&] {
        root_.volatile_().emit("typing", "ann");
        root_.local().emit("tick");
        socket_.volatile_().emit("now", "x");
        root_.volatile_().emit("number", 1);
    };
    workers_.on(1, say);
    workers_.settle();
    EXPECT_EQ(one->takes(), (Lines{"42[\"typing\",\"ann\",\"1-0\"]", "42[\"tick\",\"1-0\"]",
                                   "42[\"number\",1]"}));
    EXPECT_EQ(two->takes(), (Lines{"42[\"typing\",\"ann\",\"1-0\"]", "42[\"tick\",\"1-0\"]",
                                   "42[\"now\",\"x\",\"1-0\"]", "42[\"number\",1]"}));
    workers_.on(1, [&] { root_.emit("a", 1); });
    comes_back(5);
    workers_.on(1, [&] { root_.volatile_().emit("typing", "ann"); });
    workers_.settle();
    EXPECT_EQ(one->takes(), (Lines{"42[\"a\",1,\"1-5\"]", "42[\"typing\",\"ann\",\"1-5\"]"}));
    Client later(workers_, 0, 4);
    later.says("0");
    EXPECT_EQ(link_.saved.begin, (StreamId{1, 5}));
}

TEST_F(Recovering, AClientComesBackWithWhatItMissed) {
    workers_.on(0, [&] {
        for (const char* room : {"red", "blue", "red", "red"}) root_.to(room).emit("to", room);
    });
    for (uint64_t i = 1; i <= 3; ++i) comes_back(i);
    Client again(workers_, 1, 4);
    again.says(claim("1-1"));
    EXPECT_EQ(link_.take_told(), Lines{"claim / 1-1"});
    EXPECT_EQ(again.takes(), Lines{});
    auto found = session(1);
    auto older = std::make_shared<Command>();
    older->packet.text = "2[\"older\"]";
    found.older.push_back(older);
    answer(std::move(found));
    const auto got = again.takes();
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(got[0], "40{\"sid\":\"old\",\"pid\":\"secret\"}");
    EXPECT_EQ(got[1], "2[\"older\"]");
    EXPECT_EQ(got[2], "42[\"to\",\"red\",\"1-3\"]");
    workers_.on(1, [&] {
        EXPECT_TRUE(socket_.recovered());
        EXPECT_EQ(socket_.rooms(), (Lines{"old", "red"}));
    });
    EXPECT_EQ(link_.take_told(), Lines{"save red {\"n\":1}"});
    comes_back(4);
    EXPECT_EQ(again.takes(), Lines{"42[\"to\",\"red\",\"1-4\"]"});
}

TEST_F(Recovering, AClientThatIsNotFoundStartsAnew) {
    int guards = 0;
    root_.use([&](sio::Socket) {
        ++guards;
        return std::optional<sio::Error>();
    });
    for (const bool known : {false, true}) {
        Client again(workers_, 0, 4);
        again.says(claim("1-0"));
        EXPECT_EQ(guards, 0);
        if (known) {  // It is not this user's session.
            auto found = session(1);
            found.who.user = "ann";
            answer(std::move(found));
        } else {
            answer(std::nullopt);
        }
        EXPECT_EQ(std::exchange(guards, 0), 1);
        EXPECT_NE(again.member("sid"), "old");
        EXPECT_NE(again.member("pid"), "secret");
        workers_.on(0, [&] { EXPECT_FALSE(socket_.recovered()); });
    }
    // The window has moved on since the session was found.
    workers_.adapter.history()->with([](History& history) { history.stream_begins({0, {9, 0}}); });
    Client late(workers_, 0, 4);
    late.says(claim("1-1"));
    for (int i = 0; i < 11; ++i) {
        EXPECT_EQ(late.member("sid"), "");
        answer(session(1));  // It is saved, and asked for again.
    }
    EXPECT_NE(late.member("sid"), "old");
    // Without a pid nobody is asked.
    static_cast<void>(link_.take_told());
    Client plain(workers_, 0, 4);
    plain.says("0{\"offset\":\"1-1\"}");
    EXPECT_EQ(link_.take_told(), Lines{"save null"});
}

TEST_F(Recovering, AClientThatIsGoneAgainKeepsItsSession) {
    {
        Client again(workers_, 0, 4);
        again.says(claim("1-0"));
        again.leaves();
        static_cast<void>(link_.take_told());
        answer(session(1));
        EXPECT_EQ(link_.take_told(), Lines{"left red {\"n\":1}"});
    }
    Client again(workers_, 0, 4);
    again.says(claim("1-0"));
    answer(std::nullopt);
}

TEST_F(Recovering, TheFirstConnectionOfAClientEnds) {
    std::vector<std::unique_ptr<Client>> both;
    for (const size_t worker : {0, 1}) {
        both.push_back(std::make_unique<Client>(workers_, worker, 4));
        both.back()->says(claim("1-0"));
        static_cast<void>(link_.take_told());
        answer(session(1));
        EXPECT_EQ(both.back()->member("sid"), "old");
    }
    EXPECT_EQ(link_.take_told(), Lines{"save red {\"n\":1}"});  // Nobody forgets the session.
    EXPECT_EQ(both[0]->takes().back(), "41");
    workers_.on(1, [&] { root_.to("red").emit("once"); });
    comes_back(1);
    EXPECT_EQ(both[0]->takes(), Lines{});
    EXPECT_EQ(both[1]->takes().back(), "42[\"once\",\"1-1\"]");
}

// Nobody forgets the session, and the client may connect again: it gets no packet that ends it.
TEST_F(Recovering, TheConnectionOfAClientThatIsAtAnotherNodeIsCut) {
    Client one(workers_, 1, 4);
    one.says("0");
    const std::string id = one.member("sid");
    const auto other = join(workers_, 0);
    workers_.on(0, [&] { socket_.join(id); });  // A room that has the id as its name.
    workers_.settle();
    static_cast<void>(one.takes());
    static_cast<void>(link_.take_told());
    workers_.on(0, [&] { workers_.adapter.client_has_moved("/", id, true); });
    workers_.settle();
    EXPECT_EQ(one.takes(), Lines{"end forced server close"});
    EXPECT_EQ(link_.take_told(), Lines{});
    EXPECT_EQ(other->transport.ended, "");
}

class RecoveringWithMiddleware : public Recovering {
protected:
    RecoveringWithMiddleware() : Recovering(false) {}
};

TEST_F(RecoveringWithMiddleware, MiddlewareComesFirst) {
    bool allowed = false;
    root_.use([&](sio::Socket) -> std::optional<sio::Error> {
        if (allowed) return std::nullopt;
        return sio::Error{.message = "no", .data = nullptr};
    });
    Client again(workers_, 0, 4);
    again.says(claim("1-0"));
    EXPECT_EQ(again.takes(), Lines{"44{\"message\":\"no\"}"});
    EXPECT_EQ(link_.take_told(), Lines{});  // The session is still there.
    allowed = true;
    again.says(claim("1-0"));
    EXPECT_EQ(link_.take_told(), Lines{"claim / 1-0"});
    answer(session(1));
    EXPECT_EQ(again.member("sid"), "old");
}

}  // namespace
}  // namespace starling::socketio
