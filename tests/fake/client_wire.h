// tests/fake/client_wire.h: the connections below a client's Engine.IO session, as a list of lines:
// what the session asks for is written down, and nothing happens by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engineio/client_session.h"

namespace starling::fake {

// One line per call: `GET`, `POST 42["a"]`, `ws`, `ws> 2probe`, `ws> bytes 010203`, `ws close`,
// `pause`, `resume`, `watch drain`, `reset`, `finish`.
class ClientWire : public engineio::ClientWire {
public:
    explicit ClientWire(std::vector<std::string>& lines) : lines_(lines) {}

    static std::string shown(bool binary, std::string_view data) {
        if (!binary) return std::string(data);
        std::string text = "bytes ";
        for (const char c : data) {
            constexpr std::string_view digits = "0123456789abcdef";
            text += digits[static_cast<unsigned char>(c) >> 4];
            text += digits[static_cast<unsigned char>(c) & 15];
        }
        return text;
    }

    void poll() override { say("GET"); }
    void post(std::string body, engineio::PayloadKind kind) override {
        for (char& c : body)
            if (c == '\x1e' && kind == engineio::PayloadKind::text) c = '|';
        say("POST " + shown(kind == engineio::PayloadKind::binary, body));
    }
    void open_websocket() override { say("ws"); }
    bool send(const engineio::Frame& frame, bool) override {
        say("ws> " + shown(frame.binary, std::string(frame.head) + std::string(frame.data)));
        return takes_more;
    }
    uint64_t buffered_bytes() const noexcept override { return buffered; }
    void watch_drain() override { say("watch drain"); }
    void pause() override { say("pause"); }
    void resume() override { say("resume"); }
    void close_websocket() override { say("ws close"); }
    void reset() override { say("reset"); }
    void finish() override { say("finish"); }

    bool takes_more = true;
    uint64_t buffered = 0;

protected:
    void say(std::string line) { lines_.push_back(std::move(line)); }

private:
    std::vector<std::string>& lines_;
};

}  // namespace starling::fake
