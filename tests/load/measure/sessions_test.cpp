// Socket.IO as the load generator speaks it, over WebSocket and over polling, and the responses of HTTP.
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "load/measure/polling_session.h"
#include "load/measure/responses.h"
#include "load/measure/socketio_session.h"

namespace {

using namespace starling::load;

std::string told(SocketIoSession& session, std::string_view packet) {
    const auto taken = session.take(packet);
    using Told = SocketIoSession::Told;
    switch (taken.told) {
        case Told::nothing: return "nothing";
        case Told::reply: return "reply " + std::string(taken.text);
        case Told::joined: return "joined";
        case Told::refused: return "refused";
        case Told::event: return "event";
        case Told::ack: return "ack";
        case Told::fault: return name_of(taken.fault, 0) + ": " + std::string(taken.text);
    }
    return "";
}

TEST(SocketIoSession, Table) {
    const std::string open = R"(0{"sid":"a"})", other = "bad answer: this is no Socket.IO server",
                      unasked = "bad answer: a packet was not asked for",
                      closed = "closed without a code: ";
    struct {
        std::vector<std::string> packets;
        std::string told;  // Of the last one.
    } const cases[] = {
        {{open}, "reply 40"},
        {{open, "40{\"sid\":\"b\"}"}, "joined"},
        {{open, "40", "42[\"a\"]"}, "event"},
        {{open, "40", "43[\"a\"]"}, "ack"},
        {{open, "40", "2"}, "reply 3"},
        {{open, "2"}, "reply 3"},
        {{open, "42[\"a\"]"}, "nothing"},
        {{open, "44{}"}, "refused"},
        {{open, "41"}, closed},
        {{open, "40", "1"}, closed},
        {{open, "40", "40"}, unasked},
        {{open, "40", open}, unasked},
        {{open, "40", ""}, unasked},
        {{open, open}, other},
        {{"40"}, other},
        {{""}, other},
        {{"hello"}, other},
        {{open, "451-[]"}, other},
    };
    for (const auto& one : cases) {
        SocketIoSession session;
        std::string last;
        for (const std::string& packet : one.packets) last = told(session, packet);
        EXPECT_EQ(last, one.told) << one.packets.back();
    }
}

// The requests of a session in short, or how it ended.
std::string polled(const std::vector<std::string>& answers) {
    const PollingText text({.host = "h", .target = "/s/?transport=polling"}, "echo", "xx");
    PollingSession session;
    session.begin(text);
    std::string all;
    const auto add = [&] {
        const std::string_view request = session.request();
        const size_t head = request.find("\r\n\r\n");
        all += std::string(request.substr(0, request.find(" HTTP/"))) +
               std::string(head + 4 < request.size() ? " " : "") +
               std::string(request.substr(head + 4)) + "|";
    };
    add();
    for (const std::string& body : answers) {
        using Told = PollingSession::Told;
        switch (session.take({.status = 200, .body = body})) {
            case Told::fault: return all + session.fault().text;
            case Told::joined:
                all += "joined|";
                session.next();
                break;
            case Told::acked:
                all += "acked|";
                session.next();
                break;
            case Told::request: break;
        }
        add();
    }
    return all;
}

TEST(PollingSession, Requests) {
    const std::string path = "/s/?transport=polling", sid = path + "&sid=a-1";
    const std::string opening = "GET " + path + "|POST " + sid + " 40|GET " + sid + "|";
    const std::string event = "POST " + sid + " 421000[\"echo\",\"xx\"]|";
    const std::vector<std::string> open = {R"(0{"sid":"a-1","upgrades":[]})", "ok", "40{}"};
    const auto after = [&](std::vector<std::string> more) {
        more.insert(more.begin(), open.begin(), open.end());
        return polled(more);
    };
    EXPECT_EQ(after({}), opening + "joined|" + event);
    EXPECT_EQ(after({"ok", "431000[\"xx\"]"}),
              opening + "joined|" + event + "GET " + sid + "|acked|" + event);
    EXPECT_EQ(after({"ok", "2", "431000[\"xx\"]"}), opening + "joined|" + event + "GET " + sid +
                                                        "|GET " + sid + "|acked|POST " + sid +
                                                        " 3\x1e" + "421000[\"echo\",\"xx\"]|");
    EXPECT_EQ(polled({R"(0{"sid":"a-1"})", "ok",
                      "2\x1e"
                      "40{}\x1e"
                      "42[\"hi\"]"}),
              opening + "joined|POST " + sid + " 3\x1e" + "421000[\"echo\",\"xx\"]|");
}

TEST(PollingSession, Faults) {
    const std::string no = "this is no Socket.IO server", due = "an ack is not the one that is due";
    struct {
        std::vector<std::string> answers;
        std::string told;
    } const cases[] = {
        {{""}, no},
        {{"0{}"}, no},
        {{"40"}, no},
        {{R"(0{"sid":""})"}, no},
        {{R"(0{"sid":"a b"})"}, no},
        {{"0{\"sid\":\"a\r\nX: y\"}"}, no},
        {{R"(0{"sid":")" + std::string(300, 'a') + "\"}"}, no},
        {{R"(0{"sid":"a"})", "no"}, "the answer to a POST is not ok"},
        {{R"(0{"sid":"a"})", "ok", "44{}"}, "CONNECT was refused: {}"},
        {{R"(0{"sid":"a"})", "ok", "40{}", "ok", "431000[\"y\"]"}, due},
        {{R"(0{"sid":"a"})", "ok", "40{}", "ok",
          "431000[\"xx\"]\x1e"
          "431000[\"xx\"]"},
         due},
        {{R"(0{"sid":"a"})", "ok", "40{}", "ok", "1"}, ""},
    };
    for (const auto& one : cases) {
        const std::string all = polled(one.answers);
        EXPECT_EQ(all.substr(all.rfind('|') + 1), one.told) << one.answers.back();
    }
    PollingSession session;
    const PollingText text({.host = "h", .target = "/"}, "echo", "xx");
    session.begin(text);
    EXPECT_EQ(session.take({.status = 404}), PollingSession::Told::fault);
    EXPECT_EQ(name_of(session.fault().kind, session.fault().code), "handshake status 404");
}

std::string responses_told(std::string_view bytes, size_t read_bytes) {
    Responses responses;
    std::string text;
    for (size_t at = 0; at < bytes.size(); at += read_bytes) {
        const std::string part(bytes.substr(at, read_bytes));  // Gone after the call.
        const std::string_view wrong =
            responses.read(starling::base::bytes_of(part), [&](const Response& one) {
                text += std::to_string(one.status) + ":" + std::string(one.body) +
                        (one.keep_alive ? " " : ". ");
                return true;
            });
        if (!wrong.empty()) return text + "wrong";
    }
    return text;
}

TEST(Responses, EveryReadSize) {
    const std::string bytes =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        "HTTP/1.1 204 No Content\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        "HTTP/1.1 404 N\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    for (size_t size = 1; size <= bytes.size(); ++size)
        ASSERT_EQ(responses_told(bytes, size), "200:ok 204: 200:abcde 404:x. ") << size;
}

TEST(Responses, Faults) {
    for (const char* const bytes :
         {"SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "4000000000000000\r\n"})
        for (const size_t size : {size_t{1}, size_t{1000}})
            EXPECT_EQ(responses_told(bytes, size), "wrong") << bytes;
}

}  // namespace
