#include "engineio/session.h"

#include <gtest/gtest.h>

#include <map>
#include <span>
#include <sstream>
#include <string>

namespace starling::engineio::test {
namespace {

constexpr SessionOptions options{};  // Pings after 25 s, timeout 20 s; upgrade 10 s; close 30 s.
constexpr auto eio3 = Revision::eio3;
constexpr auto eio4 = Revision::eio4;
constexpr auto polling = Transport::polling;
constexpr auto websocket = Transport::websocket;

std::string text_of(const Session::Actions& a, const Session& session) {
    std::string out;
    const auto add = [&](bool is, std::string_view word) {
        if (is) out += (out.empty() ? "" : " ") + std::string(word);
    };
    add(a.deliver, "deliver");
    add(a.send_probe_answer, "3probe");
    add(a.send_ping, "ping");
    add(a.send_pong, "pong");
    add(a.answer_noop, "noop");
    add(a.answer_close, "close-poll");
    add(a.flush_poll, "flush-poll");
    add(a.flush_websocket, "flush-ws");
    add(a.answer_400, "400");
    add(a.refuse_websocket, "refuse");
    add(a.close_websocket, "close-ws");
    add(a.closed, "closed: " + std::string(reason_text(session.reason())));
    return out.empty() ? "-" : out;
}

const std::map<std::string, Session::Event, std::less<>> events = {
    {"poll", Session::Event::poll_arrived},         {"poll-aborted", Session::Event::poll_aborted},
    {"post", Session::Event::post_arrived},         {"post-done", Session::Event::post_done},
    {"post-aborted", Session::Event::post_aborted}, {"post-fault", Session::Event::post_fault},
    {"ws", Session::Event::websocket_attached},     {"ws-closed", Session::Event::websocket_closed},
    {"ws-error", Session::Event::websocket_error},  {"ws-fault", Session::Event::websocket_fault},
};

// Plays words against a session. A word is an event; a packet (`post:4x`, `ws:2probe`); `answer`:
// the caller answers the pending poll; `close`, `drop`, `ping`, `pause` or `resume`; or `+100`: that many milliseconds pass,
// and the actions of the timers are recorded with their times.
class Player {
public:
    Player(Revision revision, Transport transport, uint64_t start_ms = 0)
        : start_ms_(start_ms), session_(revision, transport, {options, start_ms}) {}

    std::string play(std::string_view script) {
        std::istringstream words{std::string(script)};
        std::string out;
        for (std::string word; words >> word;) {
            if (!out.empty()) out += " | ";
            out += word.front() == '+' ? pass(std::stoul(word.substr(1))) : one(word);
        }
        return out;
    }

    const Session& session() const { return session_; }

private:
    std::string one(const std::string& word) {
        if (word == "answer") return session_.claim_poll() ? "answered" : "no poll";
        if (word == "close")
            return text_of(session_.close(Reason::forced_close, {options, now_ms_}), session_);
        if (word == "pause" || word == "resume") {
            word == "pause" ? session_.pause({options, now_ms_})
                            : session_.resume({options, now_ms_});
            return session_.paused() ? "paused" : "reading";
        }
        if (word == "ping") return text_of(session_.ping({options, now_ms_}), session_);
        if (word == "drop")
            return text_of(session_.drop(Reason::server_shutting_down, {options, now_ms_}),
                           session_);
        if (const size_t colon = word.find(':'); colon != std::string::npos) {
            const Link link = word.starts_with("ws") ? Link::websocket : Link::post;
            const std::string text = word.substr(colon + 1);
            std::string scratch;
            const Decoded decoded = decode_text(text, session_.revision(), scratch);
            EXPECT_EQ(decoded.fault, Fault::none) << word;
            return text_of(session_.on_packet(link, decoded.packet, {options, now_ms_}), session_);
        }
        EXPECT_TRUE(events.contains(word)) << word;
        return text_of(session_.on(events.at(word), {options, now_ms_}), session_);
    }

