// bench/json_messages.h: messages for benchmarks of compression: JSON with keys that recur and values
// that do not. The same arguments give the same messages.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace starling::bench {

namespace detail {

inline constexpr std::array<std::string_view, 8> users = {"ada",  "grace", "linus", "barbara",
                                                          "alan", "radia", "ken",   "edsger"};
inline constexpr std::array<std::string_view, 24> words = {
    "the",   "order",  "was",   "price",    "of",     "room", "changed", "to",
    "state", "client", "agree", "on",       "update", "and",  "please",  "see",
    "today", "later",  "value", "measured", "in",     "roof", "station", "north"};

inline std::string record(std::minstd_rand& random) {
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    std::string text = R"({"id":)" + std::to_string(below(100'000'000)) + R"(,"user":")";
    text += users[below(users.size())];
    text += R"(","at":)" + std::to_string(1'790'000'000 + below(10'000'000)) + R"(,"price":)" +
            std::to_string(below(1000)) + "." + std::to_string(below(90) + 10) + R"(,"text":")";
    const unsigned count = 3 + below(12);
    for (unsigned i = 0; i < count; ++i) {
        if (i > 0) text += ' ';
        text += words[below(words.size())];
    }
    return text + "\"}";
}

}  // namespace detail

// As many different messages of `bytes` as 1 MiB holds, from 16 to 1024. bytes >= 4.
inline std::vector<std::string> json_messages(size_t bytes) {
    std::minstd_rand random(1);
    const size_t count = std::min<size_t>(std::max<size_t>((1 << 20) / bytes, 16), 1024);
    std::vector<std::string> messages(count);
    for (std::string& message : messages) {
        message = "[" + detail::record(random);
        while (message.size() < bytes) message += "," + detail::record(random);
        message.resize(bytes - 2);  // The last text may be cut; it ends here.
        message += "\"]";
    }
    return messages;
}

}  // namespace starling::bench
