// tests/server/engineio/fixture.h: an Engine.IO server whose handler echoes, and clients of raw
// HTTP.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "engineio/session.h"
#include "server/engineio/engine.h"
#include "tests/fake/engine_extension.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {

// Echoes; some texts are commands. Records its calls.
class EchoUser final : public EngineHandler {
public:
    EchoUser(EngineSession& session, Transcript& events) : session_(session), events_(events) {}

    void on_open() override {
        events_.add("open");
        session_.send_text("4welcome");
    }
    void on_text(std::string_view text) override {
        events_.add("text(" + std::string(text) + ")");
        if (text == "close") return session_.close();
        if (text == "throw") throw std::runtime_error("as asked");
        if (text == "silence") return;
        if (text == "keep") return session_.keep();
        if (text == "timer") return session_.set_timer(1);
        if (text == "no timer") return session_.cancel_timer();
        if (text == "pause") return session_.pause();
        if (text == "nap") {
            naps_ = true;
            session_.set_timer(1);
            return session_.pause();
        }
        if (text.starts_with("flood ")) {
            const std::string piece(100'000, 'x');
            for (int left = std::atoi(text.data() + 6); left > 0; --left)
                session_.send_text("4" + piece);
            return;
        }
        session_.send_text("4" + std::string(text));
    }
    void on_binary(std::span<const std::byte> bytes) override {
        events_.add("binary(" + std::string(base::text_of(bytes)) + ")");
        session_.send_binary(bytes);
    }
    void on_timer() override {
        if (!std::exchange(naps_, false)) return session_.send_text("4timer");
        events_.add("resume");
        session_.resume();
    }
    void on_close(EngineClose reason) override {
        events_.add(std::string(engineio::reason_text(reason)));
    }

private:
    EngineSession& session_;
    Transcript& events_;
    bool naps_ = false;
};

class EngineTest : public ::testing::Test {
protected:
    void start(EngineOptions options = {}, size_t workers = 1) {
        engine = std::make_unique<Engine>(std::move(options),
                                          [this](EngineSession& session, const http::Request&) {
                                              return std::make_unique<EchoUser>(session, t->events);
                                          });
        serve(workers);
    }
    // Starts the server with the engine made before.
    void serve(size_t workers) {
        extension = std::make_unique<EngineExtension>(*engine);
        extension->mount(t->site);
        t->start(workers, [this](WorkerGroup& group) { extension->attach(group); });
    }
    // Opens a session by polling. Returns its sid.
    std::string open(Client& client, std::string_view query = "EIO=4") {
        const Answer answer = client.get("/socket.io/?transport=polling&" + std::string(query));
        const size_t at = answer.body.find("\"sid\":\"");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return at == std::string::npos ? "" : answer.body.substr(at + 7, 20);
    }
    static std::string target(std::string_view sid, std::string_view query = "EIO=4") {
        return "/socket.io/?transport=polling&" + std::string(query) + "&sid=" + std::string(sid);
    }
    static std::string post_request(std::string_view sid, std::string_view body,
                                    std::string_view query = "EIO=4",
                                    std::string_view fields = "") {
        return "POST " + target(sid, query) +
               " HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n" + std::string(fields) + "\r\n" + std::string(body);
    }
    static std::string get_request(std::string_view sid, std::string_view query = "EIO=4") {
        return "GET " + target(sid, query) + " HTTP/1.1\r\nHost: here\r\n\r\n";
    }
    // Sends the head of a POST without its body, and waits until the server has seen it.
    static void begin_post(Client& client, std::string_view sid, size_t body_bytes) {
        client.send("POST " + target(sid) + " HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                    std::to_string(body_bytes) + "\r\nExpect: 100-continue\r\n\r\n");
        EXPECT_EQ(client.answer().status, 100);
    }
    bool closed_with(std::string_view reason) { return t->events.wait_for(reason); }

    // Order matters: the engine must live longer than the workers.
    std::unique_ptr<Engine> engine;
    std::unique_ptr<EngineExtension> extension;
    std::unique_ptr<TestTeam> t = std::make_unique<TestTeam>();
};

}  // namespace starling::server::test