    std::string pass(uint64_t ms) {
        const uint64_t end = now_ms_ + ms;
        std::string out;
        while (session_.deadline_ms() <= end) {
            if (session_.deadline_ms() > now_ms_) {
                now_ms_ = session_.deadline_ms();
                EXPECT_EQ(session_.on_timer({options, now_ms_ - 1}), Session::Actions{})
                    << "too early";
            }
            const auto actions = session_.on_timer({options, now_ms_});
            out += (out.empty() ? "" : ", ") + std::to_string(now_ms_ - start_ms_) + " " +
                   text_of(actions, session_);
            EXPECT_NE(actions, Session::Actions{}) << "a deadline has something to do";
            if (actions == Session::Actions{}) break;
        }
        now_ms_ = end;
        return out.empty() ? "-" : out;
    }

    const uint64_t start_ms_;
    Session session_;
    uint64_t now_ms_ = start_ms_;
};

struct Case {
    const char* name;
    std::string_view script, expected;
};

void check(std::span<const Case> cases, Revision revision, Transport transport) {
    for (const Case& c : cases) {
        Player player(revision, transport);
        EXPECT_EQ(player.play(c.script), c.expected) << c.name;
        if (c.expected.find("closed: ") == std::string_view::npos) continue;
        EXPECT_EQ(player.session().state(), Session::State::closed);
        EXPECT_EQ(player.session().deadline_ms(), UINT64_MAX);
        EXPECT_EQ(player.session().outlet(), Session::Outlet::none);
        EXPECT_FALSE(player.session().may_send());
        EXPECT_EQ(player.play("post:4a post:1 ws:4a post-done poll-aborted close drop +100000"),
                  "- | - | - | - | - | - | - | -")
            << c.name << ": over is over";
        EXPECT_EQ(player.play("poll post post-fault ws"), "400 | 400 | 400 | refuse") << c.name;
    }
}

TEST(EngineioSession, heartbeat_of_revision_4) {
    constexpr Case polls[] = {
        {"pings", "poll answer +25000 post:3 +24999 +1",
         "flush-poll | answered | 25000 ping | - | - | 50000 ping"},
        {"a ping with a poll", "poll +25000", "flush-poll | 25000 ping flush-poll"},
        {"no pong", "+45000", "25000 ping, 45000 closed: ping timeout"},
        {"no pong, poll pending", "poll +45000",
         "flush-poll | 25000 ping flush-poll, 45000 close-poll closed: ping timeout"},
        {"messages are no pong", "+25000 post:4a +20000",
         "25000 ping | deliver | 45000 closed: ping timeout"},
        {"an early pong", "+20000 post:3 +24999 +1", "- | - | - | 45000 ping"},
        {"a client that pings", "post:2", "closed: transport error"},
    };
    check(polls, eio4, polling);
    constexpr Case sockets[] = {
        {"pings", "+25000 ws:3 +25000", "25000 ping flush-ws | - | 50000 ping flush-ws"},
        {"no pong", "+45000", "25000 ping flush-ws, 45000 close-ws closed: ping timeout"},
        {"a client that pings", "ws:2", "close-ws closed: transport error"},
    };
    check(sockets, eio4, websocket);
}

TEST(EngineioSession, a_ping_before_the_heartbeat) {
    constexpr Case sockets[] = {
        {"answered", "+1000 ping +100 ws:3 +24999 +1",
         "- | ping flush-ws | - | - | - | 26100 ping flush-ws"},
        {"not answered", "+1000 ping +19999 +1",
         "- | ping flush-ws | - | 21000 close-ws closed: ping timeout"},
        {"one at a time", "ping ping ws:3 ping", "ping flush-ws | - | - | ping flush-ws"},
        {"while the heartbeat waits", "+25000 ping ws:3 ping",
         "25000 ping flush-ws | - | - | ping flush-ws"},
        {"after the end", "close ping", "flush-ws close-ws closed: forced close | -"},
    };
    check(sockets, eio4, websocket);
    constexpr Case polls[] = {
        {"with the pending poll", "poll ping", "flush-poll | ping flush-poll"},
        {"with the next poll", "ping poll", "ping | flush-poll"},
        {"while closing", "close ping", "- | -"},
    };
    check(polls, eio4, polling);
    constexpr Case old[] = {{"the client pings", "ping ws:2", "- | pong flush-ws"}};
    check(old, eio3, websocket);
}

TEST(EngineioSession, heartbeat_of_revision_3) {
    constexpr Case polls[] = {
        {"answers", "post:2 +44999 post:2 +44999", "pong | - | pong | -"},
        {"answers with a poll", "poll post:2", "flush-poll | pong flush-poll"},
        {"no ping", "+44999 +1", "- | 45000 closed: ping timeout"},
        {"no further ping", "+10000 post:2 +45000", "- | pong | 55000 closed: ping timeout"},
        {"a client that pongs", "post:3", "closed: transport error"},
    };
    check(polls, eio3, polling);
    constexpr Case sockets[] = {
        {"answers", "ws:2", "pong flush-ws"},
        {"no ping", "+45000", "45000 close-ws closed: ping timeout"},
    };
    check(sockets, eio3, websocket);
}

TEST(EngineioSession, polling) {
    constexpr Case cases[] = {
        {"messages", "post post:4a post:bAAA= post-done post post:4b post-done",
         "- | deliver | deliver | - | - | deliver | -"},
        {"polls", "poll answer poll answer answer",
         "flush-poll | answered | flush-poll | answered | no poll"},
        {"two polls", "poll poll", "flush-poll | close-poll 400 closed: transport error"},
        {"two POSTs", "post post", "- | 400 closed: transport error"},
        {"two POSTs, poll pending", "poll post post",
         "flush-poll | - | close-poll 400 closed: transport error"},
        {"a poll that ends early", "poll poll-aborted", "flush-poll | closed: transport error"},
        {"one that ends after its answer", "poll answer poll-aborted", "flush-poll | answered | -"},
        {"a POST that ends early", "post post-aborted", "- | closed: transport error"},
        {"a POST that cannot be read", "post post-fault", "- | 400 closed: parse error"},
        {"a noop", "post:6", "-"},
        {"a client that opens", "post:0", "closed: parse error"},
        {"an upgrade without a probe", "poll post:5",
         "flush-poll | close-poll closed: parse error"},
        {"the client closes", "post:1", "closed: transport close"},
        {"the client closes, poll pending", "poll post post:1",
         "flush-poll | - | noop closed: transport close"},
    };
    check(cases, eio4, polling);
}

TEST(EngineioSession, websocket) {
    constexpr Case cases[] = {
        {"messages", "ws:4a ws:bAAA= ws:4", "deliver | deliver | deliver"},
        {"closed", "ws-closed", "closed: transport close"},
        {"broken", "ws-error", "closed: transport error"},
        {"not readable", "ws-fault", "close-ws closed: parse error"},
        {"closed by a packet", "ws:1", "close-ws closed: transport close"},
        {"a client that opens", "ws:0", "close-ws closed: parse error"},
        {"an upgrade of what is one", "ws:5", "close-ws closed: parse error"},
        {"a second one", "ws ws:4a", "refuse | deliver"},
        {"requests of polling", "poll post post-fault poll-aborted ws:4a",
         "400 | 400 | 400 | - | deliver"},
        {"a packet of a POST", "post:4a ws:4b", "- | deliver"},
    };
    check(cases, eio4, websocket);
}

TEST(EngineioSession, upgrade) {
    constexpr Case cases[] = {
        {"as clients do it", "poll ws ws:2probe post:4a ws:5 ws:4b ws-closed",
         "flush-poll | - | 3probe noop | deliver | flush-ws | deliver | closed: transport close"},
        {"a poll between", "poll ws ws:2probe poll +99 +1 poll +100 ws:5",
         "flush-poll | - | 3probe noop | flush-poll | - | 100 noop | flush-poll | 200 noop | "
         "flush-ws"},
        {"nothing pending, nothing to answer", "ws ws:2probe +500 poll +1 ws:5",
         "- | 3probe | - | flush-poll | 500 noop | flush-ws"},
        {"a poll still pending at the end", "ws ws:2probe poll ws:5",
         "- | 3probe | flush-poll | noop flush-ws"},
        {"the queue goes to polls until then", "ws poll answer ws:2probe poll answer ws:5",
         "- | flush-poll | answered | 3probe | flush-poll | answered | flush-ws"},
        {"without asking first", "ws ws:5", "- | flush-ws"},
        {"asking twice", "ws ws:2probe ws:2probe ws:5", "- | 3probe | 3probe | flush-ws"},
        {"a second attempt meanwhile", "ws ws ws:2probe ws ws:5 ws",
         "- | refuse | 3probe | refuse | flush-ws | refuse"},
        {"the POST under way", "post ws ws:2probe ws:5 post:4a post-done ws:4b",
         "- | - | 3probe | flush-ws | - | - | deliver"},
        {"pings go on", "+24000 ws ws:2probe +1000 ws:5 ws:3 +25000",
         "- | - | 3probe | 25000 ping | flush-ws | - | 50000 ping flush-ws"},
        {"no pong during it", "+40000 ws ws:2probe +5000",
         "25000 ping | - | 3probe | 45000 close-ws closed: ping timeout"},
        {"its poll ends early", "poll ws poll-aborted",
         "flush-poll | - | close-ws closed: transport error"},
        {"two polls during it", "poll ws poll",
         "flush-poll | - | close-poll 400 close-ws closed: transport error"},
        {"the client closes during it", "poll ws post:1",
         "flush-poll | - | noop close-ws closed: transport close"},
    };
    check(cases, eio4, polling);
    constexpr Case older[] = {
        {"as clients do it", "poll ws ws:2probe ws:5 ws:2 ws:4b",
         "flush-poll | - | 3probe noop | flush-ws | pong flush-ws | deliver"},
    };
    check(older, eio3, polling);
}

TEST(EngineioSession, probes_that_fail) {
    // After each failed probe come a message and a successful upgrade.
    constexpr Case cases[] = {
        {"too late", "ws +9999 +1", "- | - | 10000 close-ws"},
        {"too late after the probe", "ws ws:2probe +10000", "- | 3probe | 10000 close-ws"},
        {"closed", "ws ws-closed", "- | -"},
        {"closed after the probe", "ws ws:2probe ws-closed", "- | 3probe | -"},
        {"broken", "ws ws-error", "- | -"},
        {"not readable", "ws ws-fault", "- | close-ws"},
        {"another ping", "ws ws:2", "- | close-ws"},
        {"a message", "ws ws:4a", "- | close-ws"},
        {"a message after the probe", "ws ws:2probe ws:4a", "- | 3probe | close-ws"},
        {"a close packet", "ws ws:1", "- | close-ws"},
        {"frames that were under way", "ws ws:4a ws:2probe ws:5 ws-closed",
         "- | close-ws | - | - | -"},
    };
    check(cases, eio4, polling);
    for (const Case& c : cases) {
        Player player(eio4, polling);
        (void)player.play(c.script);
        EXPECT_EQ(player.session().state(), Session::State::polling) << c.name;
        EXPECT_EQ(player.play("post:4a poll ws ws:2probe ws:5"),
                  "deliver | flush-poll | - | 3probe noop | flush-ws")
            << c.name;
    }
}

TEST(EngineioSession, the_server_closes) {
    constexpr Case cases[] = {
        {"poll pending", "poll close", "flush-poll | close-poll closed: forced close"},
        {"a poll comes", "close +29999 poll", "- | - | close-poll closed: forced close"},
        {"none comes", "close +29999 +1", "- | - | 30000 closed: forced close"},
        {"nothing is delivered", "close post post:4a post:2 post:0 post-done poll",
         "- | - | - | - | - | - | close-poll closed: forced close"},
        {"the client closes too", "close post:1", "- | closed: forced close"},
        {"two POSTs", "close post post", "- | - | 400 closed: forced close"},
        {"a POST that cannot be read", "close post post-fault", "- | - | 400 closed: forced close"},
        {"a POST that ends early", "close post post-aborted poll",
         "- | - | - | close-poll closed: forced close"},
        {"again", "close +20000 close +10000", "- | - | - | 30000 closed: forced close"},
        {"without waiting", "drop", "closed: server shutting down"},
        {"without waiting, poll pending", "poll drop",
         "flush-poll | close-poll closed: server shutting down"},
        {"then without waiting", "close drop", "- | closed: forced close"},
        {"no upgrade any more", "close ws poll", "- | refuse | close-poll closed: forced close"},
        {"before the probe", "ws close poll", "- | close-ws | close-poll closed: forced close"},
        {"before the probe, poll pending", "poll ws close",
         "flush-poll | - | close-poll close-ws closed: forced close"},
        {"after the probe, then 5", "ws ws:2probe close ws:5",
         "- | 3probe | - | flush-ws close-ws closed: forced close"},
        {"after the probe, then a poll", "ws ws:2probe close ws:2probe poll",
         "- | 3probe | - | 3probe | close-poll close-ws closed: forced close"},
        {"after the probe, then nothing", "ws ws:2probe close +30000",
         "- | 3probe | - | 30000 close-ws closed: forced close"},
        {"after the probe, which fails", "ws ws:2probe close ws:4a poll",
         "- | 3probe | - | close-ws | close-poll closed: forced close"},
        {"after the probe, which ends", "ws ws:2probe close ws-closed +30000",
         "- | 3probe | - | - | 30000 closed: forced close"},
        {"after the upgrade", "ws ws:5 close",
         "- | flush-ws | flush-ws close-ws closed: forced close"},
        {"without waiting, after the probe", "ws ws:2probe drop",
         "- | 3probe | close-ws closed: server shutting down"},
    };
    check(cases, eio4, polling);
    constexpr Case sockets[] = {
        {"closes", "close", "flush-ws close-ws closed: forced close"},
        {"without waiting", "drop", "close-ws closed: server shutting down"},
    };
    check(sockets, eio4, websocket);
}

// Invariants, checked after every sequence of the given number of events and packets, in each
// revision.
class Walk {
public:
    static constexpr int depth = 3;

