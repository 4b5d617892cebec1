// load/measure/publication.h: a message that carries the time at which it was published, and what a
// subscriber finds of it. A server may wrap the message into its own text.
//
// Owner: Publication one publisher; PublicationFinder one connection. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/measure/frames.h"

namespace starling::load {

class Publication {
public:
    static constexpr std::string_view mark = "starling:";
    static constexpr size_t bytes_min = mark.size() + stamp_bytes;

    // At least bytes_min.
    explicit Publication(size_t bytes) : text_(mark) { text_.resize(bytes, 'x'); }

    [[nodiscard]] const std::string& at(uint64_t time_ns) {
        write_stamp(text_.data() + mark.size(), time_ns);
        return text_;
    }

private:
    std::string text_;
};

class PublicationFinder {
public:
    enum class Found : uint8_t {
        nothing,      // Another message of the server.
        publication,  // since_ns() says how old it is.
        broken,       // A publication whose text is not what was published.
    };
    // `bytes`: of the publication, as it was sent.
    [[nodiscard]] Found find(std::string_view message, size_t bytes, uint64_t now_ns);
    [[nodiscard]] uint64_t since_ns() const noexcept { return since_ns_; }

private:
    size_t at_ = 0;  // Where the mark was in the last message.
    uint64_t since_ns_ = 0;
    bool compared_ = false;
};

}  // namespace starling::load
