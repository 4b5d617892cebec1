// bench/http_stream.h: a response (RFC 9112) of any length as it arrives, with Content-Length or in chunks.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "http_message.h"

namespace starling::bench {

class HttpStream {
public:
    // Gives the parts of the body in these bytes to `body`. True when the response ends with them; then
    // the next one begins.
    template <class Body>
    bool take(std::string_view bytes, Body&& body) {
        while (!bytes.empty() && step_ != Step::ended)
            if (step_ == Step::length || step_ == Step::chunk)
                take_body(bytes, body);
            else
                take_lines(bytes);
        if (step_ != Step::ended) return false;
        if (!bytes.empty()) fail("more than one response");
        step_ = Step::head;
        return true;
    }

private:
    enum class Step : unsigned char { head, length, size, chunk, after_chunk, trailer, ended };

    template <class Body>
    void take_body(std::string_view& bytes, Body&& body) {
        const size_t n = std::min(left_, bytes.size());
        body(bytes.substr(0, n));
        bytes.remove_prefix(n);
        left_ -= n;
        if (left_ == 0) step_ = step_ == Step::length ? Step::ended : Step::after_chunk;
    }

    // One byte at a time: heads, the sizes of chunks and the ends of lines are short.
    void take_lines(std::string_view& bytes) {
        lines_ += bytes.front();
        bytes.remove_prefix(1);
        if (!lines_.ends_with(step_ == Step::head ? "\r\n\r\n" : "\r\n")) return;
        switch (step_) {
            case Step::head: take_head(); break;
            case Step::size:
                left_ = number(16);
                step_ = left_ == 0 ? Step::trailer : Step::chunk;
                break;
            case Step::after_chunk: step_ = Step::size; break;
            default: step_ = lines_ == "\r\n" ? Step::ended : Step::trailer;
        }
        lines_.clear();
    }

    void take_head() {
        if (status_of(lines_) != "200") fail("not what was due:\n" + lines_);
        const std::string length(header_field(lines_, "content-length:"));
        step_ = length.empty() ? Step::size : Step::length;
        if (length.empty()) return;
        lines_ = length;
        left_ = number(10);
        if (left_ == 0) step_ = Step::ended;
    }

    size_t number(int base) const {
        size_t value = 0;
        const char* const end = lines_.data() + lines_.size();
        if (std::from_chars(lines_.data(), end, value, base).ec != std::errc())
            fail("not a length: " + lines_);
        return value;
    }

    Step step_ = Step::head;
    size_t left_ = 0;
    std::string lines_;
};

}  // namespace starling::bench