    void from(const Session& session, bool polls, bool socket, int level) {
        for (const auto& [name, event] : events) {
            Session next = session;
            const auto actions = next.on(event, {options, 1});
            follow(session, next, actions, name, polls || event == Session::Event::poll_arrived,
                   socket || event == Session::Event::websocket_attached, level);
        }
        for (const Link link : {Link::post, Link::websocket}) {
            for (const char* text : {"0", "1", "2", "2probe", "3", "4a", "5", "6"}) {
                std::string scratch;
                Session next = session;
                const auto actions = next.on_packet(
                    link, decode_text(text, session.revision(), scratch).packet, {options, 1});
                follow(session, next, actions, text, polls, socket, level);
            }
        }
        Session next = session;
        const auto actions = next.close(Reason::forced_close, {options, 1});
        follow(session, next, actions, "close", polls, socket, level);
    }

    size_t steps = 0;

private:
    void follow(const Session& before, const Session& after, const Session::Actions& actions,
                std::string_view what, bool polls, bool socket, int level) {
        using State = Session::State;
        ++steps;
        const bool was_closed = before.state() == State::closed;
        const bool is_closed = after.state() == State::closed;
        bool holds = actions.closed == (is_closed && !was_closed);
        if (was_closed) holds = holds && is_closed && !actions.deliver && !actions.flush_poll;
        if (is_closed) holds = holds && !after.poll_pending();
        if (actions.answer_noop || actions.answer_close) holds = holds && polls;
        if (actions.answer_noop) holds = holds && before.poll_pending() && !after.poll_pending();
        if (before.poll_pending() && !after.poll_pending() && what != "poll-aborted")
            holds = holds && actions.answer_noop != actions.answer_close;
        if (actions.close_websocket || actions.flush_websocket || actions.send_probe_answer)
            holds = holds && socket;
        if (actions.deliver) holds = holds && before.may_send() && after.may_send();
        if (!is_closed) holds = holds && after.deadline_ms() > 1 && after.deadline_ms() < 100'000;
        EXPECT_TRUE(holds) << what << " in state " << static_cast<int>(before.state());
        if (level < depth && holds) from(after, polls, socket, level + 1);
    }
};

TEST(EngineioSession, whatever_happens) {
    struct Start {
        Transport transport;
        std::string_view script;
    };
    constexpr Start starts[] = {
        {polling, ""},
        {polling, "poll"},
        {polling, "ws"},
        {polling, "poll ws"},
        {polling, "ws ws:2probe"},
        {polling, "close"},
        {polling, "ws ws:2probe close"},
        {polling, "post ws ws:5"},
        {websocket, ""},
    };
    for (const Revision revision : {eio3, eio4}) {
        for (const Start& start : starts) {
            Player player(revision, start.transport);
            (void)player.play(start.script);
            Walk walk;
            const bool socket =
                start.transport == websocket || start.script.find("ws") != std::string_view::npos;
            walk.from(player.session(), start.script.starts_with("poll"), socket, 1);
            EXPECT_GT(walk.steps, 27U * 27 * 27);
        }
    }
}

TEST(EngineioSession, a_paused_client_misses_no_heartbeat) {
    constexpr Case pings[] = {
        {"pings go on without a pong", "pause +25000 +20000 +20000",
         "paused | 25000 ping flush-ws | 45000 ping flush-ws | 65000 ping flush-ws"},
        {"the pong has its whole time after the pause", "+25000 pause +15000 resume +19999 +1",
         "25000 ping flush-ws | paused | - | reading | - | 60000 close-ws closed: ping timeout"},
        {"the pong comes after the pause", "+25000 pause +30000 resume ws:3 +24999 +1",
         "25000 ping flush-ws | paused | 45000 ping flush-ws | reading | - | - | 80000 ping "
         "flush-ws"},
        {"no ping is due earlier", "+24000 pause +500 resume +500",
         "- | paused | - | reading | 25000 ping flush-ws"},
    };
    constexpr Case pongs[] = {
        {"pongs that nobody asked for", "pause +10000 +10000",
         "paused | 10000 pong flush-ws | 20000 pong flush-ws"},
        {"the whole time after the pause", "+40000 pause +1000 resume +44999 +1",
         "- | paused | - | reading | - | 86000 close-ws closed: ping timeout"},
    };
    check(pings, eio4, websocket);
    check(pongs, eio3, websocket);
}

TEST(EngineioSession, says_where_to_send) {
    using Outlet = Session::Outlet;
    Player player(eio4, polling);
    const Session& session = player.session();
    EXPECT_EQ(session.outlet(), Outlet::none);
    (void)player.play("poll");
    EXPECT_EQ(session.outlet(), Outlet::poll);
    EXPECT_TRUE(session.poll_pending());
    (void)player.play("answer");
    EXPECT_EQ(session.outlet(), Outlet::none);
    (void)player.play("ws");
    (void)player.play("ws:2probe");
    EXPECT_EQ(session.outlet(), Outlet::none);
    EXPECT_EQ(session.transport(), polling);
    (void)player.play("ws:5");
    EXPECT_EQ(session.outlet(), Outlet::websocket);
    EXPECT_EQ(session.facts().transport, websocket);
    EXPECT_EQ(session.facts().revision, eio4);
    EXPECT_TRUE(session.may_send());
}

TEST(EngineioSession, reasons) {
    constexpr std::string_view texts[] = {
        "transport error", "transport close",      "forced close",       "ping timeout",
        "parse error",     "server shutting down", "forced server close"};
    for (size_t i = 0; i < std::size(texts); ++i)
        EXPECT_EQ(reason_text(static_cast<Reason>(i)), texts[i]);
}

// A session keeps its times in fewer bits than the clock has.
TEST(EngineioSession, every_time_of_the_clock_is_like_another) {
    const std::string scripts[] = {
        "+24999 +1 post:3 +25000 +20000", "ws ws:2probe poll +100 answer poll +350 ws:5 +60000",
        "ws +10000 close +30000",         "poll ws ws:2probe +250 close +20000 +20000",
        "pause +60000 resume +60000",
    };
    for (const auto revision : {eio3, eio4})
        for (const std::string& script : scripts) {
            const std::string expected = Player(revision, polling).play(script);
            for (uint64_t before_ms = 0; before_ms < 130'000; before_ms += 4'999)
                for (const uint64_t wrapping_ms : {1ULL << 31, 1ULL << 32, 7ULL << 32})
                    EXPECT_EQ(Player(revision, polling, wrapping_ms - before_ms).play(script),
                              expected)
                        << script << " " << before_ms;
        }
}

}  // namespace
}  // namespace starling::engineio::test
