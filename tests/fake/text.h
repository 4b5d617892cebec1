// tests/fake/text.h: texts that tests build.
#pragma once

#include <string>
#include <string_view>

namespace starling::fake {

inline std::string repeat(std::string_view text, size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

}  // namespace starling::fake
