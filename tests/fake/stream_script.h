// tests/fake/stream_script.h: a StreamHandler that records its calls and runs the functions of a
// test. The transcript must live longer than the handler.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "net/stream.h"

namespace starling::fake {

class StreamScript final : public net::StreamHandler {
public:
    using Input = std::span<std::byte>;

    explicit StreamScript(std::string& transcript) : transcript_(transcript) {}

    // By default all bytes are consumed, the peer's end closes, and the other calls do nothing.
    std::function<void(net::Stream&, Input&)> bytes;
    std::function<void(net::Stream&)> ended, drained, timeout, closed;
    std::string name;  // Precedes each entry of the transcript.

    void on_bytes(Input& input) override {
        note("bytes(" + std::string(base::text_of(input)) + ")");
        if (bytes)
            bytes(*stream_, input);
        else
            input = {};
    }
    void on_ended() override {
        note("ended");
        if (ended)
            ended(*stream_);
        else
            StreamHandler::on_ended();
    }
    void on_drained() override {
        note("drained");
        if (drained) drained(*stream_);
    }
    void on_timeout() override {
        note("timeout");
        if (timeout) timeout(*stream_);
    }
    void on_closed(net::CloseReason reason) override {
        static constexpr std::string_view names[] = {"local", "ended", "failed", "stalled"};
        note("closed(" + std::string(names[size_t(reason)]) + ")");
        if (closed) closed(*stream_);
    }

private:
    void note(std::string_view text) {
        if (!transcript_.empty()) transcript_ += ' ';
        transcript_ += name;
        transcript_ += text;
    }

    std::string& transcript_;
};

// Removes the first `size` bytes.
inline std::string take(StreamScript::Input& input, size_t size) {
    std::string text(base::text_of(input.first(size)));
    input = input.subspan(size);
    return text;
}

}  // namespace starling::fake
